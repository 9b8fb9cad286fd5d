"""Users as administrators and site administrators manage them."""

from __future__ import annotations

import msgspec
import pytest

from csms.domain.access import Principal, Role
from csms.domain.errors import (
    AlreadyExists,
    DomainError,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    StaleVersion,
    Unauthenticated,
)
from csms.domain.people import Person, PersonFilter
from csms.domain.topology import Place, PlaceKind
from tests.kit.service_world import CALLERS, PASSWORD, SUPPORT, ServiceWorld


class World(ServiceWorld):
    """Two sites, an administrator, and a site administrator of the first site."""

    async def furnish(self) -> None:
        self.north, self.south = [
            (await self.place_store.create(Place(0, 1, PlaceKind.SITE, name))).id for name in ("North", "South")
        ]
        await self.places.load()
        root = await self.add_user(Role.ADMINISTRATOR, "root@example.org")
        self.root = Principal(f"users/{root.id}", "Root", Role.ADMINISTRATOR, root.email, user_id=root.id)
        made = await self.people_store.create(
            Person(0, "site@example.org", "Sid", role=Role.SITE_ADMINISTRATOR, site_ids=(self.north,))
        )
        self.site = Principal(
            f"users/{made.id}", "Sid", made.role, made.email, user_id=made.id, site_ids=frozenset({self.north})
        )


async def a_world() -> World:
    world = World()
    await world.furnish()
    return world


def a_person(email: str = "ann@example.org", **fields: object) -> Person:
    return msgspec.structs.replace(Person(0, email, "Ann", "Berg"), **fields)


@pytest.mark.feature("F-USR-2")
async def test_what_is_made_is_tidy_and_cannot_be_made_again() -> None:
    world = await a_world()
    made, link = await world.users.create(
        world.root, a_person(" Ann@Example.ORG ", first_name=" Ann \n Marie ", language=""), invite=False
    )
    assert (made.email, made.first_name, made.language, link) == ("ann@example.org", "Ann Marie", "en", "")
    assert world.mail_queue.waiting == {}
    with pytest.raises(AlreadyExists):
        await world.users.create(world.root, a_person("ANN@example.org"), invite=False)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"email": "no address"}, "INVALID_EMAIL"),
        ({"email": "a@b\u200b.org"}, "INVALID_EMAIL"),
        ({"language": "xx"}, "INVALID_LANGUAGE"),
        ({"time_zone": "Mars/Olympus"}, "INVALID_TIME_ZONE"),
        ({"mobile": "1" * 65}, "INVALID_FIELD"),
        ({"employee_number": "a\x07"}, "INVALID_FIELD"),
        ({"role": Role.SITE_ADMINISTRATOR}, "SITES_MISSING"),
        ({"site_ids": (1,)}, "NOT_A_SITE"),
        ({"site_ids": (999,)}, "PLACE_NOT_FOUND"),
        ({"site_ids": tuple(range(2000))}, "TOO_MANY_SITES"),
    ],
)
async def test_what_makes_no_sense_is_refused(change: dict[str, object], reason: str) -> None:
    world = await a_world()
    with pytest.raises(DomainError) as refused:
        await world.users.create(world.root, a_person(**{"email": "ann@example.org", **change}), invite=False)  # type: ignore[arg-type]
    assert refused.value.reason == reason


async def test_only_what_is_named_changes_and_the_old_version_does_not() -> None:
    world = await a_world()
    made, _ = await world.users.create(world.root, a_person(mobile="1"), invite=False)
    changes = a_person("other@example.org", mobile="2")
    new = await world.users.update(world.root, made.id, changes, ["mobile"], version=made.version)
    assert (new.email, new.mobile) == ("ann@example.org", "2")
    with pytest.raises(StaleVersion):
        await world.users.update(world.root, made.id, changes, ["mobile"], version=made.version)


@pytest.mark.feature("F-USR-2")
async def test_somebody_who_is_blocked_is_out_at_once() -> None:
    world = await a_world()
    user = await world.add_user(Role.SUPPORT, "sue@example.org")
    token = (await world.access.sign_in("sue@example.org", PASSWORD)).token
    await world.access.authenticate(token)
    await world.users.update(world.root, user.id, a_person(blocked=True), ["blocked"], version=None)
    with pytest.raises(Unauthenticated):
        await world.access.authenticate(token)
    with pytest.raises(Unauthenticated) as refused:
        await world.access.sign_in("sue@example.org", PASSWORD)
    assert refused.value.reason == "WRONG_CREDENTIALS"
    with pytest.raises(FailedPrecondition):
        await world.users.invite(world.root, user.id)
    with pytest.raises(FailedPrecondition):
        await world.users.update(world.root, world.root.user_id or 0, a_person(blocked=True), ["blocked"], version=None)


@pytest.mark.feature("F-USR-2")
async def test_the_last_administrator_stays_and_loses_nothing_on_the_way() -> None:
    world = await a_world()
    with pytest.raises(FailedPrecondition) as refused:
        await world.users.delete(world.root, world.root.user_id or 0)
    assert refused.value.reason == "LAST_ADMINISTRATOR"
    assert world.own_data.forgotten == []
    with pytest.raises(FailedPrecondition):
        await world.users.update(
            world.root, world.root.user_id or 0, a_person(role=Role.SUPPORT), ["role"], version=None
        )


async def test_a_charging_user_is_not_deleted() -> None:
    world = await a_world()
    made, _ = await world.users.create(world.root, a_person(), invite=False)
    world.own_data.active.add(made.id)
    with pytest.raises(FailedPrecondition):
        await world.users.delete(world.root, made.id)
    assert await world.users.get(world.root, made.id) == made
    world.own_data.active.clear()
    await world.users.delete(world.root, made.id)
    with pytest.raises(NotFound):
        await world.users.get(world.root, made.id)


@pytest.mark.feature("F-USR-1", "F-USR-2")
async def test_a_site_administrator_manages_only_those_of_the_own_sites() -> None:
    world = await a_world()
    mine, _ = await world.users.create(world.site, a_person("mine@example.org", site_ids=(world.north,)), invite=False)
    both, _ = await world.users.create(
        world.root, a_person("both@example.org", site_ids=(world.north, world.south)), invite=False
    )
    free, _ = await world.users.create(world.root, a_person("free@example.org"), invite=False)
    helper, _ = await world.users.create(
        world.root, a_person("helper@example.org", role=Role.SUPPORT, site_ids=(world.north,)), invite=False
    )
    found, total = await world.users.page(world.site, PersonFilter(), size=50, after=0)
    assert ([person.email for person in found], total) == (["site@example.org", "mine@example.org"], 2)
    for hidden in (both, free, helper):
        with pytest.raises(NotFound):
            await world.users.get(world.site, hidden.id)
        with pytest.raises(NotFound):
            await world.users.delete(world.site, hidden.id)
        with pytest.raises(NotFound):
            await world.users.invite(world.site, hidden.id)
        with pytest.raises(NotFound):
            await world.users.remove_second_factor(world.site, hidden.id)
    for change in (
        {"role": Role.ADMINISTRATOR},
        {"role": Role.SUPPORT},
        {"site_ids": (world.south,)},
        {"site_ids": ()},
    ):
        with pytest.raises(PermissionDenied):
            await world.users.update(world.site, mine.id, a_person(**change), list(change), version=None)  # type: ignore[arg-type]
        with pytest.raises(PermissionDenied):
            await world.users.create(
                world.site,
                a_person("new@example.org", **{"site_ids": (world.north,), **change}),  # type: ignore[arg-type]
                invite=False,
            )
    await world.users.delete(world.site, mine.id)


async def test_others_read_nobody_but_themselves() -> None:
    world = await a_world()
    user = await world.add_user(Role.EV_USER, "eve@example.org")
    eve = Principal(f"users/{user.id}", "Eve", Role.EV_USER, user.email, user_id=user.id)
    assert (await world.users.get(eve, user.id)).email == "eve@example.org"
    for caller in (eve, SUPPORT, msgspec.structs.replace(CALLERS[Role.EV_USER], name="apiKeys/1")):
        with pytest.raises(PermissionDenied):
            await world.users.get(caller, world.root.user_id or 0)
        with pytest.raises(PermissionDenied):
            await world.users.page(caller, PersonFilter(), size=1, after=0)


@pytest.mark.feature("F-USR-5")
async def test_everybody_changes_their_own_name_and_nothing_else_of_themselves() -> None:
    world = await a_world()
    driver = await world.add_user(Role.EV_USER, "eva@example.org")
    caller = await world.access.authenticate((await world.access.sign_in("eva@example.org", PASSWORD)).token)
    changed = await world.users.update(
        caller, driver.id, a_person(first_name="Eva", mobile="+46 70 1"), ["first_name", "mobile"], version=None
    )
    assert (changed.first_name, changed.mobile, changed.email) == ("Eva", "+46 70 1", "eva@example.org")
    number = await world.users.update(
        caller, driver.id, a_person(employee_number="E-7"), ["employee_number"], version=None
    )
    assert (number.employee_number, number.first_name) == ("E-7", "Eva")
    for fields in (["first_name", "role"], ["customer_number"], []):
        with pytest.raises(PermissionDenied):
            await world.users.update(caller, driver.id, a_person(), fields, version=None)


@pytest.mark.feature("F-USR-3")
async def test_sessions_are_ended_by_their_owner_or_an_administrator() -> None:
    world = await a_world()
    user = await world.add_user(Role.EV_USER, "eve@example.org")
    tokens = [(await world.access.sign_in("eve@example.org", PASSWORD)).token for _ in range(2)]
    eve = await world.access.authenticate(tokens[0])
    newest, oldest = await world.users.sign_ins(eve, user.id)
    assert oldest.digest == eve.digest
    await world.users.end_sign_in(eve, user.id, newest.id)
    with pytest.raises(Unauthenticated):
        await world.access.authenticate(tokens[1])
    await world.users.end_sign_in(world.root, user.id, oldest.id)
    with pytest.raises(Unauthenticated):
        await world.access.authenticate(tokens[0])
    with pytest.raises(PermissionDenied):
        await world.users.end_sign_in(eve, world.root.user_id or 0, 1)


async def test_a_link_is_handed_on_when_there_is_no_mail_server() -> None:
    world = await a_world()
    world.mails._mailer = None
    made, link = await world.users.create(world.root, a_person(), invite=True)
    assert link.startswith("https://portal.example.org/set-password#token=")
    await world.invitations.set_password(link.partition("=")[2], PASSWORD)
    assert (await world.users.get(world.root, made.id)).has_password
    with pytest.raises(InvalidArgument):
        await world.invitations.set_password(link.partition("=")[2], PASSWORD)
    assert "token=" in await world.users.invite(world.root, made.id)


async def test_the_tags_of_somebody_who_is_blocked_are_looked_at_anew_at_once() -> None:
    world = await a_world()
    user, _ = await world.users.create(world.root, a_person(), invite=False)
    await world.users.update(world.root, user.id, a_person(blocked=True), ["blocked"], version=None)
    assert world.tag_changes == 1
    await world.users.update(world.root, user.id, a_person(first_name="Ann"), ["first_name"], version=None)
    assert world.tag_changes == 1
    await world.users.update(world.root, user.id, a_person(blocked=False), ["blocked"], version=None)
    assert world.tag_changes == 2


@pytest.mark.feature("F-USR-2")
async def test_a_password_set_by_an_administrator_signs_in_once_it_is_changed() -> None:
    world = await a_world()
    with pytest.raises(InvalidArgument) as refused:
        await world.users.create(world.root, a_person(), invite=True, password="Given2you")
    assert refused.value.reason == "PASSWORD_AND_INVITATION"
    with pytest.raises(InvalidArgument, match="at least 8"):
        await world.users.create(world.root, a_person(), invite=False, password="weak")
    made, link = await world.users.create(world.root, a_person(), invite=False, password="Given2you")
    assert (made.has_password, made.must_change_password, link) == (True, True, "")
    assert world.mail_queue.waiting == {}
    with pytest.raises(Unauthenticated) as asked:
        await world.access.sign_in(made.email, "Given2you")
    assert asked.value.reason == "PASSWORD_CHANGE_REQUIRED"
    token = (await world.access.sign_in(made.email, "Given2you", new_password="Mine4ever")).token
    assert not (await world.users.get(world.root, made.id)).must_change_password

    changed = await world.users.set_password(world.root, made.id, "Again9given")
    assert changed.must_change_password
    with pytest.raises(Unauthenticated):  # signed out everywhere
        await world.access.authenticate(token)
    with pytest.raises(Unauthenticated):
        await world.access.sign_in(made.email, "Mine4ever")


async def test_nobody_sets_a_password_of_somebody_out_of_reach_or_of_themselves() -> None:
    world = await a_world()
    made, _ = await world.users.create(world.root, a_person(), invite=False)
    with pytest.raises(NotFound):  # belongs to none of the site administrator's sites
        await world.users.set_password(world.site, made.id, "Given2you")
    with pytest.raises(PermissionDenied):
        await world.users.set_password(SUPPORT, made.id, "Given2you")
    with pytest.raises(FailedPrecondition):
        await world.users.set_password(world.root, world.root.user_id or 0, "Given2you")
    with pytest.raises(InvalidArgument):
        await world.users.set_password(world.root, made.id, "weak")
