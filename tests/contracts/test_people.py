"""Where people are kept: in memory and on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from csms.aio import open_door
from csms.domain.access import Role
from csms.domain.errors import AlreadyExists, FailedPrecondition, NotFound, StaleVersion
from csms.domain.people import Person, PersonFilter, Preferences, Theme, TicketKind
from csms.domain.topology import Place, PlaceKind
from csms.ports.people import PeopleStore
from csms.ports.stores import AccessStore
from csms.storage.access import PostgresAccess
from csms.storage.own_data import PostgresOwnData
from csms.storage.people import PostgresPeople
from csms.storage.places import PostgresPlaces
from csms.storage.pool import open_database
from tests.kit.fake_people import FakePeople
from tests.kit.fake_stores import FakeAccess
from tests.kit.storage_world import storage_url

__all__ = ["storage_url"]

NOWHERE = 999_999
NOW = datetime.now(UTC)


@dataclass
class Stores:
    people: PeopleStore
    access: AccessStore
    sites: tuple[int, int]


@pytest.fixture
async def stores(storage_url: str) -> AsyncIterator[Stores]:
    if not storage_url:
        access = FakeAccess()
        yield Stores(FakePeople(access, {2, 3}), access, (2, 3))
        return
    async with open_door() as door, open_database(door, storage_url, max_size=4) as database:
        places = PostgresPlaces(database)
        first, second = [await places.create(Place(0, 1, PlaceKind.SITE, name)) for name in ("North", "South")]
        yield Stores(PostgresPeople(database), PostgresAccess(database), (first.id, second.id))


def a_person(email: str = "ann@example.org", **fields: object) -> Person:
    return msgspec.structs.replace(Person(0, email, "Ann", "Berg"), **fields)


async def an_administrator(stores: Stores, email: str) -> Person:
    """With a password."""
    made = await stores.access.create_user(email, "Root", "hash", Role.ADMINISTRATOR)
    found = await stores.people.find(made.id)
    assert found is not None
    return found


async def test_an_e_mail_is_there_once_whatever_its_case(stores: Stores) -> None:
    made = await stores.people.create(a_person("Ann@Example.org", mobile="+46 70 1", site_ids=(stores.sites[0],)))
    assert (made.display_name, made.version, made.has_password, made.site_ids) == (
        "Ann Berg",
        1,
        False,
        (stores.sites[0],),
    )
    assert await stores.people.find_by_email("aNN@example.ORG") == made
    with pytest.raises(AlreadyExists) as taken:
        await stores.people.create(a_person("ann@EXAMPLE.org"))
    assert taken.value.reason == "EMAIL_TAKEN"
    other = await stores.people.create(a_person("bo@example.org"))
    with pytest.raises(AlreadyExists):
        await stores.people.update(msgspec.structs.replace(other, email="ANN@example.org"), version=None)
    with pytest.raises(NotFound):
        await stores.people.create(a_person("cy@example.org", site_ids=(NOWHERE,)))


async def test_what_is_changed_counts_at_sign_in_and_a_stale_version_does_not(stores: Stores) -> None:
    made = await stores.people.create(a_person(site_ids=(stores.sites[0],)))
    changed = msgspec.structs.replace(
        made, role=Role.SITE_ADMINISTRATOR, site_ids=stores.sites, blocked=True, first_name="Anna"
    )
    await stores.access.create_sign_in(b"token", made.id, NOW + timedelta(hours=1))
    saved = await stores.people.update(changed, version=made.version)
    assert (saved.version, saved.site_ids, saved.blocked) == (2, tuple(sorted(stores.sites)), True)
    assert await stores.access.find_sign_in(b"token", NOW) is None
    user = await stores.access.find_user(made.id)
    assert user is not None
    assert (user.role, user.blocked, user.site_ids) == (Role.SITE_ADMINISTRATOR, True, frozenset(stores.sites))
    with pytest.raises(StaleVersion):
        await stores.people.update(changed, version=made.version)
    with pytest.raises(NotFound):
        await stores.people.update(msgspec.structs.replace(changed, id=NOWHERE), version=None)


async def test_the_last_administrator_stays(stores: Stores) -> None:
    root = await an_administrator(stores, "root@example.org")
    await stores.people.create(a_person("invited@example.org", role=Role.ADMINISTRATOR))  # has no password yet
    for change in ({"role": Role.SUPPORT}, {"blocked": True}):
        with pytest.raises(FailedPrecondition) as refused:
            await stores.people.update(msgspec.structs.replace(root, **change), version=None)
        assert refused.value.reason == "LAST_ADMINISTRATOR"
    with pytest.raises(FailedPrecondition):
        await stores.people.delete(root.id)
    assert await stores.people.find(root.id) == root
    await an_administrator(stores, "second@example.org")
    await stores.people.delete(root.id)
    assert await stores.people.find(root.id) is None
    with pytest.raises(NotFound):
        await stores.people.delete(root.id)


async def test_pages_are_narrowed_by_words_roles_and_sites(stores: Stores) -> None:
    north, south = stores.sites
    await an_administrator(stores, "root@example.org")
    for number, sites in enumerate(((north,), (south,), (north, south), ())):
        await stores.people.create(
            a_person(f"user{number}@example.org", last_name=f"N{number}", customer_number=f"C-{number}", site_ids=sites)
        )

    async def emails(size: int = 50, after: int = 0, **wanted: object) -> tuple[list[str], int]:
        found, total = await stores.people.page(wanted=PersonFilter(**wanted), size=size, after=after)  # type: ignore[arg-type]
        return [person.email.partition("@")[0] for person in found], total

    assert await emails(query="c-2") == (["user2"], 1)
    assert await emails(query="ann n1") == (["user1"], 1)
    assert await emails(query="100%") == ([], 0)
    assert await emails(role=Role.ADMINISTRATOR) == (["root"], 1)
    assert await emails(site_id=north) == (["user0", "user2"], 2)
    assert await emails(within_sites=(north,)) == (["user0"], 1)
    assert await emails(within_sites=()) == ([], 0)
    first, total = await emails(size=2)
    assert (first, total) == (["root", "user0"], 5)
    last = await stores.people.find_by_email("user0@example.org")
    assert last is not None
    assert (await emails(size=2, after=last.id))[0] == ["user1", "user2"]


async def test_a_link_sets_a_password_once_and_only_the_newest_counts(stores: Stores) -> None:
    made = await stores.people.create(a_person())
    await stores.access.create_sign_in(b"token", made.id, NOW + timedelta(hours=1))
    await stores.people.put_ticket(made.id, b"old", TicketKind.INVITATION, NOW + timedelta(hours=24))
    await stores.people.put_ticket(made.id, b"new", TicketKind.RESET, NOW + timedelta(hours=24))
    assert await stores.people.find_ticket(b"old", NOW) is None
    assert await stores.people.find_ticket(b"new", NOW + timedelta(hours=24, seconds=1)) is None
    assert await stores.people.use_ticket(b"new", NOW + timedelta(hours=24, seconds=1), "hash") is None
    found = await stores.people.find_ticket(b"new", NOW)
    assert found is not None
    assert found.id == made.id
    assert await stores.people.use_ticket(b"new", NOW, "hash") == made.id
    assert await stores.people.use_ticket(b"new", NOW, "other") is None
    user = await stores.access.find_user(made.id)
    assert user is not None
    assert user.password_hash == "hash"
    assert await stores.access.find_sign_in(b"token", NOW) is None
    with pytest.raises(NotFound):
        await stores.people.put_ticket(NOWHERE, b"x", TicketKind.RESET, NOW)


async def test_a_second_factor_counts_once_confirmed_and_each_code_once(stores: Stores) -> None:
    made = await stores.people.create(a_person())
    await stores.people.offer_totp(made.id, "SECRET")
    assert await stores.people.offered_totp(made.id) == "SECRET"
    with pytest.raises(FailedPrecondition):
        await stores.people.confirm_totp(made.id, "OTHER", 10, [b"r1"])
    await stores.people.confirm_totp(made.id, "SECRET", 10, [b"r1", b"r2"])
    user = await stores.access.find_user(made.id)
    assert user is not None
    assert user.totp_secret == "SECRET"
    assert not await stores.people.use_totp_step(made.id, 10)
    assert await stores.people.use_totp_step(made.id, 11)
    assert not await stores.people.use_totp_step(made.id, 11)
    assert await stores.people.use_recovery_code(made.id, b"r1")
    assert not await stores.people.use_recovery_code(made.id, b"r1")
    await stores.people.remove_totp(made.id)
    assert not await stores.people.use_recovery_code(made.id, b"r2")
    found = await stores.people.find(made.id)
    assert found is not None
    assert not found.has_second_factor


async def test_sessions_are_listed_and_ended_one_by_one(stores: Stores) -> None:
    made = await stores.people.create(a_person())
    await stores.access.create_sign_in(b"one", made.id, NOW + timedelta(hours=1), address="192.0.2.7", client="Firefox")
    await stores.access.create_sign_in(b"two", made.id, NOW + timedelta(hours=1))
    newest, oldest = await stores.people.sign_ins(made.id, NOW)
    assert (oldest.address, oldest.client, oldest.digest, newest.digest) == ("192.0.2.7", "Firefox", b"one", b"two")
    with pytest.raises(NotFound):
        await stores.people.end_sign_in(NOWHERE, oldest.id)
    await stores.people.end_sign_in(made.id, oldest.id)
    assert [each.id for each in await stores.people.sign_ins(made.id, NOW)] == [newest.id]
    assert await stores.people.sign_ins(made.id, NOW + timedelta(hours=2)) == []


async def test_a_sign_in_elsewhere_comes_back_once_and_in_time(stores: Stores) -> None:
    await stores.people.put_attempt(b"state", "nonce", "verifier", NOW + timedelta(minutes=10))
    await stores.people.put_attempt(b"late", "nonce", "verifier", NOW + timedelta(minutes=10))
    assert await stores.people.take_attempt(b"state", NOW) == ("nonce", "verifier")
    assert await stores.people.take_attempt(b"state", NOW) is None
    assert await stores.people.take_attempt(b"late", NOW + timedelta(minutes=11)) is None


async def test_whom_the_provider_calls_so_is_one(stores: Stores) -> None:
    made = await stores.people.create(a_person(), subject="https://id#1")
    other = await stores.people.create(a_person("bo@example.org"))
    found = await stores.people.find_by_subject("https://id#1")
    assert found is not None
    assert (found.id, found.has_single_sign_on) == (made.id, True)
    assert await stores.people.find_by_subject("") is None
    with pytest.raises(AlreadyExists):
        await stores.people.set_subject(other.id, "https://id#1")
    await stores.people.set_subject(other.id, "https://id#2")


async def test_preferences_come_back(stores: Stores) -> None:
    made = await stores.people.create(a_person())
    assert await stores.people.preferences(made.id) == Preferences()
    wanted = Preferences(Theme.DARK, ("energy", "alarms"), share_usage=True, kept={"columns": "a.b"})
    await stores.people.set_preferences(made.id, wanted)
    assert await stores.people.preferences(made.id) == wanted
    with pytest.raises(NotFound):
        await stores.people.preferences(NOWHERE)


async def test_a_narrowed_key_stays_narrowed(stores: Stores) -> None:
    from csms.domain.access import Action

    actions = frozenset({Action.READ_SESSIONS, Action.READ_STATIONS})
    await stores.access.create_api_key(
        "Billing", Role.SITE_ADMINISTRATOR, b"d", "ck", None, actions=actions, site_ids=frozenset(stores.sites)
    )
    await stores.access.create_api_key("All", Role.SUPPORT, b"e", "ck", None)
    key, free = await stores.access.find_api_key(b"d", NOW), await stores.access.find_api_key(b"e", NOW)
    assert key is not None
    assert free is not None
    assert (key.actions, key.site_ids) == (actions, frozenset(stores.sites))
    assert (free.actions, free.site_ids) == (None, frozenset())


@pytest.mark.postgres
async def test_of_nobody_there_is_nothing_to_forget(database_url: str) -> None:
    async with open_door() as door, open_database(door, database_url, max_size=2) as database:
        own = PostgresOwnData(database)
        assert await own.tags_of([NOWHERE]) == {}
        await own.forget(NOWHERE)
        assert [section async for section in own.sections(NOWHERE)] == [("id_tokens", "[]"), ("sessions", "[]")]


async def test_a_given_password_is_to_be_changed_and_ends_what_was(stores: Stores) -> None:
    made = await stores.people.create(a_person(), password_hash="given")
    assert (made.has_password, made.must_change_password) == (True, True)
    await stores.access.set_password_hash(made.id, "own")
    await stores.access.create_sign_in(b"token", made.id, NOW + timedelta(hours=1))
    await stores.people.put_ticket(made.id, b"link", TicketKind.RESET, NOW + timedelta(hours=1))
    found = await stores.access.find_user(made.id)
    assert found is not None
    assert (found.password_hash, found.must_change_password) == ("own", False)

    await stores.people.give_password(made.id, "given again")
    found = await stores.access.find_user(made.id)
    assert found is not None
    assert (found.password_hash, found.must_change_password) == ("given again", True)
    assert await stores.access.find_sign_in(b"token", NOW) is None
    assert await stores.people.find_ticket(b"link", NOW) is None

    await stores.people.put_ticket(made.id, b"reset", TicketKind.RESET, NOW + timedelta(hours=1))
    assert await stores.people.use_ticket(b"reset", NOW, "chosen") == made.id
    changed = await stores.people.find(made.id)
    assert changed is not None
    assert not changed.must_change_password
    with pytest.raises(NotFound):
        await stores.people.give_password(NOWHERE, "given")
