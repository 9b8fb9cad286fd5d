"""What the fakes of storage share: the tables, as dictionaries, and how records get into them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from csms.domain.authorization import Token
from csms.domain.card_number import spellings
from csms.domain.errors import NotFound, Unavailable
from csms.domain.facts import RegistrationStatus, StationBooted
from csms.domain.records import (
    BootRecord,
    CableRecord,
    EventRecord,
    ItemRecord,
    JobRecord,
    LinkRecord,
    MeterRecord,
    Record,
    RegistrationRecord,
    SeenRecord,
    SessionRecord,
    StatusRecord,
    VariableRecord,
)
from csms.domain.session_changes import Closure, Corrections, Logbook
from csms.domain.transaction import SessionState, Transaction
from csms.ports.journal import RecordConflict


def clean(value: Any) -> Any:
    """The struct without NULs in its texts: PostgreSQL cannot keep them."""
    changed = {
        name: text.replace("\0", "")
        for name in value.__struct_fields__
        if type(text := getattr(value, name)) is str and "\0" in text
    }
    return msgspec.structs.replace(value, **changed) if changed else value


class StationData(msgspec.Struct):
    """A row of `station`."""

    id: int
    identity: str
    registration: RegistrationStatus
    created_at: datetime
    updated_at: datetime
    display_name: str = ""
    description: str = ""
    address: str = ""
    password_hash: str | None = None
    version: int = 1
    online: bool = False
    link_epoch: int = 0
    protocol: str = ""
    remote_address: str = ""
    connected_at: datetime | None = None
    last_seen_at: datetime | None = None
    boot: StationBooted | None = None
    booted_at: datetime | None = None
    place_id: int = 1
    free_vend: bool = False
    attempts: int = 0
    last_attempt_at: datetime | None = None
    next_password_hashes: tuple[str, ...] = ()
    security_profile: int = 0
    failed_attempts: int = 0
    last_failed_attempt_at: datetime | None = None
    last_failed_attempt_reason: str = ""
    last_failed_attempt_address: str = ""
    reservable: bool = True


@dataclass
class FakeTables:
    """All tables. `away`: every store and the journal behave as if the database could not be reached."""

    away: bool = False
    stations: dict[int, StationData] = field(default_factory=dict)
    connectors: dict[tuple[int, int, int], StatusRecord] = field(default_factory=dict)
    sessions: dict[int, Transaction] = field(default_factory=dict)
    session_places: dict[int, int] = field(default_factory=dict)
    """Where the station of a session stood."""
    session_users: dict[int, int | None] = field(default_factory=dict)
    """Whose tag it was."""
    place_ids: set[int] = field(default_factory=lambda: {1})
    status_history: list[StatusRecord] = field(default_factory=list)
    corrections: dict[int, Corrections] = field(default_factory=dict)
    closures: dict[int, Closure] = field(default_factory=dict)
    logbooks: dict[int, Logbook] = field(default_factory=dict)
    logbook_stations: set[int] = field(default_factory=set)
    """That demand a logbook."""
    meter_values: dict[tuple[int, int, datetime, int], MeterRecord] = field(default_factory=dict)
    tokens: dict[int, Token] = field(default_factory=dict)
    station_ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    session_ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    token_ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    takers: list[Callable[[Sequence[Record]], None]] = field(default_factory=list)
    driver_watchers: list[Callable[[int], None]] = field(default_factory=list)
    """Called with the session whose tag or user was corrected."""
    """Further fakes that take in what is written."""

    def check(self) -> None:
        """Raise Unavailable while away."""
        if self.away:
            raise Unavailable("The database cannot be reached. Try again in a moment.", reason="DATABASE_UNAVAILABLE")

    def now(self) -> datetime:
        return datetime.now(UTC)

    def station(self, station_id: int) -> StationData:
        """Raises NotFound."""
        self.check()
        try:
            return self.stations[station_id]
        except KeyError:
            raise NotFound(f"There is no station {station_id} (any more).", reason="STATION_NOT_FOUND") from None

    def open_sessions(self, station_id: int | None = None) -> list[Transaction]:
        """Active ones, oldest first; those of deleted stations only when asked for all."""
        found = [
            t
            for t in self.sessions.values()
            if t.state is SessionState.ACTIVE and (station_id is None or t.station_id == station_id)
        ]
        return sorted(found, key=lambda t: (t.started_at or t.logged_at, t.id))

    def _owner(self, id_token: str) -> int | None:
        """Of the tag; else of the only one that can be the same card."""
        tags = [t for t in self.tokens.values() if t.id_token == id_token]
        tags = tags or [t for t in self.tokens.values() if id_token in spellings(t.id_token)]
        return tags[0].user_id if len(tags) == 1 else None

    # -- records ---------------------------------------------------------------------------------------------------

    def check_records(self, records: list[Record]) -> None:
        """Raise RecordConflict if one of them contradicts what is there."""
        keys = {t.start_key: t.id for t in self.sessions.values() if t.start_key is not None}
        for record in records:
            if isinstance(record, SessionRecord) and (key := record.transaction.start_key) is not None:
                if keys.setdefault(key, record.transaction.id) != record.transaction.id:
                    raise RecordConflict("Another session has this start.")
            elif isinstance(record, StatusRecord) and not -(2**31) <= record.evse_id < 2**31:
                raise RecordConflict("No integer of 32 bits.")

    def write(self, records: list[Record]) -> None:
        """Take in records that were checked."""
        for take in self.takers:
            take(records)
        for record in records:
            if isinstance(record, EventRecord | ItemRecord | VariableRecord | JobRecord):
                continue  # the inventory's
            if isinstance(record, SessionRecord):
                self._session(record.transaction)
            elif isinstance(record, MeterRecord):
                key = (record.station_id, record.evse_id, record.measured_at, record.digest)
                self.meter_values.setdefault(key, record)
            elif isinstance(record, StatusRecord):
                self._status(record)
            elif isinstance(record, CableRecord):
                self._cable(record)
            elif (station := self.stations.get(record.station_id)) is not None:
                self._of_station(station, record)

    def _session(self, new: Transaction) -> None:
        old = self.sessions.get(new.id)
        if old is not None:
            ended = old.state is SessionState.ENDED and new.state is SessionState.ACTIVE
            if ended or new.progress_at < old.progress_at:
                return
        if new.id not in self.sessions:
            station = self.stations.get(new.station_id)
            self.session_places[new.id] = 1 if station is None else station.place_id
        corrected = self.corrections.get(new.id, Corrections())
        if self.session_users.get(new.id) is None and not corrected.user and corrected.id_token is None:
            self.session_users[new.id] = self._owner(new.id_token)
        new = clean(new.snapshot())
        if old is not None and new.state is SessionState.ENDED and new.plugged_out_at is None:
            new.plugged_out_at = old.plugged_out_at
        self.sessions[new.id] = new

    def _cable(self, record: CableRecord) -> None:
        there = [
            t
            for t in self.sessions.values()
            if (t.station_id, t.evse_id, t.connector_id) == (record.station_id, record.evse_id, record.connector_id)
        ]
        last = max(there, key=lambda t: (t.started_at or t.logged_at, t.id), default=None)
        if last is not None and last.state is SessionState.ENDED and last.plugged_out_at is None:
            last.plugged_out_at = record.at

    def _status(self, record: StatusRecord) -> None:
        key = (record.station_id, record.evse_id, record.connector_id)
        old = self.connectors.get(key)
        if record.station_id in self.stations and (old is None or old.received_at <= record.received_at):
            self.connectors[key] = clean(record)
        if record.station_id in self.stations and record.changed:
            self.status_history.append(clean(record))

    def _of_station(
        self, station: StationData, record: BootRecord | LinkRecord | SeenRecord | RegistrationRecord
    ) -> None:
        if isinstance(record, BootRecord):
            if station.booted_at is None or station.booted_at <= record.at:
                station.boot, station.booted_at, station.updated_at = clean(record.boot), record.at, record.at
                self._seen(station, record.at)
        elif isinstance(record, LinkRecord):
            self._link(station, record)
        elif isinstance(record, SeenRecord):
            self._seen(station, record.at)
        elif station.last_attempt_at is None or station.last_attempt_at < record.at:
            station.attempts, station.last_attempt_at = station.attempts + 1, record.at

    def _link(self, station: StationData, record: LinkRecord) -> None:
        if record.epoch < station.link_epoch:
            return
        station.online, station.link_epoch = record.online, record.epoch
        if record.online:
            station.connected_at = record.at
            station.protocol, station.remote_address = record.protocol, record.remote_address
            self._seen(station, record.at)

    def _seen(self, station: StationData, at: datetime) -> None:
        station.last_seen_at = at if station.last_seen_at is None else max(at, station.last_seen_at)
