"""Smart charging: what stations tell about limits and vehicles, and what they are told (OCPP 2.x blocks K and Q).

What a station told is kept: profiles as items `charging_profile` (key: their id), limits as `charging_limit` (key:
source/EVSE), a vehicle's needs and its schedule as `ev_charging_needs` and `ev_charging_schedule` (key: the EVSE),
priority as `priority_charging` (key: the transaction); and all of it in the event log.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from csms.domain.applying import Applied, Context, Handler, event
from csms.domain.charging_profile import (
    CHARGING_PROFILE_ITEM,
    ChargingProfile,
    ChargingProfilePurpose,
    ChargingRateUnit,
    ChargingSchedule,
    ChargingScheduleUpdate,
    CompositeSchedule,
    HeldProfile,
)
from csms.domain.commands import Command, Result
from csms.domain.ev_charging_needs import ChargingNeeds
from csms.domain.facts import Fact, Reply
from csms.domain.ids import StationId
from csms.domain.records import ItemRecord, JobKind, JobRecord, JobState

LIMIT_ITEM: Final = "charging_limit"
NEEDS_ITEM: Final = "ev_charging_needs"
EV_SCHEDULE_ITEM: Final = "ev_charging_schedule"
PRIORITY_ITEM: Final = "priority_charging"

# -- what stations tell --------------------------------------------------------------------------------------------


class ChargingLimitTold(Fact, frozen=True):
    """NotifyChargingLimit (K11, K12): somebody else limits the charging. EVSE None: the whole station. `source`:
    EMS, SO, CSO, Other; since 2.1 any."""

    source: str
    evse_id: int | None = None
    is_grid_critical: bool | None = None
    is_local_generation: bool | None = None
    schedules: tuple[ChargingSchedule, ...] = ()


class ChargingLimitCleared(Fact, frozen=True):
    """ClearedChargingLimit (K13): that limit is gone."""

    source: str
    evse_id: int | None = None


class ChargingProfilesReported(Fact, frozen=True):
    """ReportChargingProfiles (K09): a part of what GetChargingProfiles asked for. `more`: parts follow."""

    request_id: int
    source: str
    evse_id: int
    profiles: tuple[ChargingProfile, ...]
    more: bool = False


class ChargingNeedsTold(Fact, frozen=True):
    """NotifyEVChargingNeeds (K15). `max_schedule_tuples`: periods that a schedule may have."""

    evse_id: int
    needs: ChargingNeeds
    max_schedule_tuples: int | None = None
    timestamp: datetime | None = None


class EvScheduleTold(Fact, frozen=True):
    """NotifyEVChargingSchedule (K15 – K17): how the vehicle is going to charge, relative to `time_base`."""

    evse_id: int
    time_base: datetime
    schedule: ChargingSchedule
    selected_schedule_id: int | None = None
    power_tolerance_acceptance: bool | None = None


class PriorityChargingTold(Fact, frozen=True):
    """NotifyPriorityCharging (2.1 K22): a driver took or gave up priority at the station."""

    transaction_id: str
    activated: bool


class ScheduleUpdatePulled(Fact, frozen=True):
    """PullDynamicScheduleUpdate (2.1 K29): the station wants the newest numbers of a dynamic profile."""

    charging_profile_id: int


class ChargingNeedsReply(Reply, frozen=True):
    """Accepted: a profile follows. Processing: maybe later. NoChargingProfile (2.0.1: Rejected): none will come."""

    status: str


class EvScheduleReply(Reply, frozen=True):
    """Accepted, Rejected."""

    status: str


class ScheduleUpdateReply(Reply, frozen=True):
    """None: we know no such profile."""

    update: ChargingScheduleUpdate | None


# -- what stations are told ----------------------------------------------------------------------------------------


class SetChargingProfile(Command, frozen=True):
    """K01 – K04. EVSE 0: the station as a whole, or every EVSE."""

    evse_id: int
    charging_profile: ChargingProfile


class ClearChargingProfile(Command, frozen=True):
    """K10. By id, else all that match what is given; nothing given: all."""

    charging_profile_id: int | None = None
    evse_id: int | None = None
    purpose: ChargingProfilePurpose | None = None
    stack_level: int | None = None


class GetCompositeSchedule(Command, frozen=True):
    """K08. The next `duration` seconds; unit None: the station chooses."""

    evse_id: int
    duration: int
    charging_rate_unit: ChargingRateUnit | None = None


class GetChargingProfiles(Command, frozen=True):
    """K09. What is given must match; the station reports with `request_id`."""

    request_id: int
    evse_id: int | None = None
    purpose: ChargingProfilePurpose | None = None
    stack_level: int | None = None
    charging_profile_ids: tuple[int, ...] = ()
    sources: tuple[str, ...] = ()


class UsePriorityCharging(Command, frozen=True):
    """2.1 K21."""

    transaction_id: str
    activate: bool


class UpdateDynamicSchedule(Command, frozen=True):
    """2.1 K28."""

    charging_profile_id: int
    schedule_update: ChargingScheduleUpdate


class SendAfrrSignal(Command, frozen=True):
    """2.1 AFRRSignal (Q07): what the grid wants now; profiles say with how much power to answer it."""

    timestamp: datetime
    signal: int


class NotifyAllowedEnergyTransfer(Command, frozen=True):
    """2.1 (Q01): which ways of energy transfer the driver may use."""

    transaction_id: str
    allowed_energy_transfer: tuple[str, ...]


class CompositeScheduleResult(Result, frozen=True):
    """What the station computed."""

    schedule: CompositeSchedule


# -- what comes of it ----------------------------------------------------------------------------------------------

encode: Final = msgspec.json.Encoder().encode


def clears(command: ClearChargingProfile, held: HeldProfile) -> bool:
    """Whether a station that carries out `command` drops this profile. It never drops limits of others (K10)."""
    profile = held.profile
    if profile.charging_profile_purpose is ChargingProfilePurpose.CHARGING_STATION_EXTERNAL_CONSTRAINTS:
        return False
    if command.charging_profile_id is not None:
        return profile.id == command.charging_profile_id
    return (
        command.evse_id in (None, held.evse_id)
        and command.purpose in (None, profile.charging_profile_purpose)
        and command.stack_level in (None, profile.stack_level)
    )


def _where(evse_id: int | None) -> str:
    return f"EVSE {evse_id}" if evse_id else "the station"


def _limit_key(source: str, evse_id: int | None) -> str:
    return f"{source}/{evse_id or 0}"


def _limit_told(fact: ChargingLimitTold, station_id: StationId, context: Context) -> Applied:
    critical = ", and the grid depends on it" if fact.is_grid_critical else ""
    summary = f"{fact.source} limits the charging of {_where(fact.evse_id)}{critical}."
    key = _limit_key(fact.source, fact.evse_id)
    return Applied(
        records=[
            event(station_id, context, "NotifyChargingLimit", summary, evse_id=fact.evse_id, body=fact),
            ItemRecord(station_id, LIMIT_ITEM, key, context.now, encode(fact)),
        ]
    )


def _limit_cleared(fact: ChargingLimitCleared, station_id: StationId, context: Context) -> Applied:
    summary = f"{fact.source} no longer limits the charging of {_where(fact.evse_id)}."
    key = _limit_key(fact.source, fact.evse_id)
    return Applied(
        records=[
            event(station_id, context, "ClearedChargingLimit", summary, evse_id=fact.evse_id, body=fact),
            ItemRecord(station_id, LIMIT_ITEM, key, context.now, None),
        ]
    )


def _profiles_reported(fact: ChargingProfilesReported, station_id: StationId, context: Context) -> Applied:
    ids = ", ".join(str(profile.id) for profile in fact.profiles[:20])
    summary = f"The charging profiles of {fact.source} at {_where(fact.evse_id)} are {ids}."
    applied = Applied(
        records=[
            event(station_id, context, "ReportChargingProfiles", summary, evse_id=fact.evse_id, body=fact),
        ]
    )
    for profile in fact.profiles:
        body = encode(HeldProfile(fact.evse_id, fact.source, profile))
        applied.records.append(ItemRecord(station_id, CHARGING_PROFILE_ITEM, str(profile.id), context.now, body))
    applied.records.append(
        JobRecord(
            station_id,
            JobKind.CHARGING_PROFILES,
            context.now,
            fact.request_id,
            state=JobState.RUNNING if fact.more else JobState.SUCCEEDED,
        )
    )
    return applied


def _needs_told(fact: ChargingNeedsTold, station_id: StationId, context: Context) -> Applied:
    departure = fact.needs.departure_time
    until = "" if departure is None else f" until {departure:%Y-%m-%d %H:%M} UTC"
    summary = f"The vehicle at EVSE {fact.evse_id} wants {fact.needs.requested_energy_transfer}{until}."
    return Applied(
        context.consulted or ChargingNeedsReply("NoChargingProfile"),
        [
            event(
                station_id,
                context,
                "NotifyEVChargingNeeds",
                summary,
                at=fact.timestamp,
                evse_id=fact.evse_id,
                body=fact,
            ),
            ItemRecord(station_id, NEEDS_ITEM, str(fact.evse_id), context.now, encode(fact)),
        ],
    )


def _ev_schedule_told(fact: EvScheduleTold, station_id: StationId, context: Context) -> Applied:
    chosen = "" if fact.selected_schedule_id is None else f" It chose schedule {fact.selected_schedule_id}."
    summary = f"The vehicle at EVSE {fact.evse_id} told how it is going to charge.{chosen}"
    return Applied(
        EvScheduleReply("Accepted"),
        [
            event(station_id, context, "NotifyEVChargingSchedule", summary, evse_id=fact.evse_id, body=fact),
            ItemRecord(station_id, EV_SCHEDULE_ITEM, str(fact.evse_id), context.now, encode(fact)),
        ],
    )


def _priority_told(fact: PriorityChargingTold, station_id: StationId, context: Context) -> Applied:
    does = "has" if fact.activated else "no longer has"
    summary = f"Transaction {fact.transaction_id} {does} priority."
    body = encode(fact) if fact.activated else None
    return Applied(
        records=[
            event(station_id, context, "NotifyPriorityCharging", summary, body=fact),
            ItemRecord(station_id, PRIORITY_ITEM, fact.transaction_id, context.now, body),
        ]
    )


def _update_pulled(fact: ScheduleUpdatePulled, station_id: StationId, context: Context) -> Applied:
    reply = context.consulted or ScheduleUpdateReply(None)
    known = isinstance(reply, ScheduleUpdateReply) and reply.update is not None
    said = "it was told" if known else "none is known"
    summary = f"The station asked for the newest numbers of charging profile {fact.charging_profile_id}; {said}."
    return Applied(reply, [event(station_id, context, "PullDynamicScheduleUpdate", summary, body=fact)])


HANDLERS: Final[dict[type[Fact], Handler]] = {
    ChargingLimitTold: _limit_told,
    ChargingLimitCleared: _limit_cleared,
    ChargingProfilesReported: _profiles_reported,
    ChargingNeedsTold: _needs_told,
    EvScheduleTold: _ev_schedule_told,
    PriorityChargingTold: _priority_told,
    ScheduleUpdatePulled: _update_pulled,
}
