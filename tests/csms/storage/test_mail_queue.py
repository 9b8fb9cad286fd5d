"""The queue of mails has an end. The rest: tests/contracts/test_outbox.py."""

from __future__ import annotations

import pytest

from csms.domain.errors import Exhausted
from csms.ports.outbox import MailKind
from csms.storage import mail_queue
from csms.storage.mail_queue import PostgresMailQueue
from csms.storage.pool import Database


@pytest.mark.postgres
async def test_the_queue_is_not_filled_without_end(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_queue, "MAX_WAITING", 2)
    queue = PostgresMailQueue(database)
    for _ in range(2):
        await queue.put(MailKind.RESET, "a@example.org")
    with pytest.raises(Exhausted):
        await queue.put(MailKind.RESET, "a@example.org")
