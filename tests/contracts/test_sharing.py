"""What every store of owners, shares and groups promises; and what lists promise about scopes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import trio

from csms.aio import open_door
from csms.domain.access import Role, Scope, ShareLevel
from csms.domain.authorization import Token
from csms.domain.errors import AlreadyExists, NotFound, StaleVersion
from csms.domain.facts import RegistrationStatus
from csms.domain.records import JobKind, Record
from csms.domain.topology import SYSTEM_ID, Place, PlaceKind
from csms.ports.inventory import EventFilter, Inventory
from csms.ports.journal import Journal
from csms.ports.places import PlaceStore
from csms.ports.queries import SessionFilter, SessionQueries, StationFilter, StationQueries
from csms.ports.reservations import ReservationDraft, ReservationFilter, ReservationStore
from csms.ports.sharing import Person, SharingStore, Standing
from csms.ports.stores import AccessStore, StationStore, TokenStore, TransactionStore
from csms.ports.tokens import TokenFilter
from csms.storage.access import PostgresAccess
from csms.storage.inventory import PostgresInventory
from csms.storage.journal import PostgresJournal
from csms.storage.places import PostgresPlaces
from csms.storage.pool import open_database
from csms.storage.session_lists import PostgresSessionQueries
from csms.storage.sessions import PostgresTransactions
from csms.storage.sharing import PostgresSharing
from csms.storage.station_lists import PostgresStationQueries
from csms.storage.stations import PostgresStations
from csms.storage.tokens import PostgresTokens
from csms.storage.waiting import PostgresReservationBook
from tests.kit.fake_inventory import FakeInventory
from tests.kit.fake_journal import FakeJournal
from tests.kit.fake_places import FakePlaces
from tests.kit.fake_queries import FakeSessionQueries, FakeStationQueries
from tests.kit.fake_reservations import FakeReservations
from tests.kit.fake_sharing import FakeSharing
from tests.kit.fake_stores import FakeAccess, FakeStations, FakeTokens, FakeTransactions
from tests.kit.fake_tables import FakeTables
from tests.kit.records import T0, a_session_record, a_transaction, after
from tests.kit.storage_world import storage_url

__all__ = ["storage_url"]

pytestmark = pytest.mark.feature("F-STA-11", "F-USR-1")
NOWHERE = 10**30


@dataclass
class House:
    """All stores on the same tables."""

    sharing: SharingStore
    places: PlaceStore
    access: AccessStore
    stations: StationStore
    tokens: TokenStore
    transactions: TransactionStore
    journal: Journal
    station_queries: StationQueries
    session_queries: SessionQueries
    inventory: Inventory
    reservations: ReservationStore

    async def station(self, identity: str, place_id: int = SYSTEM_ID) -> int:
        return (await self.stations.create(identity, RegistrationStatus.ACCEPTED, place_id=place_id)).id

    async def user(self, name: str) -> Person:
        user = await self.access.create_user(f"{name}@example.org", name, "hash", Role.EV_USER)
        return Person(user.id, user.email, user.display_name)

    async def site(self, name: str) -> int:
        return (await self.places.create(Place(0, SYSTEM_ID, PlaceKind.SITE, name))).id

    async def session(self, station_id: int, id_token: str = "TAG") -> int:
        number = (await self.transactions.reserve_session_ids(1))[0]
        records: list[Record] = [
            a_session_record(a_transaction(number, station_id, id_token=id_token, started_at=after(number)))
        ]
        await self.journal.put(records).durable()
        return number


@pytest.fixture
async def house(storage_url: str) -> AsyncIterator[House]:
    if not storage_url:
        tables, access = FakeTables(), FakeAccess()
        yield House(
            FakeSharing(tables, access.everybody),
            FakePlaces(tables),
            access,
            FakeStations(tables),
            FakeTokens(tables),
            FakeTransactions(tables),
            FakeJournal(tables),
            FakeStationQueries(tables),
            FakeSessionQueries(tables),
            FakeInventory(tables),
            FakeReservations(tables),
        )
        return
    async with (
        open_door() as door,
        open_database(door, storage_url, max_size=4) as database,
        trio.open_nursery() as nursery,
    ):
        journal = PostgresJournal(database)
        await nursery.start(journal.run)
        yield House(
            PostgresSharing(database),
            PostgresPlaces(database),
            PostgresAccess(database),
            PostgresStations(database),
            PostgresTokens(database),
            PostgresTransactions(database),
            journal,
            PostgresStationQueries(database),
            PostgresSessionQueries(database),
            PostgresInventory(database),
            PostgresReservationBook(database),
        )
        await journal.close(trio.current_time() + 5.0)
        nursery.cancel_scope.cancel()


async def test_an_owner_manages_and_a_share_is_what_was_given(house: House) -> None:
    mine, shared, other = [await house.station(name) for name in ("CP-1", "CP-2", "CP-3")]
    ada, bob = await house.user("ada"), await house.user("bob")
    await house.sharing.set_owner(mine, ada.id)
    made = await house.sharing.share(shared, ada.id, ShareLevel.VIEW)
    assert (made.station_id, made.person, made.level) == (shared, ada, ShareLevel.VIEW)
    await house.sharing.share(shared, ada.id, ShareLevel.OPERATE)
    await house.sharing.share(shared, bob.id, ShareLevel.MANAGE)
    await house.sharing.share(mine, ada.id, ShareLevel.VIEW)  # less than what she has
    assert await house.sharing.stations_of(ada.id) == [
        Standing(mine, SYSTEM_ID, ShareLevel.MANAGE),
        Standing(shared, SYSTEM_ID, ShareLevel.OPERATE),
    ]
    assert await house.sharing.standings([mine, other, NOWHERE, 999_999], ada.id) == {
        mine: Standing(mine, SYSTEM_ID, ShareLevel.MANAGE),
        other: Standing(other, SYSTEM_ID, None),
    }
    assert (await house.sharing.standings([mine], None))[mine].level is None
    assert [(share.person, share.level) for share in await house.sharing.shares_of(shared)] == [
        (ada, ShareLevel.OPERATE),
        (bob, ShareLevel.MANAGE),
    ]
    assert (await house.sharing.owner_of(mine), await house.sharing.owner_of(shared)) == (ada, None)
    assert await house.sharing.owner_of(NOWHERE) is None
    await house.sharing.unshare(shared, ada.id)
    await house.sharing.set_owner(mine, None)
    await house.sharing.unshare(mine, ada.id)
    assert await house.sharing.stations_of(ada.id) == []


async def test_what_is_not_there_is_neither_shared_nor_owned(house: House) -> None:
    station, ada = await house.station("CP-1"), await house.user("ada")
    assert await house.sharing.find_person("ADA@Example.org") == ada
    assert await house.sharing.find_person("nobody@example.org") is None
    for station_id, user_id in ((NOWHERE, ada.id), (999_999, ada.id), (station, 999_999)):
        with pytest.raises(NotFound):
            await house.sharing.share(station_id, user_id, ShareLevel.VIEW)
        with pytest.raises(NotFound):
            await house.sharing.set_owner(station_id, user_id)
        with pytest.raises(NotFound, match="not shared"):
            await house.sharing.unshare(station_id, user_id)
    assert await house.sharing.shares_of(NOWHERE) == []


async def test_a_deleted_station_is_in_no_share_and_no_group(house: House) -> None:
    gone, stays, ada = await house.station("CP-1"), await house.station("CP-2"), await house.user("ada")
    await house.sharing.share(gone, ada.id, ShareLevel.VIEW)
    group = await house.sharing.create_group(ada.id, "Mine", "")
    assert (await house.sharing.change_group(group.id, add=[gone, stays, 999_999])).station_ids == (gone, stays)
    await house.stations.delete(gone)
    assert await house.sharing.stations_of(ada.id) == []
    found = await house.sharing.find_group(group.id)
    assert found is not None
    assert found.station_ids == (stays,)


@pytest.mark.feature("F-USR-4")
async def test_groups_belong_to_one_and_have_names_of_their_own(house: House) -> None:
    ada, bob, station = await house.user("ada"), await house.user("bob"), await house.station("CP-1")
    yard = await house.sharing.create_group(ada.id, "Yard", "By the gate")
    assert (yard.owner_id, yard.display_name, yard.description, yard.station_ids) == (ada.id, "Yard", "By the gate", ())
    dock = await house.sharing.create_group(ada.id, "dock", "")
    await house.sharing.create_group(bob.id, "Yard", "")
    with pytest.raises(AlreadyExists):
        await house.sharing.create_group(ada.id, "YARD", "")
    with pytest.raises(AlreadyExists):
        await house.sharing.update_group(dock.id, "yard", "", version=None)
    changed = await house.sharing.update_group(yard.id, "Yard 2", "", version=yard.version)
    with pytest.raises(StaleVersion):
        await house.sharing.update_group(yard.id, "Yard 3", "", version=yard.version)
    assert [group.display_name for group in await house.sharing.groups_of(ada.id)] == ["dock", "Yard 2"]
    assert (await house.sharing.change_group(changed.id, add=[station])).station_ids == (station,)
    assert (await house.sharing.change_group(changed.id, remove=[station, 999_999])).station_ids == ()
    await house.sharing.delete_group(dock.id)
    for group_id in (dock.id, NOWHERE):
        assert await house.sharing.find_group(group_id) is None
        with pytest.raises(NotFound):
            await house.sharing.delete_group(group_id)
        with pytest.raises(NotFound):
            await house.sharing.change_group(group_id, add=[station])
        with pytest.raises(NotFound):
            await house.sharing.update_group(group_id, "a", "", version=None)
    with pytest.raises(NotFound):
        await house.sharing.create_group(999_999, "Nobody's", "")


async def test_sites_of_a_user_are_those_last_set(house: House) -> None:
    ada, north, south = await house.user("ada"), await house.site("North"), await house.site("South")
    assert await house.sharing.sites_of(ada.id) == frozenset()
    await house.sharing.set_sites(ada.id, [north])
    await house.sharing.set_sites(ada.id, [south, north])
    assert await house.sharing.sites_of(ada.id) == {north, south}
    await house.sharing.set_sites(ada.id, [south])
    assert await house.sharing.sites_of(ada.id) == {south}
    for user_id, site_id in ((ada.id, 999_999), (999_999, south)):
        with pytest.raises(NotFound):
            await house.sharing.set_sites(user_id, [site_id])
    assert await house.sharing.sites_of(ada.id) == {south}


async def test_lists_hold_only_what_is_in_the_scope(house: House) -> None:
    north, south = await house.site("North"), await house.site("South")
    stations = [await house.station("CP-1", north), await house.station("CP-2", south), await house.station("CP-3")]
    sessions = [await house.session(station) for station in stations]
    for station in stations:
        draft = ReservationDraft(station, "TAG", T0, after(60))
        await house.reservations.create(draft, T0)
        await house.inventory.begin_job(station, JobKind.LOG_UPLOAD, b"{}", T0)
    scopes = {
        Scope(): set(),
        Scope(frozenset({north})): {0},
        Scope(frozenset({north}), frozenset({stations[2]})): {0, 2},
        Scope(frozenset({north, south}), only=frozenset({stations[1], stations[2]})): {1},
        Scope(station_ids=frozenset(stations[:2]), only=frozenset(stations[:2])): {0, 1},
        Scope(user_id=5): set(),
        Scope(frozenset({north, south}), only=frozenset()): set(),
        Scope(frozenset({north}), frozenset({stations[1]}), only=frozenset({stations[1]})): {1},
    }
    for scope, wanted in scopes.items():
        inside = {stations[n] for n in wanted}
        views, total = await house.station_queries.page_stations(StationFilter(scope=scope), size=10, after=None)
        assert ({view.id for view in views}, total) == (inside, len(inside)), scope
        summary = await house.station_queries.summarize(StationFilter(scope=scope))
        assert (summary.total, summary.active_sessions) == (len(inside), len(inside)), scope
        shown = await house.session_queries.page_sessions(SessionFilter(scope=scope), size=10, after=None)
        assert {int(view.transaction.id) for view in shown} == {sessions[n] for n in wanted}, scope
        assert (await house.session_queries.total_sessions(SessionFilter(scope=scope))).count == len(wanted)
        kept, count = await house.reservations.page(ReservationFilter(scope=scope), size=10, before=None)
        assert ({each.station_id for each in kept}, count) == (inside, len(inside))
        jobs = await house.inventory.page_jobs(None, size=10, scope=scope)
        assert {job.station_id for job in jobs} == inside
        assert await house.inventory.page_events(EventFilter(scope=scope), size=10) == []
    by_place = StationFilter(place_ids=frozenset({south}))
    assert [view.place_id for view in (await house.station_queries.page_stations(by_place, size=9, after=None))[0]] == [
        south
    ]
    assert (await house.station_queries.summarize(by_place)).total == 1


async def test_sessions_stay_where_they_were_charged(house: House) -> None:
    north, south = await house.site("North"), await house.site("South")
    station = await house.station("CP-1", north)
    before = await house.session(station)
    await house.places.move_stations([station], south)
    since = await house.session(station)

    async def at(place_id: int) -> list[int]:
        wanted = SessionFilter(place_ids=frozenset({place_id}))
        found = await house.session_queries.page_sessions(wanted, size=10, after=None)
        return [int(view.transaction.id) for view in found]

    assert (await at(north), await at(south)) == ([before], [since])
    await house.places.delete(north)
    assert await at(SYSTEM_ID) == [before]


async def test_a_session_is_of_whoever_had_the_tag_when_it_began(house: House) -> None:
    ada, bob, station = await house.user("ada"), await house.user("bob"), await house.station("CP-1")
    tag = await house.tokens.create(Token(0, "04A2B3C4", user_id=ada.id))
    assert await house.sharing.is_tag_of(ada.id, "04A2B3C4")
    first = await house.session(station, "04A2B3C4")
    await house.tokens.update(Token(tag.id, "04A2B3C4", user_id=bob.id), version=None)
    second = await house.session(station, "04A2B3C4")
    assert not await house.sharing.is_tag_of(ada.id, "04A2B3C4")
    for user, session in ((ada, first), (bob, second)):
        found = await house.session_queries.page_sessions(
            SessionFilter(scope=Scope(user_id=user.id)), size=10, after=None
        )
        assert [(int(view.transaction.id), view.user_id) for view in found] == [(session, user.id)]
    assert (await house.tokens.page(TokenFilter(user_id=ada.id), size=10))[1] == 0
    assert (await house.tokens.page(TokenFilter(user_id=bob.id), size=10))[1] == 1


async def test_a_station_is_made_at_a_place_that_is_there(house: House) -> None:
    with pytest.raises(NotFound):
        await house.station("CP-1", 999_999)
