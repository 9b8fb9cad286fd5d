"""Signing in elsewhere: who is let in, and as what."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from csms.domain.access import Role
from csms.domain.errors import DomainError, FailedPrecondition, PermissionDenied, Unauthenticated
from csms.ports.people import Identity
from csms.services.access import Origin, SignedIn
from csms.services.single_sign_on import RoleRules
from tests.kit.fake_people import FakeIdentityProvider
from tests.kit.service_world import PASSWORD, ServiceWorld

ANN = Identity("https://id.example.org#1", "Ann@example.org", True, "Ann", "Berg", ("staff", "cpo"))
RULES = RoleRules({"staff": Role.SUPPORT, "cpo": Role.ADMINISTRATOR})


def a_world(identity: Identity = ANN, rules: RoleRules | None = None) -> tuple[ServiceWorld, FakeIdentityProvider]:
    world, provider = ServiceWorld(), FakeIdentityProvider(identity)
    world.arrange_people(provider, RULES if rules is None else rules)
    return world, provider


async def sign_in(world: ServiceWorld) -> SignedIn:
    _, state = await world.single.begin()
    return await world.single.complete(state, "code", Origin("192.0.2.7", "Firefox"))


@pytest.mark.feature("F-USR-3")
async def test_somebody_new_comes_in_with_the_mightiest_role_of_the_provider() -> None:
    world, _ = a_world()
    signed_in = await sign_in(world)
    assert (signed_in.principal.email, signed_in.principal.role) == ("ann@example.org", Role.ADMINISTRATOR)
    assert (await world.access.authenticate(signed_in.token)).name == signed_in.principal.name
    with pytest.raises(Unauthenticated):  # there is no password to guess
        await world.access.sign_in("ann@example.org", "")
    assert (await sign_in(world)).principal.name == signed_in.principal.name


async def test_a_user_is_known_by_the_e_mail_once_and_by_the_subject_ever_after() -> None:
    world, provider = a_world(rules=RoleRules())
    user = await world.add_user(Role.SUPPORT, "ann@example.org")
    assert (await sign_in(world)).principal.user_id == user.id
    provider.identity = msgspec.structs.replace(ANN, email="new@example.org", email_verified=False)
    assert (await sign_in(world)).principal.user_id == user.id
    provider.identity = msgspec.structs.replace(ANN, subject="https://id.example.org#2")
    with pytest.raises(PermissionDenied) as other:
        await sign_in(world)
    assert other.value.reason == "SUBJECT_DIFFERS"


async def test_roles_follow_the_provider_and_who_has_none_any_more_stays_out() -> None:
    world, provider = a_world()
    await world.add_user(Role.ADMINISTRATOR, "root@example.org")
    await sign_in(world)
    provider.identity = msgspec.structs.replace(ANN, roles=("staff",))
    assert (await sign_in(world)).principal.role is Role.SUPPORT
    provider.identity = msgspec.structs.replace(ANN, roles=())
    with pytest.raises(PermissionDenied) as none:
        await sign_in(world)
    assert none.value.reason == "NO_ROLE"


@pytest.mark.parametrize(
    ("identity", "rules", "reason"),
    [
        (msgspec.structs.replace(ANN, email_verified=False), RULES, "EMAIL_NOT_VERIFIED"),
        (msgspec.structs.replace(ANN, email="rubbish"), RULES, "INVALID_EMAIL"),
        (msgspec.structs.replace(ANN, roles=("guest",)), RULES, "NO_ROLE"),
        (ANN, RoleRules(), "NO_ROLE"),
    ],
)
async def test_strangers_stay_out(identity: Identity, rules: RoleRules, reason: str) -> None:
    world, _ = a_world(identity, rules)
    with pytest.raises(DomainError) as refused:
        await sign_in(world)
    assert refused.value.reason == reason
    assert await world.access_store.count_users() == 0


async def test_a_default_role_lets_everybody_in_whom_the_provider_knows() -> None:
    world, _ = a_world(msgspec.structs.replace(ANN, roles=()), RoleRules({"cpo": Role.ADMINISTRATOR}, Role.EV_USER))
    assert (await sign_in(world)).principal.role is Role.EV_USER


async def test_who_is_blocked_here_is_not_let_in_there() -> None:
    world, _ = a_world()
    await world.add_user(Role.ADMINISTRATOR, "root@example.org")
    first = await sign_in(world)
    person = await world.people_store.find(first.principal.user_id or 0)
    assert person is not None
    await world.people_store.update(msgspec.structs.replace(person, blocked=True), version=None)
    with pytest.raises(PermissionDenied) as refused:
        await sign_in(world)
    assert refused.value.reason == "BLOCKED"


async def test_a_state_is_good_once_and_for_ten_minutes() -> None:
    world, _ = a_world()
    _, state = await world.single.begin()
    await world.single.complete(state, "code", Origin())
    _, late = await world.single.begin()
    world.time += timedelta(minutes=11)
    for used in (state, late, "made-up", "", "x" * 5000):
        with pytest.raises(Unauthenticated) as failed:
            await world.single.complete(used, "code", Origin())
        assert failed.value.reason == "SINGLE_SIGN_ON_FAILED"


async def test_where_it_is_not_set_up_it_says_so() -> None:
    world = ServiceWorld()
    assert not world.single.available
    with pytest.raises(FailedPrecondition):
        await world.single.begin()
    assert PASSWORD
