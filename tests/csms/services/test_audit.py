"""Who changed what: what use cases tell, and entries that cannot be kept."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import structlog
import trio

from csms.domain.errors import PermissionDenied, Unavailable
from csms.domain.people import AuditEntry, AuditFilter, Person
from csms.services.audit import AuditLog, following, note_change
from tests.kit.fake_people import FakeAudit
from tests.kit.service_world import ADMIN, NOW, SUPPORT

ENTRY = AuditEntry(0, NOW, "users/1", "Ann", "/x/Y", "users/2", "OK")


def test_what_differs_is_told_and_secrets_are_not() -> None:
    before, after = Person(3, "a@example.org", "Ann"), Person(3, "b@example.org", "Ann")
    with following() as trail:
        note_change("users/3", before, after)
    assert (trail.resource, json.loads(trail.before), json.loads(trail.after)) == (
        "users/3",
        {"email": "a@example.org"},
        {"email": "b@example.org"},
    )
    with following() as trail:
        note_change("x/1", {"password_hash": "old", "list": [1]}, None)
    assert json.loads(trail.before) == {"password_hash": "•••", "list": [1]}


def test_without_a_call_nothing_is_noted() -> None:
    note_change("users/3", {"a": 1})
    with following() as trail:
        pass
    note_change("users/4")
    assert trail.resource == ""


async def test_a_database_that_is_away_fails_no_call_and_the_log_has_the_entry(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = FakeAudit()
    audit = AuditLog(store, now=lambda: NOW)

    async def away(_: AuditEntry) -> None:
        raise Unavailable("The database is away.", reason="DATABASE_UNAVAILABLE")

    async def hang(_: AuditEntry) -> None:
        await trio.sleep_forever()

    for trouble, reason in ((away, "DATABASE_UNAVAILABLE"), (hang, "TIMEOUT")):
        store.add = trouble  # type: ignore[method-assign]
        with structlog.testing.capture_logs() as lines:
            await audit.write(ENTRY)
        assert (lines[0]["reason"], lines[0]["resource"]) == (reason, "users/2")


async def test_what_happened_is_written_even_when_the_caller_has_gone() -> None:
    store = FakeAudit()
    with trio.CancelScope() as scope:
        scope.cancel()
        await AuditLog(store, now=lambda: NOW).write(ENTRY)
    assert len(store.entries) == 1


@pytest.mark.feature("F-USR-7")
async def test_only_administrators_read_it() -> None:
    audit = AuditLog(FakeAudit(), now=lambda: NOW)
    await audit.write(ENTRY)
    assert len(await audit.page(ADMIN, AuditFilter(), size=9, before=None)) == 1
    with pytest.raises(PermissionDenied):
        await audit.page(SUPPORT, AuditFilter(), size=9, before=None)


async def test_old_entries_go_and_without_a_limit_none(autojump_clock: trio.testing.MockClock) -> None:
    store = FakeAudit()
    now = [NOW]
    await AuditLog(store, keep_days=0, now=lambda: NOW).prune_for_ever()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(AuditLog(store, keep_days=30, now=lambda: now[0]).prune_for_ever)
        await store.add(ENTRY)
        await trio.sleep(3600)
        assert len(store.entries) == 1
        now[0] = NOW + timedelta(days=31)
        await trio.sleep(7 * 3600)
        nursery.cancel_scope.cancel()
    assert store.entries == []
