"""What the portal shows: frozen values made from control.v1's messages; pages and templates never see a message.

Energy is in Wh, power in W, times are timezone-aware (UTC). Enumerations have control.v1's words without prefix.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from webui.values_alarms import Alarm
from webui.values_sessions import (
    Authentication,
    Session,
    SessionBatch,
    SessionPage,
    SessionQuery,
    SessionState,
)

__all__ = ["Authentication", "Session", "SessionBatch", "SessionPage", "SessionQuery", "SessionState"]


class Registration(StrEnum):
    """May a station take part?"""

    UNSPECIFIED = "UNSPECIFIED"
    ACCEPTED = "ACCEPTED"
    PENDING = "PENDING"
    REJECTED = "REJECTED"


class Connection(StrEnum):
    """Is there a live connection?"""

    UNSPECIFIED = "UNSPECIFIED"
    ONLINE = "ONLINE"
    OFFLINE = "OFFLINE"


class ConnectorStatus(StrEnum):
    """What a connector is doing, in OCPP's words."""

    UNSPECIFIED = "UNSPECIFIED"
    AVAILABLE = "AVAILABLE"
    PREPARING = "PREPARING"
    CHARGING = "CHARGING"
    SUSPENDED_EV = "SUSPENDED_EV"
    SUSPENDED_EVSE = "SUSPENDED_EVSE"
    FINISHING = "FINISHING"
    RESERVED = "RESERVED"
    UNAVAILABLE = "UNAVAILABLE"
    FAULTED = "FAULTED"


class Role(StrEnum):
    """What somebody may do."""

    UNSPECIFIED = "UNSPECIFIED"
    ADMINISTRATOR = "ADMINISTRATOR"
    SITE_ADMINISTRATOR = "SITE_ADMINISTRATOR"
    SUPPORT = "SUPPORT"
    EV_USER = "EV_USER"


class UnknownStationPolicy(StrEnum):
    """What happens to a station that nobody has made known."""

    UNSPECIFIED = "UNSPECIFIED"
    REFUSE = "REFUSE"
    PENDING = "PENDING"
    ACCEPT = "ACCEPT"


class Direction(StrEnum):
    """Who sent a message."""

    UNSPECIFIED = "UNSPECIFIED"
    RECEIVED = "RECEIVED"
    SENT = "SENT"
    REMARK = "REMARK"


class Caller(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Who is signed in."""

    name: str
    display_name: str
    email: str
    role: Role


class SignedIn(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A sign-in that worked: the opaque token and who it belongs to."""

    token: str
    expire_time: datetime | None
    caller: Caller


class ApiKey(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A key for an internal system, without its secret."""

    name: str
    display_name: str
    role: Role
    hint: str
    create_time: datetime | None
    expire_time: datetime | None
    last_use_time: datetime | None


class BootInfo(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What a station told about itself at its last boot."""

    vendor: str = ""
    model: str = ""
    serial_number: str = ""
    charge_box_serial_number: str = ""
    firmware_version: str = ""
    iccid: str = ""
    imsi: str = ""
    meter_type: str = ""
    meter_serial_number: str = ""
    boot_time: datetime | None = None


class Connector(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A socket or cable."""

    connector_id: int
    status: ConnectorStatus
    error_code: str
    info: str
    vendor_error_code: str
    status_time: datetime | None


class Evse(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A place at a station where one vehicle charges. ``session`` is ``sessions/{id}`` or empty."""

    name: str
    evse_id: int
    connectors: tuple[Connector, ...]
    session: str
    power_w: float
    energy_wh: float


class Station(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A charging station with its live state."""

    name: str
    identity: str
    display_name: str
    description: str
    address: str
    registration: Registration
    connection: Connection
    protocol: str
    remote_address: str
    connect_time: datetime | None
    last_seen_time: datetime | None
    boot: BootInfo
    evses: tuple[Evse, ...]
    status: ConnectorStatus
    error_code: str
    has_password: bool
    connection_attempts: int
    create_time: datetime | None
    update_time: datetime | None
    etag: str
    security_profile: int = 0
    password_change_pending: bool = False
    failed_attempts: int = 0
    last_failed_attempt_time: datetime | None = None
    last_failed_attempt_reason: str = ""
    last_failed_attempt_address: str = ""
    place: str = ""
    owner: str = ""

    @property
    def key(self) -> str:
        """The id of ``stations/{id}``, as used in addresses of the portal."""
        return self.name.partition("/")[2]

    @property
    def label(self) -> str:
        """What people call it."""
        return self.display_name or self.identity

    @property
    def online(self) -> bool:
        """Is it connected?"""
        return self.connection is Connection.ONLINE

    @property
    def power_w(self) -> float:
        """Power of all its sessions under way."""
        return sum(evse.power_w for evse in self.evses)


class StationPage(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A page of stations."""

    stations: tuple[Station, ...]
    next_page_token: str
    total: int
    revision: int


class StationQuery(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Which stations; what is empty matches all."""

    query: str = ""
    registrations: tuple[Registration, ...] = ()
    connection: Connection = Connection.UNSPECIFIED
    statuses: tuple[ConnectorStatus, ...] = ()


class Summary(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Numbers over all stations."""

    total: int
    online: int
    offline: int
    pending: int
    faulted: int
    active_sessions: int
    power_w: float


class SampledValue(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One number of a meter, in base units."""

    measurand: str
    value: float
    unit: str
    phase: str
    context: str
    location: str


class MeterValue(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What a meter showed at one moment."""

    sample_time: datetime | None
    samples: tuple[SampledValue, ...]


class IdToken(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A tag."""

    name: str
    id_token: str
    alias: str
    blocked: bool
    expire_time: datetime | None
    parent_id_token: str
    allow_concurrent: bool
    note: str
    update_time: datetime | None
    etag: str

    @property
    def key(self) -> str:
        """The id of ``idTokens/{id}``."""
        return self.name.partition("/")[2]


class IdTokenPage(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A page of tags."""

    tags: tuple[IdToken, ...]
    next_page_token: str
    total: int


class LogEntry(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One frame or remark of a station's message log. ``latency`` is in seconds."""

    sequence: int
    log_time: datetime | None
    direction: Direction
    message_type: str
    action: str
    message_id: str
    content: str
    latency: float | None


class LogQuery(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Which entries; what is empty matches all."""

    action: str = ""
    direction: Direction = Direction.UNSPECIFIED
    query: str = ""


class LogPage(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A page of the message log, newest first."""

    entries: tuple[LogEntry, ...]
    next_page_token: str


class LogBatch(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A batch of an export and the cursor to go on after it."""

    entries: tuple[LogEntry, ...]
    resume_cursor: str


class CommandResult(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What a station answered. ``latency`` is in seconds."""

    accepted: bool
    status: str
    error_code: str
    error_description: str
    latency: float | None
    data: str = ""


class ServerAddress(msgspec.Struct, frozen=True):
    """An address that is typed into stations, and for what."""

    kind: str
    url: str


class SystemInfo(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The installation."""

    version: str
    ocpp_addresses: tuple[str, ...]
    unknown_station_policy: UnknownStationPolicy
    station_password_required: bool
    database_available: bool
    draining: bool
    protocols: tuple[str, ...]
    addresses: tuple[ServerAddress, ...] = ()


class Change(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One change of the live feed; all of them empty is a progress tick."""

    revision: int
    station: Station | None = None
    deleted_station: str = ""
    session: Session | None = None
    alarm: Alarm | None = None


class ApiError(Exception):
    """The control plane refused or did not answer.

    ``code`` is the gRPC status word (``NOT_FOUND``), ``reason`` the stable word of its ErrorInfo (``STATION_OFFLINE``)
    or empty, ``message`` its sentence.
    """

    def __init__(self, code: str, reason: str, message: str) -> None:
        super().__init__(f"{code} {reason}: {message}")
        self.code = code
        self.reason = reason
        self.message = message

    @property
    def away(self) -> bool:
        """Nobody answered: the control plane is down, unreachable or stopping."""
        return self.code == "UNAVAILABLE" or (self.code == "DEADLINE_EXCEEDED" and not self.reason)
