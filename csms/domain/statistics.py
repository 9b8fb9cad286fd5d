"""What people ask of statistics: charts, the figures of the dashboard, and what CO₂ is reckoned with."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Final

import msgspec

from csms.domain.errors import InvalidArgument
from csms.domain.facts import ConnectorStatus
from csms.domain.usage import Amounts


class ChartKind(StrEnum):
    """What a chart shows."""

    ENERGY = "ENERGY"
    SESSIONS = "SESSIONS"
    OCCUPANCY = "OCCUPANCY"
    CHARGING = "CHARGING"
    PEAK_POWER = "PEAK_POWER"
    COMBINED_POWER = "COMBINED_POWER"
    CO2_SAVED = "CO2_SAVED"
    SESSION_ENERGY = "SESSION_ENERGY"
    SESSION_DURATION = "SESSION_DURATION"
    PLUG_IN_SUCCESS = "PLUG_IN_SUCCESS"
    RESERVATIONS = "RESERVATIONS"
    AVAILABILITY = "AVAILABILITY"


class Bucket(StrEnum):
    """Width of the intervals on the time axis."""

    QUARTER_HOUR = "QUARTER_HOUR"
    HOUR = "HOUR"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    YEAR = "YEAR"
    TOTAL = "TOTAL"


FINE: Final = frozenset({Bucket.QUARTER_HOUR, Bucket.HOUR})
"""Shorter than a day: moments, and not days of a calendar."""


class Split(StrEnum):
    """What a chart is split by."""

    NONE = "NONE"
    SITE = "SITE"
    STATION = "STATION"
    USER = "USER"
    TAG = "TAG"
    HOUR_OF_WEEK = "HOUR_OF_WEEK"


UNITS: Final = {
    ChartKind.ENERGY: "Wh",
    ChartKind.SESSIONS: "",
    ChartKind.OCCUPANCY: "share",
    ChartKind.CHARGING: "share",
    ChartKind.PEAK_POWER: "W",
    ChartKind.COMBINED_POWER: "W",
    ChartKind.CO2_SAVED: "kg",
    ChartKind.SESSION_ENERGY: "Wh",
    ChartKind.SESSION_DURATION: "s",
    ChartKind.PLUG_IN_SUCCESS: "share",
    ChartKind.RESERVATIONS: "",
    ChartKind.AVAILABILITY: "share",
}
_NOT_SPLIT: Final = {
    ChartKind.PEAK_POWER: frozenset({Split.HOUR_OF_WEEK}),
    ChartKind.COMBINED_POWER: frozenset(Split) - {Split.NONE, Split.SITE},
    ChartKind.RESERVATIONS: frozenset({Split.USER, Split.TAG, Split.HOUR_OF_WEEK}),
    ChartKind.AVAILABILITY: frozenset(Split) - {Split.NONE, Split.STATION},
}


class ChartQuery(msgspec.Struct, frozen=True):
    """What somebody wants to see. `bucket` None: as fits the span; `zone` empty: that of the place."""

    kind: ChartKind
    start: datetime
    end: datetime
    bucket: Bucket | None = None
    zone: str = ""
    place_id: int | None = None
    group_id: int | None = None
    station_ids: frozenset[int] = frozenset()
    split: Split = Split.NONE
    top: int = 10
    compare: bool = False


class Series(msgspec.Struct, frozen=True):
    """One line. `key`: an id of a place, a station or a user, or a tag; 0 or empty: nobody's. NaN: nothing to tell."""

    key: int | str
    name: str
    values: tuple[float, ...]
    total: float


class Chart(msgspec.Struct, frozen=True):
    """What comes of it. `starts`: when the intervals begin; for an hour of the week the span alone."""

    query: ChartQuery
    bucket: Bucket
    zone: str
    starts: tuple[datetime, ...]
    end: datetime
    series: tuple[Series, ...]
    others: Series | None
    series_count: int
    total: float
    previous: tuple[Series, ...] = ()
    previous_total: float = 0.0


class Cell(msgspec.Struct, frozen=True):
    """Sums for one series in one interval. `at`: the day, or the moment, when the interval begins; None: the span."""

    key: int | str
    at: date | datetime | None
    amounts: Amounts
    peak_w: float = 0.0


class Co2Settings(msgspec.Struct, frozen=True):
    """What CO₂ is reckoned with."""

    grid_g_per_kwh: float = 230.0
    fossil_g_per_km: float = 170.0
    vehicle_wh_per_km: float = 190.0
    version: int = 1

    @property
    def saved_kg_per_kwh(self) -> float:
        """What a kWh saves: the kilometres that it drives without fuel, less what making it costs."""
        return (1000.0 / self.vehicle_wh_per_km * self.fossil_g_per_km - self.grid_g_per_kwh) / 1000.0


class StationCounts(msgspec.Struct, frozen=True):
    """Stations by how they stand: accepted ones online, offline, never seen; those that wait; accepted with a fault."""

    online: int = 0
    offline: int = 0
    unknown: int = 0
    pending: int = 0
    faulted: int = 0


class DayFigures(msgspec.Struct, frozen=True):
    """A day of the dashboard."""

    start: datetime
    sessions: int
    energy_wh: float
    with_energy: int
    reservations: int


class Present(msgspec.Struct, frozen=True):
    """How things stand now."""

    stations: StationCounts
    connectors: tuple[tuple[ConnectorStatus, int], ...]
    active_sessions: int
    power_w: float
    active_alarms: int | None


class Dashboard(msgspec.Struct, frozen=True):
    """All figures. `power_today`: (beginning of a quarter of an hour, mean power in W) since midnight."""

    present: Present
    days: tuple[DayFigures, ...]
    power_today: tuple[tuple[datetime, float], ...]
    plug_in_success: float
    zone: str
    at: datetime


class StoredData(msgspec.Struct, frozen=True):
    """How much room a kind of data takes."""

    name: str
    size_bytes: int
    rows: int
    partitions: int = 0
    oldest: date | None = None
    keep_days: int = 0


class StorageUsage(msgspec.Struct, frozen=True):
    """The whole database; `waiting_sessions` are to be reckoned anew."""

    data: tuple[StoredData, ...]
    size_bytes: int
    waiting_sessions: int


def check_split(kind: ChartKind, split: Split) -> None:
    """Raises InvalidArgument/NOT_SPLIT_BY_THAT."""
    if split in _NOT_SPLIT.get(kind, ()):
        raise InvalidArgument(
            f"A chart of the kind {kind} cannot be split by {split}. Choose another split, or none.",
            reason="NOT_SPLIT_BY_THAT",
        )


def check_settings(settings: Co2Settings) -> None:
    """Raises InvalidArgument."""
    if not (0.0 <= settings.grid_g_per_kwh <= 10_000.0 and 0.0 <= settings.fossil_g_per_km <= 10_000.0):
        raise InvalidArgument("Grams of CO₂ are numbers from 0 to 10000.", reason="INVALID_SETTINGS")
    if not 1.0 <= settings.vehicle_wh_per_km <= 10_000.0:
        raise InvalidArgument("A vehicle needs 1 to 10000 Wh for a kilometre.", reason="INVALID_SETTINGS")
