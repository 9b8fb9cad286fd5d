"""OCPP 1.6, Reservation profile (§5.1, §5.13)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from csms.domain import reservation as domain
from csms.domain.errors import InvalidArgument, NotSupported
from csms.ocpp.faults import V16
from csms.ocpp.fitting import fitted
from csms.ocpp.routing import Outgoing, OutgoingRow, Payload, Printable
from csms.ocpp.v16.core import evse, read_status


def number(reservation_id: int) -> int:
    """Raises InvalidArgument for one that a station could not keep."""
    if 0 <= reservation_id <= domain.MAX_RESERVATION_ID:
        return reservation_id
    raise InvalidArgument("A reservation has a number of 31 bits.", reason="INVALID_RESERVATION_ID")


def printed(moment: datetime) -> str:
    """§3.13: without decimals, because some stations can read none."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def reserve_now(command: domain.ReserveNow) -> Printable:
    """§5.13. Connector 0: any of the station's."""
    if command.connector_type:
        raise NotSupported("OCPP 1.6 cannot reserve by a connector's type. Name an EVSE, or none.")
    payload: Payload = {
        "connectorId": evse(command.evse_id or 0),
        "expiryDate": printed(command.expires_at),
        "idTag": command.id_token,
        "reservationId": number(command.reservation_id),
    }
    if command.group_id_token is not None:
        payload["parentIdTag"] = command.group_id_token
    return fitted(V16, "ReserveNow", payload)


def cancel_reservation(command: domain.CancelReservation) -> Printable:
    """§5.1."""
    return {"reservationId": number(command.reservation_id)}


OUTGOING: Final[tuple[OutgoingRow, ...]] = (
    Outgoing("CancelReservation", domain.CancelReservation, cancel_reservation, read_status),
    Outgoing("ReserveNow", domain.ReserveNow, reserve_now, read_status),
)
