"""Every statement of csms.storage is one that the migrated schema understands."""

from __future__ import annotations

import importlib
import pkgutil

import asyncpg
import pytest

import csms.storage
from csms.domain.transaction import SessionState
from csms.ports.queries import SessionFilter, SessionPosition
from csms.storage.pool import Database
from csms.storage.sessions import SessionSelect
from tests.kit.records import T0

pytestmark = pytest.mark.postgres


def constants() -> dict[str, str]:
    """Module → its constants whose names end in _SQL."""
    found = {}
    for info in pkgutil.iter_modules(csms.storage.__path__, "csms.storage."):
        module = importlib.import_module(info.name)
        for name, value in vars(module).items():
            if name.endswith("_SQL") and isinstance(value, str):
                found[f"{info.name}.{name}"] = value
    return found


async def test_every_constant_statement_can_be_prepared(database: Database) -> None:
    async def prepare(connection: asyncpg.Connection) -> dict[str, str]:
        wrong = {}
        for name, sql in constants().items():
            try:
                await connection.prepare(sql)
            except asyncpg.PostgresError as error:
                wrong[name] = str(error)
        return wrong

    assert len(constants()) > 50
    assert await database.run(prepare) == {}


EVERYTHING = SessionFilter(1, "TAG", SessionState.ACTIVE, T0, T0, "12", True)


@pytest.mark.parametrize("wanted", [SessionFilter(), EVERYTHING, SessionFilter(query="#9'; DROP TABLE session --")])
@pytest.mark.parametrize("after", [None, SessionPosition(T0, 1)])
async def test_every_composed_statement_can_be_run(
    database: Database, wanted: SessionFilter, after: SessionPosition | None
) -> None:
    select = SessionSelect(wanted, after)
    assert list(await database.fetch(select.all(), *select.args)) == []
    totals = SessionSelect(wanted)
    assert len(await database.fetch(totals.totals(), *totals.args)) == 1
    page = SessionSelect(wanted, after)
    sql = page.page(10)
    assert list(await database.fetch(sql, *page.args)) == []
