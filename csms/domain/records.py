"""What is written to disk before a station is answered: records, in the order in which they are to be applied.

A record is frozen and says the whole truth about its subject, so that writing it twice (after a lost connection to
the database)
changes nothing.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from csms.domain.facts import ConnectorStatus, RegistrationStatus, StationBooted
from csms.domain.transaction import Transaction


class BootRecord(msgspec.Struct, frozen=True, gc=False):
    """The station booted and told what it is."""

    station_id: int
    at: datetime
    boot: StationBooted


class LinkRecord(msgspec.Struct, frozen=True, gc=False):
    """A link came up (online) or went down. `epoch` orders the links of one station within this process; the
    newest decides."""

    station_id: int
    online: bool
    at: datetime
    epoch: int
    protocol: str = ""
    remote_address: str = ""


class SeenRecord(msgspec.Struct, frozen=True, gc=False):
    """The station lives. Written now and then, never waited for."""

    station_id: int
    at: datetime


class StatusRecord(msgspec.Struct, frozen=True, gc=False):
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


class SessionRecord(msgspec.Struct, frozen=True, gc=False):
    """A session as it is now; a snapshot that nobody changes."""

    transaction: Transaction


class MeterRecord(msgspec.Struct, frozen=True, gc=False):
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


class RegistrationRecord(msgspec.Struct, frozen=True, gc=False):
    """A connection attempt of a station that is not accepted: counted, and the time kept."""

    station_id: int
    at: datetime
    registration: RegistrationStatus


Record = BootRecord | LinkRecord | SeenRecord | StatusRecord | SessionRecord | MeterRecord | RegistrationRecord
