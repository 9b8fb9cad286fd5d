"""Webhooks and their deliveries (`csms.ports.webhooks`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import asyncpg

from csms.domain.alarms import AlarmKind
from csms.domain.errors import NotFound, StaleVersion
from csms.ports.webhooks import Answered, DeliveryState, Webhook, WebhookDelivery
from csms.storage.pool import Database
from csms.storage.text import clean, fits_bigint

__all__ = ["PostgresWebhooks"]

_WEBHOOK = """
SELECT w.*, (SELECT count(*) FROM webhook_delivery AS d WHERE d.webhook_id = w.id AND d.state = 'WAITING') AS waiting,
       coalesce((SELECT error FROM webhook_delivery AS d WHERE d.webhook_id = w.id ORDER BY id DESC LIMIT 1), '')
       AS last_error
FROM webhook AS w
"""
ALL_SQL = _WEBHOOK + " ORDER BY lower(w.display_name), w.id"
FIND_SQL = _WEBHOOK + " WHERE w.id = $1"
CREATE_SQL = """
INSERT INTO webhook (display_name, url, secret, kinds, place_id, enabled) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id
"""
UPDATE_SQL = """
UPDATE webhook SET display_name = $2, url = $3, secret = $4, kinds = $5, place_id = $6, enabled = $7,
    version = version + 1, updated_at = now()
WHERE id = $1 AND ($8::integer IS NULL OR version = $8) RETURNING id
"""
DELETE_SQL = "DELETE FROM webhook WHERE id = $1 RETURNING id"
ADD_SQL = """
INSERT INTO webhook_delivery (webhook_id, event, body, state, created_at, next_attempt_at, attempts)
SELECT id, $2, $3, 'WAITING', $4, $5, 1 FROM webhook WHERE id = $1 FOR KEY SHARE RETURNING *
"""
TAKE_SQL = """
UPDATE webhook_delivery AS d SET next_attempt_at = $3, attempts = attempts + 1
FROM webhook AS w
WHERE w.id = d.webhook_id AND d.id IN (
    SELECT w2.id FROM webhook_delivery AS w2 JOIN webhook AS h ON h.id = w2.webhook_id AND h.enabled
    WHERE w2.state = 'WAITING' AND w2.next_attempt_at <= $1
    ORDER BY w2.next_attempt_at, w2.id LIMIT $2 FOR UPDATE OF w2 SKIP LOCKED)
RETURNING d.*, w.display_name, w.url, w.secret
"""
FINISH_SQL = """
UPDATE webhook_delivery SET state = $2, status_code = $3, error = $4,
    next_attempt_at = coalesce($6::timestamptz, next_attempt_at),
    finished_at = CASE WHEN $2 = 'WAITING' THEN NULL ELSE $5::timestamptz END
WHERE id = $1 RETURNING *
"""
PAGE_SQL = """
SELECT * FROM webhook_delivery WHERE webhook_id = $1 AND ($2::text IS NULL OR state = $2) AND id < $3
ORDER BY id DESC LIMIT $4
"""
NEXT_DUE_SQL = """
SELECT min(d.next_attempt_at) FROM webhook_delivery AS d JOIN webhook AS w ON w.id = d.webhook_id AND w.enabled
WHERE d.state = 'WAITING'
"""
PRUNE_SQL = """
WITH gone AS (DELETE FROM webhook_delivery WHERE finished_at < $1 RETURNING 1) SELECT count(*) FROM gone
"""
OWN_LEASE = timedelta(minutes=5)


class PostgresWebhooks:
    """`WebhookStore` on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> Sequence[Webhook]:
        """By name, with how their deliveries stand."""
        return [_webhook(row) for row in await self._database.fetch(ALL_SQL)]

    async def find(self, webhook_id: int) -> Webhook | None:
        """By id."""
        row = await self._database.fetchrow(FIND_SQL, webhook_id) if fits_bigint(webhook_id) else None
        return None if row is None else _webhook(row)

    async def create(self, webhook: Webhook) -> Webhook:
        """See `WebhookStore.create`."""
        return await self._must(int(await self._write(webhook, CREATE_SQL, *_values(webhook)) or 0))

    async def update(self, webhook: Webhook, *, version: int | None) -> Webhook:
        """See `WebhookStore.update`."""
        await self._must(webhook.id)
        if await self._write(webhook, UPDATE_SQL, webhook.id, *_values(webhook), version) is None:
            raise StaleVersion("Somebody else has changed this webhook meanwhile. Reload it and try again.")
        return await self._must(webhook.id)

    async def delete(self, webhook_id: int) -> None:
        """Raises NotFound."""
        found = await self._database.fetchval(DELETE_SQL, webhook_id) if fits_bigint(webhook_id) else None
        if found is None:
            raise _no_webhook(webhook_id)

    async def add_delivery(self, webhook_id: int, event: str, body: str, at: datetime) -> WebhookDelivery:
        """See `WebhookStore.add_delivery`."""
        row = await self._database.fetchrow(ADD_SQL, webhook_id, event, clean(body), at, at + OWN_LEASE)
        if row is None:
            raise _no_webhook(webhook_id)
        return _delivery(row)

    async def take(
        self, now: datetime, *, size: int, lease_until: datetime
    ) -> Sequence[tuple[WebhookDelivery, Webhook]]:
        """See `WebhookStore.take`."""
        rows = await self._database.fetch(TAKE_SQL, now, size, lease_until)
        return [
            (_delivery(row), Webhook(row["webhook_id"], row["display_name"], row["url"], row["secret"]))
            for row in sorted(rows, key=lambda row: int(row["id"]))
        ]

    async def finish(
        self, delivery_id: int, state: DeliveryState, answered: Answered, at: datetime, *, next_at: datetime | None
    ) -> WebhookDelivery:
        """See `WebhookStore.finish`."""
        row = await self._database.fetchrow(
            FINISH_SQL, delivery_id, state.value, answered.status_code, clean(answered.error), at, next_at
        )
        if row is None:
            raise NotFound("This delivery is gone.", reason="DELIVERY_NOT_FOUND")
        return _delivery(row)

    async def page(
        self, webhook_id: int, state: DeliveryState | None, *, size: int, before: int | None = None
    ) -> Sequence[WebhookDelivery]:
        """Newest first, with an id below `before`."""
        if not fits_bigint(webhook_id):
            return []
        below = 2**62 if before is None else min(before, 2**62)
        rows = await self._database.fetch(PAGE_SQL, webhook_id, None if state is None else state.value, below, size)
        return [_delivery(row) for row in rows]

    async def next_due(self) -> datetime | None:
        """When the next one is due; None: there is none."""
        due: datetime | None = await self._database.fetchval(NEXT_DUE_SQL)
        return due

    async def prune(self, before: datetime) -> int:
        """Those that ended before go. How many."""
        return int(await self._database.fetchval(PRUNE_SQL, before))

    async def _must(self, webhook_id: int) -> Webhook:
        found = await self.find(webhook_id)
        if found is None:
            raise _no_webhook(webhook_id)
        return found

    async def _write(self, webhook: Webhook, sql: str, *values: object) -> int | None:
        try:
            made: int | None = await self._database.fetchval(sql, *values)
        except asyncpg.ForeignKeyViolationError as error:
            raise NotFound(f"There is no place {webhook.place_id} (any more).", reason="PLACE_NOT_FOUND") from error
        return made


def _values(webhook: Webhook) -> tuple[object, ...]:
    return (
        clean(webhook.display_name),
        clean(webhook.url),
        webhook.secret,
        [kind.value for kind in webhook.kinds],
        webhook.place_id,
        webhook.enabled,
    )


def _webhook(row: asyncpg.Record) -> Webhook:
    return Webhook(
        row["id"],
        row["display_name"],
        row["url"],
        row["secret"],
        tuple(AlarmKind(kind) for kind in row["kinds"]),
        row["place_id"],
        row["enabled"],
        row["version"],
        row["created_at"],
        row["waiting"],
        row["last_error"],
    )


def _delivery(row: asyncpg.Record) -> WebhookDelivery:
    return WebhookDelivery(
        row["id"],
        row["webhook_id"],
        row["event"],
        row["alarm_id"],
        row["body"],
        DeliveryState(row["state"]),
        row["created_at"],
        row["next_attempt_at"],
        row["attempts"],
        row["status_code"],
        row["error"],
        row["finished_at"],
    )


def _no_webhook(webhook_id: int) -> NotFound:
    return NotFound(f"There is no webhook {webhook_id} (any more).", reason="WEBHOOK_NOT_FOUND")
