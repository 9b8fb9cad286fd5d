"""What is remembered of a station between its messages, and how changes of it are kept."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b
from typing import Final

import msgspec

from csms.domain.applying import Applied
from csms.domain.authorization import canonical
from csms.domain.facts import ACK, ChargingState, ConnectorStatus, RegistrationStatus, StatusChanged
from csms.domain.ids import StationId
from csms.domain.metering import MeterValue
from csms.domain.occupancy import OCCUPIED, occupied
from csms.domain.records import CableRecord, MeterRecord, SessionRecord, StatusRecord
from csms.domain.transaction import Flag, Reading, Transaction, reading_of

PROGRESS_SECONDS: Final = 10.0
"""How often, at most, a running session's own row is written while meter values come in. The values themselves are
always
written; what
the row lacks is folded in when it is loaded."""

_FREE: Final = frozenset({ConnectorStatus.AVAILABLE, ConnectorStatus.RESERVED})
_FLOWS: Final = {
    ConnectorStatus.CHARGING: ChargingState.CHARGING,
    ConnectorStatus.SUSPENDED_EV: ChargingState.SUSPENDED_EV,
}
_MAX_CODE: Final = 100
_RECENT: Final = 8
_REMOTE_STARTS: Final = 32
_encode = msgspec.json.Encoder().encode


class RemoteStart(msgspec.Struct, frozen=True):
    """A remote start that we asked for. `until`: a start on its tag without its number counts as it until then."""

    remote_start_id: int
    id_token: str
    until: datetime


class StationMemory:
    """One station in memory. `open` are its open transactions by session id, oldest first."""

    __slots__ = (
        "_newest",
        "_progress",
        "_recent",
        "identity",
        "last_ended",
        "open",
        "plugged",
        "registration",
        "remote_starts",
        "station_id",
        "statuses",
        "unwritten",
    )

    def __init__(
        self,
        station_id: int,
        identity: str,
        registration: RegistrationStatus,
        *,
        open_transactions: Iterable[Transaction] = (),
    ) -> None:
        self.station_id = StationId(station_id)
        self.identity = identity
        self.registration = registration
        self.open: dict[int, Transaction] = {t.id: t for t in open_transactions}
        self.statuses: dict[tuple[int, int], StatusChanged] = {}
        self.plugged: dict[tuple[int, int], datetime] = {}
        """Since when a cable is in, by EVSE and connector."""
        self.last_ended: dict[tuple[int, int], int] = {}
        """The session that ended there last."""
        self.remote_starts: list[RemoteStart] = []
        """The newest that are on their way or were accepted."""
        self.unwritten: set[int] = set()
        """Open sessions whose values are kept and whose own row is behind; `progress` writes it."""
        self._progress: dict[int, datetime] = {}
        self._recent: list[tuple[datetime, int]] = []
        self._newest: datetime | None = None  # of those and all before

    # -- remote starts -----------------------------------------------------------------------------------------------

    def expect_remote_start(self, remote_start_id: int, id_token: str, until: datetime) -> None:
        """A remote start is about to be sent: what begins because of it was authorised by us."""
        self.forget_remote_start(remote_start_id)
        self.remote_starts.append(RemoteStart(remote_start_id, canonical(id_token), until))
        del self.remote_starts[:-_REMOTE_STARTS]

    def forget_remote_start(self, remote_start_id: int) -> None:
        """It was not sent, or the station refused it."""
        self.remote_starts = [r for r in self.remote_starts if r.remote_start_id != remote_start_id]

    def take_remote_start(self, id_token: str, now: datetime) -> RemoteStart | None:
        """1.x: the oldest that a start on this tag can belong to; it is used up."""
        remote = self.remote_start_on(id_token, now)
        if remote is not None:
            self.remote_starts.remove(remote)
        return remote

    def remote_start_on(self, id_token: str, now: datetime) -> RemoteStart | None:
        """The oldest that a start on this tag can belong to."""
        return next((r for r in self.remote_starts if r.id_token == id_token and now <= r.until), None)

    def remote_start(self, remote_start_id: int | None) -> RemoteStart | None:
        """2.x: the one with this number."""
        if remote_start_id is None:
            return None
        return next((r for r in self.remote_starts if r.remote_start_id == remote_start_id), None)

    # -- transactions ------------------------------------------------------------------------------------------------

    def by_transaction_id(self, transaction_id: str | None) -> Transaction | None:
        """The open one with this id."""
        if transaction_id is not None:
            for transaction in self.open.values():
                if transaction.transaction_id == transaction_id:
                    return transaction
        return None

    def make_way(self, applied: Applied, new: Transaction, now: datetime) -> None:
        """A connector carries one transaction: whatever began there before and never ended, has ended. What began
        *after* (an old
        start from an offline queue) stays."""
        for other in list(self.open.values()):
            if other is new or other.evse_id != new.evse_id or other.connector_id != new.connector_id:
                continue
            began = other.started_at
            if began is None and other.sequence is not None:
                began = other.register.first_at or other.logged_at
            if began is not None and new.started_at is not None and began > new.started_at:
                new.flag(Flag.STOP_MISSING)
                continue
            other.supersede(new.started_at or now, now)
            self.close(applied, other)
            self.keep(applied, other)

    def close(self, applied: Applied, transaction: Transaction) -> None:
        """It is not open any more."""
        del self.open[transaction.id]
        self.last_ended[transaction.evse_id, transaction.connector_id] = transaction.id
        self._progress.pop(transaction.id, None)
        applied.ended.append((transaction.id_token, transaction.id))

    def forget(self, session_id: int) -> Applied | None:
        """It was ended in the database: not open any more; None when it was not open here."""
        transaction = self.open.get(session_id)
        if transaction is None:
            return None
        applied = Applied(changed=True, changed_sessions=[session_id])
        self.close(applied, transaction)
        return applied

    def keep(self, applied: Applied, transaction: Transaction) -> None:
        """Write its row."""
        self.unwritten.discard(transaction.id)
        applied.records.append(SessionRecord(transaction.snapshot()))
        applied.changed_sessions.append(transaction.id)

    def progress_due(self, transaction: Transaction, now: datetime) -> bool:
        """Whether to write the row because of meter values; else it is marked as behind."""
        if transaction.id not in self.open:
            return True
        last = self._progress.get(transaction.id)
        if last is not None and (now - last).total_seconds() < PROGRESS_SECONDS:
            self.unwritten.add(transaction.id)
            return False
        self._progress[transaction.id] = now
        return True

    def progress(self, now: datetime) -> Applied | None:
        """The rows that are behind, to be written without anybody waiting; None when there are none."""
        behind = [self.open[number] for number in sorted(self.unwritten) if number in self.open]
        self.unwritten.clear()
        if not behind:
            return None
        applied = Applied(ACK, wait=False)
        for transaction in behind:
            self._progress[transaction.id] = now
            self.keep(applied, transaction)
        return applied

    # -- meter values ------------------------------------------------------------------------------------------------

    def keep_values(
        self,
        applied: Applied,
        transaction: Transaction | None,
        evse_id: int,
        values: tuple[MeterValue, ...],
        now: datetime,
    ) -> None:
        """Write them, and take them into their transaction."""
        session_id = None if transaction is None else transaction.id
        for value in values:
            reading = reading_of(value)
            record = meter_record(self.station_id, evse_id, session_id, value, now, reading)
            applied.records.append(record)
            at = value.timestamp
            once = (at, record.digest)
            newer = self._newest is None or at > self._newest
            if newer:
                self._newest = at
            if transaction is not None and (newer or once not in self._recent):
                transaction.read(value, now, reading)
            self._recent.append(once)
        if len(self._recent) > 2 * _RECENT:
            del self._recent[:-_RECENT]

    # -- connectors --------------------------------------------------------------------------------------------------

    def take_status(self, applied: Applied, fact: StatusChanged, now: datetime) -> None:
        """A connector has this status now."""
        if fact.occupied:
            before = self.statuses.get((fact.evse_id, fact.connector_id))
            transaction = self._on(fact.evse_id, fact.connector_id)
            status = occupied(transaction, None if before is None else before.status)
            fact = msgspec.structs.replace(fact, status=status)
        self._keep_status(applied, fact, now)

    def refine(self, applied: Applied, transaction: Transaction, at: datetime, now: datetime, *, begins: bool) -> None:
        """2.x: a transaction went on; its connector, if it is occupied, shows that."""
        for (evse_id, connector_id), known in list(self.statuses.items()):
            if evse_id != transaction.evse_id or known.status not in OCCUPIED:
                continue
            present = self._on(evse_id, connector_id)
            if present is None or present is transaction:
                status = occupied(present, known.status, begins=begins)
                if status is not known.status:
                    new = msgspec.structs.replace(known, status=status, timestamp=at, occupied=True)
                    self._keep_status(applied, new, now)

    def _on(self, evse_id: int, connector_id: int) -> Transaction | None:
        """The newest open transaction there."""
        for transaction in reversed(self.open.values()):
            if transaction.evse_id == evse_id and transaction.connector_id == connector_id:
                return transaction
        return None

    def _keep_status(self, applied: Applied, fact: StatusChanged, now: datetime) -> None:
        key = (fact.evse_id, fact.connector_id)
        before = self.statuses.get(key)
        self.statuses[key] = fact
        changed = before is None or _told(before) != _told(fact)
        record = StatusRecord(
            self.station_id,
            fact.evse_id,
            fact.connector_id,
            fact.status,
            fact.error_code,
            fact.info,
            fact.vendor_id,
            fact.vendor_error_code,
            fact.timestamp or now,
            now,
            changed,
        )
        applied.records.append(record)
        applied.changed = True
        if changed:
            self._tell_sessions(applied, fact, fact.timestamp or now, None if before is None else before.status)

    def note_cable(self, transaction: Transaction) -> None:
        """It begins: since when is the cable in?"""
        key = (transaction.evse_id, transaction.connector_id)
        at = self.plugged.get(key)
        if at is None and (known := self.statuses.get(key)) is not None and known.status is ConnectorStatus.PREPARING:
            at = known.timestamp
        if transaction.plugged_in_at is None:
            transaction.plugged_in_at = at

    def _tell_sessions(
        self, applied: Applied, fact: StatusChanged, at: datetime, before: ConnectorStatus | None
    ) -> None:
        """What a new status means for the session there: cable in or out, the vehicle has enough, an error."""
        key = (fact.evse_id, fact.connector_id)
        status = fact.status
        present = self._on(*key)
        news = False
        if status in OCCUPIED and key not in self.plugged and (before not in OCCUPIED):
            self.plugged[key] = at
            if present is not None and before in _FREE:
                news = present.plugged_in_at is None or present.plugged_out_at is not None
                present.plugged_in_at = present.plugged_in_at or at
                present.plugged_out_at = None
        elif status in _FREE and before not in _FREE:
            self.plugged.pop(key, None)
            if present is not None:
                present.plugged_out_at, news = at, True
            else:
                applied.records.append(CableRecord(self.station_id, *key, at))
                if key in self.last_ended:
                    applied.changed_sessions.append(self.last_ended[key])
        if present is not None and status in _FLOWS:
            news = present.flows(_FLOWS[status], at) or news
        if present is not None and news:
            self.keep(applied, present)
        if status is ConnectorStatus.FAULTED or fact.error_code not in ("", "NoError"):
            code = "/".join(text for text in (fact.error_code, fact.vendor_error_code) if text)[:_MAX_CODE]
            for transaction in list(self.open.values()):
                if fact.evse_id in (0, transaction.evse_id) and transaction.fail(code):
                    self.keep(applied, transaction)


def _told(fact: StatusChanged) -> tuple[str, str, str]:
    return (fact.status, fact.error_code, fact.vendor_error_code)


def meter_record(
    station_id: int, evse_id: int, session_id: int | None, value: MeterValue, now: datetime, reading: Reading
) -> MeterRecord:
    """The record of one meter value; its digest is that of its samples."""
    samples = _encode(value.sampled_values)
    digest = int.from_bytes(blake2b(samples, digest_size=8).digest(), "big", signed=True)
    return MeterRecord(
        station_id,
        evse_id,
        session_id,
        value.timestamp,
        now,
        digest,
        reading.energy_wh,
        reading.power_w,
        reading.soc_percent,
        samples,
    )
