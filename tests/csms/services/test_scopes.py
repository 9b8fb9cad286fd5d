"""What somebody may see and do, where."""

from __future__ import annotations

from contextlib import aclosing

import msgspec
import pytest
import trio

from csms.domain.access import Action, Principal, Role, Scope, ShareLevel
from csms.domain.authorization import Token
from csms.domain.errors import InvalidArgument, NotFound, PermissionDenied
from csms.domain.topology import SYSTEM_ID, Place, PlaceKind
from csms.ports.feed import Subject
from csms.ports.inventory import EventFilter
from csms.ports.message_log import LogFilter
from csms.ports.queries import SessionFilter, StationFilter
from csms.ports.tokens import TokenFilter
from csms.services.remote import Target
from csms.services.watch import Change
from tests.kit.service_world import ADMIN, SUPPORT, ServiceWorld

pytestmark = pytest.mark.feature("F-USR-1")


class Town:
    """Two sites with a floor and a station each, and a station that nobody has put anywhere. Ada administers the north;
    Eve has nothing but what is shared with her."""

    def __init__(self) -> None:
        self.world = ServiceWorld()
        self.ada = Principal("users/1", "Ada", Role.SITE_ADMINISTRATOR, user_id=1)
        self.eve = Principal("users/2", "Eve", Role.EV_USER, user_id=2)

    async def build(self) -> Town:
        world = self.world
        await world.add_user(Role.SITE_ADMINISTRATOR, "ada@example.org")
        await world.add_user(Role.EV_USER, "eve@example.org")
        self.sites, self.floors, self.stations = [], [], []
        for name in ("North", "South"):
            site = await world.place_store.create(Place(0, SYSTEM_ID, PlaceKind.SITE, name))
            floor = await world.place_store.create(Place(0, site.id, PlaceKind.FLOOR, "Floor"))
            station = await world.add_station(f"CP-{name}")
            world.tables.stations[station].place_id = floor.id
            self.sites.append(site.id)
            self.floors.append(floor.id)
            self.stations.append(station)
        self.stations.append(await world.add_station("CP-Nowhere"))
        for number, station in enumerate(self.stations):
            world.add_session(100 + number, station, values=1)
            world.tables.session_places[100 + number] = world.tables.stations[station].place_id
        await world.places.load()
        self.ada = msgspec.structs.replace(self.ada, site_ids=frozenset({self.sites[0]}))
        return self

    async def stations_of(self, caller: Principal) -> list[int]:
        page = await self.world.stations.page(caller, StationFilter(), size=10, after=None)
        assert page.total == len(page.stations)
        return sorted(view.id for view in page.stations)

    async def sessions_of(self, caller: Principal) -> list[int]:
        page = await self.world.sessions.page(caller, SessionFilter(), size=10, after=None)
        assert page.totals.count == len(page.sessions)
        return sorted(int(view.transaction.id) for view in page.sessions)


async def a_town() -> Town:
    return await Town().build()


async def test_who_reaches_everything_costs_no_query_and_has_no_scope() -> None:
    town = await a_town()
    for caller in (ADMIN, SUPPORT):
        town.world.tables.away = True
        assert await town.world.scopes.of(caller, Action.READ_STATIONS) is None
        await town.world.scopes.check_station(caller, Action.READ_STATIONS, 999)
        town.world.tables.away = False
        assert await town.stations_of(caller) == town.stations


async def test_a_site_administrator_sees_the_own_sites_and_nothing_else() -> None:
    town = await a_town()
    world, (mine, theirs, _) = town.world, town.stations
    assert await town.stations_of(town.ada) == [mine]
    assert await town.sessions_of(town.ada) == [100]
    summary = await world.stations.summarize(town.ada)
    assert (summary.total, summary.online, summary.active_sessions) == (1, 1, 1)
    with pytest.raises(NotFound):
        await world.stations.get(town.ada, theirs)
    for wanted in (101, 102, 999):
        with pytest.raises(NotFound):
            await world.sessions.get(town.ada, wanted)
        with pytest.raises(NotFound):
            await world.sessions.meter_values(town.ada, wanted, size=5, after=None)
        with pytest.raises(NotFound):
            await world.remote.request_stop_transaction(town.ada, None, wanted)
    assert await world.sessions.meter_values(town.ada, 100, size=5, after=None)
    assert [place.name for place in await world.places.all(town.ada)] == ["Chargehouse", "North", "Floor"]
    assert await world.inventory.page_events(town.ada, EventFilter(), size=5, before=None) == []


async def test_a_site_administrator_without_sites_sees_nothing() -> None:
    town = await a_town()
    nobody = msgspec.structs.replace(town.ada, site_ids=frozenset())
    assert (await town.stations_of(nobody), await town.sessions_of(nobody)) == ([], [])
    assert [place.id for place in await town.world.places.all(nobody)] == [SYSTEM_ID]


async def test_the_tree_may_be_changed_below_the_own_sites_only() -> None:
    town = await a_town()
    places = town.world.places
    made = await places.create(town.ada, Place(0, town.sites[0], PlaceKind.FLOOR, "Roof"))
    assert made.parent_id == town.sites[0]
    with pytest.raises(PermissionDenied):
        await places.create(town.ada, Place(0, SYSTEM_ID, PlaceKind.SITE, "West"))
    with pytest.raises(NotFound):
        await places.create(town.ada, Place(0, town.sites[1], PlaceKind.FLOOR, "Roof"))
    with pytest.raises(PermissionDenied):
        await places.delete(town.ada, town.sites[0])
    with pytest.raises(NotFound):
        await places.move_stations(town.ada, [town.stations[2]], made.id)
    with pytest.raises(NotFound):
        await places.move_stations(town.ada, [town.stations[0]], town.sites[1])
    assert await places.move_stations(town.ada, [town.stations[0]], made.id) == [town.stations[0]]
    await places.delete(town.ada, town.floors[0])


async def test_a_site_administrator_makes_stations_at_the_own_sites() -> None:
    town = await a_town()
    stations = town.world.stations
    made = await stations.create(town.ada, "CP-NEW", place_id=town.floors[0])
    assert made.place_id == town.floors[0]
    with pytest.raises(PermissionDenied):
        await stations.create(town.ada, "CP-NEWER")
    with pytest.raises(NotFound):
        await stations.create(town.ada, "CP-NEWER", place_id=town.floors[1])
    meter = await town.world.places.create(ADMIN, Place(0, town.sites[0], PlaceKind.GRID_CONTROLLER, "Meter"))
    with pytest.raises(InvalidArgument):
        await stations.create(ADMIN, "CP-NEWER", place_id=meter.id)


@pytest.mark.feature("F-STA-11")
@pytest.mark.parametrize("level", [None, *ShareLevel])
async def test_a_share_gives_its_level_and_no_more(level: ShareLevel | None) -> None:
    town = await a_town()
    world, station = town.world, town.stations[1]
    if level is not None:
        world.sharing.levels[station, 2] = level
    rank = -1 if level is None else list(ShareLevel).index(level)
    assert await town.stations_of(town.eve) == ([] if level is None else [station])
    assert await town.sessions_of(town.eve) == ([101] if rank == 2 else [])
    target = Target(station)
    refused = NotFound if level is None else PermissionDenied
    if rank >= 1:
        assert (await world.remote.clear_cache(town.eve, target)).answer.accepted
    else:
        with pytest.raises(refused):
            await world.remote.clear_cache(town.eve, target)
    if rank == 2:
        await world.remote.get_variables(town.eve, target, ())
    else:
        with pytest.raises(refused):
            await world.remote.get_variables(town.eve, target, ())
    with pytest.raises(PermissionDenied):
        await world.stations.delete(town.eve, station)
    names = [place.name for place in await world.places.all(town.eve)]
    assert names == (["Chargehouse"] if level is None else ["Chargehouse", "South", "Floor"])


async def test_what_an_ev_user_charged_is_seen_and_may_be_stopped_wherever_it_was() -> None:
    town = await a_town()
    town.world.tables.session_users[102] = 2
    assert await town.sessions_of(town.eve) == [102]
    assert (await town.world.sessions.get(town.eve, 102)).user_id == 2
    assert (await town.world.remote.request_stop_transaction(town.eve, None, 102)).answer.accepted
    with pytest.raises(NotFound):
        await town.world.remote.request_stop_transaction(town.eve, None, 101)


async def test_nobody_charges_a_shared_station_on_the_tag_of_somebody_else() -> None:
    town = await a_town()
    world, target = town.world, Target(town.stations[0])
    world.sharing.levels[town.stations[0], 2] = ShareLevel.OPERATE
    own = await world.token_store.create(Token(0, "04AA", user_id=2))
    other = await world.token_store.create(Token(0, "04BB", user_id=1))
    assert (await world.remote.request_start_transaction(town.eve, target, "04aa", 1)).answer.accepted
    for tag in ("04BB", "04CC"):
        with pytest.raises(PermissionDenied) as refused:
            await world.remote.request_start_transaction(town.eve, target, tag, 1)
        assert refused.value.reason == "NOT_YOUR_TAG"
    assert (await world.remote.request_start_transaction(town.ada, target, "04CC", 1)).answer.accepted
    assert [token.id for token in (await world.tokens.page(town.eve, TokenFilter(), size=5)).tokens] == [own.id]
    assert await world.tokens.get(town.eve, own.id) == own
    with pytest.raises(NotFound):
        await world.tokens.get(town.eve, other.id)
    with pytest.raises(PermissionDenied):
        await world.tokens.create(town.eve, Token(0, "04DD"))


@pytest.mark.feature("F-USR-4")
async def test_a_group_narrows_and_never_widens() -> None:
    town = await a_town()
    world = town.world
    group = await world.sharing.create_group(1, "Mine", "")
    await world.sharing.change_group(group.id, add=town.stations)
    narrowed = msgspec.structs.replace(town.ada, group_id=group.id)
    assert (await town.stations_of(narrowed), await town.sessions_of(narrowed)) == ([town.stations[0]], [100])
    await world.sharing.change_group(group.id, remove=[town.stations[0]])
    assert (await town.stations_of(narrowed), await town.sessions_of(narrowed)) == ([], [])
    with pytest.raises(NotFound):
        await world.stations.get(narrowed, town.stations[0])
    administrator = Principal("users/1", "root", Role.ADMINISTRATOR, user_id=1, group_id=group.id)
    assert await town.stations_of(administrator) == town.stations[1:]
    with pytest.raises(NotFound):
        await world.remote.clear_cache(administrator, Target(town.stations[0]))
    stranger = msgspec.structs.replace(town.eve, group_id=group.id)
    with pytest.raises(NotFound, match="no group"):
        await town.stations_of(stranger)


@pytest.mark.feature("F-USR-4", "F-STA-2")
async def test_lists_are_narrowed_to_a_place_and_a_group_that_one_sees() -> None:
    town = await a_town()
    world = town.world
    group = await world.sharing.create_group(1, "Mine", "")
    await world.sharing.change_group(group.id, add=[town.stations[1]])
    scopes = world.scopes

    async def narrowed(caller: Principal, **to: int) -> list[int]:
        page = await world.stations.page(caller, StationFilter(**to), size=10, after=None)  # type: ignore[arg-type]
        return [view.id for view in page.stations]

    assert await narrowed(ADMIN, place_id=town.sites[1]) == [town.stations[1]]
    assert len(await narrowed(ADMIN, place_id=SYSTEM_ID)) == 3
    assert await narrowed(town.ada, place_id=town.floors[0]) == [town.stations[0]]
    assert await narrowed(town.ada, group_id=group.id) == []
    assert (await world.stations.summarize(ADMIN, town.sites[1])).total == 1
    with pytest.raises(NotFound):
        await narrowed(town.ada, place_id=town.sites[1])
    with pytest.raises(NotFound):
        await narrowed(ADMIN, group_id=group.id)
    both = Principal("users/1", "root", Role.ADMINISTRATOR, user_id=1)
    assert await narrowed(both, group_id=group.id, place_id=town.sites[1]) == [town.stations[1]]
    assert await narrowed(both, group_id=group.id, place_id=town.sites[0]) == []
    assert await scopes.of(both, Action.READ_STATIONS) is None
    in_group = await scopes.of(msgspec.structs.replace(both, group_id=group.id), Action.READ_STATIONS)
    assert in_group == Scope(station_ids=frozenset({town.stations[1]}), only=frozenset({town.stations[1]}))


async def test_the_feed_tells_nothing_of_what_is_out_of_sight(autojump_clock: trio.testing.MockClock) -> None:
    town = await a_town()
    world, (mine, theirs, _) = town.world, town.stations
    async with aclosing(world.watching.watch(town.ada, None, tick=5.0)) as changes:
        await anext(changes)
        world.feed.publish(Subject.STATION, theirs)
        world.feed.publish(Subject.SESSION, theirs, 101)
        world.feed.publish(Subject.SESSION, mine, 100)
        world.feed.publish(Subject.STATION, mine)
        session, station = await anext(changes), await anext(changes)
        assert session.session is not None
        assert station.station is not None
        assert (session.session.station_id, station.station.id) == (mine, mine)
        await world.stations.delete(ADMIN, theirs)
        quiet = await anext(changes)
        assert quiet == Change(quiet.revision, quiet.at)
        await world.places.move_stations(ADMIN, [mine], town.sites[1])
        left = await anext(changes)
        assert (left.station, left.deleted_station_id) == (None, mine)
        world.feed.publish(Subject.STATION, mine)  # at its new place it is none of theirs, and they heard so
        quiet = await anext(changes)
        assert quiet == Change(quiet.revision, quiet.at)
        world.tables.stations[mine].place_id = town.floors[0]
        await world.stations.delete(ADMIN, mine)
        gone = await anext(changes)
        assert gone.deleted_station_id == mine


async def test_a_watcher_who_comes_later_hears_nothing_of_what_left_before() -> None:
    town = await a_town()
    world, (mine, _, _) = town.world, town.stations
    await world.places.move_stations(ADMIN, [mine], town.sites[1])
    async with aclosing(world.watching.watch(town.ada, None, tick=0.01)) as changes:
        await anext(changes)
        world.feed.publish(Subject.STATION, mine)
        quiet = await anext(changes)
        assert quiet == Change(quiet.revision, quiet.at)


@pytest.mark.feature("F-STA-11")
async def test_a_tail_ends_when_the_station_goes_out_of_sight(autojump_clock: trio.testing.MockClock) -> None:
    town = await a_town()
    world, (mine, _, _) = town.world, town.stations
    async with aclosing(world.messages.tail(town.ada, mine, LogFilter(), tick=5.0)) as entries:
        await anext(entries)
        await world.places.move_stations(ADMIN, [mine], town.sites[1])
        with pytest.raises(NotFound):
            await anext(entries)


@pytest.mark.feature("F-STA-11")
async def test_the_feed_tells_when_a_share_begins_and_ends(autojump_clock: trio.testing.MockClock) -> None:
    town = await a_town()
    world, station = town.world, town.stations[1]
    async with aclosing(world.watching.watch(town.eve, None, tick=5.0)) as changes:
        await anext(changes)
        await world.shares.share(ADMIN, station, "eve@example.org", ShareLevel.VIEW)
        begun = await anext(changes)
        assert begun.station is not None
        await world.shares.unshare(ADMIN, station, 2)
        ended = await anext(changes)
        assert (ended.station, ended.deleted_station_id) == (None, station)
