"""Charging profiles: how fast may be charged when (OCPP 2.x block K, ChargingProfileType; 1.6 §7.8).

Their words are OCPP 2.1's. 2.0.1 lacks some fields and words, 1.6 more; their dialects refuse what they cannot say.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from csms.domain.charging_prices import AbsolutePriceSchedule, PriceLevelSchedule, SalesTariff
from csms.domain.values import Value


class ChargingProfilePurpose(StrEnum):
    """ChargingProfilePurposeEnumType. The last two are 2.1's; 1.6 calls the second ChargePointMaxProfile."""

    CHARGING_STATION_EXTERNAL_CONSTRAINTS = "ChargingStationExternalConstraints"
    CHARGING_STATION_MAX_PROFILE = "ChargingStationMaxProfile"
    TX_DEFAULT_PROFILE = "TxDefaultProfile"
    TX_PROFILE = "TxProfile"
    PRIORITY_CHARGING = "PriorityCharging"
    LOCAL_GENERATION = "LocalGeneration"


class ChargingProfileKind(StrEnum):
    """ChargingProfileKindEnumType. Dynamic is 2.1's."""

    ABSOLUTE = "Absolute"
    RECURRING = "Recurring"
    RELATIVE = "Relative"
    DYNAMIC = "Dynamic"


class RecurrencyKind(StrEnum):
    """RecurrencyKindEnumType."""

    DAILY = "Daily"
    WEEKLY = "Weekly"


class ChargingRateUnit(StrEnum):
    """ChargingRateUnitEnumType: watts in all, or amperes per phase."""

    WATT = "W"
    AMPERE = "A"


class OperationMode(StrEnum):
    """2.1 OperationModeEnumType. None given means ChargingOnly."""

    IDLE = "Idle"
    CHARGING_ONLY = "ChargingOnly"
    CENTRAL_SETPOINT = "CentralSetpoint"
    EXTERNAL_SETPOINT = "ExternalSetpoint"
    EXTERNAL_LIMITS = "ExternalLimits"
    CENTRAL_FREQUENCY = "CentralFrequency"
    LOCAL_FREQUENCY = "LocalFrequency"
    LOCAL_LOAD_BALANCING = "LocalLoadBalancing"


class V2xFreqWattPoint(Value, frozen=True):
    """At this frequency (Hz), this power (W)."""

    frequency: float
    power: float


class V2xSignalWattPoint(Value, frozen=True):
    """At this aFRR signal, this power (W)."""

    signal: int
    power: float


class LimitAtSoc(Value, frozen=True):
    """From this state of charge (%) on, at most this rate."""

    soc: int
    limit: float


class ChargingSchedulePeriod(Value, frozen=True):
    """A stretch of a schedule: from `start_period` (seconds) until the next one. Rates are in the schedule's unit;
    without L2 and L3 they hold for all phases."""

    start_period: int
    limit: float | None = None
    limit_l2: float | None = msgspec.field(name="limit_L2", default=None)
    limit_l3: float | None = msgspec.field(name="limit_L3", default=None)
    number_phases: int | None = None
    phase_to_use: int | None = None
    discharge_limit: float | None = None
    discharge_limit_l2: float | None = msgspec.field(name="dischargeLimit_L2", default=None)
    discharge_limit_l3: float | None = msgspec.field(name="dischargeLimit_L3", default=None)
    setpoint: float | None = None
    setpoint_l2: float | None = msgspec.field(name="setpoint_L2", default=None)
    setpoint_l3: float | None = msgspec.field(name="setpoint_L3", default=None)
    setpoint_reactive: float | None = None
    setpoint_reactive_l2: float | None = msgspec.field(name="setpointReactive_L2", default=None)
    setpoint_reactive_l3: float | None = msgspec.field(name="setpointReactive_L3", default=None)
    preconditioning_request: bool | None = None
    evse_sleep: bool | None = None
    v2x_baseline: float | None = None
    operation_mode: OperationMode | None = None
    v2x_freq_watt_curve: tuple[V2xFreqWattPoint, ...] = ()
    v2x_signal_watt_curve: tuple[V2xSignalWattPoint, ...] = ()


class ChargingSchedule(Value, frozen=True):
    """ChargingScheduleType. `duration` (seconds) None: until the transaction ends."""

    id: int
    charging_rate_unit: ChargingRateUnit
    charging_schedule_period: tuple[ChargingSchedulePeriod, ...]
    start_schedule: datetime | None = None
    duration: int | None = None
    min_charging_rate: float | None = None
    sales_tariff: SalesTariff | None = None
    limit_at_soc: LimitAtSoc | None = msgspec.field(name="limitAtSoC", default=None)
    power_tolerance: float | None = None
    signature_id: int | None = None
    digest_value: str | None = None
    use_local_time: bool | None = None
    randomized_delay: int | None = None
    absolute_price_schedule: AbsolutePriceSchedule | None = None
    price_level_schedule: PriceLevelSchedule | None = None


class ChargingProfile(Value, frozen=True):
    """ChargingProfileType. Several schedules are alternatives for the vehicle to choose from."""

    id: int
    stack_level: int
    charging_profile_purpose: ChargingProfilePurpose
    charging_profile_kind: ChargingProfileKind
    charging_schedule: tuple[ChargingSchedule, ...]
    recurrency_kind: RecurrencyKind | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    transaction_id: str | None = None
    max_offline_duration: int | None = None
    invalid_after_offline_duration: bool | None = None
    dyn_update_interval: int | None = None
    dyn_update_time: datetime | None = None
    price_schedule_signature: str | None = None


class ChargingScheduleUpdate(Value, frozen=True):
    """2.1 ChargingScheduleUpdateType: new numbers for the one period of a dynamic profile."""

    limit: float | None = None
    limit_l2: float | None = msgspec.field(name="limit_L2", default=None)
    limit_l3: float | None = msgspec.field(name="limit_L3", default=None)
    discharge_limit: float | None = None
    discharge_limit_l2: float | None = msgspec.field(name="dischargeLimit_L2", default=None)
    discharge_limit_l3: float | None = msgspec.field(name="dischargeLimit_L3", default=None)
    setpoint: float | None = None
    setpoint_l2: float | None = msgspec.field(name="setpoint_L2", default=None)
    setpoint_l3: float | None = msgspec.field(name="setpoint_L3", default=None)
    setpoint_reactive: float | None = None
    setpoint_reactive_l2: float | None = msgspec.field(name="setpointReactive_L2", default=None)
    setpoint_reactive_l3: float | None = msgspec.field(name="setpointReactive_L3", default=None)


class CompositeSchedule(Value, frozen=True):
    """CompositeScheduleType: what results of all profiles for an EVSE. `duration` in seconds (0 and no start: a 1.6
    station may leave them out)."""

    evse_id: int
    duration: int
    schedule_start: datetime | None
    charging_rate_unit: ChargingRateUnit
    charging_schedule_period: tuple[ChargingSchedulePeriod, ...]


class HeldProfile(msgspec.Struct, frozen=True, gc=False):
    """A profile that a station holds, on which EVSE (0: the station) and from whom: "csms" for ours, else OCPP's
    chargingLimitSource. Kept as the item `charging_profile` with the profile's id as its key."""

    evse_id: int
    source: str
    profile: ChargingProfile


CHARGING_PROFILE_ITEM = "charging_profile"
OURS = "csms"
