"""OCPP 2.0.1, block E. Transactions."""

from __future__ import annotations

from typing import Final

from msgspec import UNSET

from csms.domain import commands, facts
from csms.domain.commands import Answer, TransactionStatus
from csms.domain.errors import InvalidArgument
from csms.ocpp.routing import Incoming, IncomingRow, Outgoing, OutgoingRow, Payload
from csms.ocpp.schemas import as_utc
from csms.ocpp.v201 import payloads
from csms.ocpp.v201.common import additional_info, integer, mismatch, number, print_info, print_message, some_integer
from csms.ocpp.v201.j_metering import meter_values
from csms.ocpp.v201.payloads import given

MAX_TRANSACTION_ID: Final = 36
_TYPES: Final = {each.value: each for each in facts.TransactionEventType}
_STATES: Final = {each.value: each for each in facts.ChargingState}


def read_event(
    payload: payloads.TransactionEventRequest, extras: facts.TransactionExtras | None
) -> facts.TransactionEventSeen:
    """What both versions of 2.x say alike. Raises Fault."""
    info, evse, token, values = payload.transactionInfo, payload.evse, payload.idToken, payload.meterValue
    kind = _TYPES[payload.eventType]
    state = info.chargingState
    evse_id = connector_id = None
    if evse is not UNSET:
        evse_id = number("evse/id", evse.id)
        connector_id = None if evse.connectorId is UNSET else number("evse/connectorId", evse.connectorId)
    return facts.TransactionEventSeen(
        kind,
        as_utc(payload.timestamp),
        transaction_id=info.transactionId,
        evse_id=evse_id,
        connector_id=connector_id,
        id_token=None if token is UNSET else token.idToken,
        reason="" if info.stoppedReason is UNSET else info.stoppedReason,
        reservation_id=some_integer("reservationId", payload.reservationId),
        # A session must be able to end: what cannot be read of its last values is left out.
        meter_values=() if values is UNSET else meter_values(values, lenient=kind is facts.TransactionEventType.ENDED),
        seq_no=integer("seqNo", payload.seqNo, 0),
        trigger_reason=payload.triggerReason,
        charging_state=None if state is UNSET else _STATES[state],
        offline=payload.offline is True,
        token_type="" if token is UNSET else token.type,
        remote_start_id=some_integer("transactionInfo/remoteStartId", info.remoteStartId),
        extras=extras,
    )


def transaction_event(payload: payloads.TransactionEventRequest) -> facts.TransactionEventSeen:
    """E01 – E15."""
    token, info = payload.idToken, payload.transactionInfo
    phases, cable, spent = payload.numberOfPhasesUsed, payload.cableMaxCurrent, info.timeSpentCharging
    more = () if token is UNSET or token.additionalInfo is UNSET else additional_info(token)
    if phases is UNSET and cable is UNSET and spent is UNSET and not more:
        return read_event(payload, None)
    extras = facts.TransactionExtras(
        number_of_phases_used=some_integer("numberOfPhasesUsed", phases),
        cable_max_current=None if cable is UNSET else float(integer("cableMaxCurrent", cable)),
        time_spent_charging=some_integer("timeSpentCharging", spent),
        additional_info=more,
    )
    return read_event(payload, extras)


def reply_transaction_event(reply: facts.Reply) -> Payload:
    """E01: idTokenInfo where the event named a token."""
    if not isinstance(reply, facts.TransactionReply):
        raise mismatch(reply)
    payload: Payload = {}
    if reply.info is not None:
        payload["idTokenInfo"] = print_info(reply.info)
    if reply.total_cost is not None:
        payload["totalCost"] = reply.total_cost
    if reply.charging_priority is not None:
        payload["chargingPriority"] = reply.charging_priority
    if reply.personal_message:
        payload["updatedPersonalMessage"] = print_message(reply.personal_message)
    return payload


def checked_transaction_id(transaction_id: str) -> str:
    """Raises InvalidArgument."""
    if 0 < len(transaction_id) <= MAX_TRANSACTION_ID:
        return transaction_id
    raise InvalidArgument(
        f"An OCPP transaction id has 1 to {MAX_TRANSACTION_ID} characters.", reason="INVALID_TRANSACTION_ID"
    )


def get_transaction_status(command: commands.GetTransactionStatus) -> Payload:
    """E14."""
    if command.transaction_id is None:
        return {}
    return {"transactionId": checked_transaction_id(command.transaction_id)}


def read_transaction_status(told: payloads.GetTransactionStatusResponse) -> Answer:
    """E14."""
    return Answer(
        "Accepted", accepted=True, result=TransactionStatus(told.messagesInQueue, given(told.ongoingIndicator))
    )


INCOMING: Final[tuple[IncomingRow, ...]] = (Incoming("TransactionEvent", transaction_event, reply_transaction_event),)
OUTGOING: Final[tuple[OutgoingRow, ...]] = (
    Outgoing("GetTransactionStatus", commands.GetTransactionStatus, get_transaction_status, read_transaction_status),
)
