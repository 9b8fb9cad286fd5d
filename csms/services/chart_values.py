"""What a chart shows of the sums in one of its cells."""

from __future__ import annotations

import math
from typing import Final

from csms.domain.statistics import Cell, ChartKind, Split
from csms.ports.statistics import Order

SUMMED: Final = frozenset({ChartKind.ENERGY, ChartKind.SESSIONS, ChartKind.CO2_SAVED, ChartKind.RESERVATIONS})
"""The total over series or intervals is the sum of their values."""
HIGHEST: Final = frozenset({ChartKind.PEAK_POWER, ChartKind.COMBINED_POWER})
"""It is the highest of them."""


_ORDERS: Final = {
    ChartKind.ENERGY: Order("energy_mwh"),
    ChartKind.SESSIONS: Order("sessions"),
    ChartKind.OCCUPANCY: Order("occupied_s"),
    ChartKind.CHARGING: Order("charging_s"),
    ChartKind.PEAK_POWER: Order(),
    ChartKind.SESSION_ENERGY: Order("begun_mwh", each_session=True),
    ChartKind.SESSION_DURATION: Order("begun_s", each_session=True),
    ChartKind.PLUG_IN_SUCCESS: Order("with_energy", each_session=True),
}


def order_of(kind: ChartKind, split: Split, factor: float) -> Order | None:
    """In which order the database tells the greatest series; None: it cannot, and all of them are needed."""
    if split not in (Split.STATION, Split.USER, Split.TAG):
        return None
    if split is Split.STATION and kind in (ChartKind.OCCUPANCY, ChartKind.CHARGING):
        return None  # it depends on how many outlets each has
    if kind is ChartKind.CO2_SAVED:
        return Order("energy_mwh", descending=factor >= 0.0)
    return _ORDERS.get(kind)


def value_of(kind: ChartKind, cell: Cell, *, outlets: int, length: float, factor: float) -> float:
    """`length`: seconds that the cell stands for; `factor`: kg of CO₂ that a kWh saves. NaN: nothing to tell."""
    amounts = cell.amounts
    if kind is ChartKind.ENERGY:
        return amounts.energy_mwh / 1000.0
    if kind is ChartKind.CO2_SAVED:
        return amounts.energy_mwh / 1e6 * factor
    if kind in (ChartKind.SESSIONS, ChartKind.RESERVATIONS):
        return float(amounts.sessions)
    if kind in HIGHEST:
        return cell.peak_w
    share = {
        ChartKind.OCCUPANCY: (amounts.occupied_s, outlets * length),
        ChartKind.CHARGING: (amounts.charging_s, outlets * length),
        ChartKind.SESSION_ENERGY: (amounts.begun_mwh / 1000.0, amounts.sessions),
        ChartKind.SESSION_DURATION: (amounts.begun_s, amounts.sessions),
        ChartKind.PLUG_IN_SUCCESS: (amounts.with_energy, amounts.sessions),
        ChartKind.AVAILABILITY: (amounts.occupied_s, amounts.begun_s),
    }
    part, whole = share[kind]
    return part / whole if whole else math.nan
