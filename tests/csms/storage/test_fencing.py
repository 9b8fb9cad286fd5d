"""A process that was paused and wakes after its work went to another one: nothing that it writes gets in."""

from __future__ import annotations

import asyncpg
import pytest
import trio

from csms.storage.fencing import STALL_SECONDS, WorkElsewhere, held, only_reads, under
from csms.storage.lease_epochs import LeaseEpochs
from csms.storage.pool import Database
from csms.storage.requests import PostgresRequests

pytestmark = pytest.mark.postgres

NOTE = "INSERT INTO id_token (id_token) VALUES ($1)"
NOTED = "SELECT array_agg(id_token ORDER BY id_token) FROM id_token"


async def note(connection: asyncpg.Connection, tag: str) -> None:
    await connection.execute(NOTE, tag)


async def test_what_an_older_holder_still_writes_is_refused_however_it_writes(database: Database) -> None:
    zombie, heir = LeaseEpochs(database, "work", "a"), LeaseEpochs(database, "work", "b")
    old, new = zombie.token(5, 7), heir.token(5, 9)
    await zombie.advance(old)
    with under(old):
        await database.execute(NOTE, "1")
        await database.transaction(note, "2")
        await database.run(note, "3")
        await heir.advance(new)
        for write in (
            lambda: database.execute(NOTE, "x"),
            lambda: database.fetchrow(f"{NOTE} RETURNING id", "x"),
            lambda: database.transaction(note, "x"),
            lambda: database.serializable(note, "x"),
            lambda: database.run(note, "x"),
        ):
            with pytest.raises(WorkElsewhere):
                await write()
        assert await database.fetchval(NOTED) == ["1", "2", "3"]  # it may look
    await database.execute(NOTE, "4")  # people's business is nobody's lease
    with under(new):
        await database.serializable(note, "5")
    assert await database.fetchval(NOTED) == ["1", "2", "3", "4", "5"]
    assert held() is None


async def test_the_heir_waits_for_what_was_begun_in_time(database: Database) -> None:
    zombie, heir = LeaseEpochs(database, "work", "a"), LeaseEpochs(database, "work", "b")
    old = zombie.token(1, 1)
    await zombie.advance(old)
    order: list[str] = []

    async def slowly(connection: asyncpg.Connection) -> None:
        await connection.execute("SELECT pg_sleep(0.3)")
        await note(connection, "in time")
        order.append("written")

    async def write() -> None:
        with under(old):
            await database.transaction(slowly)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(write)
        while (
            not await database.fetchval("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(0.3)%'") > 1
        ):
            await trio.sleep(0.01)
        await heir.advance(heir.token(1, 2))
        order.append("handed over")
    assert order == ["written", "handed over"]
    assert await database.fetchval(NOTED) == ["in time"]


async def test_a_process_that_is_paused_in_the_middle_of_a_write_holds_nobody_up_for_long(database: Database) -> None:
    """By the server, which throws it out of its transaction; one that works at it is not in its way."""
    token = LeaseEpochs(database, "work", "a").token(1, 1)
    await LeaseEpochs(database, "work", "a").advance(token)

    async def limit(connection: asyncpg.Connection) -> str:
        return str(await connection.fetchval("SHOW idle_in_transaction_session_timeout"))

    with under(token):
        assert await database.transaction(limit) == f"{STALL_SECONDS}s"
    assert await database.transaction(limit) != f"{STALL_SECONDS}s"


async def test_tasks_take_their_right_along_and_nobody_else_does(database: Database) -> None:
    token = LeaseEpochs(database, "work", "a").token(1, 1)
    found = []

    async def look() -> None:
        found.append(held())

    async with trio.open_nursery() as nursery:
        with under(token):
            nursery.start_soon(look)
        nursery.start_soon(look)
    assert sorted(found, key=str) == sorted([token, None], key=str)


def test_reading_needs_no_right() -> None:
    assert only_reads(" -- what\n select 1")
    assert not only_reads("WITH t AS (DELETE FROM x RETURNING *) SELECT * FROM t")
    assert not only_reads("UPDATE x SET y = 1")


async def test_calls_of_people_that_are_remembered_are_not_the_works(database: Database) -> None:
    """`run` is used for them; without a token nothing is looked at."""
    assert await PostgresRequests(database).begin("c", "m", "id-1", b"d") is None
