"""What the contract cannot see of people and keys in PostgreSQL."""

from __future__ import annotations

from datetime import timedelta

import pytest

from csms.domain.access import Role
from csms.storage.access import PostgresAccess
from csms.storage.pool import Database

pytestmark = pytest.mark.postgres


async def test_a_use_is_written_at_most_once_a_minute(database: Database) -> None:
    access = PostgresAccess(database)
    now = await database.fetchval("SELECT now()")
    user = await access.create_user("a@example.org", "A", "hash", Role.SUPPORT)
    await access.create_sign_in(b"d", user.id, now + timedelta(hours=1))
    written = []
    for seconds in (0, 30, 59, 61, 100):
        assert await access.find_sign_in(b"d", now + timedelta(seconds=seconds)) == user
        written.append((await database.fetchval("SELECT used_at FROM sign_in") - now).total_seconds())
    assert written == [0, 0, 0, 61, 61]


async def test_the_sign_ins_of_a_deleted_user_are_gone(database: Database) -> None:
    access = PostgresAccess(database)
    now = await database.fetchval("SELECT now()")
    user = await access.create_user("a@example.org", "A", "hash", Role.SUPPORT)
    await access.create_sign_in(b"d", user.id, now + timedelta(hours=1))
    await database.execute("DELETE FROM app_user")
    assert await access.find_sign_in(b"d", now) is None
