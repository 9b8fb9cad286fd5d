"""What a session under way has cost, kept in memory beside it: its curve, and the prices that hold.

The curve is that of the bill (`csms.domain.consumption`), so the last price from here is the first on paper. A long
curve loses readings that change nothing: between two others, with power flowing, or not flowing, before and after.
"""

from __future__ import annotations

from bisect import insort_right
from collections.abc import Iterable
from datetime import datetime, tzinfo
from typing import Final

from csms.domain.consumption import POWER_FLOWS_W, Sample, consumption_so_far
from csms.domain.metering import MeterValue
from csms.domain.tariff import Cost, Tariff, price
from csms.domain.transaction import Transaction, reading_of

THIN_OUT_FROM: Final = 200
"""Fewer readings are priced quickly anyway."""


class Tab:
    """`whole`: are all readings of the session here?"""

    __slots__ = ("_samples", "whole")

    def __init__(self, *, whole: bool) -> None:
        self.whole = whole
        self._samples: list[Sample] = []

    def __len__(self) -> int:
        return len(self._samples)

    def read(self, values: Iterable[MeterValue], *, any_hour: bool) -> None:
        """The station told them. `any_hour`: do the same prices hold at all hours?"""
        for value in values:
            reading = reading_of(value)
            if reading.energy_wh is None and reading.power_w is None:
                continue
            self._take(Sample(value.timestamp, reading.energy_wh, reading.power_w), any_hour=any_hour)

    def fill(self, samples: Iterable[Sample]) -> None:
        """What had been told before: now it is whole."""
        known = {(each.at, each.energy_wh, each.power_w) for each in self._samples}
        missing = [each for each in samples if (each.at, each.energy_wh, each.power_w) not in known]
        self._samples = sorted([*missing, *self._samples], key=_moment)
        self.whole = True

    def cost(self, transaction: Transaction, terms: Tariff, zone: tzinfo, now: datetime) -> Cost:
        """So far; of an ended one: in all."""
        used = consumption_so_far(
            began_at(transaction),
            transaction.stopped_at,
            transaction.energy_wh,
            transaction.meter_start_wh,
            self._samples,
            transaction.plugged_out_at,
            now=now,
        )
        return price(used, terms, zone)

    def _take(self, new: Sample, *, any_hour: bool) -> None:
        samples = self._samples
        if samples and new.at < samples[-1].at:
            insort_right(samples, new, key=_moment)
            return
        if any_hour and len(samples) >= THIN_OUT_FROM and _says_nothing(samples[-2], samples[-1], new):
            samples[-1] = new
        else:
            samples.append(new)


def began_at(transaction: Transaction) -> datetime:
    """When it began, for all we know."""
    if transaction.started_at is not None:
        return transaction.started_at
    ended = transaction.stopped_at
    return transaction.logged_at if ended is None else min(transaction.logged_at, ended)


def _moment(sample: Sample) -> datetime:
    return sample.at


def _says_nothing(one: Sample, middle: Sample, other: Sample) -> bool:
    """Is the curve, as far as prices go, the same without the middle one?"""
    first, then, last = one.energy_wh, middle.energy_wh, other.energy_wh
    if first is None or then is None or last is None or not first <= then <= last:
        return False
    return _flows(one, middle) == _flows(middle, other) == _flows(one, other)


def _flows(one: Sample, other: Sample) -> bool:
    if (one.power_w or 0.0) >= POWER_FLOWS_W:
        return True
    seconds = (other.at - one.at).total_seconds()
    return seconds > 0 and ((other.energy_wh or 0.0) - (one.energy_wh or 0.0)) * 3600 / seconds >= POWER_FLOWS_W
