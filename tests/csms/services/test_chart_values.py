"""Which figure a chart shows, and who can rank it."""

from __future__ import annotations

import math

import pytest

from csms.domain.statistics import Cell, ChartKind, Split
from csms.domain.usage import Amounts
from csms.ports.statistics import Order
from csms.services.chart_values import order_of, value_of

pytestmark = pytest.mark.feature("F-SES-7")


def cell(**amounts: int) -> Cell:
    return Cell(1, None, Amounts(**amounts), 7.0)


@pytest.mark.parametrize("kind", ChartKind)
@pytest.mark.parametrize("split", [Split.USER, Split.TAG])
@pytest.mark.parametrize("factor", [0.4, -0.4])
def test_the_database_ranks_as_the_values_do(kind: ChartKind, split: Split, factor: float) -> None:
    order = order_of(kind, split, factor)
    if order is None:
        assert kind in (ChartKind.COMBINED_POWER, ChartKind.RESERVATIONS, ChartKind.AVAILABILITY)
        return
    if not order.amount:
        return
    less = {"sessions": 1, order.amount: 1}
    more = less | {order.amount: 2}
    values = [value_of(kind, cell(**each), outlets=3, length=900.0, factor=factor) for each in (less, more)]
    assert (values[1] > values[0]) is order.descending


def test_shares_of_stations_depend_on_their_outlets() -> None:
    assert order_of(ChartKind.OCCUPANCY, Split.STATION, 1.0) is None
    assert order_of(ChartKind.OCCUPANCY, Split.USER, 1.0) == Order("occupied_s")
    assert order_of(ChartKind.ENERGY, Split.NONE, 1.0) is order_of(ChartKind.ENERGY, Split.SITE, 1.0) is None


def test_nothing_to_tell_is_no_number() -> None:
    assert math.isnan(value_of(ChartKind.SESSION_ENERGY, cell(), outlets=0, length=1.0, factor=1.0))
    assert value_of(ChartKind.PEAK_POWER, cell(), outlets=0, length=1.0, factor=1.0) == 7.0
