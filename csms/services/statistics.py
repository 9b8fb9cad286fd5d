"""Charts, the figures of the dashboard, what CO₂ is reckoned with. Everybody gets numbers over what they may see."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from operator import sub
from typing import Final

import msgspec
import trio

from csms.domain.access import Action, Principal, Reach, Scope, check, reach
from csms.domain.errors import InvalidArgument, NotFound
from csms.domain.statistics import (
    Bucket,
    Cell,
    Chart,
    ChartKind,
    ChartQuery,
    Co2Settings,
    Dashboard,
    DayFigures,
    Series,
    Split,
    StorageUsage,
    check_settings,
    check_split,
)
from csms.domain.time_axis import Axis, axis_of, previous_span
from csms.domain.topology import SYSTEM_ID, PlaceKind, Tree
from csms.domain.usage import Amounts
from csms.ports.feed import Feed, WatcherTooSlow
from csms.ports.statistics import Order, Selection, StatisticsStore
from csms.services.audit import note_change
from csms.services.chart_values import SUMMED, order_of, value_of
from csms.services.scopes import Scopes
from csms.services.zones import known_zones

MAX_STATIONS: Final = 1_000
MAX_TOP: Final = 100
MAX_FINE_SPLIT: Final = 800
"""Intervals shorter than a day that are split by station, user or tag."""
MAX_DAYS: Final = 92
ASKED_WHOLE: Final = frozenset({ChartKind.COMBINED_POWER, ChartKind.RESERVATIONS, ChartKind.AVAILABILITY})
"""Series of these are not asked for one by one."""
EVERYTHING: Final = frozenset({0})
DASHBOARD_PAUSE: Final = 2.0
DASHBOARD_TICK: Final = 60.0

Key = int | str


class Statistics:
    """Use cases of people. All raise PermissionDenied, and Unavailable while the database is away."""

    def __init__(
        self,
        store: StatisticsStore,
        scopes: Scopes,
        tree: Callable[[], Tree],
        feed: Feed,
        *,
        keep_days: Mapping[str, int],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._scopes = scopes
        self._tree = tree
        self._feed = feed
        self._keep_days = dict(keep_days)
        self._now = now
        self._zones = known_zones()

    # -- charts ----------------------------------------------------------------------------------------------------

    async def chart(self, caller: Principal, query: ChartQuery) -> Chart:
        """Raises InvalidArgument, NotFound for a place or group out of sight."""
        check_split(query.kind, query.split)
        if not 0 <= query.top <= MAX_TOP:
            raise InvalidArgument(f"Tell 1 to {MAX_TOP} series apart.", reason="INVALID_TOP")
        if len(query.station_ids) > MAX_STATIONS:
            raise InvalidArgument(f"Name at most {MAX_STATIONS} stations.", reason="INVALID_STATIONS")
        zone = self._zone(query.zone, query.place_id)
        selection = await self._selection(
            caller, Action.READ_SESSIONS, query.place_id, query.group_id, query.station_ids
        )
        bucket = Bucket.TOTAL if query.split is Split.HOUR_OF_WEEK else query.bucket
        axis = axis_of(query.start, query.end, bucket, zone)
        if axis.fine and query.split not in (Split.NONE, Split.SITE) and len(axis.starts) > MAX_FINE_SPLIT:
            raise InvalidArgument(
                f"Split like this, at most {MAX_FINE_SPLIT} intervals shorter than a day can be told apart."
                " Choose days, or a shorter span.",
                reason="TOO_MANY_BUCKETS",
            )
        drawing = _Drawing(self._store, selection, query, await self._store.co2(), self._now())
        chart = await drawing.chart(axis)
        if query.compare:
            start, end = previous_span(axis)
            before = axis_of(start, end, axis.bucket, zone)
            keys: list[Key] = [0] if query.split is Split.NONE else [each.key for each in chart.series]
            series, total = await drawing.previous(before, keys)
            chart = msgspec.structs.replace(chart, previous=series, previous_total=total)
        return chart

    # -- the dashboard ---------------------------------------------------------------------------------------------

    async def dashboard(
        self, caller: Principal, place_id: int | None, group_id: int | None, days: int, zone: str
    ) -> Dashboard:
        """Raises InvalidArgument, NotFound for a place or group out of sight."""
        if not 1 <= days <= MAX_DAYS:
            raise InvalidArgument(f"Ask for 1 to {MAX_DAYS} days.", reason="INVALID_DAYS")
        zone = self._zone(zone, place_id)
        sessions = await self._selection(caller, Action.READ_SESSIONS, place_id, group_id)
        stations = await self._selection(caller, Action.READ_STATIONS, place_id, group_id)
        alarms = None
        if reach(caller, Action.READ_ALARMS) is not Reach.NONE:
            alarms = await self._selection(caller, Action.READ_ALARMS, place_id, group_id)
        now = self._now()
        midnight = axis_of(now, now + timedelta(seconds=1), Bucket.DAY, zone)
        first = axis_of(
            midnight.starts[0] - timedelta(days=days - 1) + timedelta(hours=2),
            now + timedelta(seconds=1),
            Bucket.DAY,
            zone,
        )
        today = axis_of(midnight.starts[0], now + timedelta(seconds=1), Bucket.QUARTER_HOUR, zone)
        cells = _by_time(await self._store.cells(sessions, first, Split.NONE, by_time=True))
        reserved = _by_time(await self._store.reservations(sessions, first, Split.NONE))
        power = _by_time(await self._store.combined_power(sessions, today, Split.NONE))
        figures = [
            _day_figures(start, cells.get(day), reserved.get(day))
            for start, day in zip(first.starts, first.days, strict=True)
        ]
        begun = sum(each.sessions for each in figures)
        return Dashboard(
            await self._store.present(stations, sessions, alarms),
            tuple(figures),
            tuple((start, power[start].peak_w if start in power else 0.0) for start in today.starts),
            sum(each.with_energy for each in figures) / begun if begun else math.nan,
            zone,
            now,
        )

    async def watch_dashboard(
        self, caller: Principal, place_id: int | None, group_id: int | None, days: int, zone: str
    ) -> AsyncGenerator[Dashboard, None]:
        """The figures at once, and again when something changed, at most every two seconds. Raises as `dashboard`.

        Each watch begins before the figures are read, so what changes while they are, or in the pause, is in the first
        batch. All that figures are made of is on the feed (docs/statistics.md); the clock is what the tick is for.
        """
        while True:
            async with self._feed.watch() as watch:
                yield await self.dashboard(caller, place_id, group_id, days, zone)
                await trio.sleep(DASHBOARD_PAUSE)
                with suppress(WatcherTooSlow):  # so much changed that it is no longer kept
                    await watch.next_batch(tick=DASHBOARD_TICK)

    # -- settings and sizes ----------------------------------------------------------------------------------------

    async def settings(self, caller: Principal) -> Co2Settings:
        """For everybody who sees charts."""
        await self._scopes.of(caller, Action.READ_SESSIONS)
        return await self._store.co2()

    async def change_settings(
        self, caller: Principal, changes: Co2Settings, fields: Sequence[str], *, version: int | None
    ) -> Co2Settings:
        """The fields named. Raises InvalidArgument, StaleVersion."""
        check(caller, Action.EDIT_SYSTEM)
        old = await self._store.co2()
        new = msgspec.structs.replace(old, **{name: getattr(changes, name) for name in fields})
        check_settings(new)
        made = await self._store.change_co2(new, version=old.version if version is None else version)
        note_change("statisticsSettings", old, made)
        return made

    async def storage(self, caller: Principal) -> StorageUsage:
        """Sizes, and how long what is kept."""
        check(caller, Action.READ_SYSTEM)
        found = await self._store.storage()
        data = tuple(msgspec.structs.replace(each, keep_days=self._keep_days.get(each.name, 0)) for each in found.data)
        return msgspec.structs.replace(found, data=data)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _zone(self, zone: str, place_id: int | None) -> str:
        if zone and zone not in self._zones:
            raise InvalidArgument(
                f"There is no time zone {zone[:60]!r}. Time zones look like Europe/Stockholm.",
                reason="INVALID_TIME_ZONE",
            )
        if zone:
            return zone
        try:
            return self._tree().time_zone_of(place_id or SYSTEM_ID)
        except NotFound:
            return "UTC"  # whether the place is in sight is found out later

    async def _selection(
        self,
        caller: Principal,
        action: Action,
        place_id: int | None,
        group_id: int | None,
        station_ids: frozenset[int] = frozenset(),
    ) -> Selection:
        scope, places = await self._scopes.narrowed(caller, action, place_id, group_id)
        sites = None if station_ids else whole_sites(self._tree(), scope, places)
        return Selection(scope, places, station_ids, sites)


def whole_sites(tree: Tree, scope: Scope | None, places: frozenset[int]) -> frozenset[int] | None:
    """The sites that a selection is exactly made of (0: everything); None: it is more or less than whole sites."""
    if scope is not None and (scope.station_ids or scope.user_id is not None or scope.only is not None):
        return None
    if scope is None and not places:
        return EVERYTHING
    selected = places if scope is None else scope.place_ids & places if places else scope.place_ids
    sites = [number for number in selected if number != SYSTEM_ID and tree.get(number).kind is PlaceKind.SITE]
    return frozenset(sites) if tree.within(sites) == selected else None


class _Drawing:
    """One query, drawn once or twice."""

    def __init__(
        self, store: StatisticsStore, selection: Selection, query: ChartQuery, co2: Co2Settings, now: datetime
    ) -> None:
        self._store = store
        self._query = query
        self._factor = co2.saved_kg_per_kwh
        self._now = now
        self._selection = selection
        self._order = order_of(query.kind, query.split, self._factor)

    async def chart(self, axis: Axis) -> Chart:
        """The greatest series, and the others as one."""
        split = self._query.split
        if split is Split.HOUR_OF_WEEK:
            return await self._of_the_week(axis)
        if self._order is not None:
            return await self._ranked(axis, self._order)
        told, totals = await self._whole_and_parts(axis, split)
        if split is Split.NONE and not totals:
            totals = {0: Cell(0, None, Amounts())}
        outlets = await self._outlets(split)
        length = (axis.end - axis.starts[0]).total_seconds()
        values = {key: self._value(cell, outlets.get(key, 0), length) for key, cell in totals.items()}
        ranked = sorted(values, key=lambda key: (-_rank(values[key]), str(key)))
        top = ranked if split is Split.NONE else ranked[: self._query.top or 10]
        if told is None:
            told = await self._cells(axis, split, by_time=True, keys=top)
        cells = [cell for cell in told if split is Split.NONE or cell.key in top]
        names = await self._store.names(split, [key for key in top if key])
        series = tuple(self._series(axis, key, names, values[key], cells, outlets) for key in top)
        return Chart(
            self._query,
            axis.bucket,
            axis.zone,
            axis.starts,
            axis.end,
            series,
            await self._others(axis, cells, ranked[len(top) :], values) if len(ranked) > len(top) else None,
            len(ranked),
            await self._total(axis, values),
        )

    async def _ranked(self, axis: Axis, order: Order) -> Chart:
        """A chart of which the database tells the greatest series: there may be thousands of others."""
        split, query = self._query.split, self._query
        keys, count = await self._store.greatest(self._selection, axis, split, order, query.top or 10)
        outlets = await self._outlets(split)
        length = (axis.end - axis.starts[0]).total_seconds()
        told = await self._cells(axis, split, by_time=True, keys=keys) if keys else []
        names = await self._store.names(split, [key for key in keys if key])
        values = {cell.key: self._value(cell, outlets.get(cell.key, 0), length) for cell in _joined(told)}
        series = tuple(self._series(axis, key, names, values[key], told, outlets) for key in keys)
        everything = await self._cells(axis, Split.NONE, by_time=True)
        others = self._left(axis, everything, told) if count > len(keys) and query.kind in SUMMED else None
        total = await self._over_all(_joined(everything), length)
        return Chart(query, axis.bucket, axis.zone, axis.starts, axis.end, series, others, count, total)

    def _left(self, axis: Axis, everything: Sequence[Cell], told: Sequence[Cell]) -> Series:
        """What is left when the series that are told apart are taken out."""
        left = {cell.at: list(cell.amounts) for cell in everything}
        for cell in told:
            if cell.at in left:
                left[cell.at] = list(map(sub, left[cell.at], cell.amounts))
        cells = {at: Cell(0, at, Amounts(*amounts)) for at, amounts in left.items()}
        nothing = Cell(0, None, Amounts())
        values = tuple(self._value(cells.get(at, nothing), 0, 0.0) for at in _places(axis))
        return Series("", "", values, sum(self._value(cell, 0, 0.0) for cell in _joined([*cells.values()])))

    async def previous(self, axis: Axis, keys: Sequence[Key]) -> tuple[tuple[Series, ...], float]:
        """The same series, and the total, of another span."""
        split = self._query.split
        if split is Split.HOUR_OF_WEEK:
            chart = await self._of_the_week(axis)
            return chart.series, chart.total
        told, totals = await self._whole_and_parts(axis, split, keys)
        outlets = await self._outlets(split)
        length = (axis.end - axis.starts[0]).total_seconds()
        nothing = Cell(0, None, Amounts())
        values = {key: self._value(totals.get(key, nothing), outlets.get(key, 0), length) for key in {*totals, *keys}}
        cells = told if told is not None else await self._cells(axis, split, by_time=True, keys=keys)
        series = tuple(self._series(axis, key, {}, values[key], cells, outlets) for key in keys)
        return series, await self._total(axis, values)

    async def _whole_and_parts(
        self, axis: Axis, split: Split, keys: Sequence[Key] | None = None
    ) -> tuple[Sequence[Cell] | None, Mapping[Key, Cell]]:
        """All cells, where they are few or there is no other way to ask, and what series are over the whole span: all
        of them, or where the database ranks them those of the keys."""
        if split is Split.NONE or self._query.kind in ASKED_WHOLE or self._of_site_peaks(axis, split):
            cells = await self._cells(axis, split, by_time=True)
            return cells, {cell.key: cell for cell in _joined(cells)}
        totals = await self._cells(axis, split, by_time=False, keys=None if self._order is None else keys)
        return None, {cell.key: cell for cell in totals}

    async def _cells(
        self, axis: Axis, split: Split, *, by_time: bool, keys: Sequence[Key] | None = None
    ) -> Sequence[Cell]:
        kind = self._query.kind
        if kind in ASKED_WHOLE:
            if kind is ChartKind.COMBINED_POWER:
                found = await self._store.combined_power(self._selection, axis, split)
            elif kind is ChartKind.RESERVATIONS:
                found = await self._store.reservations(self._selection, axis, split)
            else:
                found = await self._store.availability(self._selection, axis, split, self._now)
            return found if by_time else _joined(found)
        if self._of_site_peaks(axis, split):
            found = await self._store.site_peaks(self._selection, axis, split)
            return found if by_time else _joined(found)
        selection = self._selection
        if kind is ChartKind.PEAK_POWER:  # it is not in the other sums of sites
            selection = msgspec.structs.replace(selection, site_ids=None)
        return await self._store.cells(selection, axis, split, by_time=by_time, keys=keys)

    def _of_site_peaks(self, axis: Axis, split: Split) -> bool:
        of_sites = self._selection.site_ids is not None and split in (Split.NONE, Split.SITE) and not axis.fine
        return of_sites and self._query.kind is ChartKind.PEAK_POWER

    async def _outlets(self, split: Split) -> Mapping[Key, int]:
        """How many outlets the time of which is shared; none are asked for where it is not."""
        if self._query.kind not in (ChartKind.OCCUPANCY, ChartKind.CHARGING):
            return {}
        found = await self._store.outlets(self._selection, split)
        if split in (Split.USER, Split.TAG):
            return _Always(sum(found.values()))
        return dict(found.items())

    async def _total(self, axis: Axis, values: Mapping[Key, float]) -> float:
        """Over all series: what cannot be made of their totals is asked for."""
        kind = self._query.kind
        if self._query.split is Split.NONE:
            return next(iter(values.values()), 0.0)
        if kind in SUMMED and self._order is None:
            return math.fsum(values.values())
        found = await self._cells(axis, Split.NONE, by_time=False)
        return await self._over_all(found, (axis.end - axis.starts[0]).total_seconds())

    async def _over_all(self, cells: Sequence[Cell], length: float) -> float:
        outlets = await self._outlets(Split.NONE)
        cell = cells[0] if cells else Cell(0, None, Amounts())
        return self._value(cell, outlets.get(0, 0), length)

    async def _others(
        self, axis: Axis, told: Sequence[Cell], rest: Sequence[Key], values: Mapping[Key, float]
    ) -> Series | None:
        """What is left when the series that are told apart are taken out."""
        if self._query.kind not in SUMMED:
            return None
        everything = _by_time(await self._cells(axis, Split.NONE, by_time=True))
        apart: dict[date | datetime | None, float] = {}
        for cell in told:
            apart[cell.at] = apart.get(cell.at, 0.0) + self._value(cell, 0, 0.0)
        left = tuple(
            max(0.0, self._value(everything[at], 0, 0.0) - apart.get(at, 0.0)) if at in everything else 0.0
            for at in _places(axis)
        )
        return Series("", "", left, math.fsum(values[key] for key in rest))

    async def _of_the_week(self, axis: Axis) -> Chart:
        """168 values."""
        found = {
            cell.key: cell for cell in await self._store.cells(self._selection, axis, Split.HOUR_OF_WEEK, by_time=False)
        }
        outlets = (await self._outlets(Split.NONE)).get(0, 0)
        length = (axis.end - axis.starts[0]).total_seconds()
        nothing = Cell(0, None, Amounts())
        values = tuple(self._value(found.get(hour, nothing), outlets, length / 168) for hour in range(168))
        whole = await self._store.cells(self._selection, axis, Split.NONE, by_time=False)
        total = self._value(whole[0] if whole else nothing, outlets, length)
        series = Series("", "", values, total)
        return Chart(self._query, axis.bucket, axis.zone, axis.starts, axis.end, (series,), None, 1, total)

    def _series(
        self,
        axis: Axis,
        key: Key,
        names: Mapping[Key, str],
        total: float,
        cells: Sequence[Cell],
        outlets: Mapping[Key, int],
    ) -> Series:
        mine = {cell.at: cell for cell in cells if cell.key == key}
        nothing = Cell(key, None, Amounts())
        values = tuple(
            self._value(mine.get(at, nothing), outlets.get(key, 0), length)
            for at, length in zip(_places(axis), axis.lengths(), strict=True)
        )
        return Series(key if self._query.split is not Split.NONE else "", names.get(key, ""), values, total)

    def _value(self, cell: Cell, outlets: int, length: float) -> float:
        return value_of(self._query.kind, cell, outlets=outlets, length=length, factor=self._factor)


class _Always(dict[Key, int]):
    """The same number for every key."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def get(self, key: Key, default: object = None) -> int:
        """The number."""
        return self._number


def _joined(cells: Sequence[Cell]) -> Sequence[Cell]:
    """One cell for each key."""
    found: dict[Key, Cell] = {}
    for cell in cells:
        old = found.get(cell.key)
        if old is None:
            found[cell.key] = Cell(cell.key, None, cell.amounts, cell.peak_w)
        else:
            amounts = Amounts(*(a + b for a, b in zip(old.amounts, cell.amounts, strict=True)))
            found[cell.key] = Cell(cell.key, None, amounts, max(old.peak_w, cell.peak_w))
    return list(found.values())


def _places(axis: Axis) -> Sequence[date | datetime | None]:
    """How cells name the intervals."""
    if axis.bucket is Bucket.TOTAL:
        return [None]
    return axis.starts if axis.fine else axis.days


def _by_time(cells: Sequence[Cell]) -> dict[date | datetime | None, Cell]:
    return {cell.at: cell for cell in cells}


def _rank(value: float) -> float:
    return -math.inf if math.isnan(value) else value


def _day_figures(start: datetime, cell: Cell | None, reserved: Cell | None) -> DayFigures:
    amounts = Amounts() if cell is None else cell.amounts
    return DayFigures(
        start,
        amounts.sessions,
        amounts.energy_mwh / 1000.0,
        amounts.with_energy,
        0 if reserved is None else reserved.amounts.sessions,
    )
