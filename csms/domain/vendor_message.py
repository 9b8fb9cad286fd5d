"""Vendors' own messages (OCPP 2.x block P; 1.6 DataTransfer): kept in the event log, and answered by whoever knows them
(`csms.ports.consultant`)."""

from __future__ import annotations

from typing import Final

from csms.domain.applying import Applied, Context, Handler, event
from csms.domain.facts import DataTransferred, DataTransferReply, Fact
from csms.domain.ids import StationId

_NOBODY: Final = DataTransferReply("UnknownVendorId")


def _transferred(fact: DataTransferred, station_id: StationId, context: Context) -> Applied:
    reply = context.consulted if isinstance(context.consulted, DataTransferReply) else _NOBODY
    what = f" ({fact.message_id})" if fact.message_id else ""
    summary = f"A message of {fact.vendor_id}{what} was answered with {reply.status}."
    body = {
        "vendorId": fact.vendor_id,
        "messageId": fact.message_id,
        "data": fact.data,
        "status": reply.status,
        "answer": reply.data,
    }
    return Applied(reply, [event(station_id, context, "DataTransfer", summary, body=body)])


HANDLERS: Final[dict[type[Fact], Handler]] = {DataTransferred: _transferred}
