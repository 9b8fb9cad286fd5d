"""The price of a session under way is that of its bill, however long its curve is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csms.domain.consumption import Sample, consumption_so_far
from csms.domain.ids import SessionId, StationId
from csms.domain.metering import ENERGY_REGISTER, POWER, MeterValue, SampledValue
from csms.domain.tab import THIN_OUT_FROM, Tab, began_at
from csms.domain.tariff import Element, PriceKind, Tariff, price
from csms.domain.transaction import Transaction

pytestmark = pytest.mark.feature("F-SES-6")
BEGAN = datetime(2026, 3, 28, 22, 0, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Berlin")
TERMS = Tariff(
    "EUR",
    (
        Element(PriceKind.ENERGY, Decimal("0.41")),
        Element(PriceKind.CHARGING_TIME, Decimal("0.013")),
        Element(PriceKind.PARKING_TIME, Decimal("0.07"), grace_s=600),
    ),
)


def value(minute: float, energy_wh: float | None, power_w: float | None = None) -> MeterValue:
    samples: list[SampledValue] = []
    if energy_wh is not None:
        samples.append(SampledValue(ENERGY_REGISTER, energy_wh, "Wh"))
    if power_w is not None:
        samples.append(SampledValue(POWER, power_w, "W"))
    return MeterValue(BEGAN + timedelta(minutes=minute), tuple(samples))


def a_session(meter_wh: float = 1_000.0) -> Transaction:
    session = Transaction(SessionId(7), StationId(1), "CP-1", BEGAN, BEGAN, evse_id=1, transaction_id="tx")
    session.start(BEGAN, meter_wh, BEGAN)
    return session


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0, 0, 3, 200, 900]), st.booleans()), min_size=1, max_size=60))
def test_a_curve_that_was_thinned_out_costs_the_same(steps: list[tuple[int, bool]]) -> None:
    session, tab, wh = a_session(), Tab(whole=True), 1_000.0
    samples: list[Sample] = []
    values = [value(minute / 10, 1_000.0, 0.0) for minute in range(THIN_OUT_FROM)]
    for number, (grown, tells_power) in enumerate(steps):
        wh += grown
        values.append(value(THIN_OUT_FROM / 10 + number * 7, wh, grown * 10.0 if tells_power else None))
    for each in values:
        session.read(each, each.timestamp)
        tab.read([each], any_hour=True)
        power = each.find(POWER)
        samples.append(Sample(each.timestamp, each.find(ENERGY_REGISTER), power))
    now = BEGAN + timedelta(days=1)
    used = consumption_so_far(BEGAN, None, session.energy_wh, session.meter_start_wh, samples, now=now)
    assert tab.cost(session, TERMS, ZONE, now) == price(used, TERMS, ZONE)
    assert len(tab) <= len(samples)


def test_a_day_at_the_plug_is_a_handful_of_readings_unless_the_hour_counts() -> None:
    short, long = Tab(whole=True), Tab(whole=True)
    for minute in range(1_000):
        short.read([value(minute, 1_000.0 + 100.0 * minute, 6_000.0)], any_hour=True)
        long.read([value(minute, 1_000.0 + 100.0 * minute, 6_000.0)], any_hour=False)
    assert (len(short), len(long)) == (THIN_OUT_FROM, 1_000)


def test_readings_from_before_are_filled_in_and_none_counts_twice() -> None:
    session, tab = a_session(), Tab(whole=False)
    late = value(60, 8_000.0, 7_000.0)
    early = Sample(BEGAN + timedelta(minutes=30), 4_500.0, 7_000.0)
    tab.read([late, value(61, None), value(30.5, 4_600.0)], any_hour=True)
    assert not bool(tab.whole)
    tab.fill([early, Sample(late.timestamp, 8_000.0, 7_000.0)])
    assert len(tab) == 3
    for each in (value(30, 4_500.0), late):
        session.read(each, each.timestamp)
    assert tab.cost(session, TERMS, ZONE, BEGAN).lines[0].quantity == 7


def test_a_session_whose_start_is_missing_began_when_it_was_heard_of() -> None:
    session = Transaction(SessionId(7), StationId(1), "CP-1", BEGAN, BEGAN)
    assert began_at(session) == BEGAN
    session.stopped_at = BEGAN - timedelta(hours=1)
    assert began_at(session) == session.stopped_at
    session.started_at = BEGAN - timedelta(hours=2)
    assert began_at(session) == session.started_at
