"""From a meter curve to what is billed: how energy grew, when it flowed, and when the vehicle only stood there.

The session's own energy is the truth (a person may have corrected it); the curve says *when* it was charged. Where the
curve knows less than the session, the rest came after its last reading; where it knows more, it is shrunk to fit.

Energy flows between two readings when power was drawn at the first of them, or when the register grew by as much as
if it had been; else the vehicle is parked. Without any curve energy came evenly from begin to end. From the end to the
unplugging it is parked.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Final

import msgspec

from csms.domain.metering import Register
from csms.domain.tariff import Consumption

POWER_FLOWS_W: Final = 100.0
"""Less is what a vehicle takes that only stays awake."""
_TOLERANCE_WH: Final = Decimal(1)

Span = tuple[datetime, datetime]
Point = tuple[datetime, Decimal]


class Sample(msgspec.Struct, frozen=True):
    """A reading: register in Wh, power in W, where they were measured."""

    at: datetime
    energy_wh: float | None = None
    power_w: float | None = None


def consumption_of(
    began: datetime,
    ended: datetime,
    energy_wh: float,
    samples: Iterable[Sample],
    plugged_out: datetime | None = None,
) -> Consumption:
    """What a session used from `began` to `ended` (of one under way: until now). `samples` in the order of time; those
    outside of the session are left out."""
    ended = max(began, ended)
    total = exact(max(0.0, energy_wh))
    inside = [sample for sample in samples if began <= sample.at <= ended]
    readings = _curve(began, ended, total, inside)
    charging, parked = _spans(readings, inside)
    if plugged_out is not None and plugged_out > ended:
        parked = _joined([*parked, (ended, plugged_out)])
    return Consumption(tuple(readings), tuple(charging), tuple(parked))


def consumption_so_far(
    began: datetime,
    ended: datetime | None,
    energy_wh: float,
    meter_start_wh: float | None,
    samples: Iterable[Sample],
    plugged_out: datetime | None = None,
    *,
    now: datetime,
) -> Consumption:
    """Of a session as it is kept: one that has not ended (None) goes until its last reading, and the meter at its start
    is a reading, too."""
    found = list(samples)
    if ended is None:
        ended = max((sample.at for sample in found), default=now)
    if meter_start_wh is not None:
        found.insert(0, Sample(began, meter_start_wh))
    return consumption_of(began, ended, energy_wh, found, plugged_out)


def digest(consumption: Consumption) -> str:
    """The same for the same consumption, and only then."""
    encoded = msgspec.json.encode(consumption, order="deterministic")
    return hashlib.sha256(encoded).hexdigest()[:32]


def exact(number: float) -> Decimal:
    """What a float was meant to be, to a thousandth."""
    return Decimal(f"{number:.3f}")


def _curve(
    began: datetime, ended: datetime, total: Decimal, samples: Sequence[Sample]
) -> list[tuple[datetime, Decimal]]:
    """(time, Wh since the begin): from 0 at the begin to the whole at the end, never falling."""
    register = Register()
    points: list[Point] = [(began, Decimal(0))]
    for sample in samples:
        if sample.energy_wh is not None:
            register.read(sample.energy_wh, sample.at)
            points.append((sample.at, max(points[-1][1], exact(register.energy_wh))))
    highest = points[-1][1]
    if highest > total + _TOLERANCE_WH:
        points = [(at, wh * total / highest) for at, wh in points]
    points = [(at, min(wh, total)) for at, wh in points]
    points.append((ended, total))
    return points


def _spans(points: Sequence[Point], samples: Sequence[Sample]) -> tuple[list[Span], list[Span]]:
    if not samples:
        whole = [(points[0][0], points[-1][0])]
        return (_joined(whole), []) if points[-1][1] > 0 else ([], _joined(whole))
    drawn = {sample.at for sample in samples if (sample.power_w or 0.0) >= POWER_FLOWS_W}
    idle = {sample.at for sample in samples if sample.power_w is not None} - drawn
    powers = sorted(drawn | idle)
    charging: list[Span] = []
    parked: list[Span] = []
    for (one, before), (other, after) in pairwise(points):
        grew = other > one and float(after - before) * 3600 / (other - one).total_seconds() >= POWER_FLOWS_W
        first, last = bisect_right(powers, one), bisect_left(powers, other)
        moments = [one, *powers[first:last], other]
        for start, end in pairwise(moments):
            stood = len(moments) > 2 and start in idle and end in idle
            flows = start in drawn or (grew and not stood)
            (charging if flows else parked).append((start, end))
    return _joined(charging), _joined(parked)


def _joined(spans: Iterable[Span]) -> list[Span]:
    joined: list[Span] = []
    for start, end in spans:
        if start == end:
            continue
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined
