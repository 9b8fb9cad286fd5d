"""How much room each kind of data takes, and how far back it goes."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import UTC, date, datetime
from typing import Final

import asyncpg

from csms.domain.statistics import StorageUsage, StoredData

__all__ = ["storage_usage"]

SIZES_SQL = """
SELECT relname::text AS name, pg_total_relation_size(oid) AS size, greatest(reltuples, 0)::bigint AS rows
FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""
SIZE_SQL = "SELECT pg_database_size(current_database())"
WAITING_SQL = """
SELECT (SELECT count(DISTINCT session_id) FROM usage_change) + (SELECT count(*) FROM session_usage WHERE pending)
"""
_KINDS_OF_DATA: Final = (
    ("meter_values", re.compile(r"meter_value(_.*)?")),
    ("messages", re.compile(r"message_log(_.*)?")),
    ("events", re.compile(r"station_event|system_event|status_history|station_job")),
    ("sessions", re.compile(r"session|session_c.*|session_t.*")),
    ("statistics", re.compile(r"usage_.*|session_usage")),
    ("audit", re.compile(r"audit_entry")),
)


async def storage_usage(connection: asyncpg.Connection) -> StorageUsage:
    """In asyncio."""
    sizes: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    oldest: dict[str, date] = {}
    for row in await connection.fetch(SIZES_SQL):
        name = next((kind for kind, pattern in _KINDS_OF_DATA if pattern.fullmatch(row["name"])), "other")
        found = sizes[name]
        found[0] += row["size"]
        found[1] += row["rows"]
        if match := re.fullmatch(r"(?:meter_value|message_log)_(\d{8})", row["name"]):
            found[2] += 1
            day = datetime.strptime(match[1], "%Y%m%d").replace(tzinfo=UTC).date()
            oldest[name] = min(day, oldest.get(name, day))
    data = [
        StoredData(name, size, rows, partitions, oldest.get(name)) for name, (size, rows, partitions) in sizes.items()
    ]
    data.sort(key=lambda each: -each.size_bytes)
    whole, waiting = await connection.fetchval(SIZE_SQL), await connection.fetchval(WAITING_SQL)
    return StorageUsage(tuple(data), whole, waiting)
