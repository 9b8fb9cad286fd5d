"""OCPP 2.1, block K. Smart charging: dynamic schedules, priority charging."""

from __future__ import annotations

from typing import Final

from csms.domain import smart_charging as domain
from csms.domain.charging_profile import ChargingScheduleUpdate
from csms.domain.facts import Reply
from csms.domain.values import Value
from csms.ocpp.faults import V21
from csms.ocpp.fitting import tidied
from csms.ocpp.routing import Incoming, IncomingRow, Outgoing, OutgoingRow, Payload, Printable
from csms.ocpp.v201 import k_smart_charging as v201
from csms.ocpp.v201.answers import StatusAnswer, StatusInfo, read_status
from csms.ocpp.v201.k_smart_charging import expect, held_against


class NotifyPriorityCharging(Value, frozen=True):
    """K22."""

    transaction_id: str
    activated: bool


class PullDynamicScheduleUpdate(Value, frozen=True):
    """K29."""

    charging_profile_id: int


class PullDynamicScheduleUpdateResponse(Value, frozen=True):
    """K29."""

    status: str
    schedule_update: ChargingScheduleUpdate | None = None
    status_info: StatusInfo | None = None


class UsePriorityChargingRequest(Value, frozen=True):
    """K21."""

    transaction_id: str
    activate: bool


class UpdateDynamicScheduleRequest(Value, frozen=True):
    """K28."""

    charging_profile_id: int
    schedule_update: ChargingScheduleUpdate


def notify_priority_charging(payload: NotifyPriorityCharging) -> domain.PriorityChargingTold:
    """K22."""
    return domain.PriorityChargingTold(payload.transaction_id, payload.activated)


def pull_dynamic_schedule_update(payload: PullDynamicScheduleUpdate) -> domain.ScheduleUpdatePulled:
    """K29."""
    return domain.ScheduleUpdatePulled(tidied(payload).charging_profile_id)


def reply_ev_charging_needs(reply: Reply) -> Payload:
    """2.1 can say that there will be no profile."""
    return {"status": expect(reply, domain.ChargingNeedsReply).status}


def reply_pull_dynamic_schedule_update(reply: Reply) -> Printable:
    """K29. Rejected where we know no numbers."""
    update = expect(reply, domain.ScheduleUpdateReply).update
    if update is None:
        return PullDynamicScheduleUpdateResponse("Rejected", status_info=StatusInfo("UnknownProfile"))
    return PullDynamicScheduleUpdateResponse("Accepted", update)


def use_priority_charging(command: domain.UsePriorityCharging) -> Printable:
    """K21."""
    return UsePriorityChargingRequest(command.transaction_id, command.activate)


def update_dynamic_schedule(command: domain.UpdateDynamicSchedule) -> Printable:
    """K28."""
    return UpdateDynamicScheduleRequest(command.charging_profile_id, command.schedule_update)


INCOMING: Final[tuple[IncomingRow, ...]] = (
    Incoming(
        "NotifyEVChargingNeeds",
        v201.notify_ev_charging_needs,
        reply_ev_charging_needs,
        shape=v201.NotifyEvChargingNeeds,
    ),
    Incoming("NotifyPriorityCharging", notify_priority_charging, shape=NotifyPriorityCharging),
    Incoming(
        "PullDynamicScheduleUpdate",
        pull_dynamic_schedule_update,
        reply_pull_dynamic_schedule_update,
        shape=PullDynamicScheduleUpdate,
    ),
)

OUTGOING: Final[tuple[OutgoingRow, ...]] = (
    *v201.outgoing(V21),
    Outgoing(
        "UpdateDynamicSchedule",
        domain.UpdateDynamicSchedule,
        held_against(V21, "UpdateDynamicSchedule", update_dynamic_schedule),
        read_status,
        shape=StatusAnswer,
    ),
    Outgoing(
        "UsePriorityCharging",
        domain.UsePriorityCharging,
        held_against(V21, "UsePriorityCharging", use_priority_charging),
        read_status,
        shape=StatusAnswer,
    ),
)
