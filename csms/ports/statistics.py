"""Where statistics are reckoned, kept and asked. All raise Unavailable while the database is away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

import msgspec

from csms.domain.access import Scope
from csms.domain.statistics import Cell, Co2Settings, Present, Split, StorageUsage
from csms.domain.time_axis import Axis


class Whereabouts(NamedTuple):
    """The site that a place is at (1: none), and its zone."""

    site_id: int
    zone: str


class Selection(msgspec.Struct, frozen=True):
    """Whose figures: all conditions must hold; empty ones always do.

    `site_ids`: the selection is exactly these whole sites (0: everything), so that the sums of sites will do; None: it
    is not.
    """

    scope: Scope | None = None
    place_ids: frozenset[int] = frozenset()
    station_ids: frozenset[int] = frozenset()
    site_ids: frozenset[int] | None = None


class Order(NamedTuple):
    """The greatest first: by one of the amounts (by the highest power, if empty), of each session or as it is; or the
    least first. Those with nothing to tell are last; of the same, by the spelling of the key."""

    amount: str = ""
    each_session: bool = False
    descending: bool = True


class UsageStore(Protocol):
    """The reckoning: from sessions to sums."""

    async def reckon(
        self, places: Mapping[int, Whereabouts], now: datetime, *, kept_since: datetime | None = None, limit: int = 200
    ) -> int | None:
        """Reckon some of the sessions that changed; how many changes were taken in. None: another process is at it.
        `kept_since`: older meter values were dropped, so older sessions keep the shape that they have."""


class StatisticsStore(Protocol):
    """The sums, asked."""

    async def cells(
        self, selection: Selection, axis: Axis, split: Split, *, by_time: bool, keys: Iterable[int | str] | None = None
    ) -> Sequence[Cell]:
        """Sums by series and interval (by_time), or by series alone; of some series only, where `keys` are given.
        The key is 0 where it is not split; for HOUR_OF_WEEK it is 24 × weekday (Monday 0) + hour."""

    async def greatest(
        self, selection: Selection, axis: Axis, split: Split, order: Order, count: int
    ) -> tuple[Sequence[int | str], int]:
        """The first keys in an order, over the whole span, and how many there are in all. By station, user or tag."""

    async def combined_power(self, selection: Selection, axis: Axis, split: Split) -> Sequence[Cell]:
        """`peak_w` is the highest mean of a quarter of an hour of all outlets together, by (site and) interval."""

    async def site_peaks(self, selection: Selection, axis: Axis, split: Split) -> Sequence[Cell]:
        """`peak_w` is the highest power of one outlet, by (site and) interval of days; of whole sites."""

    async def outlets(self, selection: Selection, split: Split) -> Mapping[int, int]:
        """How many outlets there are now: by site or station where it is split by these, else all at 0."""

    async def reservations(self, selection: Selection, axis: Axis, split: Split) -> Sequence[Cell]:
        """`amounts.sessions` is how many reservations hold from then."""

    async def availability(self, selection: Selection, axis: Axis, split: Split, now: datetime) -> Sequence[Cell]:
        """`amounts.occupied_s` of `amounts.begun_s` seconds that were recorded stations were connected."""

    async def names(self, split: Split, keys: Iterable[int | str]) -> Mapping[int | str, str]:
        """What people call them; those without a name are left out."""

    async def present(self, stations: Selection, sessions: Selection, alarms: Selection | None) -> Present:
        """How things stand now, for those stations, those sessions and the alarms of those stations and places."""

    async def co2(self) -> Co2Settings:
        """As they were last changed."""

    async def change_co2(self, settings: Co2Settings, *, version: int | None) -> Co2Settings:
        """Raises StaleVersion."""

    async def storage(self) -> StorageUsage:
        """Sizes; `keep_days` is left to others."""
