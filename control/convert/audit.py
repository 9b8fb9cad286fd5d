"""The audit log."""

from __future__ import annotations

from control.convert.common import moment, timestamp
from control.convert.names import print_name
from control.v1 import audit_pb2
from csms.domain.people import AuditEntry, AuditFilter


def audit_entry(entry: AuditEntry) -> audit_pb2.AuditEntry:
    """All of it."""
    return audit_pb2.AuditEntry(
        name=print_name("auditEntries", entry.id),
        time=timestamp(entry.at),
        actor=entry.actor,
        actor_display_name=entry.actor_name,
        method=entry.method,
        resource=entry.resource,
        outcome=entry.outcome,
        request_id=entry.request_id,
        peer=entry.peer,
        forwarded_for=entry.forwarded_for,
        request_json=entry.request,
        before_json=entry.before,
        after_json=entry.after,
    )


def read_filter(message: audit_pb2.AuditFilter) -> AuditFilter:
    """Raises InvalidArgument."""
    return AuditFilter(
        message.actor,
        message.resource,
        message.method,
        message.outcome,
        moment(message.start_time) if message.HasField("start_time") else None,
        moment(message.end_time) if message.HasField("end_time") else None,
    )
