"""Reservations from the asking to the end, whatever station and clock do."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest
import trio

from csms.domain.commands import Answer, Outcome
from csms.domain.errors import (
    DeadlineExceeded,
    DomainError,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
)
from csms.domain.facts import ACK, ConnectorStatus, TransactionEventSeen, TransactionEventType
from csms.domain.reservation import (
    CancelReservation,
    Reservation,
    ReservationState,
    ReservationStatusUpdated,
    ReserveNow,
    WaitState,
)
from csms.ports.directory import Settled
from csms.ports.reservations import ReservationFilter
from csms.services.notifications import Notifications
from csms.services.remote import Target
from csms.services.reservations import ReservationOrder, Reservations, Telling
from tests.kit.fake_webhooks import FakeNotifications
from tests.kit.records import a_status_record
from tests.kit.service_world import ADMIN, NOW, STRANGER, SUPPORT, ServiceWorld

pytestmark = pytest.mark.feature("F-OCPP-1", "F-OCPP-4", "F-OPS-5")
S = ReservationState
UNTIL = NOW + timedelta(hours=1)
ORDER = ReservationOrder("04a2", UNTIL, 1)


def answered(status: str = "Accepted", *, accepted: bool = True, **more: object) -> Settled:
    return Settled(Outcome.ANSWERED, Answer(status, accepted, **more), 0.1)  # type: ignore[arg-type]


async def an_active_one(world: ServiceWorld) -> Reservation:
    station = await world.add_station("CP-1")
    return (await world.reservations.create(SUPPORT, Target(station), ORDER)).reservation


async def now(world: ServiceWorld, number: int) -> Reservation:
    found = await world.reservation_store.find(number)
    assert found is not None
    return found


async def test_an_accepted_one_is_active() -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    order = ReservationOrder("04a2", UNTIL + timedelta(microseconds=5), 1, group_id_token="family")
    done = await world.reservations.create(SUPPORT, Target(station), order)
    made = done.reservation
    assert (made.state, made.id_token, made.group_id_token, made.status) == (S.ACTIVE, "04A2", "FAMILY", "Accepted")
    assert made.created_by == SUPPORT.name
    assert world.directory.sent[-1][1] == ReserveNow(made.id, "04A2", UNTIL, 1, "", "FAMILY")
    assert await world.reservations.get(SUPPORT, made.id) == made


@pytest.mark.parametrize("status", ["Faulted", "Occupied", "Unavailable", "Rejected"])
async def test_a_refused_one_keeps_the_stations_word(status: str) -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    world.directory.settled.append(answered(status, accepted=False, reason_code="InUse"))
    done = await world.reservations.create(SUPPORT, Target(station), ORDER)
    assert (done.reservation.state, done.reservation.status, done.reservation.note) == (S.REFUSED, status, "InUse")
    assert done.reservation.ended_at == NOW


async def test_a_callerror_is_a_refusal() -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    error = answered("", accepted=False, error_code="NotImplemented", error_description="no")
    world.directory.settled.append(error)
    done = await world.reservations.create(SUPPORT, Target(station), ORDER)
    assert (done.reservation.state, done.reservation.status) == (S.REFUSED, "NotImplemented")


@pytest.mark.parametrize(
    ("settled", "state", "status"),
    [
        (Settled(Outcome.OFFLINE), S.REFUSED, "STATION_OFFLINE"),
        (Settled(Outcome.REFUSED, reason="NOT_SUPPORTED"), S.REFUSED, "NOT_SUPPORTED"),
        (Settled(Outcome.UNKNOWN), S.REQUESTED, "NO_ANSWER"),
    ],
)
async def test_without_an_answer_the_book_says_what_is_known(settled: Settled, state: S, status: str) -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    world.directory.settled.append(settled)
    with pytest.raises(DomainError) as caught:
        await world.reservations.create(SUPPORT, Target(station), ORDER)
    assert caught.value.reason == status
    (row,), _ = await world.reservations.page(SUPPORT, ReservationFilter(), size=5, before=None)
    assert (row.state, row.status) == (state, status)
    assert row.note.endswith(".")


async def test_one_that_the_station_may_hold_can_be_taken_back() -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    world.directory.settled.append(Settled(Outcome.UNKNOWN))
    with pytest.raises(DeadlineExceeded):
        await world.reservations.create(SUPPORT, Target(station), ORDER)
    assert (await world.reservations.cancel(SUPPORT, None, 1)).reservation.state is S.CANCELED


async def test_a_cancellation_ends_it_and_a_second_has_nothing_to_end() -> None:
    world = ServiceWorld()
    made = await an_active_one(world)
    done = await world.reservations.cancel(SUPPORT, Target(made.station_id), made.id)
    assert (done.reservation.state, done.reservation.note) == (S.CANCELED, "")
    assert world.directory.sent[-1][1] == CancelReservation(made.id)
    with pytest.raises(FailedPrecondition) as caught:
        await world.reservations.cancel(SUPPORT, None, made.id)
    assert (caught.value.reason, caught.value.details) == ("RESERVATION_ENDED", {"state": "CANCELED"})


async def test_one_that_the_station_does_not_know_is_over_and_says_so() -> None:
    world = ServiceWorld()
    made = await an_active_one(world)
    world.directory.settled.append(answered("Rejected", accepted=False))
    done = await world.reservations.cancel(SUPPORT, None, made.id)
    assert (done.reservation.state, done.reservation.status) == (S.CANCELED, "Rejected")
    assert done.reservation.note.startswith("The station did not know")


async def test_a_cancellation_that_fails_leaves_it_as_it_was() -> None:
    world = ServiceWorld()
    made = await an_active_one(world)
    world.directory.settled.append(answered("", accepted=False, error_code="InternalError"))
    done = await world.reservations.cancel(SUPPORT, None, made.id)
    assert (done.reservation.state, done.reservation.status) == (S.ACTIVE, "InternalError")
    world.directory.settled.append(Settled(Outcome.OFFLINE))
    with pytest.raises(FailedPrecondition):
        await world.reservations.cancel(SUPPORT, None, made.id)
    assert (await now(world, made.id)).state is S.ACTIVE


async def test_another_station_is_not_asked() -> None:
    world = ServiceWorld()
    made = await an_active_one(world)
    other = await world.add_station("CP-2")
    with pytest.raises(InvalidArgument) as caught:
        await world.reservations.cancel(SUPPORT, Target(other), made.id)
    assert caught.value.reason == "STATION_MISMATCH"


def a_start(
    reservation_id: int | None, kind: TransactionEventType = TransactionEventType.STARTED
) -> TransactionEventSeen:
    return TransactionEventSeen(kind, NOW, "TX", 1, 1, "04A2", reservation_id=reservation_id)


async def test_a_session_that_begins_with_it_uses_it() -> None:
    world = ServiceWorld()
    made = await an_active_one(world)
    await world.reservations.saw_transaction(made.station_id, a_start(None), ACK)
    await world.reservations.saw_transaction(made.station_id + 1, a_start(made.id), ACK)
    assert (await now(world, made.id)).state is S.ACTIVE
    await world.reservations.saw_transaction(made.station_id, a_start(made.id), ACK)
    assert (await now(world, made.id)).state is S.USED


async def test_a_start_from_an_offline_queue_outranks_our_clock() -> None:
    world = ServiceWorld()
    made = await an_active_one(world)
    await world.reservation_store.expire(UNTIL)
    assert (await now(world, made.id)).state is S.EXPIRED
    await world.reservations.saw_transaction(made.station_id, a_start(made.id), ACK)
    assert (await now(world, made.id)).state is S.USED


@pytest.mark.parametrize(
    ("status", "state"), [("Expired", S.EXPIRED), ("Removed", S.REMOVED), ("NoTransaction", S.USED)]
)
async def test_the_station_may_end_it(status: str, state: S) -> None:
    world = ServiceWorld()
    made = await an_active_one(world)
    await world.reservations.saw_update(made.station_id, ReservationStatusUpdated(made.id, status), ACK)
    ended = await now(world, made.id)
    assert (ended.state, ended.status) == (state, status)
    await world.reservations.saw_update(made.station_id, ReservationStatusUpdated(made.id, "Removed"), ACK)
    assert await now(world, made.id) == ended


async def test_our_clock_ends_what_nobody_used_also_after_an_outage(autojump_clock: trio.testing.MockClock) -> None:
    world = ServiceWorld()
    made = await an_active_one(world)
    time = NOW
    service = Reservations(world.reservation_store, world.remote, now=lambda: time)
    world.tables.away = True
    async with trio.open_nursery() as nursery:
        nursery.start_soon(service.run)
        await trio.sleep(15)
        world.tables.away = False
        await trio.sleep(15)
        assert (await now(world, made.id)).state is S.ACTIVE
        time = UNTIL
        await trio.sleep(15)
        nursery.cancel_scope.cancel()
    ended = await now(world, made.id)
    assert (ended.state, ended.ended_at) == (S.EXPIRED, UNTIL)


async def test_nonsense_is_refused_before_anything_is_written() -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    for wrong, reason in (
        ({"expires_at": NOW}, "INVALID_TIME"),
        ({"expires_at": NOW + timedelta(days=400)}, "INVALID_TIME"),
        ({"evse_id": -1}, "INVALID_EVSE"),
        ({"connector_type": "cCCS2"}, "EVSE_AND_CONNECTOR_TYPE"),
        ({"evse_id": None, "connector_type": "x" * 21}, "INVALID_CONNECTOR_TYPE"),
        ({"id_token": ""}, "INVALID_ID_TOKEN"),
        ({"group_id_token": "x" * 40}, "INVALID_ID_TOKEN"),
    ):
        with pytest.raises(InvalidArgument) as caught:
            await world.reservations.create(SUPPORT, Target(station), msgspec.structs.replace(ORDER, **wrong))  # type: ignore[arg-type]
        assert caught.value.reason == reason
    assert await world.reservations.page(SUPPORT, ReservationFilter(), size=5, before=None) == ([], 0)
    with pytest.raises(NotFound):
        await world.reservations.create(SUPPORT, Target(99), ORDER)
    with pytest.raises(NotFound):
        await world.reservations.get(SUPPORT, 99)
    with pytest.raises(PermissionDenied):
        await world.reservations.create(STRANGER, Target(station), ORDER)


async def book(world: ServiceWorld, station: int, **fields: object) -> Reservation:
    order = ReservationOrder("04a2", UNTIL + timedelta(hours=1), 1, starts_at=UNTIL, **fields)  # type: ignore[arg-type]
    return (await world.reservations.create(SUPPORT, Target(station), order)).reservation


@pytest.mark.feature("F-RES-1")
async def test_a_booked_one_asks_the_station_when_its_time_comes_and_until_it_agrees() -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    booked = await book(world, station)
    assert (booked.state, world.directory.sent) == (S.BOOKED, [])
    time = [NOW]
    book_of = Reservations(world.reservation_store, world.remote, now=lambda: time[0])
    await book_of.sweep()
    assert world.directory.sent == []
    time[0] = UNTIL
    world.directory.settled = [answered("Occupied", accepted=False)]
    await book_of.sweep()
    await book_of.sweep()  # not again within the same minute
    assert len(world.directory.sent) == 1
    assert ((await now(world, booked.id)).state, (await now(world, booked.id)).status) == (S.BOOKED, "Occupied")
    time[0] += timedelta(minutes=2)
    await book_of.sweep()
    assert (await now(world, booked.id)).state is S.ACTIVE


async def test_a_booked_one_is_cancelled_without_asking_the_station() -> None:
    world = ServiceWorld()
    booked = await book(world, await world.add_station("CP-1"))
    done = await world.reservations.cancel(SUPPORT, None, booked.id)
    assert (done.reservation.state, world.directory.sent) == (S.CANCELED, [])


@pytest.mark.feature("F-NEWS-1", "F-RES-1")
@pytest.mark.parametrize(("display_name", "told"), [("Lime Bay", "Lime Bay"), ("", "CP-1")])
async def test_whom_it_is_for_hears_what_people_call_the_station(display_name: str, told: str) -> None:
    world, kept = ServiceWorld(), FakeNotifications()
    station = await world.add_station("CP-1")
    await world.station_store.update(station, {"display_name": display_name})
    telling = Telling(Notifications(kept, now=lambda: NOW), world.station_store)
    service = Reservations(world.reservation_store, world.remote, now=lambda: UNTIL, telling=telling)
    booked = await book(world, station)
    world.reservation_store.give_to(booked.id, 7)
    await service.sweep()
    (heard,) = kept.kept.values()
    assert (heard.user_id, heard.values) == (7, {"event": "begun", "station": told, "evse": "1"})


@pytest.mark.feature("F-RES-1")
async def test_a_station_where_it_is_switched_off_takes_no_reservation_and_no_list() -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    with pytest.raises(PermissionDenied):
        await world.reservations.set_reservable(SUPPORT, station, reservable=False)
    await world.reservations.set_reservable(ADMIN, station, reservable=False)
    assert not await world.reservations.reservable(SUPPORT, station)
    with pytest.raises(FailedPrecondition, match="switched off"):
        await world.reservations.create(SUPPORT, Target(station), ORDER)
    with pytest.raises(FailedPrecondition, match="switched off"):
        await world.reservations.wait(SUPPORT, station, "04a2", evse_id=None, until=None)


@pytest.mark.feature("F-RES-1")
async def test_the_first_who_waits_is_offered_the_outlet_that_becomes_free() -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    first = await world.reservations.wait(SUPPORT, station, "04a2", evse_id=None, until=None)
    second = await world.reservations.wait(SUPPORT, station, "04b3", evse_id=None, until=None)
    assert (first.place, second.place) == (1, 2)
    world.tables.stations[station].online = False
    await world.reservations.sweep()
    assert world.directory.sent == []
    world.tables.stations[station].online = True
    world.tables.connectors[station, 1, 1] = a_status_record(station, ConnectorStatus.AVAILABLE)
    await world.reservations.sweep()
    listed, total = await world.reservations.waiting(SUPPORT, station, size=5, after=None)
    assert ([each.state for each in listed], total) == ([WaitState.OFFERED, WaitState.WAITING], 2)
    assert listed[0].reservation_id is not None
    held = await now(world, listed[0].reservation_id)
    assert (held.state, held.id_token, held.evse_id) == (S.ACTIVE, "04A2", 1)
    with pytest.raises(FailedPrecondition, match="offered"):
        await world.reservations.leave(SUPPORT, first.id)
    assert (await world.reservations.leave(SUPPORT, second.id)).state is WaitState.LEFT
    with pytest.raises(NotFound):
        await world.reservations.leave(SUPPORT, 99)


async def test_whom_the_station_refuses_stays_on_the_list() -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    await world.reservations.wait(SUPPORT, station, "04a2", evse_id=None, until=None)
    world.tables.stations[station].online = True
    world.tables.connectors[station, 1, 1] = a_status_record(station, ConnectorStatus.AVAILABLE)
    world.directory.settled = [answered("Rejected", accepted=False)]
    await world.reservations.sweep()
    listed, _ = await world.reservations.waiting(SUPPORT, station, size=5, after=None)
    assert [each.state for each in listed] == [WaitState.WAITING]


@pytest.mark.parametrize("until", [NOW, NOW + timedelta(days=3)])
async def test_nobody_waits_for_ever(until: datetime) -> None:
    world = ServiceWorld()
    with pytest.raises(InvalidArgument):
        await world.reservations.wait(SUPPORT, await world.add_station("CP-1"), "04a2", evse_id=None, until=until)


@pytest.mark.feature("F-DASH-1")
async def test_who_shows_reservations_hears_of_each_that_is_made_or_moves_on() -> None:
    world, told, time = ServiceWorld(), [], [NOW]
    service = Reservations(world.reservation_store, world.remote, now=lambda: time[0], told=told.append)
    world.reservations = service
    station = await world.add_station("CP-1")

    def heard() -> bool:
        found = set(told)
        told.clear()
        return found == {station}

    booked = await book(world, station)
    assert heard()
    await service.sweep()
    assert told == []
    await service.cancel(SUPPORT, None, booked.id)
    assert heard()
    made = (await service.create(SUPPORT, Target(station), ORDER)).reservation
    assert heard()
    await service.saw_update(station, ReservationStatusUpdated(made.id, "Removed"), ACK)
    assert heard()
    await service.create(SUPPORT, Target(station), ORDER)
    told.clear()
    time[0] = UNTIL + timedelta(days=1)
    await service.sweep()
    assert heard()
