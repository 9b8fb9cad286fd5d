"""OCPP 2.1, block E. Transactions: what 2.1 adds to TransactionEvent."""

# ruff: noqa: N815 - the names are those of the specification

from __future__ import annotations

from typing import Final, Protocol

import msgspec
from msgspec import UNSET

from csms.domain import facts
from csms.ocpp.fitting import tidied
from csms.ocpp.routing import Incoming, IncomingRow, OutgoingRow, Payload
from csms.ocpp.v201 import payloads
from csms.ocpp.v201.common import additional_info, integer, some_integer
from csms.ocpp.v201.e_transactions import read_event
from csms.ocpp.v201.e_transactions import reply_transaction_event as reply_transaction_event_201
from csms.ocpp.v201.payloads import Given, given


class TransactionType(payloads.TransactionType, Protocol):
    """TransactionType."""

    operationMode: Given[str]
    tariffId: Given[str]
    transactionLimit: Given[object]


class TransactionEventRequest(payloads.TransactionEventRequest, Protocol):
    """E01 – E17."""

    transactionInfo: TransactionType
    costDetails: Given[object]
    preconditioningStatus: Given[str]
    evseSleep: Given[bool]


def transaction_event(payload: TransactionEventRequest) -> facts.TransactionEventSeen:
    """E01 – E17."""
    return read_event(payload, _extras(payload))


def _extras(payload: TransactionEventRequest) -> facts.TransactionExtras | None:
    token, info = payload.idToken, payload.transactionInfo
    more = () if token is UNSET or token.additionalInfo is UNSET else additional_info(token)
    if not more and all(
        value is UNSET
        for value in (
            payload.numberOfPhasesUsed,
            payload.cableMaxCurrent,
            payload.costDetails,
            payload.preconditioningStatus,
            payload.evseSleep,
            info.timeSpentCharging,
            info.operationMode,
            info.tariffId,
            info.transactionLimit,
        )
    ):
        return None
    cable, limit, costs = payload.cableMaxCurrent, info.transactionLimit, payload.costDetails
    return facts.TransactionExtras(
        number_of_phases_used=some_integer("numberOfPhasesUsed", payload.numberOfPhasesUsed),
        cable_max_current=None if cable is UNSET else float(integer("cableMaxCurrent", cable)),
        time_spent_charging=some_integer("timeSpentCharging", info.timeSpentCharging),
        evse_sleep=given(payload.evseSleep),
        preconditioning_status=given(payload.preconditioningStatus) or "",
        operation_mode=given(info.operationMode) or "",
        tariff_id=given(info.tariffId) or "",
        transaction_limit=None
        if limit is UNSET
        else tidied(msgspec.convert(msgspec.to_builtins(limit), facts.TransactionLimit)),
        cost_details=None if costs is UNSET else msgspec.to_builtins(costs),
        additional_info=more,
    )


def reply_transaction_event(reply: facts.Reply) -> Payload:
    """E01; E16 (limits). What 2.0.1 may be told at the end alone, 2.1 is told while it charges, too (I02)."""
    payload = reply_transaction_event_201(reply)
    if not isinstance(reply, facts.TransactionReply):
        return payload
    if reply.transaction_limit is not None:
        payload["transactionLimit"] = reply.transaction_limit
    if reply.total_cost is None and reply.running_cost is not None:
        payload["totalCost"] = reply.running_cost
    return payload


INCOMING: Final[tuple[IncomingRow, ...]] = (Incoming("TransactionEvent", transaction_event, reply_transaction_event),)
OUTGOING: Final[tuple[OutgoingRow, ...]] = ()
