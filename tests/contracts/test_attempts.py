"""Attempts in the database: many at once, the window, and what is no longer of interest."""

from __future__ import annotations

import pytest
import trio

from csms.ports.attempts import Begun
from csms.storage.attempts import PostgresAttempts
from csms.storage.pool import Database

pytestmark = pytest.mark.postgres

AGE = "UPDATE attempt SET times = ARRAY(SELECT at - make_interval(secs => $1) FROM unnest(times) AS u (at))"


async def test_no_more_than_the_limit_begin_however_many_come_at_once(database: Database) -> None:
    books = [PostgresAttempts(database) for _ in range(3)]
    begun: list[Begun] = []

    async def begin(book: PostgresAttempts) -> None:
        begun.append(await book.begin("anna", limit=5, window_s=900))

    async with trio.open_nursery() as nursery:
        for number in range(12):
            nursery.start_soon(begin, books[number % 3])
    assert sorted(each.count for each in begun if each.allowed) == [1, 2, 3, 4, 5]
    assert all(0 < each.wait_s <= 900 and each.count == 5 for each in begun if not each.allowed)
    assert (await books[0].begin("bert", limit=5, window_s=900)).allowed


async def test_what_is_older_than_the_window_is_no_longer_counted(database: Database) -> None:
    book = PostgresAttempts(database)
    for _ in range(3):
        await book.begin("anna", limit=2, window_s=900)
    await database.execute(AGE, 600.0)
    refused = await book.begin("anna", limit=2, window_s=900)
    assert not refused.allowed
    assert 295 < refused.wait_s <= 300
    await database.execute(AGE, 301.0)
    assert (await book.begin("anna", limit=2, window_s=900)).count == 1
    await book.clear("anna")
    assert await database.fetchval("SELECT count(*) FROM attempt") == 0


async def test_old_attempts_are_taken_away_and_no_names_are_kept(database: Database) -> None:
    await PostgresAttempts(database).begin("anna@example.org", limit=5, window_s=900)
    await database.execute("UPDATE attempt SET last_at = now() - interval '2 days'")
    await PostgresAttempts(database).begin("bert@example.org", limit=5, window_s=900)
    rows = await database.fetch("SELECT key FROM attempt")
    assert [len(row["key"]) for row in rows] == [32]
