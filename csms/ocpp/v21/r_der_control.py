"""OCPP 2.1, block R. Distributed energy resources."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec
from msgspec import field

from csms.domain import der as domain
from csms.domain.commands import Answer
from csms.domain.values import Value
from csms.ocpp.faults import V21
from csms.ocpp.fitting import tidied
from csms.ocpp.routing import Incoming, IncomingRow, Outgoing, OutgoingRow, Printable
from csms.ocpp.v201.answers import StatusAnswer, StatusInfo, read_status
from csms.ocpp.v201.k_smart_charging import held_against

# -- from the station ----------------------------------------------------------------------------------------------


class NotifyDerAlarm(Value, frozen=True):
    """R05."""

    control_type: str
    timestamp: datetime
    grid_event_fault: str = ""
    alarm_ended: bool = False
    extra_info: str = ""


class NotifyDerStartStop(Value, frozen=True):
    """R04."""

    control_id: str
    started: bool
    timestamp: datetime
    superseded_ids: tuple[str, ...] = ()


class _Got(Value, frozen=True):
    """What all the …GetTypes have; enter service and gradients are defaults and have no more."""

    id: str
    is_default: bool = True
    is_superseded: bool = False


class CurveGot(_Got, frozen=True, kw_only=True):
    """DERCurveGetType."""

    curve: domain.DerCurve
    curve_type: str


class EnterServiceGot(_Got, frozen=True, kw_only=True):
    """EnterServiceGetType."""

    enter_service: domain.EnterService


class FixedPfGot(_Got, frozen=True, kw_only=True):
    """FixedPFGetType."""

    fixed_pf: domain.FixedPf = field(name="fixedPF")


class FixedVarGot(_Got, frozen=True, kw_only=True):
    """FixedVarGetType."""

    fixed_var: domain.FixedVar


class FreqDroopGot(_Got, frozen=True, kw_only=True):
    """FreqDroopGetType."""

    freq_droop: domain.FreqDroop


class GradientGot(_Got, frozen=True, kw_only=True):
    """GradientGetType."""

    gradient: domain.Gradient


class LimitMaxDischargeGot(_Got, frozen=True, kw_only=True):
    """LimitMaxDischargeGetType."""

    limit_max_discharge: domain.LimitMaxDischarge


class ReportDerControl(Value, frozen=True):
    """R04."""

    request_id: int
    curve: tuple[CurveGot, ...] = ()
    enter_service: tuple[EnterServiceGot, ...] = ()
    fixed_pf_absorb: tuple[FixedPfGot, ...] = field(name="fixedPFAbsorb", default=())
    fixed_pf_inject: tuple[FixedPfGot, ...] = field(name="fixedPFInject", default=())
    fixed_var: tuple[FixedVarGot, ...] = ()
    freq_droop: tuple[FreqDroopGot, ...] = ()
    gradient: tuple[GradientGot, ...] = ()
    limit_max_discharge: tuple[LimitMaxDischargeGot, ...] = ()
    tbc: bool = False


def notify_der_alarm(payload: NotifyDerAlarm) -> domain.DerAlarmTold:
    """R05."""
    told = tidied(payload)
    return domain.DerAlarmTold(
        told.control_type, told.timestamp, told.grid_event_fault, told.alarm_ended, told.extra_info
    )


def notify_der_start_stop(payload: NotifyDerStartStop) -> domain.DerStartStopTold:
    """R04."""
    told = tidied(payload)
    return domain.DerStartStopTold(told.control_id, told.started, told.timestamp, told.superseded_ids)


def report_der_control(payload: ReportDerControl) -> domain.DerControlsReported:
    """R04."""
    told = tidied(payload)
    setting = domain.DerSetting
    controls = [
        *(_control(got, got.curve_type, setting(curve=got.curve)) for got in told.curve),
        *(_control(got, "EnterService", setting(enter_service=got.enter_service)) for got in told.enter_service),
        *(_control(got, "FixedPFAbsorb", setting(fixed_pf_absorb=got.fixed_pf)) for got in told.fixed_pf_absorb),
        *(_control(got, "FixedPFInject", setting(fixed_pf_inject=got.fixed_pf)) for got in told.fixed_pf_inject),
        *(_control(got, "FixedVar", setting(fixed_var=got.fixed_var)) for got in told.fixed_var),
        *(_control(got, "FreqDroop", setting(freq_droop=got.freq_droop)) for got in told.freq_droop),
        *(_control(got, "Gradients", setting(gradient=got.gradient)) for got in told.gradient),
        *(
            _control(got, "LimitMaxDischarge", setting(limit_max_discharge=got.limit_max_discharge))
            for got in told.limit_max_discharge
        ),
    ]
    return domain.DerControlsReported(told.request_id, tuple(controls), told.tbc)


def _control(got: _Got, control_type: str, setting: domain.DerSetting) -> domain.DerControl:
    return domain.DerControl(got.id, control_type, got.is_default, setting, got.is_superseded)


INCOMING: Final[tuple[IncomingRow, ...]] = (
    Incoming("NotifyDERAlarm", notify_der_alarm, shape=NotifyDerAlarm),
    Incoming("NotifyDERStartStop", notify_der_start_stop, shape=NotifyDerStartStop),
    Incoming("ReportDERControl", report_der_control, shape=ReportDerControl),
)

# -- to the station ------------------------------------------------------------------------------------------------


class SetDerControlRequest(domain.DerSetting, frozen=True, kw_only=True):
    """R04: the setting lies beside what it is for."""

    is_default: bool
    control_id: str
    control_type: str


class GetDerControlRequest(Value, frozen=True):
    """R04."""

    request_id: int
    is_default: bool | None = None
    control_type: str | None = None
    control_id: str | None = None


class ClearDerControlRequest(Value, frozen=True):
    """R04."""

    is_default: bool
    control_type: str | None = None
    control_id: str | None = None


class SetDerControlResponse(Value, frozen=True):
    """R04."""

    status: str
    status_info: StatusInfo | None = None
    superseded_ids: tuple[str, ...] = ()


def set_der_control(command: domain.SetDerControl) -> Printable:
    """R04."""
    return SetDerControlRequest(
        is_default=command.is_default,
        control_id=command.control_id,
        control_type=command.control_type,
        **msgspec.structs.asdict(command.setting),
    )


def get_der_control(command: domain.GetDerControl) -> Printable:
    """R04. An id stands alone."""
    if command.control_id is not None:
        return GetDerControlRequest(command.request_id, control_id=command.control_id)
    return GetDerControlRequest(command.request_id, command.is_default, command.control_type)


def clear_der_control(command: domain.ClearDerControl) -> Printable:
    """R04."""
    return ClearDerControlRequest(command.is_default, command.control_type, command.control_id)


def read_superseded(payload: SetDerControlResponse) -> Answer:
    """R04."""
    answer = read_status(StatusAnswer(payload.status, payload.status_info))
    result = domain.SupersededControls(payload.superseded_ids) if payload.superseded_ids else None
    return msgspec.structs.replace(answer, result=result)


OUTGOING: Final[tuple[OutgoingRow, ...]] = (
    Outgoing(
        "ClearDERControl",
        domain.ClearDerControl,
        held_against(V21, "ClearDERControl", clear_der_control),
        read_status,
        shape=StatusAnswer,
    ),
    Outgoing(
        "GetDERControl",
        domain.GetDerControl,
        held_against(V21, "GetDERControl", get_der_control),
        read_status,
        shape=StatusAnswer,
    ),
    Outgoing(
        "SetDERControl",
        domain.SetDerControl,
        held_against(V21, "SetDERControl", set_der_control),
        read_superseded,
        shape=SetDerControlResponse,
    ),
)
