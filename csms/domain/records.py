"""What is written to disk before a station is answered: records, in the order in which they are to be applied.

A record is frozen and says the whole truth about its subject, so that writing it twice (after a lost connection to
the database)
changes nothing.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from csms.domain.facts import ConnectorStatus, RegistrationStatus, StationBooted
from csms.domain.transaction import Transaction


class Record(msgspec.Struct, frozen=True, gc=False):
    """Something to be written."""


class BootRecord(Record, frozen=True):
    """The station booted and told what it is."""

    station_id: int
    at: datetime
    boot: StationBooted


class LinkRecord(Record, frozen=True):
    """A link came up (online) or went down. `epoch` orders the links of one station within this process; the
    newest decides."""

    station_id: int
    online: bool
    at: datetime
    epoch: int
    protocol: str = ""
    remote_address: str = ""


class SeenRecord(Record, frozen=True):
    """The station lives. Written now and then, never waited for."""

    station_id: int
    at: datetime


class StatusRecord(Record, frozen=True):
    """A connector's status (EVSE 0: the station's own)."""

    station_id: int
    evse_id: int
    connector_id: int
    status: ConnectorStatus
    error_code: str
    info: str
    vendor_id: str
    vendor_error_code: str
    at: datetime
    received_at: datetime
    changed: bool = True
    """It is another one than before, as far as is known; only those are history."""


class CableRecord(Record, frozen=True):
    """The cable was pulled out: the last session of that connector, if it has ended, knows since when it is free."""

    station_id: int
    evse_id: int
    connector_id: int
    at: datetime


class SessionRecord(Record, frozen=True):
    """A session as it is now; a snapshot that nobody changes."""

    transaction: Transaction


class MeterRecord(Record, frozen=True):
    """One meter value. The same (station, EVSE, time, digest) is the same meter value, however often it is sent.

    `samples` is compact JSON: an array of [measurand, value, unit, phase, context, location, signed].
    """

    station_id: int
    evse_id: int
    session_id: int | None
    measured_at: datetime
    received_at: datetime
    digest: int
    energy_wh: float | None
    power_w: float | None
    soc_percent: float | None
    samples: bytes


class RegistrationRecord(Record, frozen=True):
    """A connection attempt of a station that is not accepted: counted, and the time kept."""

    station_id: int
    at: datetime
    registration: RegistrationStatus


class EventRecord(Record, frozen=True):
    """An entry of the station's event log: what it told that is neither state nor session (a security event, a
    monitor's alarm, a step of a firmware update). Kept for as long as settings say. The same entry written twice is one
    (by station, time of receipt, kind and content).

    `severity` is OCPP's: 0 danger … 9 debug; None where the message has none. `body` is a JSON object.
    """

    station_id: int
    at: datetime
    received_at: datetime
    kind: str
    summary: str
    evse_id: int | None = None
    severity: int | None = None
    body: bytes = b"{}"


class ItemRecord(Record, frozen=True):
    """A thing that the station holds, as it last told: a charging profile, a display message, a certificate, a monitor,
    a tariff, … `kind` and `key` name it within the station; `body` is a JSON object, None when it is gone."""

    station_id: int
    kind: str
    key: str
    at: datetime
    body: bytes | None


class VariableRecord(Record, frozen=True):
    """One attribute of a variable of the device model (1.6: a configuration key, component ""), as the station told.

    Numbers are 0 where OCPP gives none. `value` None: write-only, or never told. `characteristics` is a JSON object;
    None leaves what is known. `mutability` empty: only the value was told; mutability, persistent and constant stay as
    they are known."""

    station_id: int
    component: str
    component_instance: str
    evse_id: int
    connector_id: int
    variable: str
    variable_instance: str
    attribute_type: str
    at: datetime
    value: str | None
    mutability: str = "ReadWrite"
    persistent: bool = False
    constant: bool = False
    characteristics: bytes | None = None


class JobState(StrEnum):
    """Where something that takes a station longer than an answer is."""

    REQUESTED = "REQUESTED"
    """Asked for; nothing heard yet."""
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    """The station gave it up for a newer one, or we did."""


class JobKind(StrEnum):
    """What takes a station longer than an answer."""

    FIRMWARE_UPDATE = "FIRMWARE_UPDATE"
    FIRMWARE_PUBLISHING = "FIRMWARE_PUBLISHING"
    LOG_UPLOAD = "LOG_UPLOAD"
    """GetLog, and 1.6 GetDiagnostics."""
    DEVICE_REPORT = "DEVICE_REPORT"
    MONITORING_REPORT = "MONITORING_REPORT"
    CUSTOMER_INFORMATION = "CUSTOMER_INFORMATION"
    CHARGING_PROFILES = "CHARGING_PROFILES"
    DISPLAY_MESSAGES = "DISPLAY_MESSAGES"
    DER_CONTROLS = "DER_CONTROLS"
    BATTERY_SWAP = "BATTERY_SWAP"


class JobRecord(Record, frozen=True):
    """A step of a job, told by the station. `request_id` is the job's id; None (1.6): the newest unfinished job of that
    kind. A step for a job that we do not know changes nothing (there is an EventRecord beside it).

    `state` None leaves it. `part` is the seqNo of a part of a report, `last` says that no part follows it; when the
    last part and all before it are there, the job has SUCCEEDED by itself. `detail` is added to what was told before
    (text of customer information, …)."""

    station_id: int
    kind: JobKind
    at: datetime
    request_id: int | None = None
    status: str = ""
    state: JobState | None = None
    part: int | None = None
    last: bool = False
    detail: str = ""
