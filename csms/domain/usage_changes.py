"""What changes in the sums of statistics when sessions do: the difference between what each had there and what it gets.

Of a session that only went on, what was before is the same, and is not looked at again: only the slices from the first
that differs are taken out and put in. Whole days of slices are added at once, so that a session of a month costs little
more than one of an hour.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from operator import add, sub
from typing import Final, NamedTuple, TypeVar

from csms.domain.usage import QUARTER, QUARTERS_A_DAY, Amounts, Charge, Usage, days_of, hours_of

WIDTH: Final = len(Amounts._fields)
PASSED: Final = 3
"""So many of the amounts are what passed in a slice: energy, seconds of charging, seconds there. The others are of
sessions that began in it."""


class Whose(NamedTuple):
    """Sums by day, or by month (named by its first day)."""

    station_id: int
    day: date
    place_id: int
    user_id: int
    id_token: str


_K = TypeVar("_K", bound=Hashable)
_Days = dict[Whose, list[int]]
_Peaks = dict[Whose, int]


class SiteSums(NamedTuple):
    """By (site, local day, hour) and by (site, quarter of an hour); site 0 is everything."""

    hours: dict[tuple[int, date, int], list[int]]
    quarters: dict[tuple[int, int], list[int]]


class Differences:
    """`days`, `months`: what is added. `*_peaks`: no less than that; `lowered_*`: a peak may have gone down there."""

    def __init__(self) -> None:
        self.days: _Days = {}
        self.months: _Days = {}
        self.day_peaks: _Peaks = {}
        self.month_peaks: _Peaks = {}
        self.site_peaks: dict[tuple[int, date], int] = {}
        self.lowered_days: set[Whose] = set()
        self.lowered_months: set[Whose] = set()
        self.lowered_sites: set[tuple[int, date]] = set()
        # By day in UTC: of (site, zone) three columns of 96, and of (site, zone, quarter) what began.
        self._passed: dict[int, dict[tuple[int, str], list[list[int]]]] = {}
        self._begun: dict[int, dict[tuple[int, str, int], list[int]]] = {}

    def change(self, old: Usage | None, new: Usage | None) -> None:
        """A session has other slices now; None: it was not there, or is not there any more."""
        for start, end in _changed(old, new):
            if old is not None:
                self._pass(old, start, end, -1)
            if new is not None:
                self._pass(new, start, end, 1)
        for usage, sign in ((old, -1), (new, 1)):
            if usage is not None:
                self._begin(usage, sign)
        self._compare(old, new)

    def utc_days(self) -> Iterable[int]:
        """The days (counted from 1970) of which `of_sites` tells."""
        return sorted({*self._passed, *self._begun})

    def of_sites(self, utc_day: int) -> SiteSums:
        """Sums of sites, of what was changed in a day of UTC. One hour of a zone may be in two of them."""
        sums = SiteSums({}, {})
        first = utc_day * QUARTERS_A_DAY
        for (site, zone), columns in self._passed.get(utc_day, {}).items():
            for index, amounts in enumerate(zip(*columns, strict=True)):
                if any(amounts):
                    for each in (site, 0):
                        add_amounts(sums.quarters, (each, first + index), amounts)
            for hour in hours_of(zone, utc_day):
                passed = [sum(column[hour.start : hour.end]) for column in columns]
                if any(passed):
                    for each in (site, 0):
                        add_amounts(sums.hours, (each, hour.day, hour.hour), passed)
        for (site, zone, index), begun in self._begun.get(utc_day, {}).items():
            hour = next(each for each in hours_of(zone, utc_day) if index < each.end)
            for each in (site, 0):
                add_amounts(sums.quarters, (each, first + index), begun)
                add_amounts(sums.hours, (each, hour.day, hour.hour), begun)
        return sums

    # -- inside ----------------------------------------------------------------------------------------------------

    def _pass(self, usage: Usage, start: int, end: int, sign: int) -> None:
        """Put what passed between two quarters in (1) or take it out (-1)."""
        start, end = max(start, usage.first_quarter), min(end, usage.end_quarter)
        if start >= end:
            return
        charge, first = usage.charge, usage.first_quarter
        for at, until, day in days_of(charge.zone, start, end):
            energy = sum(usage.slice_mwh[at - first : until - first])
            charging = sum(usage.slice_s[at - first : until - first])
            passed = (sign * energy, sign * charging, sign * usage.occupied_s(at - first, until - at))
            add_amounts(self.days, _whose(charge, day), passed)
            add_amounts(self.months, _whose(charge, day.replace(day=1)), passed)
        slices = _slices(usage, start, end)
        operation = add if sign > 0 else sub
        for utc_day in range(start // QUARTERS_A_DAY, -(-end // QUARTERS_A_DAY)):
            midnight = utc_day * QUARTERS_A_DAY
            at, until = max(start, midnight), min(end, midnight + QUARTERS_A_DAY)
            low, high = at - midnight, until - midnight
            for column, amounts in zip(self._columns(charge, utc_day), slices, strict=True):
                column[low:high] = map(operation, column[low:high], amounts[at - start : until - start])

    def _columns(self, charge: Charge, utc_day: int) -> list[list[int]]:
        of_day = self._passed.setdefault(utc_day, {})
        found = of_day.get((charge.site_id, charge.zone))
        if found is None:
            found = of_day[charge.site_id, charge.zone] = [[0] * QUARTERS_A_DAY for _ in range(PASSED)]
        return found

    def _begin(self, usage: Usage, sign: int) -> None:
        charge, quarter = usage.charge, usage.first_quarter
        begun = [sign * each for each in usage.begun()]
        ((_, _, day),) = days_of(charge.zone, quarter, quarter + 1)
        add_amounts(self.days, _whose(charge, day), begun)
        add_amounts(self.months, _whose(charge, day.replace(day=1)), begun)
        utc_day, index = divmod(quarter, QUARTERS_A_DAY)
        add_amounts(self._begun.setdefault(utc_day, {}), (charge.site_id, charge.zone, index), begun)

    def _compare(self, old: Usage | None, new: Usage | None) -> None:
        """Where did the session's peaks go up or down?"""
        before, after = _daily(old), _daily(new)
        _differ(before, after, self.day_peaks, self.lowered_days)
        _differ(_monthly(before), _monthly(after), self.month_peaks, self.lowered_months)
        _differ(_by_site(old, before), _by_site(new, after), self.site_peaks, self.lowered_sites)


def add_amounts(sums: dict[_K, list[int]], key: _K, amounts: Sequence[int]) -> None:
    """Add to the sums of a key; `amounts` may be the first few only."""
    found = sums.get(key)
    if found is None:
        sums[key] = [*amounts, *(0,) * (WIDTH - len(amounts))]
        return
    for index, each in enumerate(amounts):
        if each:
            found[index] += each


def _changed(old: Usage | None, new: Usage | None) -> Iterator[tuple[int, int]]:
    """Between which quarters a session's slices differ."""
    if old is None or new is None:
        only = old or new
        if only is not None:
            yield only.first_quarter, only.end_quarter
        return
    start, end = min(old.first_quarter, new.first_quarter), max(old.end_quarter, new.end_quarter)
    if _owner(old.charge) != _owner(new.charge):
        yield start, end
        return
    # A session that is longer than can be told apart has lost its first slices, and the new first one has what was in
    # them. Behind it, the same until it differs.
    both = max(old.first_quarter, new.first_quarter)
    if start < both:
        both += 1
        yield start, both
    at = _first_difference(old, new, both, min(old.end_quarter, new.end_quarter))
    if at < end:
        yield at, end


def _first_difference(old: Usage, new: Usage, start: int, end: int) -> int:
    """The first quarter, from `start` on, that differs; `end` if none does."""
    for one, other in zip(_slices(old, start, end), _slices(new, start, end), strict=True):
        alike = len(one)
        if one != other:
            alike = next(index for index, (a, b) in enumerate(zip(one, other, strict=True)) if a != b)
        end = min(end, start + alike)
    return max(start, end)


def _slices(usage: Usage, start: int, end: int) -> tuple[tuple[int, ...], ...]:
    """What passed between two quarters, slice by slice: energy, seconds of charging, seconds there."""
    first = usage.first_quarter
    low, high = start - first, end - first
    if high <= low:
        return ((),) * PASSED
    # The vehicle is there all the time but in the session's first and last slice.
    occupied: tuple[int, ...] = (usage.occupied_s(low),)
    if high - low > 1:
        occupied = (*occupied, *(QUARTER,) * (high - low - 2), usage.occupied_s(high - 1))
    return (usage.slice_mwh[low:high], usage.slice_s[low:high], occupied)


def _owner(charge: Charge) -> tuple[object, ...]:
    return (charge.station_id, charge.place_id, charge.site_id, charge.user_id, charge.id_token, charge.zone)


def _whose(charge: Charge, day: date) -> Whose:
    return Whose(charge.station_id, day, charge.place_id, charge.user_id, charge.id_token)


def _daily(usage: Usage | None) -> _Peaks:
    """A session's highest power, day by day."""
    found: _Peaks = {}
    if usage is not None:
        first = usage.first_quarter
        for start, end, day in days_of(usage.charge.zone, first, usage.end_quarter):
            _raise(found, _whose(usage.charge, day), max(usage.slice_w[start - first : end - first]))
    return found


def _monthly(daily: _Peaks) -> _Peaks:
    found: _Peaks = {}
    for whose, peak in daily.items():
        _raise(found, whose._replace(day=whose.day.replace(day=1)), peak)
    return found


def _by_site(usage: Usage | None, daily: _Peaks) -> dict[tuple[int, date], int]:
    if usage is None:
        return {}
    return {(site, whose.day): peak for whose, peak in daily.items() for site in (usage.charge.site_id, 0)}


def _differ(before: Mapping[_K, int], after: Mapping[_K, int], raised: dict[_K, int], lowered: set[_K]) -> None:
    for key, peak in after.items():
        if peak > before.get(key, 0):
            _raise(raised, key, peak)
    lowered.update(key for key, peak in before.items() if peak > after.get(key, 0))


def _raise(peaks: dict[_K, int], key: _K, peak: int) -> None:
    if peak > peaks.get(key, -1):
        peaks[key] = peak
