"""ReservationService."""

from __future__ import annotations

from control.convert import remote
from control.convert import reservations as convert
from control.convert.common import moment
from control.convert.names import read_name
from control.guard import Call
from control.paging import make_token, page_size, read_token
from control.v1 import reservations_pb2
from csms.services.reservations import Reservations


class ReservationServicer:
    """A method is: convert, call one use case, convert."""

    service = reservations_pb2.DESCRIPTOR.services_by_name["ReservationService"]

    def __init__(self, reservations: Reservations) -> None:
        self._reservations = reservations

    async def create_reservation(
        self, call: Call, request: reservations_pb2.CreateReservationRequest
    ) -> reservations_pb2.CreateReservationResponse:
        """CreateReservation."""
        target = remote.target(request.target, call.remaining())
        done = await self._reservations.create(call.caller, target, convert.order(request))
        return reservations_pb2.CreateReservationResponse(
            result=remote.result(done.outcome), reservation=convert.reservation(done.reservation)
        )

    async def cancel_reservation(
        self, call: Call, request: reservations_pb2.CancelReservationRequest
    ) -> reservations_pb2.CancelReservationResponse:
        """CancelReservation."""
        done = await self._reservations.cancel(
            call.caller,
            remote.target(request.target, call.remaining()) if request.target.station else None,
            read_name(request.name, "reservations"),
            timeout_s=remote.timeout_of(request.target, call.remaining()),
            wait_for_station=request.target.wait_for_station,
        )
        return reservations_pb2.CancelReservationResponse(
            result=remote.result(done.outcome), reservation=convert.reservation(done.reservation)
        )

    async def get_reservation(
        self, call: Call, request: reservations_pb2.GetReservationRequest
    ) -> reservations_pb2.GetReservationResponse:
        """GetReservation."""
        found = await self._reservations.get(call.caller, read_name(request.name, "reservations"))
        return reservations_pb2.GetReservationResponse(reservation=convert.reservation(found))

    async def list_reservations(
        self, call: Call, request: reservations_pb2.ListReservationsRequest
    ) -> reservations_pb2.ListReservationsResponse:
        """ListReservations."""
        size = page_size(request.page_size)
        query = b"ListReservations" + request.filter.SerializeToString(deterministic=True)
        place = read_token(request.page_token, query, (int,))
        found, total = await self._reservations.page(
            call.caller,
            convert.reservation_filter(request.filter),
            size=size + 1,
            before=None if place is None else int(place[0]),
            place_id=read_name(request.filter.place, "places") if request.filter.place else None,
        )
        shown = found[:size]
        token = make_token([shown[-1].id], query) if len(found) > size else ""
        return reservations_pb2.ListReservationsResponse(
            reservations=[convert.reservation(each) for each in shown], next_page_token=token, total_size=total
        )

    async def get_reservable(
        self, call: Call, request: reservations_pb2.GetReservableRequest
    ) -> reservations_pb2.GetReservableResponse:
        """GetReservable."""
        station_id = read_name(request.station, "stations")
        return reservations_pb2.GetReservableResponse(
            reservable=await self._reservations.reservable(call.caller, station_id)
        )

    async def set_reservable(
        self, call: Call, request: reservations_pb2.SetReservableRequest
    ) -> reservations_pb2.SetReservableResponse:
        """SetReservable."""
        station_id = read_name(request.station, "stations")
        await self._reservations.set_reservable(call.caller, station_id, reservable=request.reservable)
        return reservations_pb2.SetReservableResponse()

    async def join_waiting_list(
        self, call: Call, request: reservations_pb2.JoinWaitingListRequest
    ) -> reservations_pb2.JoinWaitingListResponse:
        """JoinWaitingList."""
        joined = await self._reservations.wait(
            call.caller,
            read_name(request.station, "stations"),
            request.id_token,
            evse_id=request.evse_id or None,
            until=moment(request.until_time) if request.HasField("until_time") else None,
        )
        return reservations_pb2.JoinWaitingListResponse(waiting=convert.waiting(joined))

    async def leave_waiting_list(
        self, call: Call, request: reservations_pb2.LeaveWaitingListRequest
    ) -> reservations_pb2.LeaveWaitingListResponse:
        """LeaveWaitingList."""
        left = await self._reservations.leave(call.caller, read_name(request.name, "waiting"))
        return reservations_pb2.LeaveWaitingListResponse(waiting=convert.waiting(left))

    async def list_waiting(
        self, call: Call, request: reservations_pb2.ListWaitingRequest
    ) -> reservations_pb2.ListWaitingResponse:
        """ListWaiting."""
        size = page_size(request.page_size)
        query = b"ListWaiting" + request.station.encode()
        place = read_token(request.page_token, query, (int,))
        found, total = await self._reservations.waiting(
            call.caller,
            read_name(request.station, "stations") if request.station else None,
            size=size + 1,
            after=None if place is None else int(place[0]),
        )
        shown = found[:size]
        return reservations_pb2.ListWaitingResponse(
            waiting=map(convert.waiting, shown),
            next_page_token=make_token([shown[-1].id], query) if len(found) > size else "",
            total_size=total,
        )
