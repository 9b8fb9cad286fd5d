"""Commands (2.2.1, part 13): what a party asks for one of its customers."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from csms.ocpi.tokens import Token
from csms.ocpi.values import DisplayText, Id36, Model, Url


class CommandType(StrEnum):
    """13.4.3."""

    CANCEL_RESERVATION = "CANCEL_RESERVATION"
    RESERVE_NOW = "RESERVE_NOW"
    START_SESSION = "START_SESSION"
    STOP_SESSION = "STOP_SESSION"
    UNLOCK_CONNECTOR = "UNLOCK_CONNECTOR"


class CancelReservation(Model, frozen=True):
    """13.3.1."""

    response_url: Url
    reservation_id: Id36


class ReserveNow(Model, frozen=True):
    """13.3.4."""

    response_url: Url
    token: Token
    expiry_date: datetime
    reservation_id: Id36
    location_id: Id36
    evse_uid: Id36 | None = None
    authorization_reference: Id36 | None = None


class StartSession(Model, frozen=True):
    """13.3.5."""

    response_url: Url
    token: Token
    location_id: Id36
    evse_uid: Id36 | None = None
    connector_id: Id36 | None = None
    authorization_reference: Id36 | None = None


class StopSession(Model, frozen=True):
    """13.3.6."""

    response_url: Url
    session_id: Id36


class UnlockConnector(Model, frozen=True):
    """13.3.7."""

    response_url: Url
    location_id: Id36
    evse_uid: Id36
    connector_id: Id36


Command = CancelReservation | ReserveNow | StartSession | StopSession | UnlockConnector

SHAPES: dict[CommandType, type[Command]] = {
    CommandType.CANCEL_RESERVATION: CancelReservation,
    CommandType.RESERVE_NOW: ReserveNow,
    CommandType.START_SESSION: StartSession,
    CommandType.STOP_SESSION: StopSession,
    CommandType.UNLOCK_CONNECTOR: UnlockConnector,
}


class ResponseType(StrEnum):
    """What we say at once (13.4.1)."""

    NOT_SUPPORTED = "NOT_SUPPORTED"
    REJECTED = "REJECTED"
    ACCEPTED = "ACCEPTED"
    UNKNOWN_SESSION = "UNKNOWN_SESSION"


class CommandResponse(Model, frozen=True):
    """13.3.2. Seconds until the result must have come."""

    result: ResponseType
    timeout: int
    message: tuple[DisplayText, ...] = ()


class ResultType(StrEnum):
    """What became of it (13.4.2)."""

    ACCEPTED = "ACCEPTED"
    CANCELED_RESERVATION = "CANCELED_RESERVATION"
    EVSE_OCCUPIED = "EVSE_OCCUPIED"
    EVSE_INOPERATIVE = "EVSE_INOPERATIVE"
    FAILED = "FAILED"
    NOT_SUPPORTED = "NOT_SUPPORTED"
    REJECTED = "REJECTED"
    TIMEOUT = "TIMEOUT"
    UNKNOWN_RESERVATION = "UNKNOWN_RESERVATION"


class CommandResult(Model, frozen=True):
    """13.3.3."""

    result: ResultType
    message: tuple[DisplayText, ...] = ()
