"""Charging profiles: set, cleared, reported, computed; and proposals for vehicles that told what they need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import msgspec
import structlog

from csms.domain import smart_charging as domain
from csms.domain.access import Action, Principal
from csms.domain.charging_profile import (
    CHARGING_PROFILE_ITEM,
    OURS,
    ChargingProfile,
    ChargingProfileKind,
    ChargingProfilePurpose,
    ChargingRateUnit,
    ChargingScheduleUpdate,
    CompositeSchedule,
    HeldProfile,
)
from csms.domain.charging_proposal import PROPOSED_IDS, demand_of, profile_of, propose
from csms.domain.charging_rules import check_beside, check_profile, conflict
from csms.domain.composite_schedule import RunningTransaction, Supply, composite_schedule
from csms.domain.errors import InvalidArgument, NotFound
from csms.domain.facts import Reply, TransactionEventSeen, TransactionEventType
from csms.domain.records import JobKind
from csms.domain.transaction import SessionState
from csms.ports.inventory import Inventory, Item
from csms.ports.queries import SessionFilter, SessionQueries, StationQueries
from csms.services.remote import CommandOutcome, Remote, Target
from csms.services.station_reports import ReportOrdered, StationReports

_log = structlog.get_logger("csms.smart_charging")

MAX_COMPUTED_S: Final = 31 * 86_400
MAX_DURATION_S: Final = 2**31 - 1
_SESSIONS: Final = 50
_encode = msgspec.json.Encoder().encode
_read_held = msgspec.json.Decoder(HeldProfile).decode
_read_limit = msgspec.json.Decoder(domain.ChargingLimitTold).decode


class StoredProfile(msgspec.Struct, frozen=True):
    """A profile that a station holds, as far as we know, and since when we know it."""

    held: HeldProfile
    at: datetime


class CompositeOutcome(msgspec.Struct, frozen=True):
    """The station's answer, its schedule, and ours where it was asked for."""

    outcome: CommandOutcome
    schedule: CompositeSchedule | None
    computed: CompositeSchedule | None


class SmartCharging:
    """Use cases of people raise PermissionDenied, Unavailable while the database is away, and what `Remote` raises.

    What a station accepted it holds, until it accepts another one in its place, clears it, ends its transaction or
    leaves it out of a report of all it has.
    """

    def __init__(
        self,
        remote: Remote,
        inventory: Inventory,
        stations: StationQueries,
        sessions: SessionQueries,
        *,
        now: Callable[[], datetime],
        supply: Supply | None = None,
    ) -> None:
        self._remote = remote
        self._scopes = remote.scopes
        self._inventory = inventory
        self._stations = stations
        self._sessions = sessions
        self._now = now
        self._supply = supply or Supply()
        self._reports = StationReports(remote, inventory, JobKind.CHARGING_PROFILES, CHARGING_PROFILE_ITEM, now=now)

    # -- for people ------------------------------------------------------------------------------------------------

    async def set_charging_profile(
        self, caller: Principal, target: Target, evse_id: int, profile: ChargingProfile
    ) -> CommandOutcome:
        """Raises InvalidArgument for a profile that no station takes, or that stands in the way of another."""
        await self._scopes.check_station(caller, Action.OPERATE_STATIONS, target.station_id)
        check_profile(profile, evse_id)
        held = [stored.held for stored in await self._stored(target.station_id)]
        if await self._protocol(target.station_id) != "ocpp1.6":  # 1.6 replaces what stands in the way (§3.13)
            check_beside(profile, evse_id, held)
        outcome = await self._remote.command(caller, target, domain.SetChargingProfile(evse_id, profile))
        if outcome.answer.accepted:
            await self._keep(target.station_id, evse_id, profile, held)
        return outcome

    async def clear_charging_profile(
        self, caller: Principal, target: Target, command: domain.ClearChargingProfile
    ) -> CommandOutcome:
        """By id, else all that match; nothing given: all of them."""
        await self._scopes.check_station(caller, Action.OPERATE_STATIONS, target.station_id)
        if command.charging_profile_id is not None and command != domain.ClearChargingProfile(
            command.charging_profile_id
        ):
            raise InvalidArgument(
                "Clear either the profile with an id, or those that match an EVSE, a purpose, a stack level.",
                reason="INVALID_CHARGING_PROFILE",
            )
        outcome = await self._remote.command(caller, target, command)
        if outcome.answer.accepted or outcome.answer.status == "Unknown":
            for stored in await self._stored(target.station_id):
                if domain.clears(command, stored.held):
                    await self._forget(target.station_id, stored.held.profile.id)
        return outcome

    async def get_composite_schedule(
        self,
        caller: Principal,
        target: Target,
        command: domain.GetCompositeSchedule,
        *,
        with_computed: bool = False,
    ) -> CompositeOutcome:
        """The station's, and ours beside it. Raises InvalidArgument."""
        await self._scopes.check_station(caller, Action.OPERATE_STATIONS, target.station_id)
        most = MAX_COMPUTED_S if with_computed else MAX_DURATION_S
        if not 0 < command.duration <= most:
            raise InvalidArgument(f"Ask for 1 to {most} seconds of a schedule.", reason="INVALID_DURATION")
        if command.evse_id < 0:
            raise InvalidArgument("EVSEs count from 1; 0 is the station as a whole.", reason="INVALID_EVSE")
        outcome = await self._remote.command(caller, target, command)
        result = outcome.answer.result
        schedule = result.schedule if isinstance(result, domain.CompositeScheduleResult) else None
        if not with_computed:
            return CompositeOutcome(outcome, schedule, None)
        told = schedule.charging_rate_unit if schedule is not None else ChargingRateUnit.AMPERE
        start = (schedule.schedule_start if schedule is not None else None) or self._now()
        unit = command.charging_rate_unit or told
        computed = await self._composite(target.station_id, command.evse_id, start, command.duration, unit)
        return CompositeOutcome(outcome, schedule, computed)

    async def get_charging_profiles(
        self, caller: Principal, target: Target, wanted: domain.GetChargingProfiles
    ) -> ReportOrdered:
        """Ask the station to report what it holds; `wanted.request_id` is made here."""
        asked: dict[str, object] = {
            "evse_id": wanted.evse_id,
            "purpose": wanted.purpose,
            "stack_level": wanted.stack_level,
            "charging_profile_ids": wanted.charging_profile_ids,
            "sources": wanted.sources,
        }
        return await self._reports.order(
            caller, target, lambda number: msgspec.structs.replace(wanted, request_id=number), asked=asked
        )

    async def list_charging_profiles(self, caller: Principal, station_id: int) -> Sequence[StoredProfile]:
        """What we know that the station holds, by EVSE, purpose and stack level. Raises NotFound."""
        await self._scopes.check_station(caller, Action.READ_STATIONS, station_id)
        stored = await self._stored(station_id)
        if not stored and not await self._stations.get_stations([station_id]):
            raise NotFound(f"There is no station {station_id} (any more).", reason="STATION_NOT_FOUND")
        return sorted(stored, key=_order)

    async def use_priority_charging(
        self, caller: Principal, target: Target, transaction_id: str, activate: bool
    ) -> CommandOutcome:
        """2.1. The station then keeps to its PriorityCharging profile."""
        await self._scopes.check_station(caller, Action.OPERATE_STATIONS, target.station_id)
        if not transaction_id:
            raise _no_transaction()
        return await self._remote.command(caller, target, domain.UsePriorityCharging(transaction_id, activate))

    async def update_dynamic_schedule(
        self, caller: Principal, target: Target, charging_profile_id: int, update: ChargingScheduleUpdate
    ) -> CommandOutcome:
        """2.1. New numbers for a Dynamic profile; those not given stay."""
        await self._scopes.check_station(caller, Action.OPERATE_STATIONS, target.station_id)
        if update == ChargingScheduleUpdate():
            raise InvalidArgument(
                "Say what changes: a limit, a discharge limit or a setpoint.", reason="INVALID_CHARGING_PROFILE"
            )
        command = domain.UpdateDynamicSchedule(charging_profile_id, update)
        outcome = await self._remote.command(caller, target, command)
        held = await self._held(target.station_id, charging_profile_id)
        if outcome.answer.accepted and held is not None and _is_dynamic(held.profile):
            profile = _updated(held.profile, update)
            await self._put(target.station_id, msgspec.structs.replace(held, profile=profile))
        return outcome

    async def send_afrr_signal(
        self, caller: Principal, target: Target, signal: int, at: datetime | None
    ) -> CommandOutcome:
        """2.1. `at` None: now."""
        return await self._remote.command(caller, target, domain.SendAfrrSignal(at or self._now(), signal))

    async def notify_allowed_energy_transfer(
        self, caller: Principal, target: Target, transaction_id: str, allowed: Sequence[str]
    ) -> CommandOutcome:
        """2.1. `allowed`: EnergyTransferModeEnumType."""
        await self._scopes.check_station(caller, Action.OPERATE_STATIONS, target.station_id)
        if not transaction_id:
            raise _no_transaction()
        if not allowed:
            raise InvalidArgument("Say which energy transfers are allowed, for example DC_BPT.", reason="MODE_MISSING")
        command = domain.NotifyAllowedEnergyTransfer(transaction_id, tuple(allowed))
        return await self._remote.command(caller, target, command)

    # -- before a station is answered ------------------------------------------------------------------------------

    async def answer_pull(self, station_id: int, fact: domain.ScheduleUpdatePulled) -> Reply | None:
        """K29: the numbers of the dynamic profile that we know the station holds."""
        held = await self._held(station_id, fact.charging_profile_id)
        if held is None or not _is_dynamic(held.profile):
            return domain.ScheduleUpdateReply(None)
        return domain.ScheduleUpdateReply(_numbers(held.profile))

    async def answer_needs(self, station_id: int, fact: domain.ChargingNeedsTold) -> Reply | None:
        """K15: Accepted where `propose_schedules` is going to send a profile."""
        made = await self._proposal(station_id, fact)
        return domain.ChargingNeedsReply("NoChargingProfile" if made is None else "Accepted")

    # -- after a station was answered ------------------------------------------------------------------------------

    async def propose_schedules(self, station_id: int, fact: domain.ChargingNeedsTold, reply: Reply) -> None:
        """Send the TxProfile that was promised."""
        if not isinstance(reply, domain.ChargingNeedsReply) or reply.status != "Accepted":
            return
        profile = await self._proposal(station_id, fact)
        if profile is None:
            return
        command = domain.SetChargingProfile(fact.evse_id, profile)
        outcome = await self._remote.command_of_ours(Target(station_id), command)
        if outcome.answer.accepted:
            held = [stored.held for stored in await self._stored(station_id)]
            await self._keep(station_id, fact.evse_id, profile, held)
        else:
            status = outcome.answer.error_code or outcome.answer.status
            _log.info("a proposed charging profile was refused", station_id=station_id, status=status)

    async def report_ended(self, station_id: int, fact: domain.ChargingProfilesReported, _reply: Reply) -> None:
        """A report of all that the station holds is whole: the rest is gone."""
        if not fact.more:
            await self._reports.ended(station_id, fact.request_id)

    async def limit_cleared(self, station_id: int, fact: domain.ChargingLimitCleared, _reply: Reply) -> None:
        """Profiles of that source are gone with it."""
        for stored in await self._stored(station_id):
            if stored.held.source == fact.source and fact.evse_id in (None, stored.held.evse_id):
                await self._forget(station_id, stored.held.profile.id)

    async def transaction_ended(self, station_id: int, fact: TransactionEventSeen, _reply: Reply) -> None:
        """Its TxProfiles end with it (K01, 1.6 §3.13)."""
        if fact.event_type is not TransactionEventType.ENDED or fact.transaction_id is None:
            return
        for stored in await self._stored(station_id):
            if stored.held.profile.transaction_id == fact.transaction_id:
                await self._forget(station_id, stored.held.profile.id)

    # -- inside ----------------------------------------------------------------------------------------------------

    async def _stored(self, station_id: int) -> list[StoredProfile]:
        items = await self._inventory.items(station_id, CHARGING_PROFILE_ITEM)
        return [StoredProfile(_read_held(item.body), item.at) for item in items]

    async def _held(self, station_id: int, profile_id: int) -> HeldProfile | None:
        stored = await self._stored(station_id)
        return next((each.held for each in stored if each.held.profile.id == profile_id), None)

    async def _keep(self, station_id: int, evse_id: int, profile: ChargingProfile, held: Sequence[HeldProfile]) -> None:
        for other in held:
            if conflict(profile, evse_id, other):
                await self._forget(station_id, other.profile.id)
        await self._put(station_id, HeldProfile(evse_id, OURS, profile))

    async def _put(self, station_id: int, held: HeldProfile) -> None:
        key = str(held.profile.id)
        await self._inventory.put_item(station_id, CHARGING_PROFILE_ITEM, key, _encode(held), self._now())

    async def _forget(self, station_id: int, profile_id: int) -> None:
        await self._inventory.put_item(station_id, CHARGING_PROFILE_ITEM, str(profile_id), None, self._now())

    async def _protocol(self, station_id: int) -> str:
        views = await self._stations.get_stations([station_id])
        return views[0].protocol if views else ""

    async def _transaction(self, station_id: int, evse_id: int) -> RunningTransaction | None:
        wanted = SessionFilter(station_id=station_id, state=SessionState.ACTIVE)
        for view in await self._sessions.page_sessions(wanted, size=_SESSIONS, after=None):
            running = view.transaction
            if running.evse_id == evse_id and running.started_at is not None:
                number = running.transaction_id or str(running.id)
                told = await self._inventory.items(station_id, domain.PRIORITY_ITEM)
                priority = any(item.key == number for item in told)
                return RunningTransaction(number, running.started_at, priority)
        return None

    async def _composite(
        self,
        station_id: int,
        evse_id: int,
        start: datetime,
        duration_s: int,
        unit: ChargingRateUnit,
        *,
        without: int | None = None,
    ) -> CompositeSchedule:
        """Of the profiles that we know, and the limits of others that the station told."""
        stored = await self._stored(station_id)
        held = [each.held for each in stored if each.held.profile.id != without]
        for item in await self._inventory.items(station_id, domain.LIMIT_ITEM):
            held.extend(_limits(item))
        return composite_schedule(
            held,
            evse_id=evse_id,
            start=start,
            duration_s=duration_s,
            unit=unit,
            supply=self._supply,
            transaction=await self._transaction(station_id, evse_id) if evse_id else None,
        )

    async def _proposal(self, station_id: int, fact: domain.ChargingNeedsTold) -> ChargingProfile | None:
        """None where nothing can be proposed, or an operator's profile holds the transaction already."""
        demand = demand_of(fact.needs, self._supply)
        transaction = await self._transaction(station_id, fact.evse_id)
        if demand is None or transaction is None:
            return None
        ours = PROPOSED_IDS + fact.evse_id
        for stored in await self._stored(station_id):
            profile = stored.held.profile
            if profile.transaction_id == transaction.transaction_id and profile.id != ours:
                return None
        now = self._now().replace(microsecond=0)
        horizon = min(demand.horizon_s(now), MAX_COMPUTED_S)
        limit = await self._composite(station_id, fact.evse_id, now, horizon, demand.unit, without=ours)
        schedules = propose(demand, limit, now, max_tuples=fact.max_schedule_tuples)
        return profile_of(fact.evse_id, transaction.transaction_id, schedules) if schedules else None


def _order(stored: StoredProfile) -> tuple[int, str, int, int]:
    profile = stored.held.profile
    return stored.held.evse_id, profile.charging_profile_purpose.value, profile.stack_level, profile.id


def _no_transaction() -> InvalidArgument:
    return InvalidArgument("Say which transaction, as the station names it.", reason="TRANSACTION_MISSING")


def _is_dynamic(profile: ChargingProfile) -> bool:
    return profile.charging_profile_kind is ChargingProfileKind.DYNAMIC


def _updated(profile: ChargingProfile, update: ChargingScheduleUpdate) -> ChargingProfile:
    """With the numbers that are given."""
    given = {name: value for name, value in msgspec.structs.asdict(update).items() if value is not None}
    schedule = profile.charging_schedule[0]
    period = msgspec.structs.replace(schedule.charging_schedule_period[0], **given)
    schedule = msgspec.structs.replace(schedule, charging_schedule_period=(period,))
    return msgspec.structs.replace(profile, charging_schedule=(schedule,))


def _numbers(profile: ChargingProfile) -> ChargingScheduleUpdate:
    """What a dynamic profile says now."""
    period = profile.charging_schedule[0].charging_schedule_period[0]
    names = ChargingScheduleUpdate.__struct_fields__
    return ChargingScheduleUpdate(**{name: getattr(period, name) for name in names})


def _limits(item: Item) -> list[HeldProfile]:
    """A limit of somebody else's as the profile that it amounts to; its times count from when it was told."""
    told = _read_limit(item.body)
    purpose = ChargingProfilePurpose.CHARGING_STATION_EXTERNAL_CONSTRAINTS
    if told.is_local_generation:
        purpose = ChargingProfilePurpose.LOCAL_GENERATION
    return [
        HeldProfile(
            told.evse_id or 0,
            told.source,
            ChargingProfile(
                -1,
                0,
                purpose,
                ChargingProfileKind.ABSOLUTE,
                (msgspec.structs.replace(schedule, start_schedule=schedule.start_schedule or item.at),),
            ),
        )
        for schedule in told.schedules
    ]
