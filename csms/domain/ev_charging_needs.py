"""What a vehicle wants, as ISO 15118 tells it (OCPP 2.x ChargingNeedsType; the parts for discharging and for grid
support are 2.1's). Energy in Wh, power in W or VA or var, current in A, voltage in V."""

from __future__ import annotations

from datetime import datetime

from msgspec import field

from csms.domain.values import Value


class AcChargingParameters(Value, frozen=True):
    """Currents are per phase."""

    energy_amount: float
    ev_min_current: float
    ev_max_current: float
    ev_max_voltage: float


class DcChargingParameters(Value, frozen=True):
    """States of charge in per cent."""

    ev_max_current: float
    ev_max_voltage: float
    energy_amount: float | None = None
    ev_max_power: float | None = None
    state_of_charge: int | None = None
    ev_energy_capacity: float | None = None
    full_soc: int | None = field(name="fullSoC", default=None)
    bulk_soc: int | None = field(name="bulkSoC", default=None)


class V2xChargingParameters(Value, frozen=True):
    """Both ways."""

    min_charge_power: float | None = None
    min_charge_power_l2: float | None = field(name="minChargePower_L2", default=None)
    min_charge_power_l3: float | None = field(name="minChargePower_L3", default=None)
    max_charge_power: float | None = None
    max_charge_power_l2: float | None = field(name="maxChargePower_L2", default=None)
    max_charge_power_l3: float | None = field(name="maxChargePower_L3", default=None)
    min_discharge_power: float | None = None
    min_discharge_power_l2: float | None = field(name="minDischargePower_L2", default=None)
    min_discharge_power_l3: float | None = field(name="minDischargePower_L3", default=None)
    max_discharge_power: float | None = None
    max_discharge_power_l2: float | None = field(name="maxDischargePower_L2", default=None)
    max_discharge_power_l3: float | None = field(name="maxDischargePower_L3", default=None)
    min_charge_current: float | None = None
    max_charge_current: float | None = None
    min_discharge_current: float | None = None
    max_discharge_current: float | None = None
    min_voltage: float | None = None
    max_voltage: float | None = None
    ev_target_energy_request: float | None = None
    ev_min_energy_request: float | None = None
    ev_max_energy_request: float | None = None
    ev_min_v2x_energy_request: float | None = field(name="evMinV2XEnergyRequest", default=None)
    ev_max_v2x_energy_request: float | None = field(name="evMaxV2XEnergyRequest", default=None)
    target_soc: int | None = field(name="targetSoC", default=None)


class EvPriceRule(Value, frozen=True):
    """What the vehicle asks for its energy from a power on."""

    energy_fee: float
    power_range_start: float


class EvAbsolutePriceScheduleEntry(Value, frozen=True):
    """A stretch, in seconds."""

    duration: int
    ev_price_rule: tuple[EvPriceRule, ...]


class EvAbsolutePriceSchedule(Value, frozen=True):
    """The vehicle's prices."""

    time_anchor: datetime
    currency: str
    ev_absolute_price_schedule_entries: tuple[EvAbsolutePriceScheduleEntry, ...]
    price_algorithm: str


class EvPowerScheduleEntry(Value, frozen=True):
    """A stretch, in seconds, and its power."""

    duration: int
    power: float


class EvPowerSchedule(Value, frozen=True):
    """What the vehicle can give when."""

    ev_power_schedule_entries: tuple[EvPowerScheduleEntry, ...]
    time_anchor: datetime


class EvEnergyOffer(Value, frozen=True):
    """Energy that the vehicle offers, and at which price."""

    ev_power_schedule: EvPowerSchedule
    ev_absolute_price_schedule: EvAbsolutePriceSchedule | None = None


class DerChargingParameters(Value, frozen=True):
    """What the vehicle's inverter can do for the grid."""

    ev_supported_der_control: tuple[str, ...] = field(name="evSupportedDERControl", default=())
    ev_over_excited_max_discharge_power: float | None = None
    ev_over_excited_power_factor: float | None = None
    ev_under_excited_max_discharge_power: float | None = None
    ev_under_excited_power_factor: float | None = None
    max_apparent_power: float | None = None
    max_charge_apparent_power: float | None = None
    max_charge_apparent_power_l2: float | None = field(name="maxChargeApparentPower_L2", default=None)
    max_charge_apparent_power_l3: float | None = field(name="maxChargeApparentPower_L3", default=None)
    max_discharge_apparent_power: float | None = None
    max_discharge_apparent_power_l2: float | None = field(name="maxDischargeApparentPower_L2", default=None)
    max_discharge_apparent_power_l3: float | None = field(name="maxDischargeApparentPower_L3", default=None)
    max_charge_reactive_power: float | None = None
    max_charge_reactive_power_l2: float | None = field(name="maxChargeReactivePower_L2", default=None)
    max_charge_reactive_power_l3: float | None = field(name="maxChargeReactivePower_L3", default=None)
    min_charge_reactive_power: float | None = None
    min_charge_reactive_power_l2: float | None = field(name="minChargeReactivePower_L2", default=None)
    min_charge_reactive_power_l3: float | None = field(name="minChargeReactivePower_L3", default=None)
    max_discharge_reactive_power: float | None = None
    max_discharge_reactive_power_l2: float | None = field(name="maxDischargeReactivePower_L2", default=None)
    max_discharge_reactive_power_l3: float | None = field(name="maxDischargeReactivePower_L3", default=None)
    min_discharge_reactive_power: float | None = None
    min_discharge_reactive_power_l2: float | None = field(name="minDischargeReactivePower_L2", default=None)
    min_discharge_reactive_power_l3: float | None = field(name="minDischargeReactivePower_L3", default=None)
    nominal_voltage: float | None = None
    nominal_voltage_offset: float | None = None
    max_nominal_voltage: float | None = None
    min_nominal_voltage: float | None = None
    ev_inverter_manufacturer: str | None = None
    ev_inverter_model: str | None = None
    ev_inverter_serial_number: str | None = None
    ev_inverter_sw_version: str | None = None
    ev_inverter_hw_version: str | None = None
    ev_islanding_detection_method: tuple[str, ...] = ()
    ev_islanding_trip_time: float | None = None
    ev_maximum_level1_dc_injection: float | None = field(name="evMaximumLevel1DCInjection", default=None)
    ev_duration_level1_dc_injection: float | None = field(name="evDurationLevel1DCInjection", default=None)
    ev_maximum_level2_dc_injection: float | None = field(name="evMaximumLevel2DCInjection", default=None)
    ev_duration_level2_dc_injection: float | None = field(name="evDurationLevel2DCInjection", default=None)
    ev_reactive_susceptance: float | None = None
    ev_session_total_discharge_energy_available: float | None = None


class ChargingNeeds(Value, frozen=True):
    """ChargingNeedsType. `requested_energy_transfer`: AC_single_phase, AC_two_phase, AC_three_phase, DC, and 2.1's
    AC_BPT, AC_BPT_DER, AC_DER, DC_BPT, DC_ACDP, DC_ACDP_BPT, WPT."""

    requested_energy_transfer: str
    ac_charging_parameters: AcChargingParameters | None = None
    dc_charging_parameters: DcChargingParameters | None = None
    departure_time: datetime | None = None
    v2x_charging_parameters: V2xChargingParameters | None = None
    der_charging_parameters: DerChargingParameters | None = None
    ev_energy_offer: EvEnergyOffer | None = None
    available_energy_transfer: tuple[str, ...] = ()
    control_mode: str | None = None
    mobility_needs_mode: str | None = None
