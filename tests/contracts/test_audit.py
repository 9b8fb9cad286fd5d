"""The audit log: in memory and on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from csms.aio import open_door
from csms.domain.people import AuditEntry, AuditFilter
from csms.ports.audit import AuditStore
from csms.storage.audit import PostgresAudit
from csms.storage.pool import open_database
from tests.kit.fake_people import FakeAudit
from tests.kit.storage_world import storage_url

__all__ = ["storage_url"]
NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


@pytest.fixture
async def audit(storage_url: str) -> AsyncIterator[AuditStore]:
    if not storage_url:
        yield FakeAudit()
        return
    async with open_door() as door, open_database(door, storage_url, max_size=2) as database:
        yield PostgresAudit(database)


def an_entry(minute: int, actor: str = "users/1", resource: str = "users/2", outcome: str = "OK") -> AuditEntry:
    return AuditEntry(
        0,
        NOW + timedelta(minutes=minute),
        actor,
        "Ann",
        "/control.v1.UserService/UpdateUser",
        resource,
        outcome,
        "r-1",
        "127.0.0.1",
        "192.0.2.7",
        '{"user":{}}',
        '{"role":"support"}',
        '{"role":"administrator"}',
    )


async def test_entries_come_back_newest_first_and_narrowed(audit: AuditStore) -> None:
    await audit.add(an_entry(0))
    await audit.add(an_entry(1, actor="apiKeys/4", outcome="PERMISSION_DENIED"))
    await audit.add(an_entry(2, resource="users/2/signIns/3"))
    await audit.add(an_entry(3, resource="users/22"))

    async def minutes(**wanted: object) -> list[int]:
        found = await audit.page(wanted=AuditFilter(**wanted), size=9, before=None)  # type: ignore[arg-type]
        return [int((entry.at - NOW).total_seconds() // 60) for entry in found]

    assert await minutes() == [3, 2, 1, 0]
    assert await minutes(actor="apiKeys/4") == [1]
    assert await minutes(resource="users/2") == [2, 1, 0]
    assert await minutes(outcome="PERMISSION_DENIED") == [1]
    assert await minutes(method="UpdateUser") == [3, 2, 1, 0]
    assert await minutes(method="/control.v1.UserService/") == [3, 2, 1, 0]
    assert await minutes(method="pdateUser") == []
    assert await minutes(since=NOW + timedelta(minutes=1), until=NOW + timedelta(minutes=3)) == [2, 1]
    newest, second = await audit.page(wanted=AuditFilter(), size=2, before=None)
    assert newest.before == '{"role":"support"}'
    assert [entry.at for entry in await audit.page(wanted=AuditFilter(), size=2, before=second.id)] == [
        NOW + timedelta(minutes=1),
        NOW,
    ]


@pytest.mark.parametrize("changed", ["", '{"role":"support"}'])
async def test_how_something_ended_is_told_later_and_of_nothing_else(audit: AuditStore, changed: str) -> None:
    await audit.add(an_entry(0))
    begun = msgspec.structs.replace(an_entry(1, resource="", outcome="UNFINISHED"), before="", after="")
    number = await audit.begin(begun)
    page = await audit.page(wanted=AuditFilter(outcome="UNFINISHED"), size=9, before=None)
    assert [each.id for each in page] == [number]
    ended = msgspec.structs.replace(
        begun, id=number, resource="stations/7", outcome="OK", before=changed, after=changed
    )
    await audit.finish(msgspec.structs.replace(ended, at=NOW, request="{}"))
    found = await audit.page(wanted=AuditFilter(), size=9, before=None)
    assert list(found) == [ended, msgspec.structs.replace(an_entry(0), id=found[1].id)]


async def test_who_has_gone_has_no_name_there_any_more(audit: AuditStore) -> None:
    await audit.add(an_entry(0, actor="users/7", resource="stations/1"))
    await audit.add(an_entry(1, actor="users/1", resource="users/7"))
    await audit.forget_actor("users/7")
    about, by = await audit.page(wanted=AuditFilter(), size=9, before=None)
    assert (by.actor, by.actor_name, by.request, by.forwarded_for) == ("users/7", "", "", "")
    assert (about.actor_name, about.request, about.before) == ("Ann", "", "")


async def test_what_is_too_old_goes(audit: AuditStore) -> None:
    await audit.add(an_entry(0))
    await audit.add(an_entry(5))
    assert await audit.prune(NOW + timedelta(minutes=2)) == 1
    assert len(await audit.page(wanted=AuditFilter(), size=9, before=None)) == 1
