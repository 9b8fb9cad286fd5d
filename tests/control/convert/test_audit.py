"""Entries of the audit log as messages."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from control.convert import audit as convert
from control.v1 import audit_pb2
from csms.domain.errors import InvalidArgument
from csms.domain.people import AuditEntry, AuditFilter

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def test_an_entry_is_told_whole() -> None:
    entry = AuditEntry(3, NOW, "users/1", "Ann", "/x/Y", "users/2", "OK", "r", "::1", "192.0.2.7", "{}", "{1}", "{2}")
    message = convert.audit_entry(entry)
    told = {field.name: value for field, value in message.ListFields()}
    assert set(told) == {field.name for field in audit_pb2.AuditEntry.DESCRIPTOR.fields}
    assert (message.name, message.before_json, message.after_json) == ("auditEntries/3", "{1}", "{2}")


def test_a_filter_without_times_has_none() -> None:
    message = audit_pb2.AuditFilter(actor="users/1")
    assert convert.read_filter(message) == AuditFilter("users/1")
    message.start_time.FromDatetime(NOW)
    assert convert.read_filter(message).since == NOW
    message.end_time.seconds = 10**15
    with pytest.raises(InvalidArgument):
        convert.read_filter(message)
