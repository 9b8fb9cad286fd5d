"""Vendors' own messages."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from csms.domain.applying import Context
from csms.domain.facts import AuthorizationStatus, DataTransferred, DataTransferReply, IdTokenInfo
from csms.domain.ids import StationId
from csms.domain.records import EventRecord
from csms.domain.vendor_message import HANDLERS

NOW = datetime(2026, 5, 4, tzinfo=UTC)


@pytest.mark.parametrize("consulted", [None, DataTransferReply("Accepted", "42")])
def test_a_vendors_message_is_kept_with_its_answer(consulted: DataTransferReply | None) -> None:
    context = Context(NOW, lambda _tag, _starting: IdTokenInfo(AuthorizationStatus.INVALID), lambda: 1)
    context.consulted = consulted
    applied = HANDLERS[DataTransferred](DataTransferred("acme", "Ping", "1"), StationId(1), context)
    reply = consulted or DataTransferReply("UnknownVendorId")
    assert (applied.reply, applied.wait) == (reply, True)
    (record,) = applied.records
    assert isinstance(record, EventRecord)
    assert record.summary == f"A message of acme (Ping) was answered with {reply.status}."
    assert json.loads(record.body) == {
        "vendorId": "acme",
        "messageId": "Ping",
        "data": "1",
        "status": reply.status,
        "answer": reply.data,
    }
