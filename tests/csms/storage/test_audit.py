"""Words of strangers in the audit log and in its filter. The rest: tests/contracts/test_audit.py."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from csms.domain.people import AuditEntry, AuditFilter
from csms.storage.audit import PostgresAudit
from csms.storage.pool import Database


@pytest.mark.postgres
async def test_a_filter_is_no_pattern_and_no_number_is_too_big(database: Database) -> None:
    audit = PostgresAudit(database)
    await audit.add(AuditEntry(0, datetime.now(UTC), "users/1", "A\0", "/x.Y/Do", "z", "OK"))
    for method in ("%", "_o", "\\", "D%"):
        assert await audit.page(wanted=AuditFilter(method=method), size=9, before=None) == []
    assert await audit.page(wanted=AuditFilter(), size=9, before=2**70) == []
    (entry,) = await audit.page(wanted=AuditFilter(method="Do"), size=9, before=None)
    assert entry.actor_name == "A"
