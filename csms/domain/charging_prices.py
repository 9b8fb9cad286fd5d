"""Prices within charging schedules, as ISO 15118 carries them to vehicles (OCPP 2.x SalesTariffType,
AbsolutePriceScheduleType, PriceLevelScheduleType). Money that we bill is none of this: it tells a vehicle when to
charge."""

from __future__ import annotations

from datetime import datetime

import msgspec

from csms.domain.values import Value


class RelativeTimeInterval(Value, frozen=True):
    """Seconds from the start of the schedule."""

    start: int
    duration: int | None = None


class Cost(Value, frozen=True):
    """`amount` × 10^`amount_multiplier`."""

    cost_kind: str
    """CarbonDioxideEmission, RelativePricePercentage, RenewableGenerationPercentage."""
    amount: int
    amount_multiplier: int | None = None


class ConsumptionCost(Value, frozen=True):
    """From `start_value` (consumption) on, these costs."""

    start_value: float
    cost: tuple[Cost, ...]


class SalesTariffEntry(Value, frozen=True):
    """A stretch of a sales tariff."""

    relative_time_interval: RelativeTimeInterval
    e_price_level: int | None = None
    consumption_cost: tuple[ConsumptionCost, ...] = ()


class SalesTariff(Value, frozen=True):
    """ISO 15118-2's prices: levels, or relative costs."""

    id: int
    sales_tariff_entry: tuple[SalesTariffEntry, ...]
    sales_tariff_description: str | None = None
    num_e_price_levels: int | None = None


class RationalNumber(Value, frozen=True):
    """`value` × 10^`exponent`."""

    exponent: int
    value: int


class PriceRule(Value, frozen=True):
    """What energy costs from a power on."""

    energy_fee: RationalNumber
    power_range_start: RationalNumber
    parking_fee: RationalNumber | None = None
    parking_fee_period: int | None = None
    carbon_dioxide_emission: int | None = None
    renewable_generation_percentage: int | None = None


class PriceRuleStack(Value, frozen=True):
    """The rules for a stretch, in seconds."""

    duration: int
    price_rule: tuple[PriceRule, ...]


class TaxRule(Value, frozen=True):
    """A tax, and what it applies to."""

    tax_rule_id: int = msgspec.field(name="taxRuleID")
    applies_to_energy_fee: bool
    applies_to_parking_fee: bool
    applies_to_overstay_fee: bool
    applies_to_minimum_maximum_cost: bool
    tax_rate: RationalNumber
    tax_rule_name: str | None = None
    tax_included_in_price: bool | None = None


class OverstayRule(Value, frozen=True):
    """What it costs to stay on; times in seconds."""

    overstay_fee: RationalNumber
    start_time: int
    overstay_fee_period: int
    overstay_rule_description: str | None = None


class OverstayRuleList(Value, frozen=True):
    """From when on a vehicle overstays, and what it then costs."""

    overstay_rule: tuple[OverstayRule, ...]
    overstay_power_threshold: RationalNumber | None = None
    overstay_time_threshold: int | None = None


class AdditionalSelectedServices(Value, frozen=True):
    """A service beside energy."""

    service_fee: RationalNumber
    service_name: str


class AbsolutePriceSchedule(Value, frozen=True):
    """ISO 15118-20's prices in money."""

    time_anchor: datetime
    price_schedule_id: int = msgspec.field(name="priceScheduleID")
    currency: str
    language: str
    price_algorithm: str
    price_rule_stacks: tuple[PriceRuleStack, ...]
    price_schedule_description: str | None = None
    minimum_cost: RationalNumber | None = None
    maximum_cost: RationalNumber | None = None
    tax_rules: tuple[TaxRule, ...] = ()
    overstay_rule_list: OverstayRuleList | None = None
    additional_selected_services: tuple[AdditionalSelectedServices, ...] = ()


class PriceLevelScheduleEntry(Value, frozen=True):
    """A stretch, in seconds, and its level."""

    duration: int
    price_level: int


class PriceLevelSchedule(Value, frozen=True):
    """ISO 15118-20's prices as levels: 0 is the best."""

    time_anchor: datetime
    price_schedule_id: int
    number_of_price_levels: int
    price_level_schedule_entries: tuple[PriceLevelScheduleEntry, ...]
    price_schedule_description: str | None = None
