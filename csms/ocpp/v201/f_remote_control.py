"""OCPP 2.0.1, block F. Remote control: start and stop, unlock, trigger (F01 – F06)."""

from __future__ import annotations

import re
from typing import Final

from csms.domain import commands
from csms.domain.commands import Answer, TransactionStarted
from csms.domain.errors import InvalidArgument, NotSupported
from csms.ocpp.faults import V201, Edition
from csms.ocpp.fitting import fitted
from csms.ocpp.routing import Outgoing, OutgoingRow, Payload, Printable
from csms.ocpp.v201 import payloads
from csms.ocpp.v201.common import read_status
from csms.ocpp.v201.payloads import given

MAX_NUMBER: Final = 2**31 - 1
_OLD_WORDS: Final = {
    "DiagnosticsStatusNotification": "LogStatusNotification",
    "SignChargePointCertificate": "SignChargingStationCertificate",
}
"""What 1.6 calls the same."""
TRIGGERS: Final = frozenset(
    {
        *("BootNotification", "LogStatusNotification", "FirmwareStatusNotification", "Heartbeat", "MeterValues"),
        *("SignChargingStationCertificate", "SignV2GCertificate", "StatusNotification", "TransactionEvent"),
        *("SignCombinedCertificate", "PublishFirmwareStatusNotification"),
    }
)
"""MessageTriggerEnumType."""
_UID: Final = re.compile(r"(?:[0-9A-F]{8}|[0-9A-F]{14}|[0-9A-F]{20})").fullmatch
"""The UIDs of RFID cards have 4, 7 or 10 bytes."""


def evse_number(told: int, least: int = 1) -> int:
    """Raises InvalidArgument."""
    if least <= told <= MAX_NUMBER:
        return told
    raise InvalidArgument(f"There is no EVSE {told} here: give a number from {least} up.", reason="INVALID_EVSE")


def connector_number(told: int) -> int:
    """Raises InvalidArgument."""
    if 1 <= told <= MAX_NUMBER:
        return told
    raise InvalidArgument(f"There is no connector {told}: they count from 1.", reason="INVALID_CONNECTOR")


def evse_of(evse_id: int | None, connector_id: int | None) -> Payload | None:
    """EVSEType; None for the station as a whole. Raises InvalidArgument."""
    if not evse_id:
        if connector_id:
            raise InvalidArgument("Say at which EVSE the connector is.", reason="INVALID_EVSE")
        return None
    evse: Payload = {"id": evse_number(evse_id)}
    if connector_id:
        evse["connectorId"] = connector_number(connector_id)
    return evse


def id_token(token: str, token_type: str = "") -> Payload:
    """IdTokenType. Without a type it is what it looks like: an RFID card, else an id of ours."""
    return {"idToken": token, "type": token_type or ("ISO14443" if _UID(token.upper()) else "Central")}


def start_with(edition: Edition, command: commands.RequestStartTransaction) -> Printable:
    """F01, F02, in the words of a version. Raises InvalidArgument."""
    payload: Payload = {
        "idToken": id_token(command.id_token, command.token_type),
        "remoteStartId": command.remote_start_id,
    }
    if command.evse_id:
        payload["evseId"] = evse_number(command.evse_id)
    if command.group_id_token:
        payload["groupIdToken"] = id_token(command.group_id_token, "Central")
    if command.charging_profile is not None:
        payload["chargingProfile"] = command.charging_profile
    return fitted(edition, "RequestStartTransaction", payload)


def request_start_transaction(command: commands.RequestStartTransaction) -> Printable:
    """F01, F02."""
    return start_with(V201, command)


def read_start(told: payloads.RequestStartTransactionResponse) -> Answer:
    """F01, F02."""
    transaction_id = given(told.transactionId)
    return read_status(told, None if transaction_id is None else TransactionStarted(transaction_id))


def request_stop_transaction(command: commands.RequestStopTransaction) -> Printable:
    """F03."""
    return fitted(V201, "RequestStopTransaction", {"transactionId": command.transaction_id})


def unlock_connector(command: commands.UnlockConnector) -> Payload:
    """F05."""
    return {"evseId": evse_number(command.evse_id), "connectorId": connector_number(command.connector_id)}


def trigger_message(command: commands.TriggerMessage) -> Payload:
    """F06. A StatusNotification is about a connector: the first, where none is named."""
    word = old_word(command.requested_message)
    if word not in TRIGGERS:
        raise NotSupported(
            f"An OCPP 2.0.1 station cannot be asked for {word[:60]}; it can be for {', '.join(sorted(TRIGGERS))}.",
            version=V201.subprotocol,
        )
    return trigger(word, command)


def trigger(word: str, command: commands.TriggerMessage) -> Payload:
    """The payload for a word that is known."""
    connector_id = command.connector_id
    if word == "StatusNotification" and command.evse_id:
        connector_id = connector_id or 1
    payload: Payload = {"requestedMessage": word}
    evse = evse_of(command.evse_id, connector_id)
    if evse is not None:
        payload["evse"] = evse
    return payload


def old_word(requested_message: str) -> str:
    """2.x's word for 1.6's."""
    return _OLD_WORDS.get(requested_message, requested_message)


INCOMING: Final = ()
OUTGOING: Final[tuple[OutgoingRow, ...]] = (
    Outgoing("RequestStartTransaction", commands.RequestStartTransaction, request_start_transaction, read_start),
    Outgoing("RequestStopTransaction", commands.RequestStopTransaction, request_stop_transaction, read_status),
    Outgoing("UnlockConnector", commands.UnlockConnector, unlock_connector, read_status),
    Outgoing("TriggerMessage", commands.TriggerMessage, trigger_message, read_status),
)
