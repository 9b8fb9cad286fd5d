"""Who calls: sign-in, keys, the first administrator."""

from __future__ import annotations

from datetime import timedelta

import argon2
import msgspec
import pytest
import trio

from csms.domain.access import Principal, Role
from csms.domain.errors import Exhausted, FailedPrecondition, InvalidArgument, Unauthenticated, Unavailable
from csms.services.access import AccessControl
from csms.services.passwords import default_hasher
from tests.kit.service_world import ADMIN, HASHER, PASSWORD, ServiceWorld

EMAIL = "ada@example.org"
KEY = Principal("apiKeys/1", "Billing", Role.SUPPORT)


async def a_world() -> ServiceWorld:
    world = ServiceWorld()
    await world.add_user(Role.SUPPORT, EMAIL)
    return world


async def test_only_a_digest_of_the_token_is_kept() -> None:
    world = await a_world()
    signed_in = await world.access.sign_in(f"  {EMAIL.upper()} ", PASSWORD)
    assert signed_in.token not in str(vars(world.access_store))
    principal = await world.access.authenticate(signed_in.token)
    assert (principal.name, principal.role, principal.email) == ("users/1", Role.SUPPORT, EMAIL)
    assert signed_in.expires_at == world.time + timedelta(hours=12)


async def test_an_unknown_e_mail_costs_as_much_as_a_wrong_password(monkeypatch: pytest.MonkeyPatch) -> None:
    world = await a_world()
    verified = []
    verify = argon2.PasswordHasher.verify

    def count(self: argon2.PasswordHasher, stored: str, password: str) -> bool:
        verified.append(stored)
        return bool(verify(self, stored, password))

    monkeypatch.setattr(argon2.PasswordHasher, "verify", count)
    for email in (EMAIL, "nobody@example.org", "nobody@example.org"):
        with pytest.raises(Unauthenticated) as raised:
            await world.access.sign_in(email, "wrong")
        assert raised.value.reason == "WRONG_CREDENTIALS"
    assert len(verified) == 3


async def test_guesses_at_once_count_too(autojump_clock: trio.testing.MockClock) -> None:
    world = await a_world()
    errors: list[str] = []

    async def guess() -> None:
        try:
            await world.access.sign_in(EMAIL, "wrong")
        except (Unauthenticated, Exhausted) as error:
            errors.append(error.reason)

    for _ in range(8):
        await guess()
    assert errors == ["WRONG_CREDENTIALS"] * 5 + ["TOO_MANY_ATTEMPTS"] * 3
    with pytest.raises(Exhausted):
        await world.access.sign_in(EMAIL, PASSWORD)
    await trio.sleep(901)
    await world.access.sign_in(EMAIL, PASSWORD)


async def test_strangers_cannot_queue_work_without_end() -> None:
    world = await a_world()
    reasons: list[str] = []

    async def guess(number: int) -> None:
        try:
            await world.access.sign_in(f"{number}@example.org", "wrong")
        except (Unauthenticated, Exhausted) as error:
            reasons.append(error.reason)

    async with trio.open_nursery() as nursery:
        for number in range(200):
            nursery.start_soon(guess, number)
    assert len(reasons) == 200
    assert reasons.count("TOO_MANY_ATTEMPTS") > 0


async def test_a_good_sign_in_wipes_the_slate() -> None:
    world = await a_world()
    for _ in range(3):
        for _ in range(4):
            with pytest.raises(Unauthenticated):
                await world.access.sign_in(EMAIL, "wrong")
        await world.access.sign_in(EMAIL, PASSWORD)


async def test_what_ended_here_ends_at_once_and_elsewhere_within_five_seconds(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = await a_world()
    tokens = [(await world.access.sign_in(EMAIL, PASSWORD)).token for _ in range(2)]
    first, second = [await world.access.authenticate(token) for token in tokens]
    await world.access.sign_out(first)
    with pytest.raises(Unauthenticated):
        await world.access.authenticate(tokens[0])
    await world.access_store.delete_sign_in(second.digest)  # by another process
    assert await world.access.authenticate(tokens[1]) == second
    await trio.sleep(5.1)
    with pytest.raises(Unauthenticated):
        await world.access.authenticate(tokens[1])


async def test_what_ends_while_it_is_looked_up_is_not_believed_afterwards() -> None:
    world = await a_world()
    token = (await world.access.sign_in(EMAIL, PASSWORD)).token
    find = world.access_store.find_sign_in

    async def meanwhile(digest: bytes, now: object) -> object:
        user = await find(digest, now)  # type: ignore[arg-type]
        await world.access.sign_out(Principal("users/1", "", Role.SUPPORT, digest=digest, user_id=1))
        return user

    world.access_store.find_sign_in = meanwhile  # type: ignore[assignment, method-assign]
    await world.access.authenticate(token)
    world.access_store.find_sign_in = find  # type: ignore[method-assign]
    with pytest.raises(Unauthenticated):
        await world.access.authenticate(token)


@pytest.mark.parametrize("new", ["short1", "onlyletters", "1234567890", "x1" * 129])
async def test_weak_passwords_are_refused_with_a_sentence(new: str) -> None:
    world = await a_world()
    caller = await world.access.authenticate((await world.access.sign_in(EMAIL, PASSWORD)).token)
    with pytest.raises(InvalidArgument, match="at least 8"):
        await world.access.change_password(caller, PASSWORD, new)


async def test_a_new_password_counts_and_the_present_one_must_be_known() -> None:
    world = await a_world()
    token, other = [(await world.access.sign_in(EMAIL, PASSWORD)).token for _ in range(2)]
    caller = await world.access.authenticate(token)
    with pytest.raises(Unauthenticated):
        await world.access.change_password(caller, "wrong", "another-1")
    await world.access.change_password(caller, PASSWORD, "another-1")
    await world.access.authenticate(token)
    with pytest.raises(Unauthenticated):
        await world.access.authenticate(other)
    await world.access.sign_in(EMAIL, "another-1")


async def test_a_key_has_neither_session_nor_password() -> None:
    world = await a_world()
    with pytest.raises(FailedPrecondition):
        await world.access.sign_out(KEY)
    with pytest.raises(FailedPrecondition):
        await world.access.change_password(KEY, PASSWORD, "another-1")
    assert world.access.caller(KEY) == KEY


async def test_a_key_in_the_cache_still_expires(autojump_clock: trio.testing.MockClock) -> None:
    world = await a_world()
    _, secret = await world.keys.create(ADMIN, "Billing", Role.SUPPORT, world.time + timedelta(hours=1))
    assert (await world.access.authenticate(secret)).role is Role.SUPPORT
    world.time += timedelta(hours=2)
    await trio.sleep(5.1)
    with pytest.raises(Unauthenticated):
        await world.access.authenticate(secret)


async def test_an_old_hash_is_made_anew_at_sign_in() -> None:
    world = await a_world()
    stronger = argon2.PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    access = AccessControl(world.access_store, hasher=stronger, now=lambda: world.time)
    await access.sign_in(EMAIL, PASSWORD)
    user = await world.access_store.find_user(1)
    assert user is not None
    assert not stronger.check_needs_rehash(user.password_hash)
    assert default_hasher().type is argon2.Type.ID


async def test_a_broken_hash_is_a_wrong_password() -> None:
    world = await a_world()
    await world.access_store.set_password_hash(1, "rubbish")
    with pytest.raises(Unauthenticated):
        await world.access.sign_in(EMAIL, PASSWORD)


# -- the first start -------------------------------------------------------------------------------------------------


async def test_the_first_administrator_is_shown_once_and_can_sign_in() -> None:
    world = ServiceWorld()
    made = await world.access.ensure_administrator(None, None)
    assert made is not None
    principal = (await world.access.sign_in(*made)).principal
    assert principal.role is Role.ADMINISTRATOR
    assert await world.access.ensure_administrator(None, None) is None


async def test_a_given_password_is_not_shown_and_must_be_strong() -> None:
    world = ServiceWorld()
    for email, password in (("me@example.org", "weak"), ("not an e-mail", PASSWORD)):
        with pytest.raises(InvalidArgument):
            await world.access.ensure_administrator(email, password)
    assert await world.access.ensure_administrator("Me@Example.org", PASSWORD) is None
    await world.access.sign_in("me@example.org", PASSWORD)


async def test_two_processes_that_start_at_once_make_one_administrator() -> None:
    world = ServiceWorld()

    async def nobody() -> int:
        return 0

    world.access_store.count_users = nobody  # type: ignore[method-assign]
    assert await world.access.ensure_administrator(None, None) is not None
    assert await world.access.ensure_administrator(None, None) is None


async def test_a_database_that_is_away_is_no_wrong_password() -> None:
    world = await a_world()

    async def away(*_: object) -> None:
        raise Unavailable("The database is away.")

    world.access_store.find_sign_in = away  # type: ignore[assignment, method-assign]
    with pytest.raises(Unavailable):
        await world.access.authenticate("token")
    assert msgspec.structs.replace(KEY, digest=b"x").digest == b"x"
    assert HASHER.type is argon2.Type.ID


async def test_a_password_that_an_administrator_has_set_is_good_for_choosing_another_only() -> None:
    world = await a_world()
    await world.people_store.give_password(1, HASHER.hash("Given2you"))
    for new, reason in (
        ("", "PASSWORD_CHANGE_REQUIRED"),
        ("weak", "WEAK_PASSWORD"),
        ("Given2you", "SAME_PASSWORD"),
    ) * 3:
        with pytest.raises((Unauthenticated, InvalidArgument)) as refused:
            await world.access.sign_in(EMAIL, "Given2you", new_password=new)
        assert refused.value.reason == reason  # type: ignore[attr-defined]
    with pytest.raises(Unauthenticated, match="E-mail or password is wrong"):
        await world.access.sign_in(EMAIL, "wrong", new_password="Mine4ever")
    signed_in = await world.access.sign_in(EMAIL, "Given2you", new_password="Mine4ever")
    assert signed_in.principal.email == EMAIL
    assert (await world.access.sign_in(EMAIL, "Mine4ever", new_password="Ignored8it")).token
    with pytest.raises(Unauthenticated):
        await world.access.sign_in(EMAIL, "Given2you", new_password="Another5one")


async def test_the_code_of_a_second_factor_is_not_used_up_before_the_new_password_is_good() -> None:
    codes: list[str] = []

    async def factor(user: object, code: str) -> bool:
        codes.append(code)
        return code == "123456"

    world = await a_world()
    access = AccessControl(world.access_store, hasher=HASHER, second_factor=factor)
    await world.people_store.offer_totp(1, "SECRET")
    await world.people_store.confirm_totp(1, "SECRET", 1, [])
    await world.people_store.give_password(1, HASHER.hash("Given2you"))
    for code, new, reason in (
        ("123456", "", "PASSWORD_CHANGE_REQUIRED"),
        ("123456", "weak", "WEAK_PASSWORD"),
        ("", "Mine4ever", "SECOND_FACTOR_REQUIRED"),
    ):
        with pytest.raises((Unauthenticated, InvalidArgument)) as refused:
            await access.sign_in(EMAIL, "Given2you", code, new_password=new)
        assert (refused.value.reason, codes) == (reason, [])  # type: ignore[attr-defined]
    assert (await access.sign_in(EMAIL, "Given2you", "123456", new_password="Mine4ever")).token
