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
