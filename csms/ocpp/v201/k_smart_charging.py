"""OCPP 2.0.1, block K. Smart charging. Profiles, schedules and needs are printed and read as our own values; 2.1 shares
the rows, held against its own schemas."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeVar

from csms.domain import smart_charging as domain
from csms.domain.charging_profile import (
    ChargingProfile,
    ChargingProfilePurpose,
    ChargingRateUnit,
    ChargingSchedule,
    CompositeSchedule,
)
from csms.domain.commands import Answer
from csms.domain.ev_charging_needs import ChargingNeeds
from csms.domain.facts import Reply
from csms.domain.values import Value
from csms.ocpp.faults import V201, Edition, LocalProtocolError
from csms.ocpp.fitting import evse_told, fitted, tidied
from csms.ocpp.routing import Incoming, IncomingRow, Outgoing, OutgoingRow, Payload, Printable
from csms.ocpp.v201.answers import StatusAnswer, StatusInfo, read_status

R = TypeVar("R", bound=Reply)


def expect(reply: Reply, kind: type[R]) -> R:
    """`reply`, if it is of that kind. Raises LocalProtocolError."""
    if isinstance(reply, kind):
        return reply
    raise LocalProtocolError(f"{reply!r} does not answer this action.")


# -- from the station ----------------------------------------------------------------------------------------------


class ChargingLimit(Value, frozen=True):
    """ChargingLimitType; `is_local_generation` since 2.1."""

    charging_limit_source: str
    is_grid_critical: bool | None = None
    is_local_generation: bool | None = None


class NotifyChargingLimit(Value, frozen=True):
    """K11, K12."""

    charging_limit: ChargingLimit
    charging_schedule: tuple[ChargingSchedule, ...] = ()
    evse_id: int | None = None


class ClearedChargingLimit(Value, frozen=True):
    """K13."""

    charging_limit_source: str
    evse_id: int | None = None


class ReportChargingProfiles(Value, frozen=True):
    """K09."""

    request_id: int
    charging_limit_source: str
    charging_profile: tuple[ChargingProfile, ...]
    evse_id: int
    tbc: bool = False


class NotifyEvChargingNeeds(Value, frozen=True):
    """K15; `timestamp` since 2.1."""

    evse_id: int
    charging_needs: ChargingNeeds
    max_schedule_tuples: int | None = None
    timestamp: datetime | None = None


class NotifyEvChargingSchedule(Value, frozen=True):
    """K15 – K17; the last two since 2.1."""

    time_base: datetime
    charging_schedule: ChargingSchedule
    evse_id: int
    selected_charging_schedule_id: int | None = None
    power_tolerance_acceptance: bool | None = None


def notify_charging_limit(payload: NotifyChargingLimit) -> domain.ChargingLimitTold:
    """K11, K12."""
    limit = payload.charging_limit
    return domain.ChargingLimitTold(
        limit.charging_limit_source,
        None if payload.evse_id is None else evse_told(payload.evse_id),
        limit.is_grid_critical,
        limit.is_local_generation,
        tidied(payload.charging_schedule),
    )


def cleared_charging_limit(payload: ClearedChargingLimit) -> domain.ChargingLimitCleared:
    """K13."""
    evse_id = None if payload.evse_id is None else evse_told(payload.evse_id)
    return domain.ChargingLimitCleared(payload.charging_limit_source, evse_id)


def report_charging_profiles(payload: ReportChargingProfiles) -> domain.ChargingProfilesReported:
    """K09."""
    told = tidied(payload)
    return domain.ChargingProfilesReported(
        told.request_id, told.charging_limit_source, evse_told(told.evse_id), told.charging_profile, told.tbc
    )


def notify_ev_charging_needs(payload: NotifyEvChargingNeeds) -> domain.ChargingNeedsTold:
    """K15."""
    told = tidied(payload)
    return domain.ChargingNeedsTold(
        evse_told(told.evse_id), told.charging_needs, told.max_schedule_tuples, told.timestamp
    )


def notify_ev_charging_schedule(payload: NotifyEvChargingSchedule) -> domain.EvScheduleTold:
    """K15 – K17."""
    told = tidied(payload)
    return domain.EvScheduleTold(
        evse_told(told.evse_id),
        told.time_base,
        told.charging_schedule,
        told.selected_charging_schedule_id,
        told.power_tolerance_acceptance,
    )


def reply_ev_charging_needs(reply: Reply) -> Payload:
    """2.0.1 has no word for "there will be no profile" but Rejected."""
    status = expect(reply, domain.ChargingNeedsReply).status
    return {"status": "Rejected" if status == "NoChargingProfile" else status}


def reply_ev_charging_schedule(reply: Reply) -> Payload:
    """K15 – K17."""
    return {"status": expect(reply, domain.EvScheduleReply).status}


INCOMING: Final[tuple[IncomingRow, ...]] = (
    Incoming("ClearedChargingLimit", cleared_charging_limit, shape=ClearedChargingLimit),
    Incoming("NotifyChargingLimit", notify_charging_limit, shape=NotifyChargingLimit),
    Incoming("NotifyEVChargingNeeds", notify_ev_charging_needs, reply_ev_charging_needs, shape=NotifyEvChargingNeeds),
    Incoming(
        "NotifyEVChargingSchedule",
        notify_ev_charging_schedule,
        reply_ev_charging_schedule,
        shape=NotifyEvChargingSchedule,
    ),
    Incoming("ReportChargingProfiles", report_charging_profiles, shape=ReportChargingProfiles),
)


# -- to the station ------------------------------------------------------------------------------------------------


class SetChargingProfileRequest(Value, frozen=True):
    """K01."""

    evse_id: int
    charging_profile: ChargingProfile


class ClearChargingProfileCriteria(Value, frozen=True):
    """ClearChargingProfileType."""

    evse_id: int | None = None
    charging_profile_purpose: ChargingProfilePurpose | None = None
    stack_level: int | None = None


class ClearChargingProfileRequest(Value, frozen=True):
    """K10."""

    charging_profile_id: int | None = None
    charging_profile_criteria: ClearChargingProfileCriteria | None = None


class GetCompositeScheduleRequest(Value, frozen=True):
    """K08."""

    duration: int
    evse_id: int
    charging_rate_unit: ChargingRateUnit | None = None


class ChargingProfileCriterion(Value, frozen=True):
    """ChargingProfileCriterionType."""

    charging_profile_purpose: ChargingProfilePurpose | None = None
    stack_level: int | None = None
    charging_profile_id: tuple[int, ...] = ()
    charging_limit_source: tuple[str, ...] = ()


class GetChargingProfilesRequest(Value, frozen=True):
    """K09."""

    request_id: int
    charging_profile: ChargingProfileCriterion
    evse_id: int | None = None


class GetCompositeScheduleResponse(Value, frozen=True):
    """K08."""

    status: str
    status_info: StatusInfo | None = None
    schedule: CompositeSchedule | None = None


def set_charging_profile(command: domain.SetChargingProfile) -> Printable:
    """K01."""
    return SetChargingProfileRequest(command.evse_id, command.charging_profile)


def clear_charging_profile(command: domain.ClearChargingProfile) -> Printable:
    """K10. An id stands alone."""
    if command.charging_profile_id is not None:
        return ClearChargingProfileRequest(command.charging_profile_id)
    criteria = ClearChargingProfileCriteria(command.evse_id, command.purpose, command.stack_level)
    return ClearChargingProfileRequest(charging_profile_criteria=criteria)


def get_composite_schedule(command: domain.GetCompositeSchedule) -> Printable:
    """K08."""
    return GetCompositeScheduleRequest(command.duration, command.evse_id, command.charging_rate_unit)


def get_charging_profiles(command: domain.GetChargingProfiles) -> Printable:
    """K09."""
    criterion = ChargingProfileCriterion(
        command.purpose, command.stack_level, command.charging_profile_ids, command.sources
    )
    return GetChargingProfilesRequest(command.request_id, criterion, command.evse_id)


def read_composite_schedule(payload: GetCompositeScheduleResponse) -> Answer:
    """K08."""
    answer = read_status(StatusAnswer(payload.status, payload.status_info))
    if payload.schedule is None:
        return answer
    return Answer(
        answer.status,
        answer.accepted,
        reason_code=answer.reason_code,
        additional_info=answer.additional_info,
        result=domain.CompositeScheduleResult(tidied(payload.schedule)),
    )


C = TypeVar("C")


def held_against(edition: Edition, action: str, print_: Callable[[C], Printable]) -> Callable[[C], Printable]:
    """An encoder that refuses what the version cannot say."""
    return lambda command: fitted(edition, action, print_(command))


def outgoing(edition: Edition) -> tuple[OutgoingRow, ...]:
    """The rows that 2.0.1 and 2.1 share."""
    return (
        Outgoing(
            "ClearChargingProfile",
            domain.ClearChargingProfile,
            held_against(edition, "ClearChargingProfile", clear_charging_profile),
            read_status,
            shape=StatusAnswer,
        ),
        Outgoing(
            "GetChargingProfiles",
            domain.GetChargingProfiles,
            held_against(edition, "GetChargingProfiles", get_charging_profiles),
            read_status,
            shape=StatusAnswer,
        ),
        Outgoing(
            "GetCompositeSchedule",
            domain.GetCompositeSchedule,
            held_against(edition, "GetCompositeSchedule", get_composite_schedule),
            read_composite_schedule,
            shape=GetCompositeScheduleResponse,
        ),
        Outgoing(
            "SetChargingProfile",
            domain.SetChargingProfile,
            held_against(edition, "SetChargingProfile", set_charging_profile),
            read_status,
            shape=StatusAnswer,
        ),
    )


OUTGOING: Final[tuple[OutgoingRow, ...]] = outgoing(V201)
