"""OCPP 2.1, block F. Remote control: longer tokens, richer profiles, triggers of a vendor's own."""

from __future__ import annotations

from typing import Final

from csms.domain import commands
from csms.domain.errors import InvalidArgument, NotSupported
from csms.ocpp.faults import V21
from csms.ocpp.fitting import fitted
from csms.ocpp.routing import IncomingRow, Outgoing, OutgoingRow, Printable
from csms.ocpp.v201 import f_remote_control as v201
from csms.ocpp.v201.common import read_status

CUSTOM: Final = "CustomTrigger"
TRIGGERS: Final = v201.TRIGGERS | {"SignV2G20Certificate", CUSTOM}


def request_start_transaction(command: commands.RequestStartTransaction) -> Printable:
    """F01, F02."""
    return v201.start_with(V21, command)


def trigger_message(command: commands.TriggerMessage) -> Printable:
    """F06. With `custom_trigger` the message is a vendor's own."""
    word = CUSTOM if command.custom_trigger else v201.old_word(command.requested_message)
    if word not in TRIGGERS:
        raise NotSupported(
            f"An OCPP 2.1 station cannot be asked for {word[:60]}; it can be for {', '.join(sorted(TRIGGERS))}.",
            version=V21.subprotocol,
        )
    payload = v201.trigger(word, command)
    if word == CUSTOM:
        if not command.custom_trigger:
            raise InvalidArgument("Say which of the vendor's own triggers is meant.", reason="TRIGGER_MISSING")
        payload["customTrigger"] = command.custom_trigger
    return fitted(V21, "TriggerMessage", payload)


INCOMING: Final[tuple[IncomingRow, ...]] = ()
OUTGOING: Final[tuple[OutgoingRow, ...]] = (
    Outgoing("RequestStartTransaction", commands.RequestStartTransaction, request_start_transaction, v201.read_start),
    Outgoing("TriggerMessage", commands.TriggerMessage, trigger_message, read_status),
)
