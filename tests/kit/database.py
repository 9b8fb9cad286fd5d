"""A real PostgreSQL for tests: one cluster for the whole run, a fresh database for each test.

Fixtures (registered by tests/conftest.py):

``postgres``            the running cluster
``database_url``        a fresh database with the current schema, cloned from a template in some 20 ms (in memory)
``empty_database_url``  a fresh database without any schema
``door``                a door to asyncio
``database``            a csms.storage.pool.Database on ``database_url``

The cluster does not sync to disk: it need not outlive the run.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import asyncpg
import pytest

from csms.aio import Door, open_door
from csms.storage.migrate import apply_migrations, known_migrations
from csms.storage.pool import Database, open_database
from csms.storage.postgres import EmbeddedPostgres

HASTY: Mapping[str, str] = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
    "autovacuum": "off",
    "max_connections": "40",
}
_numbers = itertools.count(1)


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder with a short path that another user may pass through (root's PostgreSQL runs as nobody)."""
    folder = Path(tempfile.mkdtemp(prefix="ch-test-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    with temporary_folder() as folder:
        cluster = EmbeddedPostgres(folder / "pg", settings=HASTY)
        cluster.start()
        yield cluster
        cluster.stop()


async def _statement(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def bring_up_to_date(dsn: str) -> None:
    """All migrations, in a database that is empty or behind."""
    connection = await asyncpg.connect(dsn)
    try:
        await apply_migrations(connection, known_migrations())
    finally:
        await connection.close()


@contextlib.contextmanager
def fresh_database(cluster: EmbeddedPostgres, template: str) -> Iterator[str]:
    """A new database, dropped at the end whoever is still in it; its DSN."""
    name = f"test_{next(_numbers)}"
    maintenance = cluster.dsn_for("postgres")
    asyncio.run(_statement(maintenance, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"))
    try:
        yield cluster.dsn_for(name)
    finally:
        asyncio.run(_statement(maintenance, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(scope="session")
def template_database(postgres: EmbeddedPostgres) -> str:
    """The name of a database with the current schema, to clone from."""
    name = "with_schema"
    asyncio.run(_statement(postgres.dsn_for("postgres"), f"CREATE DATABASE {name}"))
    asyncio.run(bring_up_to_date(postgres.dsn_for(name)))
    return name


@pytest.fixture
def database_url(postgres: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    with fresh_database(postgres, template_database) as dsn:
        yield dsn


@pytest.fixture
def empty_database_url(postgres: EmbeddedPostgres) -> Iterator[str]:
    with fresh_database(postgres, "template0") as dsn:
        yield dsn


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with open_door() as door:
        yield door


@pytest.fixture
async def database(door: Door, database_url: str) -> AsyncIterator[Database]:
    async with open_database(door, database_url, max_size=4) as database:
        yield database
