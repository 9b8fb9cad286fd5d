"""Mails that wait to leave."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from csms.domain.errors import Exhausted
from csms.ports.outbox import MailKind, WaitingMail
from csms.storage.pool import Database
from csms.storage.text import clean

__all__ = ["PostgresMailQueue"]

MAX_WAITING = 10_000
PUT_MAIL_SQL = """
INSERT INTO mail_queue (kind, recipient, subject, body, html)
SELECT $1, $2, $3, $4, $5 WHERE (SELECT count(*) FROM mail_queue) < $6 RETURNING id
"""
TAKE_MAILS_SQL = """
UPDATE mail_queue SET next_attempt_at = $3, attempts = attempts + 1
WHERE id IN (
    SELECT id FROM mail_queue WHERE next_attempt_at <= $1 ORDER BY next_attempt_at, id LIMIT $2 FOR UPDATE SKIP LOCKED)
RETURNING *
"""
MAIL_DONE_SQL = "DELETE FROM mail_queue WHERE id = $1"
POSTPONE_MAIL_SQL = "UPDATE mail_queue SET next_attempt_at = $2, last_error = $3 WHERE id = $1"
NEXT_MAIL_SQL = "SELECT min(next_attempt_at) FROM mail_queue"


class PostgresMailQueue:
    """csms.ports.outbox.MailQueue on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, kind: MailKind, recipient: str, subject: str = "", body: str = "", html: str = "") -> None:
        """See `MailQueue.put`."""
        made = await self._database.fetchval(
            PUT_MAIL_SQL, kind.value, clean(recipient), clean(subject), clean(body), clean(html), MAX_WAITING
        )
        if made is None:
            raise Exhausted(
                "Too many mails wait to be sent. Look at the mail server, then try again.",
                reason="TOO_MANY_MAILS",
                retry_after_s="60",
            )

    async def take(self, now: datetime, *, size: int, lease_until: datetime) -> Sequence[WaitingMail]:
        """See `MailQueue.take`."""
        rows = await self._database.fetch(TAKE_MAILS_SQL, now, size, lease_until)
        return [
            WaitingMail(
                row["id"],
                MailKind(row["kind"]),
                row["recipient"],
                row["subject"],
                row["body"],
                row["html"],
                row["created_at"],
                row["attempts"],
            )
            for row in sorted(rows, key=lambda row: int(row["id"]))
        ]

    async def done(self, mail_id: int) -> None:
        """See `MailQueue.done`."""
        await self._database.execute(MAIL_DONE_SQL, mail_id)

    async def postpone(self, mail_id: int, until: datetime, error: str) -> None:
        """See `MailQueue.postpone`."""
        await self._database.execute(POSTPONE_MAIL_SQL, mail_id, until, clean(error)[:500])

    async def next_due(self) -> datetime | None:
        """See `MailQueue.next_due`."""
        found: datetime | None = await self._database.fetchval(NEXT_MAIL_SQL)
        return found
