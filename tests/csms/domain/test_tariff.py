"""What a session costs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.domain.errors import InvalidArgument
from csms.domain.tariff import (
    Consumption,
    Cost,
    Element,
    LineKind,
    PriceKind,
    Tariff,
    Window,
    check_tariff,
    minor_digits,
    price,
)

pytestmark = pytest.mark.feature("F-SES-6")

STOCKHOLM = ZoneInfo("Europe/Stockholm")
NIGHT = Window(22 * 60, 6 * 60)
T0 = datetime(2026, 6, 1, 10, tzinfo=UTC)  # a Monday, noon in Stockholm


def at(minutes: float, start: datetime = T0) -> datetime:
    return start + timedelta(minutes=minutes)


def used(kwh: str, minutes: float = 60, start: datetime = T0, parked: float = 0) -> Consumption:
    """Energy that flows evenly, then parking."""
    end = at(minutes, start)
    return Consumption(
        ((start, Decimal(0)), (end, Decimal(kwh) * 1000)),
        ((start, end),),
        ((end, at(minutes + parked, start)),) if parked else (),
    )


def a_tariff(*elements: Element, **more: object) -> Tariff:
    return Tariff("EUR", elements, **more)  # type: ignore[arg-type]


def energy(amount: str, window: Window | None = None, step: int = 0) -> Element:
    return Element(PriceKind.ENERGY, Decimal(amount), step, window=window)


def texts(cost: Cost) -> list[str]:
    return [str(line) for line in cost.lines]


def test_energy_time_and_session_line_by_line() -> None:
    tariff = a_tariff(
        Element(PriceKind.SESSION, Decimal("0.50")),
        energy("0.40"),
        Element(PriceKind.CHARGING_TIME, Decimal("0.02")),
        vat_percent=Decimal(25),
    )
    cost = price(used("12.5"), tariff, UTC)
    assert texts(cost) == ["12.5 kWh x 0.4 = 5.00", "60 min x 0.02 = 1.20", "1 session x 0.5 = 0.50"]
    assert (cost.net, cost.vat, cost.gross) == (Decimal("5.36"), Decimal("1.34"), Decimal("6.70"))


def test_prices_without_vat() -> None:
    cost = price(used("10"), a_tariff(energy("0.333"), vat_percent=Decimal(21), prices_include_vat=False), UTC)
    assert (cost.net, cost.vat, cost.gross) == (Decimal("3.33"), Decimal("0.70"), Decimal("4.03"))


def test_parking_is_free_at_first() -> None:
    tariff = a_tariff(Element(PriceKind.PARKING_TIME, Decimal("0.10"), grace_s=1800))
    assert price(used("1", parked=20), tariff, UTC).gross == 0
    assert texts(price(used("1", parked=45), tariff, UTC)) == ["15 min x 0.1 = 1.50"]


def test_one_grace_for_all_of_the_parking() -> None:
    parked = ((at(0), at(20)), (at(30), at(60)))
    tariff = a_tariff(Element(PriceKind.PARKING_TIME, Decimal(1), grace_s=1800))
    assert price(Consumption((), (), parked), tariff, UTC).gross == 20


def test_a_step_that_was_begun_is_billed_whole() -> None:
    cost = price(used("1.2"), a_tariff(energy("1", step=500)), UTC)
    assert [(line.quantity, line.used, line.amount) for line in cost.lines] == [
        (Decimal("1.5"), Decimal("1.2"), Decimal("1.50"))
    ]
    cost = price(used("1", minutes=61), a_tariff(Element(PriceKind.CHARGING_TIME, Decimal("0.1"), step=900)), UTC)
    assert cost.gross == Decimal("7.50")


def test_the_night_costs_less_past_midnight_too() -> None:
    tariff = a_tariff(energy("0.10", NIGHT), energy("0.50"))
    evening = datetime(2026, 6, 1, 19, tzinfo=UTC)  # 21:00 there
    cost = price(used("2", 120, evening), tariff, STOCKHOLM)
    assert texts(cost) == ["1 kWh x 0.1 (22:00-06:00) = 0.10", "1 kWh x 0.5 = 0.50"]
    assert price(used("8", 480, datetime(2026, 6, 1, 20, tzinfo=UTC)), tariff, STOCKHOLM).gross == Decimal("0.80")


def test_a_night_belongs_to_the_day_on_which_it_began() -> None:
    friday_night = Window(22 * 60, 6 * 60, frozenset({4}))
    assert friday_night.covers(datetime(2026, 6, 5, 23, tzinfo=UTC))
    assert friday_night.covers(datetime(2026, 6, 6, 5, 59, tzinfo=UTC))
    assert not friday_night.covers(datetime(2026, 6, 5, 5, tzinfo=UTC))
    assert not friday_night.covers(datetime(2026, 6, 6, 6, tzinfo=UTC))


def test_the_hour_that_comes_twice_is_billed_twice() -> None:
    """25 October 2026, Stockholm: 02:00-03:00 comes twice, so that hour of the night is two hours long."""
    tariff = a_tariff(Element(PriceKind.CHARGING_TIME, Decimal(1), window=Window(120, 180)))
    start = datetime(2026, 10, 24, 22, tzinfo=UTC)  # midnight there
    assert price(used("1", 6 * 60, start), tariff, STOCKHOLM).gross == 120
    half = a_tariff(Element(PriceKind.CHARGING_TIME, Decimal(1), window=Window(120, 150)))
    assert price(used("1", 6 * 60, start), half, STOCKHOLM).gross == 60


def test_the_hour_that_never_comes_is_not_billed() -> None:
    """29 March 2026, Stockholm: 02:00-03:00 does not exist."""
    tariff = a_tariff(Element(PriceKind.CHARGING_TIME, Decimal(1), window=Window(120, 180)))
    start = datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert price(used("1", 6 * 60, start), tariff, STOCKHOLM).gross == 0
    around = a_tariff(Element(PriceKind.CHARGING_TIME, Decimal(1), window=Window(60, 240)))
    assert price(used("1", 6 * 60, start), around, STOCKHOLM).gross == 120


def test_weekdays_by_the_wall_clock() -> None:
    tariff = a_tariff(energy("1", Window(days=frozenset({5, 6}))), energy("2"))
    friday = datetime(2026, 6, 5, 21, tzinfo=UTC)  # 23:00 on Friday there
    assert price(used("2", 120, friday), tariff, STOCKHOLM).gross == 3


def test_at_least_and_at_most() -> None:
    cost = price(used("1"), a_tariff(energy("0.4"), minimum=Decimal(2)), UTC)
    assert (cost.gross, cost.lines[-1].kind, cost.lines[-1].amount) == (2, LineKind.MINIMUM, Decimal("1.60"))
    cost = price(used("100"), a_tariff(energy("0.4"), maximum=Decimal(25)), UTC)
    assert (cost.gross, cost.lines[-1].kind, cost.lines[-1].amount) == (25, LineKind.MAXIMUM, Decimal("-15.00"))


def test_energy_that_came_at_once_is_billed() -> None:
    consumption = Consumption(((T0, Decimal(0)), (T0, Decimal(5000))))
    assert price(consumption, a_tariff(energy("0.2")), UTC).gross == 1


def test_a_session_without_anything_costs_its_fee_only() -> None:
    tariff = a_tariff(Element(PriceKind.SESSION, Decimal(1)), energy("1"))
    assert price(Consumption(()), tariff, UTC).gross == 1
    assert price(Consumption(()), a_tariff(energy("1")), UTC).gross == 0


def test_money_has_the_digits_that_people_pay_with() -> None:
    assert str(price(used("1.5"), Tariff("JPY", (energy("31"),)), UTC).gross) == "47"
    assert str(price(used("1.5"), Tariff("KWD", (energy("0.0333"),)), UTC).gross) == "0.050"
    assert minor_digits("SEK") == 2


@pytest.mark.parametrize(
    "wrong",
    [
        Tariff("eur", (energy("1"),)),
        Tariff("EUR", ()),
        a_tariff(energy("-1")),
        a_tariff(energy("NaN")),
        a_tariff(energy("0.1234567")),
        a_tariff(energy("1"), minimum=Decimal(3), maximum=Decimal(2)),
        a_tariff(energy("1", step=-1)),
        a_tariff(Element(PriceKind.ENERGY, Decimal(1), grace_s=60)),
        a_tariff(energy("1", Window(0, 1440))),
        a_tariff(energy("1", Window(days=frozenset()))),
        a_tariff(energy("1", Window(days=frozenset({7})))),
    ],
)
def test_what_makes_no_sense_is_refused(wrong: Tariff) -> None:
    with pytest.raises(InvalidArgument):
        check_tariff(wrong)


def test_a_tariff_is_kept_as_json_to_the_last_digit() -> None:
    tariff = a_tariff(energy("0.123450", NIGHT), minimum=Decimal("0.10"), vat_percent=Decimal("12.5"))
    check_tariff(tariff)
    assert msgspec.json.decode(msgspec.json.encode(tariff), type=Tariff) == tariff


MINUTES = st.integers(0, 1439)
ELEMENTS = st.builds(
    Element,
    st.sampled_from([PriceKind.ENERGY, PriceKind.CHARGING_TIME]),
    st.decimals(0, 3, places=3),
    window=st.none() | st.builds(Window, MINUTES, MINUTES, st.frozensets(st.integers(0, 6), min_size=1)),
)


@given(
    elements=st.lists(ELEMENTS, min_size=1, max_size=4),
    start=st.datetimes(datetime(2026, 3, 27), datetime(2026, 3, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    minutes=st.integers(1, 3000),
    autumn=st.booleans(),
)
def test_windows_agree_with_looking_at_the_clock_every_minute(
    elements: list[Element], start: datetime, minutes: int, autumn: bool
) -> None:
    start = start.replace(second=0, microsecond=0) + (timedelta(days=210) if autumn else timedelta(0))
    cost = price(used("60", minutes, start), a_tariff(*elements), STOCKHOLM)
    for kind, line_kind, whole in (
        (PriceKind.ENERGY, LineKind.ENERGY, Decimal(60)),
        (PriceKind.CHARGING_TIME, LineKind.CHARGING_TIME, Decimal(minutes)),
    ):
        mine = [element for element in elements if element.kind is kind]
        counted = 0
        for minute in range(minutes):
            local = at(minute, start).astimezone(STOCKHOLM)
            counted += any(element.window is None or element.window.covers(local) for element in mine)
        billed = sum((line.used for line in cost.lines if line.kind is line_kind), Decimal(0))
        assert abs(billed - whole * counted / minutes) < Decimal("0.000001")


@given(st.lists(st.decimals(0, 50, places=3), min_size=1, max_size=6), st.decimals(0, 30, places=1))
def test_the_lines_add_up(amounts: list[Decimal], vat: Decimal) -> None:
    elements = [energy(str(amount), Window(i * 60, i * 60 + 60)) for i, amount in enumerate(amounts)]
    cost = price(used("7.777", 600, datetime(2026, 6, 1, tzinfo=UTC)), a_tariff(*elements, vat_percent=vat), UTC)
    assert sum(line.amount for line in cost.lines) == cost.gross == cost.net + cost.vat
