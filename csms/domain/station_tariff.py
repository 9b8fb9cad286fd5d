"""Tariffs that a station reckons with itself (OCPP 2.1 TariffType, block I). What sessions cost by our own reckoning is
`csms.domain.tariff`'s.

Prices are in the tariff's currency, without taxes; `tax_rates` says which taxes come on top.
"""

from __future__ import annotations

from datetime import datetime

from csms.domain.display import MessageContent
from csms.domain.values import Value


class TaxRate(Value, frozen=True):
    """`tax` in percent. `stack`: which taxes it is laid upon, from 0."""

    type: str
    tax: float
    stack: int | None = None


class Price(Value, frozen=True):
    """A bound on the cost, without and with taxes."""

    excl_tax: float | None = None
    incl_tax: float | None = None
    tax_rates: tuple[TaxRate, ...] = ()


class TariffConditions(Value, frozen=True):
    """When a price of energy or time holds: all that is given must. Times of day are "13:45" in local time, dates
    "2026-05-04"; energy in Wh, current in A, power in W, times in seconds. Lower bounds belong to the range, upper ones
    do not."""

    start_time_of_day: str | None = None
    end_time_of_day: str | None = None
    day_of_week: tuple[str, ...] = ()
    """Monday … Sunday."""
    valid_from_date: str | None = None
    valid_to_date: str | None = None
    evse_kind: str | None = None
    """AC, DC."""
    min_energy: float | None = None
    max_energy: float | None = None
    min_current: float | None = None
    max_current: float | None = None
    min_power: float | None = None
    max_power: float | None = None
    min_time: int | None = None
    max_time: int | None = None
    min_charging_time: int | None = None
    max_charging_time: int | None = None
    min_idle_time: int | None = None
    max_idle_time: int | None = None


class TariffConditionsFixed(Value, frozen=True):
    """When a fixed fee holds."""

    start_time_of_day: str | None = None
    end_time_of_day: str | None = None
    day_of_week: tuple[str, ...] = ()
    valid_from_date: str | None = None
    valid_to_date: str | None = None
    evse_kind: str | None = None
    payment_brand: str | None = None
    payment_recognition: str | None = None


class TariffEnergyPrice(Value, frozen=True):
    """A price of a kWh."""

    price_kwh: float
    conditions: TariffConditions | None = None


class TariffEnergy(Value, frozen=True):
    """The first price whose conditions hold counts."""

    prices: tuple[TariffEnergyPrice, ...]
    tax_rates: tuple[TaxRate, ...] = ()


class TariffTimePrice(Value, frozen=True):
    """A price of a minute."""

    price_minute: float
    conditions: TariffConditions | None = None


class TariffTime(Value, frozen=True):
    """The first price whose conditions hold counts."""

    prices: tuple[TariffTimePrice, ...]
    tax_rates: tuple[TaxRate, ...] = ()


class TariffFixedPrice(Value, frozen=True):
    """A fee that is due once."""

    price_fixed: float
    conditions: TariffConditionsFixed | None = None


class TariffFixed(Value, frozen=True):
    """The first fee whose conditions hold counts."""

    prices: tuple[TariffFixedPrice, ...]
    tax_rates: tuple[TaxRate, ...] = ()


class StationTariff(Value, frozen=True):
    """TariffType. `currency`: ISO 4217."""

    tariff_id: str
    currency: str
    description: tuple[MessageContent, ...] = ()
    energy: TariffEnergy | None = None
    valid_from: datetime | None = None
    charging_time: TariffTime | None = None
    idle_time: TariffTime | None = None
    fixed_fee: TariffFixed | None = None
    reservation_time: TariffTime | None = None
    reservation_fixed: TariffFixed | None = None
    min_cost: Price | None = None
    max_cost: Price | None = None


class TariffAssignment(Value, frozen=True):
    """TariffAssignmentType: a tariff that a station has, and for whom. `tariff_kind`: DefaultTariff, DriverTariff.
    Without EVSEs: for all."""

    tariff_id: str
    tariff_kind: str
    valid_from: datetime | None = None
    evse_ids: tuple[int, ...] = ()
    id_tokens: tuple[str, ...] = ()


class StatusReason(Value, frozen=True):
    """StatusInfoType: the reason for a status, as a word and as a text."""

    reason_code: str
    additional_info: str = ""


class ClearedTariff(Value, frozen=True):
    """What became of one tariff that was to be cleared: Accepted, Rejected, NoTariff. Without an id: of all."""

    status: str
    tariff_id: str | None = None
    status_info: StatusReason | None = None
