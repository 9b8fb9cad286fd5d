"""OCPP 2.0.1, block P. Data transfer. Its data is any JSON here; with us it is a text, as in 1.6, and other JSON is the
text of that JSON."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import UNSET

from csms.domain import commands, facts
from csms.domain.commands import Answer
from csms.ocpp.faults import V201
from csms.ocpp.fitting import fitted
from csms.ocpp.routing import Incoming, IncomingRow, Outgoing, OutgoingRow, Payload, Printable
from csms.ocpp.v201 import payloads
from csms.ocpp.v201.common import mismatch, read_status
from csms.ocpp.v201.payloads import given


def as_text(data: object) -> str | None:
    """Their data as ours."""
    if data is UNSET:
        return None
    return data if isinstance(data, str) else msgspec.json.encode(data).decode()


def as_data(text: str) -> object:
    """Ours as theirs: the text of an object or array is sent as that."""
    if text.lstrip()[:1] not in ("{", "["):
        return text
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text


def data_transfer(payload: payloads.DataTransferRequest) -> facts.DataTransferred:
    """P02."""
    return facts.DataTransferred(payload.vendorId, given(payload.messageId) or "", as_text(payload.data))


def reply_data_transfer(reply: facts.Reply) -> Payload:
    """P02."""
    if not isinstance(reply, facts.DataTransferReply):
        raise mismatch(reply)
    payload: Payload = {"status": reply.status}
    if reply.data is not None:
        payload["data"] = as_data(reply.data)
    return payload


def send_data_transfer(command: commands.DataTransfer) -> Printable:
    """P01."""
    payload: Payload = {"vendorId": command.vendor_id}
    if command.message_id:
        payload["messageId"] = command.message_id
    if command.data is not None:
        payload["data"] = as_data(command.data)
    return fitted(V201, "DataTransfer", payload)


def read_data_transfer(told: payloads.DataTransferResponse) -> Answer:
    """P01."""
    return msgspec.structs.replace(read_status(told), data=as_text(told.data))


INCOMING: Final[tuple[IncomingRow, ...]] = (Incoming("DataTransfer", data_transfer, reply_data_transfer),)
OUTGOING: Final[tuple[OutgoingRow, ...]] = (
    Outgoing("DataTransfer", commands.DataTransfer, send_data_transfer, read_data_transfer),
)
