"""Mails that wait: in memory and on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from csms.aio import open_door
from csms.ports.outbox import MailKind, MailQueue
from csms.storage.mail_queue import PostgresMailQueue
from csms.storage.pool import open_database
from tests.kit.fake_people import FakeMailQueue
from tests.kit.storage_world import storage_url

__all__ = ["storage_url"]


@pytest.fixture
async def queue(storage_url: str) -> AsyncIterator[MailQueue]:
    if not storage_url:
        yield FakeMailQueue()
        return
    async with open_door() as door, open_database(door, storage_url, max_size=4) as database:
        yield PostgresMailQueue(database)


async def test_a_mail_is_taken_by_one_and_comes_again_when_the_lease_ends(queue: MailQueue) -> None:
    assert await queue.next_due() is None
    await queue.put(MailKind.PLAIN, "ann@example.org", "Subject", "Text", "<p>Text</p>")
    await queue.put(MailKind.RESET, "bo@example.org")
    now = datetime.now(UTC) + timedelta(seconds=5)
    lease = now + timedelta(minutes=5)
    first, second = await queue.take(now, size=9, lease_until=lease)
    assert (first.recipient, first.subject, first.body, first.html, first.attempts) == (
        "ann@example.org",
        "Subject",
        "Text",
        "<p>Text</p>",
        1,
    )
    assert second.kind is MailKind.RESET
    assert await queue.take(now, size=9, lease_until=lease) == []
    await queue.done(first.id)
    (again,) = await queue.take(lease, size=9, lease_until=lease + timedelta(minutes=5))
    assert (again.id, again.attempts) == (second.id, 2)


async def test_what_went_wrong_waits_its_time(queue: MailQueue) -> None:
    await queue.put(MailKind.PLAIN, "ann@example.org", "Subject", "Text")
    now = datetime.now(UTC) + timedelta(seconds=5)
    (mail,) = await queue.take(now, size=9, lease_until=now + timedelta(minutes=5))
    later = now + timedelta(hours=1)
    await queue.postpone(mail.id, later, "The mail server is away.")
    assert await queue.next_due() == later
    assert await queue.take(now + timedelta(minutes=59), size=9, lease_until=later) == []
    assert len(await queue.take(later, size=9, lease_until=later + timedelta(minutes=5))) == 1
