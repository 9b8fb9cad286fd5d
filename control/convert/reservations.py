"""Reservations."""

from __future__ import annotations

from typing import Final

from control.convert.common import moment, timestamp
from control.convert.names import print_name, read_name
from control.v1 import reservations_pb2
from csms.domain.errors import InvalidArgument
from csms.domain.reservation import Reservation, ReservationState, Waiting
from csms.ports.reservations import ReservationFilter
from csms.services.reservations import ReservationOrder

STATES: Final[dict[ReservationState, reservations_pb2.ReservationState.ValueType]] = {
    state: reservations_pb2.ReservationState.Value(f"RESERVATION_STATE_{state.value}") for state in ReservationState
}
_STATES_BACK: Final = {int(number): state for state, number in STATES.items()}


def reservation(known: Reservation) -> reservations_pb2.Reservation:
    """All of it."""
    return reservations_pb2.Reservation(
        name=print_name("reservations", known.id),
        station=print_name("stations", known.station_id),
        state=STATES[known.state],
        id_token=known.id_token,
        group_id_token=known.group_id_token or "",
        evse_id=known.evse_id or 0,
        connector_type=known.connector_type,
        start_time=timestamp(known.starts_at),
        expire_time=timestamp(known.expires_at),
        status=known.status,
        note=known.note,
        creator=known.created_by,
        create_time=timestamp(known.created_at),
        update_time=timestamp(known.updated_at),
        end_time=timestamp(known.ended_at),
        user=print_name("users", known.user_id) if known.user_id is not None else "",
    )


def waiting(known: Waiting) -> reservations_pb2.Waiting:
    """All of it."""
    return reservations_pb2.Waiting(
        name=print_name("waiting", known.id),
        station=print_name("stations", known.station_id),
        evse_id=known.evse_id or 0,
        id_token=known.id_token,
        user=print_name("users", known.user_id) if known.user_id is not None else "",
        state=reservations_pb2.WaitState.Value(f"WAIT_STATE_{known.state.value}"),
        place=known.place,
        reservation="" if known.reservation_id is None else print_name("reservations", known.reservation_id),
        create_time=timestamp(known.created_at),
        until_time=timestamp(known.until),
    )


def order(request: reservations_pb2.CreateReservationRequest) -> ReservationOrder:
    """Raises InvalidArgument."""
    if not request.HasField("expire_time"):
        raise InvalidArgument("Say until when to reserve: expire_time is missing.", reason="TIME_MISSING")
    return ReservationOrder(
        request.id_token,
        moment(request.expire_time),
        request.evse_id,
        request.connector_type.strip(),
        request.group_id_token or None,
        moment(request.start_time) if request.HasField("start_time") else None,
    )


def reservation_filter(message: reservations_pb2.ReservationFilter) -> ReservationFilter:
    """Raises InvalidArgument."""
    unknown = [number for number in message.states if int(number) not in _STATES_BACK]
    if unknown:
        raise InvalidArgument(f"There is no state with the number {unknown[0]}.", reason="INVALID_FILTER")
    return ReservationFilter(
        station_id=read_name(message.station, "stations") if message.station else None,
        states=tuple(_STATES_BACK[int(number)] for number in message.states),
        id_token=message.id_token.strip().upper(),
        since=moment(message.from_time) if message.HasField("from_time") else None,
        until=moment(message.to_time) if message.HasField("to_time") else None,
        user_id=read_name(message.user, "users") if message.user else None,
    )
