"""Codes of an authenticator app, and recovery codes."""

from __future__ import annotations

from datetime import timedelta

import pyotp
import pytest

from csms.domain.access import Principal, Role
from csms.domain.errors import Exhausted, FailedPrecondition, InvalidArgument, Unauthenticated
from csms.services.access import AccessControl
from tests.kit.service_world import HASHER, PASSWORD, ServiceWorld

EMAIL = "ann@example.org"


async def enrolled() -> tuple[ServiceWorld, Principal, pyotp.TOTP, tuple[str, ...]]:
    world = ServiceWorld()
    await world.add_user(Role.SUPPORT, EMAIL)
    caller = await world.access.authenticate((await world.access.sign_in(EMAIL, PASSWORD)).token)
    made = await world.factors.enrol(caller)
    app = pyotp.parse_uri(made.uri)
    assert isinstance(app, pyotp.TOTP)
    codes = await world.factors.confirm(caller, app.at(world.time))
    return world, caller, app, codes


@pytest.mark.feature("F-USR-3")
async def test_a_code_counts_once_and_clocks_may_differ_by_a_step() -> None:
    world, _, app, _ = await enrolled()
    with pytest.raises(Unauthenticated) as missing:
        await world.access.sign_in(EMAIL, PASSWORD)
    assert missing.value.reason == "SECOND_FACTOR_REQUIRED"
    with pytest.raises(Unauthenticated) as used:
        await world.access.sign_in(EMAIL, PASSWORD, app.at(world.time))
    assert used.value.reason == "WRONG_CODE"
    code = app.at(world.time + timedelta(seconds=30))
    await world.access.sign_in(EMAIL, PASSWORD, f" {code[:3]} {code[3:]} ")
    with pytest.raises(Unauthenticated):
        await world.access.sign_in(EMAIL, PASSWORD, code)
    with pytest.raises(Unauthenticated):
        await world.access.sign_in(EMAIL, PASSWORD, app.at(world.time + timedelta(seconds=90)))


async def test_a_wrong_password_does_not_tell_that_there_is_a_second_factor() -> None:
    world, _, app, _ = await enrolled()
    with pytest.raises(Unauthenticated) as wrong:
        await world.access.sign_in(EMAIL, "wrong", app.at(world.time + timedelta(seconds=30)))
    assert wrong.value.reason == "WRONG_CREDENTIALS"


async def test_codes_cannot_be_guessed() -> None:
    world, _, _, _ = await enrolled()
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            await world.access.sign_in(EMAIL, PASSWORD, "000000")
    with pytest.raises(Exhausted):
        await world.access.sign_in(EMAIL, PASSWORD, "000000")


@pytest.mark.feature("F-USR-3")
async def test_a_recovery_code_counts_once() -> None:
    world, _, _, codes = await enrolled()
    assert len(set(codes)) == 10
    assert codes[0] not in str(vars(world.people_store))
    await world.access.sign_in(EMAIL, PASSWORD, codes[0].upper().replace("-", " "))
    with pytest.raises(Unauthenticated):
        await world.access.sign_in(EMAIL, PASSWORD, codes[0])
    await world.access.sign_in(EMAIL, PASSWORD, codes[1])


async def test_it_does_not_count_before_it_was_confirmed() -> None:
    world = ServiceWorld()
    await world.add_user(Role.SUPPORT, EMAIL)
    caller = await world.access.authenticate((await world.access.sign_in(EMAIL, PASSWORD)).token)
    with pytest.raises(FailedPrecondition):
        await world.factors.confirm(caller, "123456")
    made = await world.factors.enrol(caller)
    assert made.qr_svg.startswith("<svg")
    assert made.secret in made.uri
    with pytest.raises(InvalidArgument):
        await world.factors.confirm(caller, "000000x")
    await world.access.sign_in(EMAIL, PASSWORD)


async def test_it_is_removed_with_the_password_or_by_an_administrator() -> None:
    world, caller, app, _ = await enrolled()
    with pytest.raises(FailedPrecondition):
        await world.factors.enrol(caller)
    with pytest.raises(Unauthenticated):
        await world.factors.remove(caller, world.access, "wrong")
    await world.factors.remove(caller, world.access, PASSWORD)
    await world.access.sign_in(EMAIL, PASSWORD)
    made = await world.factors.enrol(caller)
    app = pyotp.TOTP(made.secret)
    await world.factors.confirm(caller, app.at(world.time))
    root = Principal("users/9", "Root", Role.ADMINISTRATOR, user_id=9)
    await world.users.remove_second_factor(root, caller.user_id or 0)
    await world.access.sign_in(EMAIL, PASSWORD)


async def test_who_has_one_is_not_let_in_where_it_cannot_be_checked() -> None:
    world, _, app, _ = await enrolled()
    access = AccessControl(world.access_store, hasher=HASHER, now=lambda: world.time)
    with pytest.raises(Unauthenticated):
        await access.sign_in(EMAIL, PASSWORD, app.at(world.time + timedelta(seconds=30)))


async def test_keys_have_none() -> None:
    with pytest.raises(FailedPrecondition):
        await ServiceWorld().factors.enrol(Principal("apiKeys/1", "Key", Role.SUPPORT))
