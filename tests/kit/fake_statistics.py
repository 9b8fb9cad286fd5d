"""StatisticsStore in memory: every question is answered by looking at every slice of every session."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from csms.domain.errors import StaleVersion
from csms.domain.facts import ConnectorStatus, RegistrationStatus
from csms.domain.statistics import (
    Bucket,
    Cell,
    Co2Settings,
    Present,
    Split,
    StationCounts,
    StorageUsage,
    StoredData,
)
from csms.domain.time_axis import Axis
from csms.domain.usage import QUARTER, Amounts, Charge, Slice, Usage, slices_of
from csms.ports.statistics import Order, Selection
from tests.kit.fake_tables import FakeTables

Key = int | str
NOTHING = Amounts()


class FakeStatistics:
    """`usages`: the sessions; `alarms`: how many are active; `reserved`: (station, place, from when)."""

    def __init__(self, tables: FakeTables) -> None:
        self._tables = tables
        self._co2 = Co2Settings()
        self.usages: list[Usage] = []
        self.reserved: list[tuple[int, int, datetime]] = []
        self.alarms = 0

    async def cells(
        self, selection: Selection, axis: Axis, split: Split, *, by_time: bool, keys: Iterable[Key] | None = None
    ) -> Sequence[Cell]:
        self._tables.check()
        wanted = None if keys is None or split is Split.NONE else set(keys)
        of_sites = selection.site_ids is not None and split in (Split.NONE, Split.SITE, Split.HOUR_OF_WEEK)
        sums: dict[tuple[Key, object], tuple[Amounts, int]] = {}
        for usage in self.usages:
            if not _selected(selection, usage.charge):
                continue
            for each in slices_of(usage):
                at = _interval(axis, each)
                key = _key(split, usage.charge, each)
                if at is False or (wanted is not None and key not in wanted):
                    continue
                place = (key, at if by_time and split is not Split.HOUR_OF_WEEK else None)
                amounts, peak = sums.get(place, (NOTHING, 0))
                added = Amounts(*(a + b for a, b in zip(amounts, each.amounts, strict=True)))
                sums[place] = added, max(peak, 0 if of_sites else each.peak_w)
        return [Cell(key, at, amounts, peak) for (key, at), (amounts, peak) in sums.items()]  # type: ignore[arg-type]

    async def greatest(
        self, selection: Selection, axis: Axis, split: Split, order: Order, count: int
    ) -> tuple[Sequence[Key], int]:
        found = await self.cells(selection, axis, split, by_time=False)
        cells = [cell for cell in found if cell.amounts.energy_mwh or cell.amounts.occupied_s or cell.amounts.sessions]

        def rank(cell: Cell) -> tuple[bool, float, str]:
            value = float(getattr(cell.amounts, order.amount)) if order.amount else cell.peak_w
            nothing = order.each_session and not cell.amounts.sessions
            if order.each_session and not nothing:
                value /= cell.amounts.sessions
            return nothing, -value if order.descending else value, str(cell.key)

        return [cell.key for cell in sorted(cells, key=rank)[:count]], len(cells)

    async def combined_power(self, selection: Selection, axis: Axis, split: Split) -> Sequence[Cell]:
        self._tables.check()
        power: dict[tuple[int, int], int] = defaultdict(int)
        start, end = axis.starts[0].timestamp(), axis.end.timestamp()
        for usage in self.usages:
            for each in slices_of(usage):
                if _selected(selection, usage.charge) and start <= each.quarter * QUARTER < end:
                    key = usage.charge.site_id if split is Split.SITE else 0
                    power[key, each.quarter] += each.amounts.energy_mwh
        highest: dict[tuple[int, object], float] = {}
        for (key, quarter), energy in power.items():
            place = (key, _moment(axis, quarter))
            highest[place] = max(highest.get(place, 0.0), energy * (3600 // QUARTER) / 1000)
        return [Cell(key, at, NOTHING, peak) for (key, at), peak in highest.items()]  # type: ignore[arg-type]

    async def site_peaks(self, selection: Selection, axis: Axis, split: Split) -> Sequence[Cell]:
        found = await self.cells(replace(selection, site_ids=None), axis, split, by_time=True)
        return [Cell(each.key, each.at, NOTHING, each.peak_w) for each in found]

    async def outlets(self, selection: Selection, split: Split) -> Mapping[int, int]:
        found: Counter[int] = Counter()
        for station_id, _ in {(c.station_id, c.evse_id) for c in self._tables.connectors.values() if c.evse_id}:
            if self._holds(selection, station_id):
                found[station_id if split is Split.STATION else 0] += 1
        return found

    async def reservations(self, selection: Selection, axis: Axis, split: Split) -> Sequence[Cell]:
        self._tables.check()
        found: Counter[tuple[int, object]] = Counter()
        for station_id, place_id, at in self.reserved:
            if axis.starts[0] <= at < axis.end and _holds(selection, station_id, place_id):
                key = station_id if split is Split.STATION else 0
                found[key, _moment(axis, int(at.timestamp()) // QUARTER)] += 1
        return [Cell(key, at, Amounts(sessions=count)) for (key, at), count in found.items()]  # type: ignore[arg-type]

    async def availability(self, selection: Selection, axis: Axis, split: Split, now: datetime) -> Sequence[Cell]:
        self._tables.check()
        return []

    async def names(self, split: Split, keys: Iterable[Key]) -> Mapping[Key, str]:
        if split is not Split.STATION:
            return {}
        return {key: self._tables.stations[int(key)].identity for key in keys if int(key) in self._tables.stations}

    async def present(self, stations: Selection, sessions: Selection, alarms: Selection | None) -> Present:
        self._tables.check()
        seen = [s for s in self._tables.stations.values() if self._holds(stations, s.id)]
        accepted = {s.id: s for s in seen if s.registration is RegistrationStatus.ACCEPTED}
        online = sum(s.online for s in accepted.values())
        never = sum(not s.online and s.connected_at is None for s in accepted.values())
        connectors = [c for c in self._tables.connectors.values() if c.station_id in accepted]
        counts = Counter(c.status for c in connectors if c.evse_id)
        running = [
            t
            for t in self._tables.open_sessions()
            if _holds(
                sessions,
                t.station_id,
                self._tables.session_places.get(t.id, 1),
                self._tables.session_users.get(t.id) or 0,
            )
        ]
        return Present(
            StationCounts(
                online,
                len(accepted) - online - never,
                never,
                sum(s.registration is RegistrationStatus.PENDING for s in seen),
                len({c.station_id for c in connectors if c.status is ConnectorStatus.FAULTED}),
            ),
            tuple((status, counts[status]) for status in ConnectorStatus if counts[status]),
            len(running),
            sum(t.power_w for t in running),
            None if alarms is None else self.alarms,
        )

    async def co2(self) -> Co2Settings:
        self._tables.check()
        return self._co2

    async def change_co2(self, settings: Co2Settings, *, version: int | None) -> Co2Settings:
        if version is not None and version != self._co2.version:
            raise StaleVersion("Somebody else has changed these settings meanwhile. Reload them and try again.")
        numbers = (settings.grid_g_per_kwh, settings.fossil_g_per_km, settings.vehicle_wh_per_km)
        self._co2 = Co2Settings(*numbers, self._co2.version + 1)
        return self._co2

    async def storage(self) -> StorageUsage:
        self._tables.check()
        return StorageUsage((StoredData("meter_values", 1000, 10, 1, date(2026, 1, 1)),), 2000, 0)

    def _holds(self, selection: Selection, station_id: int) -> bool:
        station = self._tables.stations.get(station_id)
        return station is not None and _holds(selection, station_id, station.place_id)


def _selected(selection: Selection, charge: Charge) -> bool:
    return _holds(selection, charge.station_id, charge.place_id, charge.user_id)


def _holds(selection: Selection, station_id: int, place_id: int, user_id: int = 0) -> bool:
    return (
        (selection.scope is None or selection.scope.holds(station_id, place_id, user_id or None))
        and (not selection.place_ids or place_id in selection.place_ids)
        and (not selection.station_ids or station_id in selection.station_ids)
    )


def _key(split: Split, charge: Charge, each: Slice) -> Key:
    if split is Split.HOUR_OF_WEEK:
        return each.day.weekday() * 24 + each.hour
    keys: dict[Split, Key] = {
        Split.SITE: charge.site_id,
        Split.STATION: charge.station_id,
        Split.USER: charge.user_id,
        Split.TAG: charge.id_token,
    }
    return keys.get(split, 0)


def _interval(axis: Axis, each: Slice) -> object:
    """False: not on the axis."""
    if axis.fine:
        inside = axis.starts[0].timestamp() <= each.quarter * QUARTER < axis.end.timestamp()
        return _moment(axis, each.quarter) if inside else False
    if not axis.days[0] <= each.day < axis.end_day:
        return False
    return _calendar(axis, each.day)


def _moment(axis: Axis, quarter: int) -> object:
    at = datetime.fromtimestamp(quarter * QUARTER, UTC)
    if axis.fine:
        width = timedelta(seconds=QUARTER if axis.bucket is Bucket.QUARTER_HOUR else 3600)
        return axis.starts[0] + (at - axis.starts[0]) // width * width
    return _calendar(axis, at.astimezone(ZoneInfo(axis.zone)).date())


def _calendar(axis: Axis, day: date) -> object:
    if axis.bucket is Bucket.TOTAL:
        return None
    return max(start for start in axis.days if start <= day)
