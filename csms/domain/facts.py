"""What has happened: facts that stations report, in OCPP 2.x words whatever version they speak.

A fact is what a CALL from a station means, decoded and with its units made one; `Reply` is what we say back, again
in domain words.
`None` for a timestamp means that the station gave none: the time of receipt counts.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from csms.domain.certificate_hashes import OcspRequestData
from csms.domain.metering import MeterValue
from csms.domain.values import Value


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


class ChargingState(StrEnum):
    """OCPP 2.x ChargingStateEnumType."""

    CHARGING = "Charging"
    EV_CONNECTED = "EVConnected"
    SUSPENDED_EV = "SuspendedEV"
    SUSPENDED_EVSE = "SuspendedEVSE"
    IDLE = "Idle"


class AuthorizationStatus(StrEnum):
    """OCPP AuthorizationStatusEnumType. Those from NO_CREDIT on are 2.x's."""

    ACCEPTED = "Accepted"
    BLOCKED = "Blocked"
    EXPIRED = "Expired"
    INVALID = "Invalid"
    CONCURRENT_TX = "ConcurrentTx"
    NO_CREDIT = "NoCredit"
    NOT_ALLOWED_TYPE_EVSE = "NotAllowedTypeEVSE"
    NOT_AT_THIS_LOCATION = "NotAtThisLocation"
    NOT_AT_THIS_TIME = "NotAtThisTime"
    UNKNOWN = "Unknown"


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
    """StatusNotification. EVSE 0 is the station as a whole.

    `occupied`: 2.x says no more than Occupied; which of our states that is, the transaction on the connector tells
    (`csms.domain.occupancy`), and `status` is then what it is without one.
    """

    evse_id: int
    connector_id: int
    status: ConnectorStatus
    error_code: str = "NoError"
    info: str = ""
    vendor_id: str = ""
    vendor_error_code: str = ""
    timestamp: datetime | None = None
    occupied: bool = False


class AdditionalInfo(Value, frozen=True):
    """OCPP 2.x AdditionalInfoType: what else a station read beside the token."""

    additional_id_token: str
    type: str


class AuthorizationAsked(Fact, frozen=True):
    """Authorize: may this token charge? `id_token` as the station sent it.

    2.x only: `token_type` (IdTokenEnumType), and for an eMAID the contract certificate (PEM) or the hashes of its
    chain, which whoever knows certificates is asked about (`csms.ports.consultant`).
    """

    id_token: str
    token_type: str = ""
    additional_info: tuple[AdditionalInfo, ...] = ()
    certificate: str = ""
    certificate_hash_data: tuple[OcspRequestData, ...] = ()


class TransactionLimit(Value, frozen=True):
    """OCPP 2.1 TransactionLimitType. `max_energy` in Wh, `max_time` in seconds, `max_soc` in percent."""

    max_cost: float | None = None
    max_energy: float | None = None
    max_time: int | None = None
    max_soc: int | None = msgspec.field(name="maxSoC", default=None)


class TransactionEventSeen(Fact, frozen=True):
    """A step in a transaction's life.

    `transaction_id` is the station's word for it: None at a 1.6 start (we issue it), else the text form of what
    the station
    sent, which may be an id that we never issued ("-1"). `meter_wh` is 1.6's meterStart / meterStop.

    From `seq_no` on it is 2.x's alone: there the station makes the ids and numbers the messages of each transaction.
    `charging_state`, `trigger_reason` and `token_type` are OCPP's words; None and "" where the station gave none.
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
    seq_no: int | None = None
    trigger_reason: str = ""
    charging_state: ChargingState | None = None
    offline: bool = False
    token_type: str = ""
    remote_start_id: int | None = None
    extras: TransactionExtras | None = None
    """None when the station gave none of it, which is the usual case of a periodic event."""


class TransactionExtras(Value, frozen=True):
    """What else a TransactionEvent may say; the session keeps the last word on each."""

    number_of_phases_used: int | None = None
    cable_max_current: float | None = None
    """A."""
    time_spent_charging: int | None = None
    """Seconds."""
    evse_sleep: bool | None = None
    preconditioning_status: str = ""
    operation_mode: str = ""
    tariff_id: str = ""
    transaction_limit: TransactionLimit | None = None
    cost_details: dict[str, object] | None = None
    """2.1 CostDetailsType as it came: what the station has reckoned."""
    additional_info: tuple[AdditionalInfo, ...] = ()


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
    """OCPP idTagInfo / idTokenInfo. `parent_id_token` is 2.x's groupIdToken; what follows it is 2.x's alone."""

    status: AuthorizationStatus
    expires_at: datetime | None = None
    parent_id_token: str | None = None
    charging_priority: int | None = None
    language: str = ""
    personal_message: str = ""
    evse_ids: tuple[int, ...] = ()
    """Where alone the token may charge; empty: everywhere."""


class BootReply(Reply, frozen=True):
    """`interval_s`: heartbeat interval when Accepted, else how long to wait before the next BootNotification."""

    status: RegistrationStatus
    now: datetime
    interval_s: int


class HeartbeatReply(Reply, frozen=True):
    """The time."""

    now: datetime


class AuthorizationReply(Reply, frozen=True):
    """The decision on a token. 2.x: what was found out about its contract certificate
    (AuthorizeCertificateStatusEnumType), 2.1: the energy transfers that it may use, and its tariff (TariffType)."""

    info: IdTokenInfo
    certificate_status: str = ""
    allowed_energy_transfer: tuple[str, ...] = ()
    tariff: Value | None = None


class AuthorizationAdvice(Reply, frozen=True):
    """What the world outside says of a token: it is added to the decision of the tags. `status`, when it is given,
    outranks an Accepted; it never makes one."""

    status: AuthorizationStatus | None = None
    certificate_status: str = ""
    allowed_energy_transfer: tuple[str, ...] = ()
    tariff: Value | None = None


class TransactionReply(Reply, frozen=True):
    """`transaction_id` is ours (1.6 StartTransaction needs it); `info` is given when the event named a token.

    The rest is 2.x's, costs with VAT: `total_cost` when it has ended, `running_cost` before (2.1 alone).
    """

    transaction_id: int
    info: IdTokenInfo | None = None
    total_cost: float | None = None
    charging_priority: int | None = None
    personal_message: str = ""
    transaction_limit: TransactionLimit | None = None
    running_cost: float | None = None


class TransactionAdvice(Reply, frozen=True):
    """What the world outside adds to the answer to a TransactionEvent."""

    total_cost: float | None = None
    personal_message: str = ""
    transaction_limit: TransactionLimit | None = None


class DataTransferReply(Reply, frozen=True):
    """OCPP DataTransferStatusEnumType: Accepted, Rejected, UnknownMessageId, UnknownVendorId."""

    status: str
    data: str | None = None


class Ack(Reply, frozen=True):
    """Received and kept; there is nothing more to say."""


ACK = Ack()
