"""The live state of one station: the only place where a fact changes it.

`apply` is sync and pure but for the state itself: what it must know of the world comes in a `Context`, what must
be kept comes out as
records, what is to be said comes out as a reply. What lies in the database only (a transaction that ended long
ago) is asked for
beforehand: `lookup` says what `apply` will need.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b
from typing import Final

import msgspec

from csms.domain import (
    battery_swap,
    certificates,
    customer,
    der,
    device_model,
    display,
    maintenance,
    monitoring,
    payment,
    reservation,
    smart_charging,
)
from csms.domain.applying import Applied, Context, Handler
from csms.domain.errors import InvalidArgument
from csms.domain.facts import (
    ACK,
    AuthorizationAsked,
    AuthorizationReply,
    AuthorizationStatus,
    BootReply,
    DataTransferred,
    DataTransferReply,
    Fact,
    HeartbeatReply,
    HeartbeatSeen,
    IdTokenInfo,
    MeterSampled,
    RegistrationStatus,
    StationBooted,
    StatusChanged,
    TransactionEventSeen,
    TransactionEventType,
    TransactionReply,
)
from csms.domain.ids import SessionId, StationId, parse_id_token
from csms.domain.metering import MeterValue
from csms.domain.records import (
    BootRecord,
    MeterRecord,
    Record,
    RegistrationRecord,
    SeenRecord,
    SessionRecord,
    StatusRecord,
)
from csms.domain.transaction import Authentication, Flag, Reading, StartKey, Transaction, reading_of

PROGRESS_SECONDS = 10.0
"""How often, at most, a running session's own row is written while meter values come in. The values themselves are
always
written; what
the row lacks is folded in when it is loaded."""

SEEN_SECONDS = 60.0
_RECENT = 8
_encode = msgspec.json.Encoder().encode


HANDLERS: Final[dict[type[Fact], Handler]] = {
    **maintenance.HANDLERS,
    **certificates.HANDLERS,
    **device_model.HANDLERS,
    **monitoring.HANDLERS,
    **customer.HANDLERS,
    **smart_charging.HANDLERS,
    **der.HANDLERS,
    **reservation.HANDLERS,
    **display.HANDLERS,
    **payment.HANDLERS,
    **battery_swap.HANDLERS,
}
"""Who takes in what needs nothing of a station's memory: the chapters."""


class NotAccepted(Exception):
    """The station has not been accepted: all it may do is boot (OCPP 1.6 §4.2; 2.x B02)."""


class FindStart(msgspec.Struct, frozen=True):
    """Has this very start been seen before, or does an end wait for it?"""

    key: StartKey


class FindTransaction(msgspec.Struct, frozen=True):
    """Is there a transaction with this id that is not open?"""

    transaction_id: str


class FindEnd(msgspec.Struct, frozen=True):
    """Has this very end been seen before? For ids that mean nothing, so that two different ends stay two."""

    transaction_id: str
    stopped_at: datetime
    meter_wh: float | None


Lookup = FindStart | FindTransaction | FindEnd


class StationState:
    """One station in memory. `open` are its open transactions by session id, oldest first."""

    __slots__ = (
        "_progress",
        "_recent",
        "_seen_at",
        "expected_remote",
        "identity",
        "open",
        "registration",
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
        self.expected_remote: dict[str, datetime] = {}
        """Tags of remote starts that the station accepted, until when a start on them counts as remote."""
        self.unwritten: set[int] = set()
        """Open sessions whose values are kept and whose own row is behind; `progress` writes it."""
        self._progress: dict[int, datetime] = {}
        self._recent: list[int] = []
        self._seen_at: datetime | None = None

    # -- before ----------------------------------------------------------------------------------------------------

    def lookup(self, fact: Fact) -> Lookup | None:
        """What `apply` needs from the database for this fact; None for nearly all."""
        if isinstance(fact, MeterSampled):
            if fact.transaction_id is not None and self._by_transaction_id(fact.transaction_id) is None:
                return None if _never_issued(fact.transaction_id) else FindTransaction(fact.transaction_id)
        elif isinstance(fact, TransactionEventSeen):
            if fact.event_type is TransactionEventType.STARTED:
                key = self._start_key(fact)
                return None if any(t.start_key == key for t in self.open.values()) else FindStart(key)
            if fact.transaction_id is not None and self._by_transaction_id(fact.transaction_id) is None:
                if _never_issued(fact.transaction_id):
                    return FindEnd(fact.transaction_id, fact.timestamp, fact.meter_wh)
                return FindTransaction(fact.transaction_id)
        return None

    # -- the fact --------------------------------------------------------------------------------------------------

    def apply(self, fact: Fact, context: Context) -> Applied:
        """Take in a fact. Raises NotAccepted for all but a boot while the station is not accepted."""
        if isinstance(fact, StationBooted):
            return self._booted(fact, context)
        if self.registration is not RegistrationStatus.ACCEPTED:
            raise NotAccepted
        if isinstance(fact, MeterSampled):
            return self._sampled(fact, context)
        if isinstance(fact, HeartbeatSeen):
            return self._heartbeat(context)
        if isinstance(fact, StatusChanged):
            return self._status(fact, context)
        if isinstance(fact, AuthorizationAsked):
            info = context.authorize(fact.id_token, None)
            return Applied(AuthorizationReply(info), wait=False)
        if isinstance(fact, DataTransferred):
            return Applied(context.consulted or DataTransferReply("UnknownVendorId"), wait=False)
        if not isinstance(fact, TransactionEventSeen):
            return HANDLERS[type(fact)](fact, self.station_id, context)
        if fact.event_type is TransactionEventType.STARTED:
            return self._started(fact, context)
        if fact.event_type is TransactionEventType.ENDED:
            return self._ended(fact, context)
        return self._updated(fact, context)

    def progress(self, now: datetime) -> Applied | None:
        """The rows that are behind, to be written without anybody waiting; None when there are none."""
        behind = [self.open[number] for number in sorted(self.unwritten) if number in self.open]
        self.unwritten.clear()
        if not behind:
            return None
        applied = Applied(ACK, wait=False)
        for transaction in behind:
            self._progress[transaction.id] = now
            self._keep(applied, transaction)
        return applied

    def remote_start_accepted(self, id_token: str, until: datetime) -> None:
        """The station accepted a remote start on this tag: the start that follows was not made by a card."""
        self.expected_remote[_canonical(id_token)] = until

    # -- one kind each ---------------------------------------------------------------------------------------------

    def _booted(self, fact: StationBooted, context: Context) -> Applied:
        accepted = self.registration is RegistrationStatus.ACCEPTED
        records: list[Record] = [BootRecord(self.station_id, context.now, fact)]
        if not accepted:
            records.append(RegistrationRecord(self.station_id, context.now, self.registration))
        interval = context.heartbeat_s if accepted else context.retry_s
        return Applied(BootReply(self.registration, context.now, interval), records, changed=True)

    def _heartbeat(self, context: Context) -> Applied:
        applied = Applied(HeartbeatReply(context.now), wait=False)
        if self._seen_at is None or (context.now - self._seen_at).total_seconds() >= SEEN_SECONDS:
            self._seen_at = context.now
            applied.records.append(SeenRecord(self.station_id, context.now))
        return applied

    def _status(self, fact: StatusChanged, context: Context) -> Applied:
        self.statuses[fact.evse_id, fact.connector_id] = fact
        record = StatusRecord(
            self.station_id,
            fact.evse_id,
            fact.connector_id,
            fact.status,
            fact.error_code,
            fact.info,
            fact.vendor_id,
            fact.vendor_error_code,
            fact.timestamp or context.now,
            context.now,
        )
        return Applied(ACK, [record], changed=True)

    def _sampled(self, fact: MeterSampled, context: Context) -> Applied:
        transaction = self._transaction_of(fact.transaction_id, fact.evse_id, fact.meter_values, context.found)
        applied = Applied(ACK)
        self._keep_values(applied, transaction, fact.evse_id, fact.meter_values, context.now)
        if transaction is not None and self._progress_due(transaction, context.now):
            self._keep(applied, transaction)
        return applied

    def _started(self, fact: TransactionEventSeen, context: Context) -> Applied:
        key = self._start_key(fact)
        known = next((t for t in self.open.values() if t.start_key == key), context.found)
        if known is not None:  # the same start again: the same transaction (and the decision of today)
            info = self._decide(fact, context, starting=known.id)
            return Applied(TransactionReply(known.id, info), wait=True)
        applied = Applied(ACK)
        orphan = context.orphan
        transaction = orphan if orphan is not None else self._open(fact, key, context)
        info = self._decide(fact, context, starting=transaction.id)
        transaction.authentication = self._authentication(key.id_token, context.now)
        transaction.id_token = key.id_token
        transaction.evse_id, transaction.connector_id = key.evse_id, fact.connector_id or 1
        transaction.start(fact.timestamp, fact.meter_wh, context.now)
        if info is not None:
            transaction.authorization_status = info.status
            if info.status not in (AuthorizationStatus.ACCEPTED, AuthorizationStatus.CONCURRENT_TX):
                transaction.flag(Flag.NOT_AUTHORIZED)
        if orphan is None:
            self._make_way(applied, transaction, context.now)
            self.open[transaction.id] = transaction
            applied.opened.append((transaction.id_token, transaction.id))
        self._keep_values(applied, transaction, key.evse_id, fact.meter_values, context.now)
        self._keep(applied, transaction)
        applied.reply = TransactionReply(transaction.id, info)
        applied.changed = True
        return applied

    def _updated(self, fact: TransactionEventSeen, context: Context) -> Applied:
        transaction = self._transaction_of(fact.transaction_id, fact.evse_id or 0, fact.meter_values, context.found)
        applied = Applied(TransactionReply(transaction.id if transaction else 0))
        self._keep_values(applied, transaction, fact.evse_id or 0, fact.meter_values, context.now)
        if transaction is not None and self._progress_due(transaction, context.now):
            self._keep(applied, transaction)
        return applied

    def _ended(self, fact: TransactionEventSeen, context: Context) -> Applied:
        transaction = self._by_transaction_id(fact.transaction_id) or context.found
        applied = Applied(ACK)
        if transaction is None:
            transaction = self._orphan_end(fact, context)
        info = None if fact.id_token is None else context.authorize(fact.id_token, None)
        was_open = transaction.id in self.open
        self._keep_values(applied, transaction, transaction.evse_id, fact.meter_values, context.now)
        changed = transaction.end(fact.timestamp, fact.meter_wh, fact.reason, context.now)
        if was_open:
            del self.open[transaction.id]
            self._progress.pop(transaction.id, None)
            applied.ended.append((transaction.id_token, transaction.id))
        if changed or was_open or applied.records:
            self._keep(applied, transaction)
        applied.reply = TransactionReply(transaction.id, info)
        applied.changed = True
        return applied

    # -- parts -----------------------------------------------------------------------------------------------------

    def _open(self, fact: TransactionEventSeen, key: StartKey, context: Context) -> Transaction:
        session_id = SessionId(context.new_session_id())
        return Transaction(
            id=session_id,
            station_id=self.station_id,
            station_identity=self.identity,
            logged_at=context.now,
            progress_at=context.now,
            evse_id=key.evse_id,
            transaction_id=fact.transaction_id if fact.transaction_id is not None else str(session_id),
            id_token=key.id_token,
            reservation_id=fact.reservation_id,
        )

    def _orphan_end(self, fact: TransactionEventSeen, context: Context) -> Transaction:
        """An end whose start we never saw: kept, flagged, and joined when its start comes after all."""
        transaction = Transaction(
            id=SessionId(context.new_session_id()),
            station_id=self.station_id,
            station_identity=self.identity,
            logged_at=context.now,
            progress_at=context.now,
            evse_id=fact.evse_id or 0,
            transaction_id=fact.transaction_id or "",
            id_token=_canonical(fact.id_token),
        )
        transaction.flag(Flag.START_MISSING)
        return transaction

    def _make_way(self, applied: Applied, new: Transaction, now: datetime) -> None:
        """A connector carries one transaction: whatever began there before and never ended, has ended. What began
        *after* (an old
        start from an offline queue) stays."""
        for other in list(self.open.values()):
            if other.evse_id != new.evse_id or other.connector_id != new.connector_id:
                continue
            if other.started_at is not None and new.started_at is not None and other.started_at > new.started_at:
                new.flag(Flag.STOP_MISSING)
                continue
            other.supersede(new.started_at or now, now)
            del self.open[other.id]
            self._progress.pop(other.id, None)
            applied.ended.append((other.id_token, other.id))
            self._keep(applied, other)

    def _transaction_of(
        self, transaction_id: str | None, evse_id: int, values: tuple[MeterValue, ...], found: Transaction | None
    ) -> Transaction | None:
        """By id; where that says nothing, the one open on the EVSE, if the values are not from before it."""
        known = self._by_transaction_id(transaction_id) or found
        if known is not None or evse_id == 0 or not values:
            return known
        latest = max(value.timestamp for value in values)
        for candidate in reversed(self.open.values()):
            if candidate.evse_id == evse_id and (candidate.started_at is None or latest >= candidate.started_at):
                return candidate
        return None

    def _by_transaction_id(self, transaction_id: str | None) -> Transaction | None:
        if transaction_id is not None:
            for transaction in self.open.values():
                if transaction.transaction_id == transaction_id:
                    return transaction
        return None

    def _keep_values(
        self,
        applied: Applied,
        transaction: Transaction | None,
        evse_id: int,
        values: tuple[MeterValue, ...],
        now: datetime,
    ) -> None:
        session_id = None if transaction is None else transaction.id
        for value in values:
            reading = reading_of(value)
            record = meter_record(self.station_id, evse_id, session_id, value, now, reading)
            applied.records.append(record)
            if transaction is not None and record.digest not in self._recent:
                transaction.read(value, now, reading)
            self._recent.append(record.digest)
        if len(self._recent) > 2 * _RECENT:
            del self._recent[:-_RECENT]

    def _keep(self, applied: Applied, transaction: Transaction) -> None:
        self.unwritten.discard(transaction.id)
        applied.records.append(SessionRecord(transaction.snapshot()))
        applied.changed_sessions.append(transaction.id)

    def _progress_due(self, transaction: Transaction, now: datetime) -> bool:
        if transaction.id not in self.open:
            return True
        last = self._progress.get(transaction.id)
        if last is not None and (now - last).total_seconds() < PROGRESS_SECONDS:
            self.unwritten.add(transaction.id)
            return False
        self._progress[transaction.id] = now
        return True

    def _decide(self, fact: TransactionEventSeen, context: Context, *, starting: int) -> IdTokenInfo | None:
        return None if fact.id_token is None else context.authorize(fact.id_token, starting)

    def _authentication(self, id_token: str, now: datetime) -> Authentication:
        if not id_token:
            return Authentication.ANONYMOUS
        until = self.expected_remote.pop(id_token, None)
        return Authentication.REMOTE if until is not None and now <= until else Authentication.RFID

    def _start_key(self, fact: TransactionEventSeen) -> StartKey:
        return StartKey(
            self.station_id, fact.evse_id or 0, fact.timestamp, _canonical(fact.id_token), fact.meter_wh or 0.0
        )


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


def _canonical(id_token: str | None) -> str:
    if not id_token:
        return ""
    try:
        return parse_id_token(id_token)
    except InvalidArgument:
        return id_token.strip().upper()


def _never_issued(transaction_id: str) -> bool:
    """0 and −1 are what stations send when they have no id; we never issue them."""
    return transaction_id in ("0", "-1")
