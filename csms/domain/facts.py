"""What has happened: facts that stations report, in OCPP 2.x words whatever version they speak.

A fact is what a CALL from a station means, decoded and with its units made one; `Reply` is what we say back, again
in domain words.
`None` for a timestamp means that the station gave none: the time of receipt counts.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from csms.domain.metering import MeterValue


class Fact(msgspec.Struct, frozen=True, gc=False, tag=True, tag_field="kind"):
    """Something that a station told. Each chapter of the domain (device model, certificates, …) has its own beside the
    core's in here; `csms.domain.station` has the table of who takes in which."""


class Reply(msgspec.Struct, frozen=True, gc=False):
    """What we say back to a fact."""


class RegistrationStatus(StrEnum):
    """OCPP RegistrationStatusEnumType, and our state of a station's registration."""

    ACCEPTED = "Accepted"
    PENDING = "Pending"
    REJECTED = "Rejected"


class ConnectorStatus(StrEnum):
    """The nine states of OCPP 1.6 (2.x's Occupied is refined by the transaction's charging state)."""

    AVAILABLE = "Available"
    PREPARING = "Preparing"
    CHARGING = "Charging"
    SUSPENDED_EV = "SuspendedEV"
    SUSPENDED_EVSE = "SuspendedEVSE"
    FINISHING = "Finishing"
    RESERVED = "Reserved"
    UNAVAILABLE = "Unavailable"
    FAULTED = "Faulted"


class AuthorizationStatus(StrEnum):
    """OCPP AuthorizationStatusEnumType (the part that 1.6 has too)."""

    ACCEPTED = "Accepted"
    BLOCKED = "Blocked"
    EXPIRED = "Expired"
    INVALID = "Invalid"
    CONCURRENT_TX = "ConcurrentTx"


class TransactionEventType(StrEnum):
    """OCPP 2.x TransactionEventEnumType. 1.6: StartTransaction is Started, StopTransaction is Ended."""

    STARTED = "Started"
    UPDATED = "Updated"
    ENDED = "Ended"


class StationBooted(Fact, frozen=True):
    """BootNotification. Empty strings mean "not given"."""

    vendor: str
    model: str
    serial_number: str = ""
    firmware_version: str = ""
    iccid: str = ""
    imsi: str = ""
    meter_type: str = ""
    meter_serial_number: str = ""
    charge_box_serial_number: str = ""
    reason: str = ""


class HeartbeatSeen(Fact, frozen=True):
    """Heartbeat: the station lives and wants the time."""


class StatusChanged(Fact, frozen=True):
    """StatusNotification. EVSE 0 is the station as a whole."""

    evse_id: int
    connector_id: int
    status: ConnectorStatus
    error_code: str = "NoError"
    info: str = ""
    vendor_id: str = ""
    vendor_error_code: str = ""
    timestamp: datetime | None = None


class AuthorizationAsked(Fact, frozen=True):
    """Authorize: may this token charge? `id_token` as the station sent it."""

    id_token: str


class TransactionEventSeen(Fact, frozen=True):
    """A step in a transaction's life.

    `transaction_id` is the station's word for it: None at a 1.6 start (we issue it), else the text form of what
    the station
    sent, which may be an id that we never issued ("-1"). `meter_wh` is 1.6's meterStart / meterStop.
    """

    event_type: TransactionEventType
    timestamp: datetime
    transaction_id: str | None = None
    evse_id: int | None = None
    connector_id: int | None = None
    id_token: str | None = None
    meter_wh: float | None = None
    reason: str = ""
    reservation_id: int | None = None
    meter_values: tuple[MeterValue, ...] = ()


class MeterSampled(Fact, frozen=True):
    """MeterValues. `transaction_id` is None when the station gave none."""

    evse_id: int
    meter_values: tuple[MeterValue, ...]
    transaction_id: str | None = None


class DataTransferred(Fact, frozen=True):
    """DataTransfer from the station: a vendor's own message. `data` is text (JSON text when it was no string)."""

    vendor_id: str
    message_id: str = ""
    data: str | None = None


# -- what we say back
# ---------------------------------------------------------------------------------------------------------


class IdTokenInfo(msgspec.Struct, frozen=True, gc=False):
    """OCPP idTagInfo / idTokenInfo."""

    status: AuthorizationStatus
    expires_at: datetime | None = None
    parent_id_token: str | None = None


class BootReply(Reply, frozen=True):
    """`interval_s`: heartbeat interval when Accepted, else how long to wait before the next BootNotification."""

    status: RegistrationStatus
    now: datetime
    interval_s: int


class HeartbeatReply(Reply, frozen=True):
    """The time."""

    now: datetime


class AuthorizationReply(Reply, frozen=True):
    """The decision on a token."""

    info: IdTokenInfo


class TransactionReply(Reply, frozen=True):
    """`transaction_id` is ours (1.6 StartTransaction needs it); `info` is given when the event named a token."""

    transaction_id: int
    info: IdTokenInfo | None = None


class DataTransferReply(Reply, frozen=True):
    """OCPP DataTransferStatusEnumType: Accepted, Rejected, UnknownMessageId, UnknownVendorId."""

    status: str
    data: str | None = None


class Ack(Reply, frozen=True):
    """Received and kept; there is nothing more to say."""


ACK = Ack()
