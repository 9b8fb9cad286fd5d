"""Distributed energy resources: grid support that stations give (OCPP 2.1 block R).

Controls that a station told are items `der_control` (key: their id); whether one is at work, `der_control_state`; an
alarm that lasts, `der_alarm` (key: the type of control)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec
from msgspec import field

from csms.domain.applying import Applied, Context, Handler, event
from csms.domain.commands import Command, Result
from csms.domain.errors import InvalidArgument
from csms.domain.facts import Fact
from csms.domain.ids import StationId
from csms.domain.records import ItemRecord, JobKind, JobRecord, JobState
from csms.domain.values import Value

CONTROL_ITEM: Final = "der_control"
STATE_ITEM: Final = "der_control_state"
ALARM_ITEM: Final = "der_alarm"

# -- values --------------------------------------------------------------------------------------------------------


class CurvePoint(Value, frozen=True):
    """A point of a curve; what x and y are follows from the type of control and from `y_unit`."""

    x: float
    y: float


class Hysteresis(Value, frozen=True):
    """How a curve is left again: values, seconds, per cent a second."""

    hysteresis_high: float | None = None
    hysteresis_low: float | None = None
    hysteresis_delay: float | None = None
    hysteresis_gradient: float | None = None


class ReactivePowerParams(Value, frozen=True):
    """For VoltVar. `v_ref` in per cent."""

    v_ref: float | None = None
    autonomous_v_ref_enable: bool | None = None
    autonomous_v_ref_time_constant: float | None = None


class VoltageParams(Value, frozen=True):
    """For HVMustTrip and HVMayTrip: the 10 min mean; what stops on momentary cessation: Active, Reactive."""

    hv10_min_mean_value: float | None = None
    hv10_min_mean_trip_delay: float | None = None
    power_during_cessation: str | None = None


class DerCurve(Value, frozen=True):
    """DERCurveType. `y_unit`: Not_Applicable, PctMaxW, PctMaxVar, PctWAvail, PctVarAvail, PctEffectiveV; times in
    seconds."""

    curve_data: tuple[CurvePoint, ...]
    priority: int
    y_unit: str
    hysteresis: Hysteresis | None = None
    reactive_power_params: ReactivePowerParams | None = None
    voltage_params: VoltageParams | None = None
    response_time: float | None = None
    start_time: datetime | None = None
    duration: float | None = None


class EnterService(Value, frozen=True):
    """When to connect to the grid (again): voltages in per cent of the nominal, frequencies in Hz, times in seconds."""

    priority: int
    high_voltage: float
    low_voltage: float
    high_freq: float
    low_freq: float
    delay: float | None = None
    random_delay: float | None = None
    ramp_rate: float | None = None


class FixedPf(Value, frozen=True):
    """A fixed power factor. `excitation` True: over-excited."""

    priority: int
    displacement: float
    excitation: bool
    start_time: datetime | None = None
    duration: float | None = None


class FixedVar(Value, frozen=True):
    """Fixed reactive power, in per cent of `unit`."""

    priority: int
    setpoint: float
    unit: str
    start_time: datetime | None = None
    duration: float | None = None


class FreqDroop(Value, frozen=True):
    """Power follows frequency (Hz)."""

    priority: int
    over_freq: float
    under_freq: float
    over_droop: float
    under_droop: float
    response_time: float
    start_time: datetime | None = None
    duration: float | None = None


class Gradient(Value, frozen=True):
    """How fast power may change, per cent a second."""

    priority: int
    gradient: float
    soft_gradient: float


class LimitMaxDischarge(Value, frozen=True):
    """At most this much (per cent) is given back."""

    priority: int
    pct_max_discharge_power: float | None = None
    power_monitoring_must_trip: DerCurve | None = None
    start_time: datetime | None = None
    duration: float | None = None


class DerSetting(Value, frozen=True):
    """What a control says. Exactly one of these is given; which one follows from its type."""

    curve: DerCurve | None = None
    enter_service: EnterService | None = None
    fixed_pf_absorb: FixedPf | None = field(name="fixedPFAbsorb", default=None)
    fixed_pf_inject: FixedPf | None = field(name="fixedPFInject", default=None)
    fixed_var: FixedVar | None = None
    freq_droop: FreqDroop | None = None
    gradient: Gradient | None = None
    limit_max_discharge: LimitMaxDischarge | None = None


_SETTING_OF: Final = {
    "EnterService": "enter_service",
    "FixedPFAbsorb": "fixed_pf_absorb",
    "FixedPFInject": "fixed_pf_inject",
    "FixedVar": "fixed_var",
    "FreqDroop": "freq_droop",
    "Gradients": "gradient",
    "LimitMaxDischarge": "limit_max_discharge",
}
CURVES: Final = (
    *("FreqWatt", "HFMustTrip", "HFMayTrip", "HVMustTrip", "HVMomCess", "HVMayTrip", "LFMustTrip", "LVMustTrip"),
    *("LVMomCess", "LVMayTrip", "PowerMonitoringMustTrip", "VoltVar", "VoltWatt", "WattPF", "WattVar"),
)
CONTROL_TYPES: Final = (*CURVES, *_SETTING_OF)
"""DERControlEnumType."""


class DerControl(Value, frozen=True):
    """A control that a station has. `is_superseded`: another one of its type is at work."""

    control_id: str
    control_type: str
    is_default: bool
    setting: DerSetting = DerSetting()
    is_superseded: bool = False


def setting_name(control_type: str) -> str:
    """The field of `DerSetting` that a type of control needs. Raises InvalidArgument."""
    if control_type in CURVES:
        return "curve"
    if control_type in _SETTING_OF:
        return _SETTING_OF[control_type]
    raise InvalidArgument(
        f"There is no DER control {control_type[:40]!r}; there are {', '.join(CONTROL_TYPES)}.",
        reason="INVALID_CONTROL_TYPE",
    )


# -- what stations tell --------------------------------------------------------------------------------------------


class DerAlarmTold(Fact, frozen=True):
    """NotifyDERAlarm (R05): the grid is out of bounds, or well again. `grid_event_fault` is "" when none was named."""

    control_type: str
    timestamp: datetime
    grid_event_fault: str = ""
    ended: bool = False
    extra_info: str = ""


class DerStartStopTold(Fact, frozen=True):
    """NotifyDERStartStop (R04): a scheduled control began or ended."""

    control_id: str
    started: bool
    timestamp: datetime
    superseded_ids: tuple[str, ...] = ()


class DerControlsReported(Fact, frozen=True):
    """ReportDERControl (R04): a part of what GetDERControl asked for. `more`: parts follow."""

    request_id: int
    controls: tuple[DerControl, ...]
    more: bool = False


# -- what stations are told ----------------------------------------------------------------------------------------


class SetDerControl(Command, frozen=True):
    """R04."""

    control_id: str
    control_type: str
    is_default: bool
    setting: DerSetting


class GetDerControl(Command, frozen=True):
    """R04. By id, else all that match what is given."""

    request_id: int
    control_id: str | None = None
    control_type: str | None = None
    is_default: bool | None = None


class ClearDerControl(Command, frozen=True):
    """R04. By id, else all of a kind, defaults or scheduled ones."""

    is_default: bool
    control_id: str | None = None
    control_type: str | None = None


class SupersededControls(Result, frozen=True):
    """Which controls the new one puts out of work."""

    control_ids: tuple[str, ...]


def check_control(command: SetDerControl) -> None:
    """Raises InvalidArgument with a sentence: the setting must be the one that the type needs, and a default has no
    time (R04)."""
    if not 0 < len(command.control_id) <= 36:
        raise InvalidArgument("A DER control has an id of 1 to 36 characters.", reason="INVALID_CONTROL_ID")
    needed = setting_name(command.control_type)
    given = [name for name in DerSetting.__struct_fields__ if getattr(command.setting, name) is not None]
    if given != [needed]:
        found = ", ".join(given) or "nothing"
        raise InvalidArgument(
            f"A DER control {command.control_type} is set by {needed} alone; given is {found}.",
            reason="INVALID_DER_SETTING",
        )
    timed = getattr(command.setting, needed)
    start, duration = getattr(timed, "start_time", None), getattr(timed, "duration", None)
    if command.is_default and (start is not None or duration is not None):
        raise InvalidArgument(
            "A default DER control holds always: it has no start and no duration. Say is_default = false for a"
            " scheduled one.",
            reason="INVALID_DER_SETTING",
        )
    scheduled = hasattr(timed, "start_time")
    if not command.is_default and scheduled and (start is None or duration is None):
        raise InvalidArgument(
            "A scheduled DER control has a start and a duration; a default one has neither.",
            reason="INVALID_DER_SETTING",
        )


def clears(command: ClearDerControl, held: DerControl) -> bool:
    """Whether a station that carries out `command` drops this control (R04)."""
    if command.control_id is not None:
        return held.control_id == command.control_id
    return held.is_default == command.is_default and command.control_type in (None, held.control_type)


# -- what comes of it ----------------------------------------------------------------------------------------------

encode: Final = msgspec.json.Encoder().encode


def _alarm(fact: DerAlarmTold, station_id: StationId, context: Context) -> Applied:
    fault = fact.grid_event_fault or "a fault of the grid"
    what = "is over" if fact.ended else "began"
    summary = f"DER alarm of {fact.control_type}: {fault} {what}."
    body = None if fact.ended else encode(fact)
    return Applied(
        records=[
            event(
                station_id,
                context,
                "NotifyDERAlarm",
                summary,
                at=fact.timestamp,
                severity=6 if fact.ended else 3,  # OCPP: 6 notice, 3 error
                body=fact,
            ),
            ItemRecord(station_id, ALARM_ITEM, fact.control_type, context.now, body),
        ]
    )


def _start_stop(fact: DerStartStopTold, station_id: StationId, context: Context) -> Applied:
    verb = "is at work" if fact.started else "has ended"
    others = f"; it supersedes {', '.join(fact.superseded_ids)}" if fact.superseded_ids else ""
    return Applied(
        records=[
            event(
                station_id,
                context,
                "NotifyDERStartStop",
                f"DER control {fact.control_id} {verb}{others}.",
                at=fact.timestamp,
                body=fact,
            ),
            ItemRecord(station_id, STATE_ITEM, fact.control_id, context.now, encode(fact)),
        ]
    )


def _reported(fact: DerControlsReported, station_id: StationId, context: Context) -> Applied:
    names = ", ".join(control.control_id for control in fact.controls[:20]) or "none"
    applied = Applied(
        records=[
            event(station_id, context, "ReportDERControl", f"The station has the DER controls {names}.", body=fact)
        ]
    )
    for control in fact.controls:
        applied.records.append(ItemRecord(station_id, CONTROL_ITEM, control.control_id, context.now, encode(control)))
    applied.records.append(
        JobRecord(
            station_id,
            JobKind.DER_CONTROLS,
            context.now,
            fact.request_id,
            state=JobState.RUNNING if fact.more else JobState.SUCCEEDED,
        )
    )
    return applied


HANDLERS: Final[dict[type[Fact], Handler]] = {
    DerAlarmTold: _alarm,
    DerStartStopTold: _start_stop,
    DerControlsReported: _reported,
}
