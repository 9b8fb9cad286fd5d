"""What a session costs: `price(consumption, tariff, zone)`, computed once and reproducible to the last digit.

A tariff has elements. Each prices one thing (energy, time charging, time parked, the session itself), perhaps only at
certain hours of certain days by the clock on the site's wall. At any instant the first element of a kind whose window
fits counts, as in OCPI 2.2.1. Money is decimal; what is billed is rounded line by line, so that the lines add up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, tzinfo
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Final

import msgspec

from csms.domain.errors import InvalidArgument

MAX_ELEMENTS: Final = 100
DAYS: Final = frozenset(range(7))
_DAY_MINUTES: Final = 24 * 60
_NO_MINOR_UNIT: Final = frozenset({"CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF"})
_THREE_DIGITS: Final = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)
_SECOND: Final = timedelta(seconds=1)
_HOUR: Final = timedelta(hours=1)
_WORDS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class PriceKind(StrEnum):
    """What is priced."""

    ENERGY = "ENERGY"
    """Per kWh."""
    CHARGING_TIME = "CHARGING_TIME"
    """Per minute in which energy flows."""
    PARKING_TIME = "PARKING_TIME"
    """Per minute plugged in without energy flowing, after the element's grace."""
    SESSION = "SESSION"
    """Once."""


class Window(msgspec.Struct, frozen=True):
    """Hours of some days by the wall clock. Minutes after midnight; `end` before `start` goes on past midnight (and
    belongs to the day on which it began); equal means the whole day. Days: 0 is Monday."""

    start: int = 0
    end: int = 0
    days: frozenset[int] = DAYS

    def covers(self, local: datetime) -> bool:
        """Whether a moment on the wall clock is inside."""
        minute = local.hour * 60 + local.minute
        if self.start == self.end:
            return local.weekday() in self.days
        if self.start < self.end:
            return self.start <= minute < self.end and local.weekday() in self.days
        if minute >= self.start:
            return local.weekday() in self.days
        return minute < self.end and (local.weekday() - 1) % 7 in self.days

    def __str__(self) -> str:
        days = "" if self.days == DAYS else " ".join(_WORDS[day] for day in sorted(self.days)) + " "
        hours = "all day" if self.start == self.end else f"{_clock(self.start)}-{_clock(self.end)}"
        return f"{days}{hours}"


class Element(msgspec.Struct, frozen=True):
    """A price of one kind. `price` is per kWh, per minute, or once. `step`: billed in steps of so many Wh or seconds,
    each begun one whole; 0: exactly. `grace_s` (PARKING_TIME): the first so many seconds of parking are free."""

    kind: PriceKind
    price: Decimal
    step: int = 0
    grace_s: int = 0
    window: Window | None = None


class Tariff(msgspec.Struct, frozen=True):
    """`minimum` and `maximum` are for the whole session, in the same terms as the prices (with or without VAT)."""

    currency: str
    elements: tuple[Element, ...]
    vat_percent: Decimal = Decimal(0)
    prices_include_vat: bool = True
    minimum: Decimal | None = None
    maximum: Decimal | None = None


class Consumption(msgspec.Struct, frozen=True):
    """What a session used. `readings`: (time, Wh since its start), growing; between two of them energy flows evenly.
    `charging` and `parked`: times, apart from each other, in order."""

    readings: tuple[tuple[datetime, Decimal], ...]
    charging: tuple[tuple[datetime, datetime], ...] = ()
    parked: tuple[tuple[datetime, datetime], ...] = ()


class LineKind(StrEnum):
    """What a line of a bill is for."""

    ENERGY = "ENERGY"
    CHARGING_TIME = "CHARGING_TIME"
    PARKING_TIME = "PARKING_TIME"
    SESSION = "SESSION"
    MINIMUM = "MINIMUM"
    """Added to come up to the minimum."""
    MAXIMUM = "MAXIMUM"
    """Taken off to stay under the maximum."""


class Line(msgspec.Struct, frozen=True):
    """One line of the explanation: quantity × price = amount. Quantities are kWh, minutes, or 1. `used` is what was
    used before steps were rounded up."""

    kind: LineKind
    quantity: Decimal
    used: Decimal
    price: Decimal
    amount: Decimal
    window: Window | None = None

    def __str__(self) -> str:
        if self.kind in (LineKind.MINIMUM, LineKind.MAXIMUM):
            return f"{self.kind.value.lower()}: {self.amount}"
        unit = {LineKind.ENERGY: "kWh", LineKind.SESSION: "session"}.get(self.kind, "min")
        when = "" if self.window is None else f" ({self.window})"
        return f"{_plain(self.quantity)} {unit} x {_plain(self.price)}{when} = {self.amount}"


class Cost(msgspec.Struct, frozen=True):
    """What a session costs. `net` + `vat` = `gross`; the lines add up to `gross` where prices include VAT, else to
    `net`."""

    currency: str
    lines: tuple[Line, ...]
    net: Decimal
    vat: Decimal
    gross: Decimal


def check_tariff(tariff: Tariff) -> None:
    """Raises InvalidArgument with a sentence."""
    if not _CURRENCY.fullmatch(tariff.currency):
        raise InvalidArgument("A currency has three letters, for example EUR (ISO 4217).", reason="INVALID_CURRENCY")
    if not 0 < len(tariff.elements) <= MAX_ELEMENTS:
        raise InvalidArgument(f"A tariff has 1 to {MAX_ELEMENTS} elements.", reason="INVALID_ELEMENTS")
    amounts = [element.price for element in tariff.elements]
    amounts += [amount for amount in (tariff.minimum, tariff.maximum, tariff.vat_percent) if amount is not None]
    if not all(amount.is_finite() and 0 <= amount < 10**9 for amount in amounts):
        raise InvalidArgument("Prices and VAT are at least zero and below a thousand million.", reason="INVALID_PRICE")
    if any(_digits_after_point(amount) > 6 for amount in amounts):
        raise InvalidArgument("Prices have at most six digits after the point.", reason="INVALID_PRICE")
    if tariff.minimum is not None and tariff.maximum is not None and tariff.minimum > tariff.maximum:
        raise InvalidArgument("The minimum is above the maximum.", reason="INVALID_LIMITS")
    for element in tariff.elements:
        _check_element(element)


def price(consumption: Consumption, tariff: Tariff, zone: tzinfo) -> Cost:
    """What it costs; the same for the same, whenever it is asked. `zone`: that of the site's wall clock."""
    digits = minor_digits(tariff.currency)
    lines: list[Line] = []
    for kind in PriceKind:
        elements = [element for element in tariff.elements if element.kind is kind]
        if elements:
            lines.extend(_lines(kind, elements, consumption, zone, digits))
    total = sum((line.amount for line in lines), Decimal(0))
    if tariff.minimum is not None and total < tariff.minimum:
        lines.append(_correction(LineKind.MINIMUM, tariff.minimum - total, digits))
    elif tariff.maximum is not None and total > tariff.maximum:
        lines.append(_correction(LineKind.MAXIMUM, tariff.maximum - total, digits))
    total = sum((line.amount for line in lines), _round(Decimal(0), digits))
    rate = tariff.vat_percent / 100
    if tariff.prices_include_vat:
        net = _round(total / (1 + rate), digits)
        return Cost(tariff.currency, tuple(lines), net, total - net, total)
    vat = _round(total * rate, digits)
    return Cost(tariff.currency, tuple(lines), total, vat, total + vat)


def minor_digits(currency: str) -> int:
    """Digits after the point that people pay with (ISO 4217)."""
    if currency in _NO_MINOR_UNIT:
        return 0
    return 3 if currency in _THREE_DIGITS else 2


# -- quantities ------------------------------------------------------------------------------------------------------


def _lines(
    kind: PriceKind, elements: Sequence[Element], consumption: Consumption, zone: tzinfo, digits: int
) -> Iterator[Line]:
    if kind is PriceKind.SESSION:
        began = _began(consumption)
        fits = [e for e in elements if began is None or e.window is None or e.window.covers(began.astimezone(zone))]
        if fits:
            one = Decimal(1)
            yield Line(LineKind.SESSION, one, one, fits[0].price, _round(fits[0].price, digits), fits[0].window)
        return
    used = [Decimal(0)] * len(elements)
    for start, end, amount in _pieces(kind, elements, consumption):
        for index, share in _shares(elements, start, end, zone):
            used[index] += amount * share
    per_unit = Decimal(1000) if kind is PriceKind.ENERGY else Decimal(60)  # Wh → kWh, s → min
    for element, quantity in zip(elements, used, strict=True):
        if quantity <= 0:
            continue
        billed = quantity
        if element.step:
            billed = (quantity / element.step).to_integral_value(ROUND_CEILING) * element.step
        billed, quantity = billed / per_unit, quantity / per_unit
        amount = _round(billed * element.price, digits)
        yield Line(LineKind(kind.value), billed, quantity, element.price, amount, element.window)


def _pieces(
    kind: PriceKind, elements: Sequence[Element], consumption: Consumption
) -> Iterator[tuple[datetime, datetime, Decimal]]:
    """(from, to, Wh or seconds)."""
    if kind is PriceKind.ENERGY:
        for (start, before), (end, after) in pairwise(consumption.readings):
            if after > before:
                yield start, max(start, end), after - before
        return
    spans = consumption.charging if kind is PriceKind.CHARGING_TIME else consumption.parked
    # One grace for the whole parking, the longest that any element grants: a window must not shorten it.
    grace = timedelta(seconds=max(element.grace_s for element in elements)) if spans else timedelta(0)
    for start, end in spans:
        free = min(grace, end - start) if kind is PriceKind.PARKING_TIME else timedelta(0)
        grace -= free
        if end > start + free:
            yield start + free, end, _seconds(end - start - free)


def _shares(elements: Sequence[Element], start: datetime, end: datetime, zone: tzinfo) -> Iterator[tuple[int, Decimal]]:
    """Which element counts for which share of a span; shares of nobody are left out."""
    whole = end - start
    if whole <= timedelta(0):  # energy that came at once
        index = _element_at(elements, start, zone)
        if index is not None:
            yield index, Decimal(1)
        return
    for one, other in pairwise(_edges(elements, start, end, zone)):
        index = _element_at(elements, one + (other - one) / 2, zone)
        if index is not None:
            yield index, _seconds(other - one) / _seconds(whole)


def _element_at(elements: Sequence[Element], moment: datetime, zone: tzinfo) -> int | None:
    local = moment.astimezone(zone)
    return next((i for i, e in enumerate(elements) if e.window is None or e.window.covers(local)), None)


def _edges(elements: Sequence[Element], start: datetime, end: datetime, zone: tzinfo) -> list[datetime]:
    """Where the answer may change: edges of windows by the wall clock (an hour that comes twice has them twice), and
    where the clock itself is set."""
    windows = [element.window for element in elements if element.window is not None]
    found = {start, end}
    if windows:
        minutes = {minute for window in windows for minute in (window.start, window.end)} | {0}
        day = start.astimezone(zone).date() - timedelta(days=1)
        last = end.astimezone(zone).date() + timedelta(days=1)
        while day <= last:
            for minute in minutes:
                wall = datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=zone)
                for fold in (0, 1):
                    found.add(wall.replace(fold=fold).astimezone(start.tzinfo))
            day += timedelta(days=1)
        found.update(_clock_changes(start, end, zone))
    return sorted(moment for moment in found if start <= moment <= end)


def _clock_changes(start: datetime, end: datetime, zone: tzinfo) -> Iterator[datetime]:
    """Moments at which the zone's offset changes, to the second."""
    here = start
    while here < end:
        there = min(here + _HOUR, end)
        if here.astimezone(zone).utcoffset() != there.astimezone(zone).utcoffset():
            low, high = here, there
            while high - low > _SECOND:
                middle = low + (high - low) / 2
                same = middle.astimezone(zone).utcoffset() == here.astimezone(zone).utcoffset()
                low, high = (middle, high) if same else (low, middle)
            yield high.replace(microsecond=0)
        here = there


# -- small things ----------------------------------------------------------------------------------------------------


def _began(consumption: Consumption) -> datetime | None:
    firsts = [span[0][0] for span in (consumption.readings, consumption.charging, consumption.parked) if span]
    return min(firsts, default=None)


def _correction(kind: LineKind, amount: Decimal, digits: int) -> Line:
    rounded = _round(amount, digits)
    return Line(kind, Decimal(1), Decimal(1), rounded, rounded)


def _round(amount: Decimal, digits: int) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def _seconds(span: timedelta) -> Decimal:
    return Decimal(span // timedelta(microseconds=1)) / 1_000_000


def _check_element(element: Element) -> None:
    if not 0 <= element.step <= 1_000_000 or not 0 <= element.grace_s <= 7 * 86_400:
        raise InvalidArgument(
            "A step is 0 to 1,000,000 (Wh or seconds), a grace at most a week.", reason="INVALID_ELEMENT"
        )
    if element.grace_s and element.kind is not PriceKind.PARKING_TIME:
        raise InvalidArgument("Only parking has a grace.", reason="INVALID_ELEMENT")
    window = element.window
    if window is None:
        return
    if not (0 <= window.start < _DAY_MINUTES and 0 <= window.end < _DAY_MINUTES):
        raise InvalidArgument("Hours are minutes after midnight, 0 to 1439.", reason="INVALID_WINDOW")
    if not window.days or not window.days <= DAYS:
        raise InvalidArgument("A window has at least one day; days are 0 (Monday) to 6.", reason="INVALID_WINDOW")


def _digits_after_point(amount: Decimal) -> int:
    exponent = amount.normalize().as_tuple().exponent
    return -exponent if isinstance(exponent, int) and exponent < 0 else 0


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
