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
    transaction_events,
    vendor_message,
)
from csms.domain.applying import Applied, Context, Handler
from csms.domain.authorization import canonical, decide_typed, judged_at, not_now, welcome
from csms.domain.facts import (
    ACK,
    AuthorizationAdvice,
    AuthorizationAsked,
    AuthorizationReply,
    AuthorizationStatus,
    BootReply,
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
from csms.domain.ids import SessionId
from csms.domain.memory import StationMemory
from csms.domain.metering import MeterValue
from csms.domain.records import BootRecord, Record, RegistrationRecord, SeenRecord
from csms.domain.transaction import Authentication, Flag, StartKey, Transaction

SEEN_SECONDS = 60.0

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
    **vendor_message.HANDLERS,
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


class StationState(StationMemory):
    """One station: what it says changes what is remembered of it."""

    __slots__ = ("_seen_at",)

    def __init__(
        self,
        station_id: int,
        identity: str,
        registration: RegistrationStatus,
        *,
        open_transactions: Iterable[Transaction] = (),
    ) -> None:
        super().__init__(station_id, identity, registration, open_transactions=open_transactions)
        self._seen_at: datetime | None = None

    def admits(self, fact: Fact) -> bool:
        """Whether `apply` takes it in at all: a station that is not accepted may only boot."""
        return self.registration is RegistrationStatus.ACCEPTED or isinstance(fact, StationBooted)

    # -- before ----------------------------------------------------------------------------------------------------

    def lookup(self, fact: Fact) -> Lookup | None:
        """What `apply` needs from the database for this fact; None for nearly all."""
        if isinstance(fact, MeterSampled):
            if fact.transaction_id is not None and self.by_transaction_id(fact.transaction_id) is None:
                return None if _never_issued(fact.transaction_id) else FindTransaction(fact.transaction_id)
        elif isinstance(fact, TransactionEventSeen):
            if fact.seq_no is not None and fact.transaction_id is not None:
                known = self.by_transaction_id(fact.transaction_id) is not None
                return None if known else FindTransaction(fact.transaction_id)
            if fact.event_type is TransactionEventType.STARTED:
                key = self._start_key(fact)
                return None if any(t.start_key == key for t in self.open.values()) else FindStart(key)
            if fact.transaction_id is not None and self.by_transaction_id(fact.transaction_id) is None:
                if _never_issued(fact.transaction_id):
                    return FindEnd(fact.transaction_id, fact.timestamp, fact.meter_wh)
                return FindTransaction(fact.transaction_id)
        return None

    def opens(self, fact: Fact, wanted: Lookup | None, found: Transaction | None) -> bool:
        """Whether `apply` may open a session of its own, after `lookup` said `wanted` and that was `found`: a start
        nobody knows, an end without one; in 2.x any message of a transaction nobody knows."""
        if not isinstance(fact, TransactionEventSeen):
            return False
        if fact.seq_no is not None:
            return wanted is not None and not transaction_events.continues(found, fact)
        if found is not None:
            return False
        if fact.event_type is TransactionEventType.ENDED:
            return wanted is not None or fact.transaction_id is None
        return fact.event_type is TransactionEventType.STARTED and wanted is not None

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
            return _asked(fact, context)
        if isinstance(fact, TransactionEventSeen):
            return self._event(fact, context)
        applied = HANDLERS[type(fact)](fact, self.station_id, context)
        for status in applied.connectors:
            self.take_status(applied, status, context.now)
        return applied

    # -- one kind each ---------------------------------------------------------------------------------------------

    def _event(self, fact: TransactionEventSeen, context: Context) -> Applied:
        if fact.seq_no is not None:
            return transaction_events.take_in(self, fact, context)
        if fact.event_type is TransactionEventType.STARTED:
            return self._started(fact, context)
        if fact.event_type is TransactionEventType.ENDED:
            return self._ended(fact, context)
        return self._updated(fact, context)

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
        applied = Applied(ACK)
        self.take_status(applied, fact, context.now)
        return applied

    def _sampled(self, fact: MeterSampled, context: Context) -> Applied:
        transaction = self._transaction_of(fact.transaction_id, fact.evse_id, fact.meter_values, context.found)
        applied = Applied(ACK)
        self.keep_values(applied, transaction, fact.evse_id, fact.meter_values, context.now)
        if transaction is not None and transaction.sequence is not None:
            context.reckoner.read(transaction, fact.meter_values)
        if transaction is not None and self.progress_due(transaction, context.now):
            self.keep(applied, transaction)
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
        transaction.id_token = key.id_token
        transaction.evse_id, transaction.connector_id = key.evse_id, fact.connector_id or 1
        anyone = context.anyone_may(transaction.evse_id or None, transaction.connector_id)
        self._authenticate(transaction, context.now, anyone=anyone)
        transaction.start(fact.timestamp, fact.meter_wh, context.now)
        self.note_cable(transaction)
        if info is not None:
            transaction.authorization_status = info.status
            if info.status not in (AuthorizationStatus.ACCEPTED, AuthorizationStatus.CONCURRENT_TX):
                transaction.flag(Flag.NOT_AUTHORIZED)
        if orphan is None:
            self.make_way(applied, transaction, context.now)
            self.open[transaction.id] = transaction
            applied.opened.append((transaction.id_token, transaction.id))
        self.keep_values(applied, transaction, key.evse_id, fact.meter_values, context.now)
        if fact.charging_state is not None:  # 1.5, whose connectors are Occupied and no more
            transaction.charging_state = fact.charging_state
            self.refine(applied, transaction, fact.timestamp, context.now, begins=True)
        self.keep(applied, transaction)
        applied.reply = TransactionReply(transaction.id, info)
        applied.changed = True
        return applied

    def _updated(self, fact: TransactionEventSeen, context: Context) -> Applied:
        transaction = self._transaction_of(fact.transaction_id, fact.evse_id or 0, fact.meter_values, context.found)
        applied = Applied(TransactionReply(transaction.id if transaction else 0))
        self.keep_values(applied, transaction, fact.evse_id or 0, fact.meter_values, context.now)
        if transaction is not None and self.progress_due(transaction, context.now):
            self.keep(applied, transaction)
        return applied

    def _ended(self, fact: TransactionEventSeen, context: Context) -> Applied:
        transaction = self.by_transaction_id(fact.transaction_id) or context.found
        applied = Applied(ACK)
        if transaction is None:
            transaction = self._orphan_end(fact, context)
        info = None if fact.id_token is None else context.authorize(fact.id_token, None)
        was_open = transaction.id in self.open
        self.keep_values(applied, transaction, transaction.evse_id, fact.meter_values, context.now)
        changed = transaction.end(fact.timestamp, fact.meter_wh, fact.reason, context.now)
        if was_open:
            self.close(applied, transaction)
            if fact.charging_state is not None:
                transaction.charging_state = fact.charging_state
                self.refine(applied, transaction, fact.timestamp, context.now, begins=False)
        if changed or was_open or applied.records:
            self.keep(applied, transaction)
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
            id_token=canonical(fact.id_token),
        )
        transaction.flag(Flag.START_MISSING)
        return transaction

    def _transaction_of(
        self, transaction_id: str | None, evse_id: int, values: tuple[MeterValue, ...], found: Transaction | None
    ) -> Transaction | None:
        """By id; where that says nothing, the one open on the EVSE, if the values are not from before it."""
        known = self.by_transaction_id(transaction_id) or found
        if known is not None or evse_id == 0 or not values:
            return known
        latest = max(value.timestamp for value in values)
        for candidate in reversed(self.open.values()):
            if candidate.evse_id == evse_id and (candidate.started_at is None or latest >= candidate.started_at):
                return candidate
        return None

    def _decide(self, fact: TransactionEventSeen, context: Context, *, starting: int) -> IdTokenInfo | None:
        if fact.id_token is None:
            return None
        info = context.authorize(fact.id_token, starting)
        if context.anyone_may(fact.evse_id or None, fact.connector_id or 1):
            info = welcome(info)
        at = judged_at(fact.timestamp, context.now)
        kept = context.kept_from(fact.evse_id or 0, canonical(fact.id_token), info.parent_id_token, at)
        return not_now(info) if kept else info

    def _authenticate(self, transaction: Transaction, now: datetime, *, anyone: bool) -> None:
        """How the driver of a start of 1.x was known."""
        if not transaction.id_token:
            return
        remote = self.take_remote_start(transaction.id_token, now)
        shown = Authentication.ANONYMOUS if anyone else Authentication.RFID
        transaction.authentication = shown if remote is None else Authentication.REMOTE
        if remote is not None and remote.remote_start_id:
            transaction.remote_start_id = remote.remote_start_id

    def _start_key(self, fact: TransactionEventSeen) -> StartKey:
        return StartKey(
            self.station_id, fact.evse_id or 0, fact.timestamp, canonical(fact.id_token), fact.meter_wh or 0.0
        )


def _asked(fact: AuthorizationAsked, context: Context) -> Applied:
    info = decide_typed(context.authorize, fact.id_token, fact.token_type, None)
    if context.anyone_may(None, None):  # at which outlet is not known yet: decided exactly at the start
        info = welcome(info)
    advice = context.consulted
    if not isinstance(advice, AuthorizationAdvice):
        return Applied(AuthorizationReply(info), wait=False)
    if advice.status is not None and info.status is AuthorizationStatus.ACCEPTED:
        info = msgspec.structs.replace(info, status=advice.status)
    reply = AuthorizationReply(info, advice.certificate_status, advice.allowed_energy_transfer, advice.tariff)
    return Applied(reply, wait=False)


def _never_issued(transaction_id: str) -> bool:
    """0 and −1 are what stations send when they have no id; we never issue them."""
    return transaction_id in ("0", "-1")
