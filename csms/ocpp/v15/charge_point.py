"""OCPP 1.5: what is asked of stations (§5). Encoders make the elements of a request in the order of the schema,
readers turn a station's answer into an `Answer`."""

from __future__ import annotations

from typing import Final

from csms.domain import commands
from csms.domain.commands import Answer
from csms.domain.errors import InvalidArgument
from csms.ocpp.v15 import payloads
from csms.ocpp.v15.payloads import Payload

MAX_ID_TAG_LENGTH: Final = 20
_MAX_INT: Final = 2**31 - 1
_ACCEPTED: Final = frozenset({"Accepted", "Scheduled"})


def bounded(name: str, text: str, limit: int) -> str:
    """Raises InvalidArgument for a text that is too long."""
    if len(text) <= limit:
        return text
    raise InvalidArgument(
        f"OCPP 1.5 takes at most {limit} characters for {name}; this one has {len(text)}. Shorten it.",
        reason="VALUE_TOO_LONG",
    )


def number(name: str, value: int, least: int = 0) -> int:
    """A number that an xsd:int can hold. Raises InvalidArgument."""
    if least <= value <= _MAX_INT:
        return value
    raise InvalidArgument(f"OCPP 1.5 takes {least} to {_MAX_INT} for {name}, not {value}.", reason="INVALID_NUMBER")


def evse(value: int, least: int = 0) -> int:
    """A connectorId from our EVSE number. Raises InvalidArgument."""
    if least <= value <= _MAX_INT:
        return value
    raise InvalidArgument(f"There is no EVSE {value} here: give a number from {least} up.", reason="INVALID_EVSE")


# -- encoders ------------------------------------------------------------------------------------------------------


def remote_start_transaction(command: commands.RequestStartTransaction) -> Payload:
    """§5.9."""
    payload: Payload = {"idTag": bounded("a tag", command.id_token, MAX_ID_TAG_LENGTH)}
    if command.evse_id:
        payload["connectorId"] = evse(command.evse_id)
    return payload


def remote_stop_transaction(command: commands.RequestStopTransaction) -> Payload:
    """§5.10."""
    try:
        return {"transactionId": int(command.transaction_id)}
    except ValueError:
        raise InvalidArgument(
            f"An OCPP 1.5 transaction has a number, not {command.transaction_id[:40]!r}.",
            reason="INVALID_TRANSACTION_ID",
        ) from None


def reset(command: commands.Reset) -> Payload:
    """§5.12."""
    return {"type": "Hard" if command.type is commands.ResetType.IMMEDIATE else "Soft"}


def change_availability(command: commands.ChangeAvailability) -> Payload:
    """§5.2. Connector 0 is the station and all its connectors."""
    return {"connectorId": evse(command.evse_id or 0), "type": command.operational_status.value}


def unlock_connector(command: commands.UnlockConnector) -> Payload:
    """§5.14."""
    if command.connector_id != 1:
        raise InvalidArgument("An EVSE has one connector in OCPP 1.5: number 1.", reason="INVALID_CONNECTOR")
    return {"connectorId": evse(command.evse_id, least=1)}


def clear_cache(_command: commands.ClearCache) -> Payload:
    """§5.4."""
    return {}


def get_configuration(command: commands.GetVariables) -> Payload:
    """§5.6. No keys: all of them."""
    return {"key": list(command.names)} if command.names else {}


def change_configuration(command: commands.SetVariables) -> Payload:
    """§5.3. One key per call."""
    if len(command.variables) != 1:
        raise InvalidArgument("OCPP 1.5 changes one configuration key per call.", reason="ONE_VARIABLE_PER_CALL")
    variable = command.variables[0]
    return {"key": variable.name, "value": variable.value}


def data_transfer(command: commands.DataTransfer) -> Payload:
    """§5.5."""
    payload: Payload = {"vendorId": bounded("a vendor id", command.vendor_id, 255)}
    if command.message_id:
        payload["messageId"] = bounded("a message id", command.message_id, 50)
    if command.data is not None:
        payload["data"] = command.data
    return payload


# -- readers -------------------------------------------------------------------------------------------------------


def read_status(payload: payloads.StatusOnly) -> Answer:
    """An answer with a status and no more."""
    return Answer(payload.status, payload.status in _ACCEPTED)


def read_data_transfer(payload: payloads.DataTransferAnswer) -> Answer:
    """DataTransfer.conf."""
    return Answer(payload.status, payload.status in _ACCEPTED, data=payload.data)


def read_configuration(payload: payloads.ConfigurationAnswer) -> Answer:
    """GetConfiguration.conf."""
    return Answer(
        "Accepted",
        accepted=True,
        variables=tuple(
            commands.Variable(entry.key, entry.value, entry.readonly) for entry in payload.configurationKey
        ),
        unknown_names=payload.unknownKey,
    )
