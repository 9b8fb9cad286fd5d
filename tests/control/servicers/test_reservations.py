"""ReservationService over the wire."""

from __future__ import annotations

from datetime import timedelta

import grpc
import pytest

from control.v1 import remote_pb2
from control.v1 import reservations_pb2 as pb
from csms.domain.commands import Answer, Outcome
from csms.domain.reservation import CancelReservation, ReserveNow
from csms.ports.directory import Settled
from tests.kit.control_world import ControlWorld, Refused
from tests.kit.service_world import NOW

UNTIL = NOW + timedelta(hours=1)


def to(number: int, **fields: object) -> remote_pb2.CommandTarget:
    return remote_pb2.CommandTarget(station=f"stations/{number}", **fields)  # type: ignore[arg-type]


def ordering(number: int, **fields: object) -> pb.CreateReservationRequest:
    request = pb.CreateReservationRequest(target=to(number), id_token="04a2", **fields)  # type: ignore[arg-type]
    request.expire_time.FromDatetime(UNTIL)
    return request


@pytest.mark.feature("F-OPS-5")
async def test_a_reservation_from_the_asking_to_the_taking_back(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    request = ordering(number, evse_id=2, group_id_token="family")
    made = await world.client.call("reservations.CreateReservation", request)
    known = made.reservation
    assert made.result.accepted
    assert (known.name, known.station) == ("reservations/1", f"stations/{number}")
    assert (known.state, known.id_token, known.group_id_token, known.evse_id, known.status) == (
        pb.RESERVATION_STATE_ACTIVE,
        "04A2",
        "FAMILY",
        2,
        "Accepted",
    )
    assert known.expire_time.ToDatetime(tzinfo=UNTIL.tzinfo) == UNTIL
    assert not known.HasField("end_time")
    assert world.directory.sent[-1][1] == ReserveNow(1, "04A2", UNTIL, 2, "", "FAMILY")
    read = await world.client.call("reservations.GetReservation", pb.GetReservationRequest(name=known.name))
    assert read.reservation == known
    request_back = pb.CancelReservationRequest(name=known.name)
    back = await world.client.call("reservations.CancelReservation", request_back)
    assert (back.reservation.state, back.reservation.HasField("end_time")) == (pb.RESERVATION_STATE_CANCELED, True)
    assert world.directory.sent[-1][1] == CancelReservation(1)
    with pytest.raises(Refused) as refused:
        await world.client.call("reservations.CancelReservation", request_back)
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "RESERVATION_ENDED")


async def test_a_refusal_is_an_ok_reply(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    world.directory.settled.append(Settled(Outcome.ANSWERED, Answer("Occupied", accepted=False), 0.1))
    made = await world.client.call("reservations.CreateReservation", ordering(number))
    assert (made.result.status, made.reservation.state) == ("Occupied", pb.RESERVATION_STATE_REFUSED)


async def test_asking_twice_with_one_id_reserves_once(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    request = ordering(number)
    request.target.request_id = "once"
    first = await world.client.call("reservations.CreateReservation", request)
    assert await world.client.call("reservations.CreateReservation", request) == first
    assert len(world.directory.sent) == 1


async def test_lists_are_paged_and_filtered(world: ControlWorld) -> None:
    one, other = await world.add_station("CP-1"), await world.add_station("CP-2")
    for station in (one, other, one):
        await world.client.call("reservations.CreateReservation", ordering(station))
    request = pb.ListReservationsRequest(page_size=2)
    first = await world.client.call("reservations.ListReservations", request)
    assert ([r.name for r in first.reservations], first.total_size) == (["reservations/3", "reservations/2"], 3)
    request.page_token = first.next_page_token
    rest = await world.client.call("reservations.ListReservations", request)
    assert ([r.name for r in rest.reservations], rest.next_page_token) == (["reservations/1"], "")
    wanted = pb.ReservationFilter(station=f"stations/{one}", states=[pb.RESERVATION_STATE_ACTIVE], id_token="04a2")
    wanted.from_time.FromDatetime(NOW)
    wanted.to_time.FromDatetime(UNTIL)
    found = await world.client.call("reservations.ListReservations", pb.ListReservationsRequest(filter=wanted))
    assert [r.name for r in found.reservations] == ["reservations/3", "reservations/1"]


async def test_half_an_order_is_not_sent(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    for request, reason in (
        (pb.CreateReservationRequest(target=to(number), id_token="A"), "TIME_MISSING"),
        (ordering(number, evse_id=-1), "INVALID_EVSE"),
    ):
        with pytest.raises(Refused) as refused:
            await world.client.call("reservations.CreateReservation", request)
        assert refused.value.reason == reason
    with pytest.raises(Refused) as refused:
        await world.client.call("reservations.GetReservation", pb.GetReservationRequest(name="reservations/9"))
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.NOT_FOUND, "RESERVATION_NOT_FOUND")
    unknown = pb.ListReservationsRequest(filter=pb.ReservationFilter(states=[77]))  # type: ignore[list-item]
    with pytest.raises(Refused) as refused:
        await world.client.call("reservations.ListReservations", unknown)
    assert refused.value.reason == "INVALID_FILTER"
    assert world.directory.sent == []


@pytest.mark.feature("F-RES-1")
async def test_a_place_on_the_waiting_list_comes_and_goes(world: ControlWorld) -> None:
    station = f"stations/{await world.add_station('CP-1')}"
    joined = await world.client.call(
        "reservations.JoinWaitingList", pb.JoinWaitingListRequest(station=station, id_token="ab12", evse_id=1)
    )
    assert (joined.waiting.place, joined.waiting.id_token, joined.waiting.state) == (1, "AB12", pb.WAIT_STATE_WAITING)
    listed = await world.client.call("reservations.ListWaiting", pb.ListWaitingRequest(station=station))
    assert (list(listed.waiting), listed.total_size) == ([joined.waiting], 1)
    left = await world.client.call(
        "reservations.LeaveWaitingList", pb.LeaveWaitingListRequest(name=joined.waiting.name)
    )
    assert (left.waiting.state, left.waiting.place) == (pb.WAIT_STATE_LEFT, 0)


@pytest.mark.feature("F-RES-1")
async def test_reservations_are_switched_off_and_on(world: ControlWorld) -> None:
    station = f"stations/{await world.add_station('CP-1')}"
    await world.client.call("reservations.SetReservable", pb.SetReservableRequest(station=station, reservable=False))
    told = await world.client.call("reservations.GetReservable", pb.GetReservableRequest(station=station))
    assert not told.reservable
    with pytest.raises(Refused) as refused:
        await world.client.call(
            "reservations.JoinWaitingList", pb.JoinWaitingListRequest(station=station, id_token="A1")
        )
    assert refused.value.reason == "RESERVATIONS_OFF"
