"""The connections to PostgreSQL: a pool for everybody, long-lived ones for the few that need their own.

:class:`Database` is the trio side: each of its methods is one crossing of the door. What takes several statements
goes over as one async function (``transaction(fn)``, ``run(fn)``) that gets asyncpg's connection and lives in
asyncio; it must not touch trio.

An outage is nothing special: connections break, each operation meanwhile raises DatabaseUnavailable, and the first
one after the outage makes a new connection. Nothing is retried that may have happened; deadlocks and
serialisation failures, which have certainly not, are tried again here.

What a task of the work that is done once writes is fenced (`csms.storage.fencing`): its transaction looks whether the
work is still this process's, and raises WorkElsewhere if not. What is given to `run` is looked at once, before it.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Concatenate, Literal, ParamSpec, TypeAlias, TypeVar

import asyncpg
import trio

from csms.aio import Door
from csms.storage import fencing
from csms.storage.errors import BROKEN, RETRYABLE, DatabaseUnavailable, translated

__all__ = ["Database", "DatabaseUnavailable", "Dedicated", "open_database"]

P = ParamSpec("P")
T = TypeVar("T")
Isolation = Literal["read_committed", "repeatable_read", "serializable"]
Rows = Sequence[asyncpg.Record]
Work: TypeAlias = Callable[[asyncpg.Connection], Awaitable[T]]

ATTEMPTS = 6  # at one operation that meets deadlocks or serialisation failures
FIRST_PAUSE = 0.01  # seconds; doubles, with jitter

_SERVER_SETTINGS = {
    "application_name": "chargehouse",
    "timezone": "UTC",
    # A statement whose asker has gone (time-out, crash) is not worked at to its end.
    "client_connection_check_interval": "5000",
}


async def _keep_session(_: asyncpg.Connection) -> None:
    """In place of asyncpg's four resetting statements after each use: we change nothing in a session."""


class _Connector:
    """How connections are made and how long things may take; shared by the pool and the dedicated ones."""

    def __init__(self, dsn: str, timeout: float, connect_timeout: float, statement_cache: int) -> None:
        self.timeout = timeout
        self.connect_timeout = connect_timeout
        self.options: dict[str, Any] = {
            "dsn": dsn,
            "timeout": connect_timeout,
            "command_timeout": timeout,
            "statement_cache_size": statement_cache,
            "server_settings": _SERVER_SETTINGS,
        }

    async def connect(self) -> asyncpg.Connection:
        return await asyncpg.connect(**self.options)

    def with_settings(self, settings: Mapping[str, str]) -> _Connector:
        """The same, for sessions with these settings of PostgreSQL."""
        other = copy.copy(self)
        other.options = {**self.options, "server_settings": {**_SERVER_SETTINGS, **settings}}
        return other


class Database:
    """The trio side of the pool; made by :func:`open_database`.

    Every method raises DatabaseUnavailable when the database is away, and csms.aio.DoorClosed while the program ends.
    ``timeout`` is in seconds, per statement; None: the default given at opening.
    """

    def __init__(self, door: Door, connector: _Connector, pool: asyncpg.Pool) -> None:
        self._door = door
        self._connector = connector
        self._pool = pool
        self._dedicated: set[Dedicated] = set()

    @property
    def dsn(self) -> str:
        """Where it is, for programs that connect by themselves. Holds the password: not for logs."""
        return str(self._connector.options["dsn"])

    async def fetch(self, sql: str, *args: object, timeout: float | None = None) -> Rows:
        """All rows of one statement."""
        return await self._statement(sql, lambda connection: connection.fetch(sql, *args, timeout=timeout))

    async def fetchrow(self, sql: str, *args: object, timeout: float | None = None) -> asyncpg.Record | None:
        """The first row of one statement."""
        return await self._statement(sql, lambda connection: connection.fetchrow(sql, *args, timeout=timeout))

    async def fetchval(self, sql: str, *args: object, timeout: float | None = None) -> Any:
        """The first column of the first row of one statement."""
        return await self._statement(sql, lambda connection: connection.fetchval(sql, *args, timeout=timeout))

    async def execute(self, sql: str, *args: object, timeout: float | None = None) -> str:
        """The status of one statement, as "UPDATE 3"."""
        return await self._statement(sql, lambda connection: connection.execute(sql, *args, timeout=timeout))

    async def run(
        self, fn: Callable[Concatenate[asyncpg.Connection, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run ``fn(connection, …)`` on the asyncio side, outside of a transaction.

        It is run again from its beginning if it ends in a deadlock or a serialisation failure.
        """
        return await self._one(_looked_at(lambda connection: fn(connection, *args, **kwargs)))

    async def transaction(
        self, fn: Callable[Concatenate[asyncpg.Connection, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run ``fn(connection, …)`` on the asyncio side in one transaction, which its exception rolls back.

        It is run again from its beginning after a deadlock or a serialisation failure. DatabaseUnavailable leaves
        open whether the transaction was committed: the last message may have been lost on its way to us.
        """
        return await self._one(_in_transaction(lambda connection: fn(connection, *args, **kwargs), "read_committed"))

    async def serializable(
        self, fn: Callable[Concatenate[asyncpg.Connection, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """The same as ``transaction``, as if no other transaction ran at the same time."""
        return await self._one(_in_transaction(lambda connection: fn(connection, *args, **kwargs), "serializable"))

    async def ping(self, timeout: float = 2.0) -> None:
        """Return if the database answers. Raises DatabaseUnavailable."""
        await self.fetchval("SELECT 1", timeout=timeout)

    @contextlib.asynccontextmanager
    async def row_stream(
        self, sql: str, *args: object, batch: int = 500, timeout: float | None = None
    ) -> AsyncIterator[AsyncIterator[Rows]]:
        """Read any number of rows in flat memory, from one snapshot, through a server-side cursor::

            async with database.row_stream("SELECT …", batch=1000) as batches:
                async for rows in batches:

        A batch is fetched when it is asked for, so a slow reader holds the database back. It holds one
        connection of the pool meanwhile.
        """
        cursor = await self._door.call(_Cursor.open, self._pool, self._connector, sql, args, timeout)
        try:
            yield _Batches(self._door, cursor, batch)
        finally:
            # Cancelled or not, the connection goes back; a broken one is thrown away, which does not take long.
            with trio.CancelScope(shield=True):
                await self._door.call(cursor.close)

    async def dedicated(self, **settings: str) -> Dedicated:
        """A connection of its own, outside of the pool, for a long life; closed with the database at the latest.

        `settings`: of PostgreSQL, that hold for its whole session, also after an outage.
        """
        own = Dedicated(self._door, self._connector.with_settings(settings) if settings else self._connector)
        await self._door.call(own._ensure)
        self._dedicated.add(own)
        return own

    async def _close(self) -> None:
        for own in self._dedicated:
            await own.close()
        await self._door.call(_close_or_drop, self._pool, self._connector.connect_timeout)

    async def _statement(self, sql: str, work: Work[T]) -> T:
        if fencing.held() is not None and not fencing.only_reads(sql):
            work = _in_transaction(work, "read_committed")
        return await self._one(work)

    async def _one(self, work: Work[T]) -> T:
        return await self._door.call(self._use, work)

    async def _use(self, work: Work[T]) -> T:
        """In asyncio: with a connection of the pool."""

        async def once() -> T:
            connection = await self._pool.acquire(timeout=self._connector.timeout)
            try:
                return await work(connection)
            except asyncpg.InternalClientError:
                _drop(connection)  # it has lost its way; it must not come to the next one like this
                raise
            finally:
                await _give_back(self._pool, connection, self._connector)

        with translated():
            return await _retried(once)


class _Batches:
    """In trio. Not a generator: those want to be closed, and the cursor is closed already."""

    def __init__(self, door: Door, cursor: _Cursor, batch: int) -> None:
        self._door = door
        self._cursor = cursor
        self._batch = batch

    def __aiter__(self) -> _Batches:
        return self

    async def __anext__(self) -> Rows:
        if rows := await self._door.call(self._cursor.fetch, self._batch):
            return rows
        raise StopAsyncIteration


class Dedicated:
    """One connection for one task of trio, which makes itself anew after an outage."""

    def __init__(self, door: Door, connector: _Connector) -> None:
        self._door = door
        self._connector = connector
        self._connection: asyncpg.Connection | None = None
        self._closed = False

    async def run(
        self, fn: Callable[Concatenate[asyncpg.Connection, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As Database.run. One at a time."""
        return await self._one(_looked_at(lambda connection: fn(connection, *args, **kwargs)))

    async def transaction(
        self, fn: Callable[Concatenate[asyncpg.Connection, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As Database.transaction. One at a time."""
        return await self._one(_in_transaction(lambda connection: fn(connection, *args, **kwargs), "read_committed"))

    async def close(self) -> None:
        """Let go of it; may be called twice."""
        with trio.CancelScope(shield=True):
            await self._door.call(self._disconnect)

    async def _ensure(self) -> asyncpg.Connection:
        if self._closed:
            raise RuntimeError("This connection has been closed by its owner.")
        if self._connection is None or self._connection.is_closed():
            with translated():
                self._connection = await self._connector.connect()
        return self._connection

    async def _one(self, work: Work[T]) -> T:
        return await self._door.call(self._use, work)

    async def _use(self, work: Work[T]) -> T:
        async def once() -> T:
            return await work(await self._ensure())

        try:
            with translated():
                return await _retried(once)
        except (DatabaseUnavailable, asyncio.CancelledError):
            # In an unknown state, perhaps in the middle of a COPY: a new one is cheap and certain.
            if self._connection is not None:
                _drop(self._connection)
            raise

    async def _disconnect(self) -> None:
        self._closed = True
        if self._connection is not None:
            await _close_or_drop(self._connection, self._connector.connect_timeout)


class _Cursor:
    """In asyncio: a server-side cursor in a read-only transaction on a connection of the pool."""

    def __init__(self, pool: asyncpg.Pool, connector: _Connector, connection: asyncpg.Connection) -> None:
        self._pool = pool
        self._connector = connector
        self._connection = connection
        self._timeout: float | None = None
        self._cursor: Any = None

    @classmethod
    async def open(
        cls, pool: asyncpg.Pool, connector: _Connector, sql: str, args: Sequence[object], timeout: float | None
    ) -> _Cursor:
        with translated():
            connection = await pool.acquire(timeout=connector.timeout)
            self = cls(pool, connector, connection)
            opened = False
            try:
                await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", timeout=timeout)
                self._timeout = timeout
                self._cursor = await connection.cursor(sql, *args, timeout=timeout)
                opened = True
            finally:
                if not opened:
                    await self.close()
        return self

    async def fetch(self, batch: int) -> Rows:
        with translated():
            rows: Rows = await self._cursor.fetch(batch, timeout=self._timeout)
            return rows

    async def close(self) -> None:
        try:
            await self._connection.execute("ROLLBACK", timeout=self._connector.connect_timeout)
        except BROKEN:
            _drop(self._connection)
        await _give_back(self._pool, self._connection, self._connector)


@contextlib.asynccontextmanager
async def open_database(
    door: Door,
    dsn: str,
    *,
    min_size: int = 1,
    max_size: int = 10,
    timeout: float = 30.0,
    connect_timeout: float = 5.0,
    statement_cache: int = 256,
) -> AsyncIterator[Database]:
    """Open the pool, and close it at the end of the block. From trio.

    ``timeout`` (seconds) bounds each statement and the wait for a free connection, ``connect_timeout`` the making
    of one. ``min_size`` connections are made at once; with 0 the database may still be away.

    Raises:
        DatabaseUnavailable
    """
    connector = _Connector(dsn, timeout, connect_timeout, statement_cache)
    pool = await door.call(_open_pool, connector, min_size, max_size)
    database = Database(door, connector, pool)
    try:
        yield database
    finally:
        with trio.CancelScope(shield=True):
            await database._close()


async def _open_pool(connector: _Connector, min_size: int, max_size: int) -> asyncpg.Pool:
    with translated():
        # No floor of asyncpg's: during an outage it would try, and log, again and again without being asked.
        pool = await asyncpg.create_pool(min_size=0, max_size=max_size, reset=_keep_session, **connector.options)
        acquired = await asyncio.gather(*(pool.acquire() for _ in range(min_size)), return_exceptions=True)
        failures = [one for one in acquired if isinstance(one, BaseException)]
        for connection in acquired:
            if not isinstance(connection, BaseException):
                await _give_back(pool, connection, connector)
        if failures:
            await _close_or_drop(pool, connector.connect_timeout)
            raise failures[0]
        return pool


async def _close_or_drop(resource: asyncpg.Pool | asyncpg.Connection, timeout: float) -> None:
    try:
        await asyncio.wait_for(resource.close(), timeout)
    except BROKEN:
        resource.terminate()


def _drop(connection: asyncpg.Connection) -> None:
    with contextlib.suppress(*BROKEN):  # the pool may have taken a broken one away by itself
        connection.terminate()


async def _give_back(pool: asyncpg.Pool, connection: asyncpg.Connection, connector: _Connector) -> None:
    """Never fails and never takes long: asyncpg drops a connection that it cannot clean up."""
    with contextlib.suppress(*BROKEN):
        await pool.release(connection, timeout=connector.connect_timeout)


async def _retried(once: Callable[[], Awaitable[T]]) -> T:
    pause = FIRST_PAUSE
    for _ in range(ATTEMPTS - 1):
        try:
            return await once()
        except RETRYABLE:
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - jitter is no secret
            pause *= 2
    return await once()


def _in_transaction(work: Work[T], isolation: Isolation) -> Work[T]:
    """Fenced, if the task that asks is one of the work that is done once."""
    token = fencing.held()

    async def inside(connection: asyncpg.Connection) -> T:
        async with connection.transaction(isolation=isolation):
            if token is not None:
                await fencing.check(connection, token)
            return await work(connection)

    return inside


def _looked_at(work: Work[T]) -> Work[T]:
    """The same, without a transaction around it."""
    token = fencing.held()
    if token is None:
        return work

    async def inside(connection: asyncpg.Connection) -> T:
        async with connection.transaction():
            await fencing.check(connection, token)
        return await work(connection)

    return inside
