"""What a session used, quarter of an hour by quarter of an hour: the grains that all statistics are sums of.

The session says how much energy flowed in all (corrected, where somebody corrected it); its meter values only say when.
So the slices of a session always add up to its energy, to the mWh, whatever came late, twice or not at all:

    energy of a slice = round(E × share until its end) − round(E × share until its beginning)

Everything is a whole number (mWh, seconds). Sums of them are exact in any order, so what a session had in a sum can be
taken out again and its new figures put in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from operator import sub
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

QUARTER: Final = 900
"""Seconds."""
QUARTERS_A_DAY: Final = 96
MAX_SPAN: Final = 31 * 86_400
"""Seconds. Of what is longer (a clock that was wrong, a cable left for the summer) only the last days are told apart;
what flowed before counts in the first of them."""
MAX_POWER_W: Final = 2**31 - 1
CHARGING_W: Final = 30.0
"""Less than this between two meter values is stand-by."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Point(NamedTuple):
    """What the meter showed at a time (seconds since 1970, UTC): the register in Wh, power in W, as far as measured."""

    at: float
    energy_wh: float | None
    power_w: float | None


class Charge(msgspec.Struct, frozen=True):
    """A session as statistics see it: what holds after corrections. `user_id` 0: nobody's; `site_id` 1: at no site.

    Times are seconds since 1970, in order. `ended_s` is the newest that is known of a session that goes on.
    """

    session_id: int
    station_id: int
    place_id: int
    site_id: int
    user_id: int
    id_token: str
    zone: str
    began_s: int
    ended_s: int
    unplugged_s: int
    energy_mwh: int
    max_power_w: float = 0.0


class Usage(msgspec.Struct, frozen=True):
    """A session and its slices. Slice n is the quarter of an hour `first_quarter` + n, counted from 1970 in UTC."""

    charge: Charge
    first_quarter: int
    slice_mwh: tuple[int, ...]
    slice_s: tuple[int, ...]
    """Seconds in which energy flowed."""
    slice_w: tuple[int, ...]
    """Highest power, W."""

    @property
    def end_quarter(self) -> int:
        """The one after the last slice."""
        return self.first_quarter + len(self.slice_mwh)

    def occupied_s(self, index: int, count: int = 1) -> int:
        """Seconds of some slices, one after another, in which the vehicle was there."""
        start = (self.first_quarter + index) * QUARTER
        end = start + count * QUARTER
        return max(0, min(end, self.charge.unplugged_s) - max(start, self.charge.began_s))

    def begun(self) -> Amounts:
        """What counts where the session began: in the first slice."""
        charge = self.charge
        energetic = int(charge.energy_mwh > 0)
        seconds = charge.ended_s - charge.began_s
        return Amounts(sessions=1, with_energy=energetic, begun_mwh=charge.energy_mwh, begun_s=seconds)


class Amounts(NamedTuple):
    """What is summed up. The last four are of sessions that began in the time of the sum."""

    energy_mwh: int = 0
    charging_s: int = 0
    occupied_s: int = 0
    sessions: int = 0
    with_energy: int = 0
    begun_mwh: int = 0
    begun_s: int = 0


class Slice(NamedTuple):
    """One slice with its place in the site's own calendar."""

    quarter: int
    day: date
    hour: int
    amounts: Amounts
    peak_w: int


def usage_of(charge: Charge, points: Sequence[Point]) -> Usage:
    """The session in slices. `points` in the order of time; those outside of the session count at its ends."""
    begin, end = float(charge.began_s), float(charge.ended_s)
    first = max(charge.began_s, charge.unplugged_s - MAX_SPAN) // QUARTER
    count = charge.unplugged_s // QUARTER - first + 1
    if count > 1 and charge.unplugged_s % QUARTER == 0:
        count -= 1  # nothing happened after the full quarter
    steps = _steps(charge, points, begin, end)
    return Usage(
        charge,
        first,
        _energy(charge.energy_mwh, steps, first, count),
        _charging(steps, first, count),
        _powers(charge, points, steps, first, count),
    )


def slices_of(usage: Usage) -> Iterator[Slice]:
    """All slices. What belongs to the session's beginning is in the first of them."""
    begun = usage.begun()
    for index, energy in enumerate(usage.slice_mwh):
        quarter = usage.first_quarter + index
        day, hour = local_time(usage.charge.zone, quarter)
        amounts = Amounts(energy, usage.slice_s[index], usage.occupied_s(index), *(() if index else begun[3:]))
        yield Slice(quarter, day, hour, amounts, usage.slice_w[index])


@lru_cache(maxsize=10_000)
def local_time(zone: str, quarter: int) -> tuple[date, int]:
    """The day and the hour on the clocks of a zone when a quarter of an hour begins."""
    at = (_EPOCH + timedelta(seconds=quarter * QUARTER)).astimezone(ZoneInfo(zone))
    return at.date(), at.hour


class Hour(NamedTuple):
    """Quarters of an hour, counted within their day in UTC, that are one hour on the clocks of a zone."""

    start: int
    end: int
    day: date
    hour: int


@lru_cache(maxsize=4_096)
def hours_of(zone: str, utc_day: int) -> tuple[Hour, ...]:
    """A day of UTC (counted from 1970), cut where an hour begins in a zone."""
    midnight, clocks = _EPOCH + timedelta(days=utc_day), ZoneInfo(zone)
    offset, later = (each.astimezone(clocks).utcoffset() for each in (midnight, midnight + timedelta(days=1)))
    found: list[Hour] = []
    quarter = 0
    while quarter < QUARTERS_A_DAY:
        if offset is not None and offset == later:
            days, seconds = divmod(quarter * QUARTER + int(offset.total_seconds()), 86_400)
            day, hour = midnight.date() + timedelta(days=days), seconds // 3600
            until = quarter - (seconds % 3600 - 3600) // QUARTER
        else:  # clocks are changed
            day, hour = local_time(zone, utc_day * QUARTERS_A_DAY + quarter)
            until = quarter + 1
        if found and (found[-1].day, found[-1].hour) == (day, hour):
            found[-1] = found[-1]._replace(end=until)
        else:
            found.append(Hour(quarter, min(until, QUARTERS_A_DAY), day, hour))
        quarter = until
    return tuple(found)


@lru_cache(maxsize=4_096)
def _days_within(zone: str, utc_day: int) -> tuple[tuple[int, date], ...]:
    """Where in a day of UTC which day begins in a zone."""
    found: list[tuple[int, date]] = []
    for hour in hours_of(zone, utc_day):
        if not found or found[-1][1] != hour.day:
            found.append((hour.start, hour.day))
    return tuple(found)


def days_of(zone: str, start: int, end: int) -> list[tuple[int, int, date]]:
    """Quarters of an hour from `start` to before `end`, cut by the days of a zone: (start, end, day)."""
    cuts: list[tuple[int, date]] = []
    for utc_day in range(start // QUARTERS_A_DAY, -(-end // QUARTERS_A_DAY)):
        for offset, day in _days_within(zone, utc_day):
            at = max(start, utc_day * QUARTERS_A_DAY + offset)
            if at >= end:
                break
            if cuts and cuts[-1][0] == at:
                cuts.pop()
            if not cuts or cuts[-1][1] != day:
                cuts.append((at, day))
    ends = [*(at for at, _ in cuts[1:]), end]
    return [(at, until, day) for (at, day), until in zip(cuts, ends, strict=True)]


class _Step(NamedTuple):
    """So much (any unit) passed between two times."""

    start: float
    end: float
    weight: float
    charging: bool


def _steps(charge: Charge, points: Sequence[Point], begin: float, end: float) -> list[_Step]:
    """When energy flowed: by the register, else by power, else evenly."""
    if charge.energy_mwh <= 0:
        return []
    steps = _by_register(points, begin, end) or _by_power(points, begin, end)
    return steps or [_Step(begin, end, 1.0, charging=True)]


def _by_register(points: Sequence[Point], begin: float, end: float) -> list[_Step]:
    steps: list[_Step] = []
    last: Point | None = None
    for point in points:
        if point.energy_wh is None:
            continue
        if last is not None and last.energy_wh is not None and point.energy_wh > last.energy_wh:
            start, stop = min(max(last.at, begin), end), min(max(point.at, begin), end)
            passed = point.energy_wh - last.energy_wh
            charging = stop > start and passed * 3600.0 / (stop - start) >= CHARGING_W
            steps.append(_Step(start, stop, passed, charging))
        last = point
    return steps


def _by_power(points: Sequence[Point], begin: float, end: float) -> list[_Step]:
    """What a power was measured to be it stays until the next one."""
    steps: list[_Step] = []
    known = [point for point in points if point.power_w is not None]
    for index, point in enumerate(known):
        power = point.power_w or 0.0
        until = known[index + 1].at if index + 1 < len(known) else end
        start, stop = min(max(point.at, begin), end), min(max(until, begin), end)
        if power > 0.0 and stop > start:
            steps.append(_Step(start, stop, power * (stop - start), power >= CHARGING_W))
    return steps


def _energy(total: int, steps: Sequence[_Step], first: int, count: int) -> tuple[int, ...]:
    if not steps:
        return (0,) * count
    weights = [0.0] * count
    for step in steps:
        _spread(weights, step, first, step.weight)
    everything = sum(weights)
    untils = [round(total * (passed / everything)) for passed in accumulate(weights)]
    if untils[-1] > total:
        untils = [min(total, until) for until in untils]
    found = [untils[0], *map(sub, untils[1:], untils)]
    last = count - 1
    while weights[last] <= 0.0:
        last -= 1
    found[last] += total - untils[-1]
    return tuple(found)


def _charging(steps: Sequence[_Step], first: int, count: int) -> tuple[int, ...]:
    seconds = [0.0] * count
    for step in steps:
        if step.charging and step.end > step.start:
            _spread(seconds, step, first, step.end - step.start)
    return _rounded(seconds, QUARTER)


def _powers(charge: Charge, points: Sequence[Point], steps: Sequence[_Step], first: int, count: int) -> tuple[int, ...]:
    """As measured; where nothing was, the mean of what the register says; and the session's highest somewhere."""
    powers = [0.0] * count
    measured = False
    for point in points:
        if point.power_w is not None:
            measured = True
            index = min(max(int(point.at // QUARTER) - first, 0), count - 1)
            powers[index] = max(powers[index], point.power_w)
    if not measured:
        _mean_powers(powers, charge, steps, first)
    highest = max(powers)
    if charge.max_power_w > highest:
        powers[powers.index(highest)] = charge.max_power_w
    return _rounded(powers, MAX_POWER_W)


def _mean_powers(powers: list[float], charge: Charge, steps: Sequence[_Step], first: int) -> None:
    total = sum(step.weight for step in steps)
    for step in steps:
        if step.end > step.start:
            mean = charge.energy_mwh / 1000.0 * (step.weight / total) * 3600.0 / (step.end - step.start)
            low, high = _ends(step, first, len(powers))
            if high > low and step.end <= (first + high) * QUARTER:
                high -= 1
            powers[low : high + 1] = [mean if mean > power else power for power in powers[low : high + 1]]


def _rounded(values: Sequence[float], most: int) -> tuple[int, ...]:
    whole = [round(value) for value in values]
    return tuple(whole if max(whole) <= most else [min(value, most) for value in whole])


def _ends(step: _Step, first: int, count: int) -> tuple[int, int]:
    """The slices in which a step begins and ends."""
    low = min(max(int(step.start // QUARTER) - first, 0), count - 1)
    high = min(max(int(step.end // QUARTER) - first, 0), count - 1)
    return low, high


def _spread(sums: list[float], step: _Step, first: int, amount: float) -> None:
    """Add to each slice as much of an amount as the part of the step that passed in it; the parts add up to one.

    A step may be a month long, so what is the same for all slices in between is worked out once.
    """
    low, high = _ends(step, first, len(sums))
    if low == high or step.end <= step.start:
        sums[low] += amount
        return
    length = step.end - step.start
    sums[low] += amount * ((float((first + low + 1) * QUARTER) - step.start) / length)
    if high - low > 1:
        whole = amount * (QUARTER / length)
        sums[low + 1 : high] = [each + whole for each in sums[low + 1 : high]]
    at = float((first + high) * QUARTER)
    if step.end > at:
        sums[high] += amount * ((step.end - at) / length)
