"""Charging profiles are sent, and what stations hold is known afterwards."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from csms.domain import smart_charging as domain
from csms.domain.charging_profile import (
    ChargingProfile,
    ChargingProfileKind,
    ChargingProfilePurpose,
    ChargingRateUnit,
    ChargingSchedulePeriod,
    ChargingScheduleUpdate,
    CompositeSchedule,
    HeldProfile,
)
from csms.domain.charging_proposal import PROPOSED_IDS
from csms.domain.commands import Answer, Outcome
from csms.domain.errors import DomainError, FailedPrecondition, InvalidArgument, NotFound, PermissionDenied
from csms.domain.ev_charging_needs import AcChargingParameters, ChargingNeeds
from csms.domain.facts import ACK, TransactionEventSeen, TransactionEventType
from csms.domain.records import ItemRecord, JobState, LinkRecord
from csms.ports.directory import Settled
from csms.services.remote import Target
from tests.kit.profiles import START, a_profile, a_schedule
from tests.kit.service_world import ADMIN, NOW, STRANGER, ServiceWorld

P, K = ChargingProfilePurpose, ChargingProfileKind
REJECTED = Settled(Outcome.ANSWERED, Answer("Rejected", accepted=False), 0.1)


class World(ServiceWorld):
    async def station(self, protocol: str = "ocpp2.0.1") -> int:
        number = await self.add_station(f"CP-{len(self.tables.stations)}")
        self.tables.write([LinkRecord(number, True, NOW, 1, protocol)])
        return number

    async def held(self, station_id: int) -> list[tuple[int, str, int]]:
        """(EVSE, source, profile's id)."""
        found = await self.smart_charging.list_charging_profiles(ADMIN, station_id)
        return [(each.held.evse_id, each.held.source, each.held.profile.id) for each in found]

    async def set(self, station_id: int, evse_id: int, profile: ChargingProfile) -> Answer:
        outcome = await self.smart_charging.set_charging_profile(ADMIN, Target(station_id), evse_id, profile)
        return outcome.answer

    def answers(self, status: str, accepted: bool = False, **more: Any) -> None:
        self.directory.settled.append(Settled(Outcome.ANSWERED, Answer(status, accepted=accepted, **more), 0.1))


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.feature("F-OCPP-4")
async def test_what_a_station_accepted_it_holds(world: World) -> None:
    station = await world.station()
    assert (await world.set(station, 1, a_profile())).accepted
    world.directory.settled.append(REJECTED)
    assert not (await world.set(station, 2, a_profile(id=2))).accepted
    assert await world.held(station) == [(1, "csms", 1)]
    await world.set(station, 2, a_profile(stack_level=3))  # the same id: in its place
    assert await world.held(station) == [(2, "csms", 1)]


async def test_nonsense_is_not_sent(world: World) -> None:
    station = await world.station()
    with pytest.raises(InvalidArgument, match="give its transaction id"):
        await world.set(station, 1, a_profile(charging_profile_purpose=P.TX_PROFILE))
    assert world.directory.sent == []


@pytest.mark.feature("F-OCPP-1", "F-OCPP-4")
async def test_second_profile_on_a_level_replaces_in_1_6_and_is_refused_in_2_x(world: World) -> None:
    old, new = await world.station("ocpp1.6"), await world.station()
    for station in (old, new):
        await world.set(station, 1, a_profile())
    await world.set(old, 1, a_profile(id=2))
    assert await world.held(old) == [(1, "csms", 2)]
    with pytest.raises(InvalidArgument, match="Charging profile 1 has the same purpose"):
        await world.set(new, 1, a_profile(id=2))
    assert await world.held(new) == [(1, "csms", 1)]


@pytest.mark.feature("F-OCPP-4")
async def test_cleared_profiles_are_gone(world: World) -> None:
    station = await world.station()
    for number in (1, 2, 3):
        await world.set(station, 1, a_profile(id=number, stack_level=number))
    clear, target = world.smart_charging.clear_charging_profile, Target(station)
    await clear(ADMIN, target, domain.ClearChargingProfile(1))
    assert [number for _, _, number in await world.held(station)] == [2, 3]
    world.answers("Unknown")  # it has lost it
    await clear(ADMIN, target, domain.ClearChargingProfile(None, 1, None, 2))
    assert [number for _, _, number in await world.held(station)] == [3]
    world.answers("Rejected")
    await clear(ADMIN, target, domain.ClearChargingProfile())
    assert [number for _, _, number in await world.held(station)] == [3]
    with pytest.raises(InvalidArgument, match="either the profile with an id"):
        await clear(ADMIN, target, domain.ClearChargingProfile(3, 1))


@pytest.mark.feature("F-OCPP-4")
async def test_profiles_of_a_transaction_end_with_it(world: World) -> None:
    station = await world.station()
    await world.set(station, 1, a_profile(charging_profile_purpose=P.TX_PROFILE, transaction_id="7"))
    await world.set(station, 1, a_profile(id=2))
    ended = world.smart_charging.transaction_ended
    for kind, number in ((TransactionEventType.UPDATED, "7"), (TransactionEventType.ENDED, "8")):
        await ended(station, TransactionEventSeen(kind, NOW, number), ACK)
    assert len(await world.held(station)) == 2
    await ended(station, TransactionEventSeen(TransactionEventType.ENDED, NOW, "7"), ACK)
    assert await world.held(station) == [(1, "csms", 2)]


@pytest.mark.feature("F-OCPP-4")
async def test_our_schedule_beside_the_station_s(world: World) -> None:
    station = await world.station()
    await world.set(station, 1, a_profile((0, 16.0), (600, 8.0)))
    limit = domain.ChargingLimitTold("EMS", 1, schedules=(a_schedule((0, 10.0)),))
    world.tables.write([ItemRecord(station, "charging_limit", "EMS/1", NOW, domain.encode(limit))])
    theirs = CompositeSchedule(1, 3600, START, ChargingRateUnit.AMPERE, (ChargingSchedulePeriod(0, 9.0),))
    world.answers("Accepted", True, result=domain.CompositeScheduleResult(theirs))
    command = domain.GetCompositeSchedule(1, 3600)
    found = await world.smart_charging.get_composite_schedule(ADMIN, Target(station), command, with_computed=True)
    assert found.schedule == theirs
    assert found.computed is not None
    periods = found.computed.charging_schedule_period
    assert [(period.start_period, period.limit) for period in periods] == [(0, 10.0), (600, 8.0)]
    world.answers("Rejected")
    found = await world.smart_charging.get_composite_schedule(ADMIN, Target(station), command)
    assert (found.schedule, found.computed) == (None, None)
    for wrong in (domain.GetCompositeSchedule(1, 0), domain.GetCompositeSchedule(-1, 60)):
        with pytest.raises(InvalidArgument):
            await world.smart_charging.get_composite_schedule(ADMIN, Target(station), wrong)


async def test_transaction_s_own_profile_counts_in_our_schedule(world: World) -> None:
    station = await world.station()
    world.add_session(7, station)  # on EVSE 2
    await world.set(station, 2, a_profile((0, 6.0), charging_profile_purpose=P.TX_PROFILE, transaction_id="7"))
    command = domain.GetCompositeSchedule(2, 60, ChargingRateUnit.AMPERE)
    found = await world.smart_charging.get_composite_schedule(ADMIN, Target(station), command, with_computed=True)
    assert found.computed is not None
    assert [period.limit for period in found.computed.charging_schedule_period] == [6.0]


@pytest.mark.feature("F-OCPP-4")
async def test_whole_report_makes_us_forget_the_rest(world: World) -> None:
    station = await world.station()
    world.tables.write(
        [ItemRecord(station, "charging_profile", "9", NOW - timedelta(days=1), msgspec.json.encode(held(9)))]
    )
    ordered = await world.smart_charging.get_charging_profiles(ADMIN, Target(station), domain.GetChargingProfiles(0))
    assert (ordered.job.state, world.directory.sent[-1][1]) == (
        JobState.RUNNING,
        domain.GetChargingProfiles(ordered.job.id),
    )
    part = domain.ChargingProfilesReported(ordered.job.id, "CSO", 1, (a_profile(),), more=True)
    world.tables.write([ItemRecord(station, "charging_profile", "1", NOW, msgspec.json.encode(held(1)))])
    await world.smart_charging.report_ended(station, part, ACK)
    assert len(await world.held(station)) == 2
    await world.smart_charging.report_ended(station, msgspec.structs.replace(part, more=False), ACK)
    assert await world.held(station) == [(1, "CSO", 1)]


def held(number: int) -> HeldProfile:
    return HeldProfile(1, "CSO", a_profile(id=number, stack_level=number))


async def test_narrowed_report_makes_us_forget_nothing(world: World) -> None:
    station = await world.station()
    await world.set(station, 1, a_profile())
    wanted = domain.GetChargingProfiles(0, evse_id=2)
    ordered = await world.smart_charging.get_charging_profiles(ADMIN, Target(station), wanted)
    world.time += timedelta(hours=1)
    report = domain.ChargingProfilesReported(ordered.job.id, "CSO", 2, ())
    await world.smart_charging.report_ended(station, report, ACK)
    await world.smart_charging.report_ended(station, msgspec.structs.replace(report, request_id=999), ACK)
    assert len(await world.held(station)) == 1


@pytest.mark.feature("F-OCPP-4")
@pytest.mark.parametrize(
    ("settled", "state", "status"),
    [
        (Settled(Outcome.ANSWERED, Answer("NoProfiles", accepted=False), 0.1), JobState.SUCCEEDED, "NoProfiles"),
        (REJECTED, JobState.FAILED, "Rejected"),
        (
            Settled(Outcome.ANSWERED, Answer("", accepted=False, error_code="InternalError"), 0.1),
            JobState.FAILED,
            "InternalError",
        ),
        (Settled(Outcome.OFFLINE), JobState.FAILED, "STATION_OFFLINE"),
        (Settled(Outcome.UNKNOWN), JobState.REQUESTED, ""),
    ],
)
async def test_end_of_a_report_that_does_not_come(world: World, settled: Settled, state: JobState, status: str) -> None:
    station = await world.station()
    world.directory.settled.append(settled)
    order = world.smart_charging.get_charging_profiles
    if settled.outcome is Outcome.ANSWERED:
        await order(ADMIN, Target(station), domain.GetChargingProfiles(0))
    else:
        with pytest.raises(DomainError):
            await order(ADMIN, Target(station), domain.GetChargingProfiles(0))
    (job,) = await world.inventory_store.page_jobs(station, size=9)
    assert (job.state, job.status) == (state, status)


async def test_limits_of_others_take_their_profiles_along(world: World) -> None:
    station = await world.station()
    for number, evse_id in ((8, 1), (9, 2)):
        body = msgspec.json.encode(HeldProfile(evse_id, "EMS", a_profile(id=number)))
        world.tables.write([ItemRecord(station, "charging_profile", str(number), NOW, body)])
    await world.smart_charging.limit_cleared(station, domain.ChargingLimitCleared("EMS", 1), ACK)
    assert await world.held(station) == [(2, "EMS", 9)]
    await world.smart_charging.limit_cleared(station, domain.ChargingLimitCleared("EMS"), ACK)
    assert await world.held(station) == []


@pytest.mark.feature("F-OCPP-5")
async def test_dynamic_profile_is_pushed_and_pulled(world: World) -> None:
    station = await world.station("ocpp2.1")
    dynamic = a_profile(charging_profile_kind=K.DYNAMIC, schedule={"start_schedule": None})
    await world.set(station, 1, dynamic)
    pull, fact = world.smart_charging.answer_pull, domain.ScheduleUpdatePulled(1)
    assert await pull(station, fact) == domain.ScheduleUpdateReply(ChargingScheduleUpdate(limit=16.0))
    update = world.smart_charging.update_dynamic_schedule
    await update(ADMIN, Target(station), 1, ChargingScheduleUpdate(limit_l2=8.0))
    assert await pull(station, fact) == domain.ScheduleUpdateReply(ChargingScheduleUpdate(limit=16.0, limit_l2=8.0))
    world.directory.settled.append(REJECTED)
    await update(ADMIN, Target(station), 1, ChargingScheduleUpdate(limit=1.0))
    assert await pull(station, fact) == domain.ScheduleUpdateReply(ChargingScheduleUpdate(limit=16.0, limit_l2=8.0))
    await world.set(station, 1, a_profile(id=2, stack_level=2))
    for number in (2, 99):
        assert await pull(station, domain.ScheduleUpdatePulled(number)) == domain.ScheduleUpdateReply(None)
    with pytest.raises(InvalidArgument, match="Say what changes"):
        await update(ADMIN, Target(station), 1, ChargingScheduleUpdate())


@pytest.mark.feature("F-OCPP-5")
async def test_other_commands_of_2_1(world: World) -> None:
    station = await world.station("ocpp2.1")
    service, target = world.smart_charging, Target(station)
    await service.use_priority_charging(ADMIN, target, "7", activate=True)
    assert world.directory.sent[-1][1] == domain.UsePriorityCharging("7", True)
    await service.send_afrr_signal(ADMIN, target, 3, None)
    assert world.directory.sent[-1][1] == domain.SendAfrrSignal(NOW, 3)
    await service.notify_allowed_energy_transfer(ADMIN, target, "7", ["DC"])
    assert world.directory.sent[-1][1] == domain.NotifyAllowedEnergyTransfer("7", ("DC",))
    for wrong in (
        service.use_priority_charging(ADMIN, target, "", activate=True),
        service.notify_allowed_energy_transfer(ADMIN, target, "", ["DC"]),
        service.notify_allowed_energy_transfer(ADMIN, target, "7", []),
    ):
        with pytest.raises(InvalidArgument):
            await wrong


async def test_who_may_not_and_what_is_not_there(world: World) -> None:
    station = await world.station()
    with pytest.raises(PermissionDenied):
        await world.smart_charging.set_charging_profile(STRANGER, Target(station), 1, a_profile())
    with pytest.raises(PermissionDenied):
        await world.smart_charging.get_charging_profiles(STRANGER, Target(station), domain.GetChargingProfiles(0))
    assert not await world.inventory_store.page_jobs(station, size=9)
    with pytest.raises(NotFound):
        await world.smart_charging.list_charging_profiles(ADMIN, 99)


# -- vehicles that told their needs --------------------------------------------------------------------------------

NEEDS = ChargingNeeds(
    "AC_three_phase",
    AcChargingParameters(11_040.0, 6.0, 32.0, 400.0),
    departure_time=NOW + timedelta(hours=4),
)
TOLD = domain.ChargingNeedsTold(2, NEEDS, 10)
ACCEPTED, NONE = domain.ChargingNeedsReply("Accepted"), domain.ChargingNeedsReply("NoChargingProfile")


@pytest.mark.feature("F-OCPP-4")
async def test_vehicle_gets_schedules_within_the_station_s_limit(world: World) -> None:
    station = await world.station()
    world.add_session(7, station)
    await world.set(station, 0, a_profile((0, 16.0), charging_profile_purpose=P.CHARGING_STATION_MAX_PROFILE))
    assert await world.smart_charging.answer_needs(station, TOLD) == ACCEPTED
    await world.smart_charging.propose_schedules(station, TOLD, ACCEPTED)
    command = world.directory.sent[-1][1]
    assert isinstance(command, domain.SetChargingProfile)
    profile = command.charging_profile
    assert (command.evse_id, profile.id, profile.transaction_id) == (2, PROPOSED_IDS + 2, "7")
    first, *_ = profile.charging_schedule
    assert len(profile.charging_schedule) == 3
    assert (first.start_schedule, first.duration) == (NOW, 4 * 3600)
    assert [period.limit for period in first.charging_schedule_period] == [16.0]
    assert (2, "csms", PROPOSED_IDS + 2) in await world.held(station)
    # It asks again: the new profile takes the place of the old one, which limits nothing any more.
    await world.smart_charging.propose_schedules(station, TOLD, ACCEPTED)
    assert world.directory.sent[-1][1] == command


async def test_refused_proposal_is_not_held(world: World) -> None:
    station = await world.station()
    world.add_session(7, station)
    world.directory.settled.append(REJECTED)
    await world.smart_charging.propose_schedules(station, TOLD, ACCEPTED)
    assert len(world.directory.sent) == 1
    assert await world.held(station) == []
    world.directory.settled.append(Settled(Outcome.OFFLINE))
    with pytest.raises(FailedPrecondition):
        await world.smart_charging.propose_schedules(station, TOLD, ACCEPTED)


async def test_nothing_is_proposed_where_nothing_can_be(world: World) -> None:
    station = await world.station()
    assert await world.smart_charging.answer_needs(station, TOLD) == NONE  # no transaction
    world.add_session(7, station)
    blank = domain.ChargingNeedsTold(2, ChargingNeeds("DC"))
    assert await world.smart_charging.answer_needs(station, blank) == NONE
    await world.smart_charging.propose_schedules(station, TOLD, NONE)
    await world.smart_charging.propose_schedules(station, blank, ACCEPTED)
    assert world.directory.sent == []
    # What an operator ordered stays.
    await world.set(station, 2, a_profile(charging_profile_purpose=P.TX_PROFILE, transaction_id="7"))
    assert await world.smart_charging.answer_needs(station, TOLD) == NONE
