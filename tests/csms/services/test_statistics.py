"""Charts are over what the caller may see, and ask for the small sums where these will do."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta

import pytest
import trio

from csms.cluster.local import LocalFeed
from csms.domain.access import Principal, Role, Scope
from csms.domain.errors import InvalidArgument, PermissionDenied, Unavailable
from csms.domain.statistics import Bucket, Cell, ChartKind, ChartQuery, Co2Settings, Dashboard, Present, Split
from csms.domain.topology import Place, PlaceKind, Tree
from csms.domain.usage import Amounts, Charge, usage_of
from csms.ports.feed import Subject
from csms.services.chart_values import value_of
from csms.services.statistics import DASHBOARD_PAUSE, DASHBOARD_TICK, EVERYTHING, Statistics, whole_sites
from tests.kit.service_world import ADMIN, NOW, SUPPORT, ServiceWorld

pytestmark = pytest.mark.feature("F-SES-7")

TREE = Tree(
    [
        Place(1, None, PlaceKind.SYSTEM, "System"),
        Place(2, 1, PlaceKind.SITE, "One", time_zone="Europe/Stockholm"),
        Place(3, 2, PlaceKind.FLOOR, "Floor"),
        Place(4, 1, PlaceKind.SITE, "Two"),
    ]
)


def a_query(kind: ChartKind = ChartKind.ENERGY, **more: object) -> ChartQuery:
    fields = {"start": NOW - timedelta(hours=12), "end": NOW, **more}
    return ChartQuery(kind, **fields)  # type: ignore[arg-type]


def charged(world: ServiceWorld, energy_wh: int, *, station: int = 1, place: int = 1, user: int = 0) -> None:
    began = int((NOW - timedelta(hours=2)).timestamp())
    number = len(world.statistics_store.usages) + 1
    charge = Charge(
        number, station, place, place, user, f"TAG-{user}", "UTC", began, began + 900, began + 900, energy_wh * 1000
    )
    world.statistics_store.usages.append(usage_of(charge, []))


@pytest.mark.parametrize(
    ("scope", "places", "sites"),
    [
        (None, frozenset(), EVERYTHING),
        (None, frozenset({2, 3}), frozenset({2})),
        (None, frozenset({3}), None),
        (Scope(place_ids=frozenset({2, 3, 4})), frozenset(), frozenset({2, 4})),
        (Scope(place_ids=frozenset({2, 3})), frozenset({2, 3}), frozenset({2})),
        (Scope(place_ids=frozenset({2, 3})), frozenset({4}), frozenset()),
        (Scope(place_ids=frozenset({2, 3}), station_ids=frozenset({9})), frozenset(), None),
        (Scope(user_id=7), frozenset(), None),
        (Scope(place_ids=frozenset({2, 3}), only=frozenset({9})), frozenset(), None),
    ],
)
def test_whole_sites_are_told_from_parts(
    scope: Scope | None, places: frozenset[int], sites: frozenset[int] | None
) -> None:
    assert whole_sites(TREE, scope, places) == sites


async def test_a_site_administrator_and_a_driver_see_what_is_theirs() -> None:
    world = ServiceWorld()
    one = await world.places._store.create(Place(0, 1, PlaceKind.SITE, "One"))
    two = await world.places._store.create(Place(0, 1, PlaceKind.SITE, "Two"))
    await world.places.load()
    charged(world, 1_000, place=one.id, user=7)
    charged(world, 2_000, place=two.id, user=8)
    keeper = Principal("users/5", "Keeper", Role.SITE_ADMINISTRATOR, user_id=5, site_ids=frozenset({one.id}))
    driver = Principal("users/8", "Driver", Role.EV_USER, user_id=8)
    for caller, total in ((SUPPORT, 3_000), (keeper, 1_000), (driver, 2_000)):
        assert (await world.statistics.chart(caller, a_query())).total == total
        by_user = await world.statistics.chart(caller, a_query(split=Split.USER, bucket=Bucket.TOTAL))
        assert sum(each.total for each in by_user.series) == total
        dashboard = await world.statistics.dashboard(caller, None, None, 1, "")
        assert sum(day.energy_wh for day in dashboard.days) == total
    with pytest.raises(PermissionDenied):
        await world.statistics.storage(keeper)
    with pytest.raises(PermissionDenied):
        await world.statistics.change_settings(keeper, Co2Settings(), ["grid_g_per_kwh"], version=None)


async def test_the_others_are_one_series() -> None:
    world = ServiceWorld()
    for user in range(1, 6):
        charged(world, user * 100, user=user)
    chart = await world.statistics.chart(SUPPORT, a_query(split=Split.USER, top=2))
    assert [each.key for each in chart.series] == [5, 4]
    assert chart.others is not None
    assert (chart.others.total, sum(chart.others.values), chart.total, chart.series_count) == (600, 600, 1_500, 5)
    means = await world.statistics.chart(SUPPORT, a_query(ChartKind.SESSION_ENERGY, split=Split.USER, top=2))
    assert (means.others, means.total) == (None, 300)


async def test_an_outage_and_too_fine_a_question_are_told() -> None:
    world = ServiceWorld()
    fine = a_query(start=NOW - timedelta(days=10), bucket=Bucket.QUARTER_HOUR, split=Split.TAG)
    with pytest.raises(InvalidArgument) as caught:
        await world.statistics.chart(SUPPORT, fine)
    assert caught.value.reason == "TOO_MANY_BUCKETS"
    world.tables.away = True
    with pytest.raises(Unavailable):
        await world.statistics.chart(SUPPORT, a_query())


@pytest.mark.parametrize("kind", [ChartKind.OCCUPANCY, ChartKind.SESSION_ENERGY, ChartKind.AVAILABILITY])
def test_a_share_of_nothing_is_nothing_to_tell(kind: ChartKind) -> None:
    assert math.isnan(value_of(kind, Cell(0, None, Amounts()), outlets=0, length=900.0, factor=1.0))


# ---- the dashboard that is watched


@asynccontextmanager
async def watched(world: ServiceWorld, feed: LocalFeed | None = None) -> AsyncIterator[AsyncIterator[Dashboard]]:
    statistics = world.statistics
    if feed is not None:
        tree = lambda: world.places.tree  # noqa: E731  as it is wired
        statistics = Statistics(world.statistics_store, world.scopes, tree, feed, keep_days={}, now=lambda: NOW)
    async with aclosing(statistics.watch_dashboard(ADMIN, None, None, 7, "UTC")) as answers:
        yield answers


@pytest.mark.feature("F-DASH-1")
@pytest.mark.parametrize("subject", Subject)
async def test_whatever_figures_are_made_of_wakes_the_dashboard(
    autojump_clock: trio.testing.MockClock, subject: Subject
) -> None:
    world = ServiceWorld()
    async with watched(world) as answers, trio.open_nursery() as nursery:
        await anext(answers)

        async def change() -> None:
            await trio.sleep(DASHBOARD_PAUSE + 1)
            world.statistics_store.alarms = 1
            world.feed.publish(subject, 7, alarm_id=5 if subject is Subject.ALARM else 0)

        nursery.start_soon(change)
        begin = trio.current_time()
        answer = await anext(answers)
        assert trio.current_time() - begin < DASHBOARD_PAUSE + 1.1
        assert answer.present.active_alarms == 1


@pytest.mark.feature("F-DASH-1")
@pytest.mark.parametrize("when", ["while it is read", "in the pause"])
async def test_a_change_that_the_figures_do_not_have_yet_is_not_slept_over(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    world = ServiceWorld()
    store, read = world.statistics_store, world.statistics_store.present

    async def present(*selections: object) -> Present:
        found = await read(*selections)  # type: ignore[arg-type]
        if not store.alarms:
            nursery.start_soon(change)
            await trio.sleep(0.1)
        return found

    async def change() -> None:
        await trio.sleep(0 if when == "while it is read" else 1)
        store.alarms = 1
        world.feed.publish(Subject.ALARM, 7, alarm_id=5)

    monkeypatch.setattr(store, "present", present)
    async with trio.open_nursery() as nursery, watched(world) as answers:
        first = await anext(answers)
        begin = trio.current_time()
        second = await anext(answers)
        assert (first.present.active_alarms, second.present.active_alarms) == (0, 1)
        assert trio.current_time() - begin < DASHBOARD_PAUSE + 0.1


async def test_a_dashboard_that_fell_behind_reads_again_and_goes_on(autojump_clock: trio.testing.MockClock) -> None:
    world = ServiceWorld()
    feed = LocalFeed(lambda: NOW, size=3)
    async with watched(world, feed) as answers:
        await anext(answers)
        begin = trio.current_time()
        async with trio.open_nursery() as nursery:

            async def storm() -> None:
                await trio.sleep(1)
                for number in range(10):
                    feed.publish(Subject.STATION, number)

            nursery.start_soon(storm)
            await anext(answers)
        assert trio.current_time() - begin < DASHBOARD_PAUSE + 0.1
        await anext(answers)
        assert trio.current_time() - begin == pytest.approx(2 * DASHBOARD_PAUSE + DASHBOARD_TICK, abs=0.1)
