"""OCPP 2.0.1, block H. Reservation; 2.1 shares the rows, held against its own schemas."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from csms.domain import reservation as domain
from csms.domain.typed_token import TypedToken, typed
from csms.domain.values import Value
from csms.ocpp.faults import V201, Edition
from csms.ocpp.fitting import tidied
from csms.ocpp.routing import Incoming, IncomingRow, Outgoing, OutgoingRow, Printable
from csms.ocpp.v201.answers import StatusAnswer, read_status
from csms.ocpp.v201.k_smart_charging import held_against


class ReservationStatusUpdate(Value, frozen=True):
    """H04."""

    reservation_id: int
    reservation_update_status: str


class ReserveNowRequest(Value, frozen=True):
    """H01."""

    id: int
    expiry_date_time: datetime
    id_token: TypedToken
    connector_type: str = ""
    evse_id: int | None = None
    group_id_token: TypedToken | None = None


class CancelReservationRequest(Value, frozen=True):
    """H02."""

    reservation_id: int


def reservation_status_update(payload: ReservationStatusUpdate) -> domain.ReservationStatusUpdated:
    """H04."""
    told = tidied(payload)
    return domain.ReservationStatusUpdated(told.reservation_id, told.reservation_update_status)


def reserve_now(command: domain.ReserveNow) -> Printable:
    """H01. Of a group no more is known than its name, which the central system gave (type Central)."""
    group = command.group_id_token
    return ReserveNowRequest(
        command.reservation_id,
        command.expires_at,
        typed(command.id_token, command.token_type),
        command.connector_type,
        command.evse_id or None,
        None if group is None else typed(group, "Central"),
    )


def cancel_reservation(command: domain.CancelReservation) -> Printable:
    """H02."""
    return CancelReservationRequest(command.reservation_id)


def outgoing(edition: Edition) -> tuple[OutgoingRow, ...]:
    """The rows that 2.0.1 and 2.1 share."""
    return (
        Outgoing(
            "CancelReservation",
            domain.CancelReservation,
            held_against(edition, "CancelReservation", cancel_reservation),
            read_status,
            shape=StatusAnswer,
        ),
        Outgoing(
            "ReserveNow",
            domain.ReserveNow,
            held_against(edition, "ReserveNow", reserve_now),
            read_status,
            shape=StatusAnswer,
        ),
    )


INCOMING: Final[tuple[IncomingRow, ...]] = (
    Incoming("ReservationStatusUpdate", reservation_status_update, shape=ReservationStatusUpdate),
)
OUTGOING: Final[tuple[OutgoingRow, ...]] = outgoing(V201)
