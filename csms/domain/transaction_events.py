"""The transaction of OCPP 2.x: one correct session from TransactionEvents in any order (block E).

The station makes the transaction's id and numbers its messages (`seqNo`). So a message that came before is known by its
number and changes nothing, a gap can be seen, and whichever message comes first opens the session:

    first comes   then                                 the session
    ------------  -----------------------------------  -------------------------------------------------------------
    Started       Updated…, Ended                      plain
    Updated       the Started, however late            opened with START_MISSING, which the Started heals
    Ended         the Started, Updateds, however late  ENDED with START_MISSING; healed; energy grows with the values
    Started       another Started on the connector     ENDED with STOP_MISSING until its own Ended comes
    2, 5          3, 4                                 SEQUENCE_GAP until 4 has come

What a message says of the present (charging state, extras) counts if it is the newest so far.
"""

from __future__ import annotations

from typing import Final

import msgspec

from csms.domain.applying import Applied, Context, event
from csms.domain.authorization import NO_AUTHORIZATION, canonical, decide_typed, judged_at, not_now, welcome
from csms.domain.facts import (
    ACK,
    AuthorizationStatus,
    IdTokenInfo,
    TransactionAdvice,
    TransactionEventSeen,
    TransactionEventType,
    TransactionExtras,
    TransactionReply,
)
from csms.domain.ids import SessionId
from csms.domain.memory import StationMemory
from csms.domain.metering import MeterValue
from csms.domain.transaction import Authentication, Flag, Numbering, SessionState, Transaction, reading_of

STOPPING: Final = frozenset({"StopAuthorized", "Deauthorized"})
"""Trigger reasons whose token is the one that stopped the transaction, not the one it is on."""
_BEGIN, _END = "Transaction.Begin", "Transaction.End"
_STARTED, _ENDED = TransactionEventType.STARTED, TransactionEventType.ENDED


def continues(known: Transaction | None, fact: TransactionEventSeen) -> bool:
    """Whether the event belongs to `known`. A station that forgot its ids may begin another transaction with an old
    one: that is another session."""
    if known is None or known.sequence is None:
        return False
    return fact.event_type is not _STARTED or known.started_at in (None, fact.timestamp)


def take_in(memory: StationMemory, fact: TransactionEventSeen, context: Context) -> Applied:
    """Take in a TransactionEvent of 2.x."""
    applied = Applied(ACK)
    transaction = memory.by_transaction_id(fact.transaction_id)
    if transaction is None and continues(context.found, fact):
        transaction = context.found
    if transaction is None:
        transaction = _open(memory, fact, context)
    if fact.trigger_reason == "RemoteStart" and fact.remote_start_id is None and transaction.remote_start_id is None:
        fact = _with_number(memory, fact, context)
    ours = memory.remote_start(fact.remote_start_id or transaction.remote_start_id)
    by_us = ours is not None and ours.id_token == canonical(fact.id_token)
    seq_no = fact.seq_no or 0
    latest = transaction.sequence is None or seq_no >= transaction.sequence.newest
    if not transaction.number(seq_no) and not _needed(transaction, fact):
        applied.reply = _reply(transaction, _info(fact, context, transaction, by_us=by_us), context)
        return applied
    plain = _is_plain(transaction, fact)
    _place(transaction, fact, latest=latest)
    memory.keep_values(applied, transaction, transaction.evse_id, fact.meter_values, context.now)
    context.reckoner.read(transaction, fact.meter_values)
    if fact.event_type is _STARTED:
        _start(memory, applied, transaction, fact, context)
    info = _take_token(memory, applied, transaction, fact, context, by_us=by_us)
    if latest and fact.charging_state is not None:
        transaction.charging_state = fact.charging_state
        transaction.flows(fact.charging_state, fact.timestamp)
    _take_extras(memory, applied, transaction, fact, context, latest=latest)
    if fact.event_type is _ENDED:
        _end(memory, applied, transaction, fact, context)
    transaction.settle_meters()
    transaction.progress_at = max(transaction.progress_at, context.now)
    if latest and transaction.evse_id:
        memory.refine(applied, transaction, fact.timestamp, context.now, begins=fact.event_type is _STARTED)
    if not plain or memory.progress_due(transaction, context.now):
        memory.keep(applied, transaction)
        applied.changed = applied.changed or not plain
    applied.reply = _reply(transaction, info, context)
    return applied


def _needed(transaction: Transaction, fact: TransactionEventSeen) -> bool:
    """A start or an end that is not known yet counts whatever its number: some stations number badly."""
    if fact.event_type is _STARTED:
        return transaction.started_at is None
    return fact.event_type is _ENDED and (transaction.state is SessionState.ACTIVE or transaction.end_is_provisional)


def _is_plain(transaction: Transaction, fact: TransactionEventSeen) -> bool:
    """A periodic event with meter values and no more: the session's own row may be written later."""
    return (
        fact.event_type is TransactionEventType.UPDATED
        and bool(fact.meter_values)
        and fact.id_token is None
        and fact.extras is None
        and fact.charging_state in (None, transaction.charging_state)
        and fact.remote_start_id in (None, transaction.remote_start_id)
        and transaction.sequence is not None
        and len(transaction.sequence.spans) == 1
        and transaction.meter_value_count > 0
    )


# -- its steps -----------------------------------------------------------------------------------------------------


def _with_number(memory: StationMemory, fact: TransactionEventSeen, context: Context) -> TransactionEventSeen:
    """Some stations say that we began it and forget our number (F01.FR.25): the tag tells which order it was."""
    remote = memory.remote_start_on(canonical(fact.id_token), context.now)
    return fact if remote is None else msgspec.structs.replace(fact, remote_start_id=remote.remote_start_id)


def _open(memory: StationMemory, fact: TransactionEventSeen, context: Context) -> Transaction:
    transaction = Transaction(
        id=SessionId(context.new_session_id()),
        station_id=memory.station_id,
        station_identity=memory.identity,
        logged_at=context.now,
        progress_at=context.now,
        transaction_id=fact.transaction_id or "",
        sequence=Numbering(),
    )
    transaction.flag(Flag.START_MISSING)
    memory.open[transaction.id] = transaction
    return transaction


def _place(transaction: Transaction, fact: TransactionEventSeen, *, latest: bool) -> None:
    """Where it is, and by whose order."""
    if fact.evse_id and (latest or not transaction.evse_id):
        transaction.evse_id = fact.evse_id
        transaction.connector_id = fact.connector_id or transaction.connector_id
    if fact.reservation_id is not None:
        transaction.reservation_id = fact.reservation_id
    if fact.remote_start_id is not None:
        transaction.remote_start_id = fact.remote_start_id
        if transaction.id_token:
            transaction.authentication = Authentication.REMOTE


def _start(
    memory: StationMemory, applied: Applied, transaction: Transaction, fact: TransactionEventSeen, context: Context
) -> None:
    if transaction.started_at is None:
        transaction.start(fact.timestamp, _register(fact.meter_values, _BEGIN, newest=False), context.now)
    if transaction.id in memory.open:
        memory.make_way(applied, transaction, context.now)
    memory.note_cable(transaction)


def _end(
    memory: StationMemory, applied: Applied, transaction: Transaction, fact: TransactionEventSeen, context: Context
) -> None:
    reason = fact.reason or "Local"  # E06: may be omitted when it is Local
    transaction.end(fact.timestamp, _register(fact.meter_values, _END, newest=True), reason, context.now)
    if transaction.id in memory.open:
        memory.close(applied, transaction)


def _register(values: tuple[MeterValue, ...], wanted: str, *, newest: bool) -> float | None:
    """The energy register (Wh) at one end: of the value with that context, else of the outermost one."""
    outermost: MeterValue | None = None
    for value in values:
        if reading_of(value).energy_wh is None:
            continue
        if any(sample.context == wanted for sample in value.sampled_values):
            return reading_of(value).energy_wh
        if outermost is None or (value.timestamp > outermost.timestamp) is newest:
            outermost = value
    return None if outermost is None else reading_of(outermost).energy_wh


def _take_token(
    memory: StationMemory,
    applied: Applied,
    transaction: Transaction,
    fact: TransactionEventSeen,
    context: Context,
    *,
    by_us: bool,
) -> IdTokenInfo | None:
    """The token may come with any message: before the cable, after it, or to stop."""
    info = _info(fact, context, transaction, by_us=by_us)
    if info is None or fact.id_token is None:
        return None
    token = "" if fact.token_type == NO_AUTHORIZATION else canonical(fact.id_token)
    if fact.event_type is _ENDED or fact.trigger_reason in STOPPING:
        if transaction.token_seq < 0 and not transaction.id_token:
            _put_on(memory, applied, transaction, token)
        elif token != transaction.id_token:
            transaction.stop_id_token = token
        return info
    seq_no = fact.seq_no or 0
    if seq_no < transaction.token_seq:
        return info
    if transaction.token_seq < 0 and transaction.id_token not in ("", token):
        transaction.stop_id_token = transaction.id_token
    transaction.token_seq = seq_no
    _put_on(memory, applied, transaction, token)
    if token:
        shown = Authentication.ANONYMOUS if _anyone_may(transaction, context) else Authentication.RFID
        remote = transaction.remote_start_id is not None
        transaction.authentication = Authentication.REMOTE if remote else shown
    transaction.authorization_status = info.status
    if info.status in (AuthorizationStatus.ACCEPTED, AuthorizationStatus.CONCURRENT_TX):
        transaction.unflag(Flag.NOT_AUTHORIZED)
    else:
        transaction.flag(Flag.NOT_AUTHORIZED)
    return info


def _put_on(memory: StationMemory, applied: Applied, transaction: Transaction, token: str) -> None:
    before, transaction.id_token = transaction.id_token, token
    if transaction.id in memory.open and before != token:
        if before:
            applied.ended.append((before, transaction.id))
        applied.opened.append((token, transaction.id))


def _info(fact: TransactionEventSeen, context: Context, transaction: Transaction, *, by_us: bool) -> IdTokenInfo | None:
    if fact.id_token is None:
        return None
    stops = fact.event_type is _ENDED or fact.trigger_reason in STOPPING
    starting = None if stops else transaction.id
    info = decide_typed(context.authorize, fact.id_token, fact.token_type, starting, ours=by_us)
    if stops:
        return info
    if _anyone_may(transaction, context):
        info = welcome(info)
    kept = context.kept_from(
        transaction.evse_id, canonical(fact.id_token), info.parent_id_token, judged_at(fact.timestamp, context.now)
    )
    return not_now(info) if kept else info


def _anyone_may(transaction: Transaction, context: Context) -> bool:
    """While its EVSE is not known, at any outlet of the station."""
    if not transaction.evse_id:
        return context.anyone_may(None, None)
    return context.anyone_may(transaction.evse_id, transaction.connector_id)


def _take_extras(
    memory: StationMemory,
    applied: Applied,
    transaction: Transaction,
    fact: TransactionEventSeen,
    context: Context,
    *,
    latest: bool,
) -> None:
    """Keep the last word on each; costs go to the event log, too, as they were told."""
    new = fact.extras
    if new is None:
        return
    old = transaction.extras or TransactionExtras()
    first, second = (old, new) if latest else (new, old)
    told = {name: getattr(second, name) for name in second.__struct_fields__ if getattr(second, name)}
    transaction.extras = msgspec.structs.replace(first, **told)
    if new.cost_details is not None:
        summary = f"The station has reckoned the cost of transaction {transaction.transaction_id}."
        applied.records.append(
            event(
                memory.station_id,
                context,
                "TransactionEvent",
                summary,
                at=fact.timestamp,
                evse_id=transaction.evse_id or None,
                body={"transactionId": transaction.transaction_id, "costDetails": new.cost_details},
            )
        )


def _reply(transaction: Transaction, info: IdTokenInfo | None, context: Context) -> TransactionReply:
    advice = context.consulted
    if not isinstance(advice, TransactionAdvice):
        advice = TransactionAdvice()
    ended, reckoner = transaction.state is SessionState.ENDED, context.reckoner
    total = advice.total_cost
    if total is None and ended:
        total = reckoner.final(transaction, context.now)
    return TransactionReply(
        transaction.id,
        info,
        total,
        None if info is None else info.charging_priority,
        advice.personal_message,
        advice.transaction_limit,
        None if ended else reckoner.running(transaction, context.now),
    )
