"""Every statement of csms.storage is one that the migrated schema understands."""

from __future__ import annotations

import importlib
import pkgutil

import asyncpg
import pytest

import csms.storage
from csms.domain.access import Scope
from csms.domain.facts import ConnectorStatus, RegistrationStatus
from csms.domain.transaction import SessionState
from csms.ports.inventory import EventFilter
from csms.ports.queries import SessionFilter, SessionPosition, StationFilter
from csms.ports.reservations import ReservationFilter
from csms.storage.inventory import PostgresInventory
from csms.storage.pool import Database
from csms.storage.reservations import PostgresReservations
from csms.storage.sessions import SessionSelect
from csms.storage.stations import PostgresStationQueries
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


SCOPE = Scope(frozenset({1}), frozenset({2}), 3, frozenset({4}))
EVERYTHING = SessionFilter(1, "TAG", SessionState.ACTIVE, T0, T0, "12", True, place_ids=frozenset({1, 2}), scope=SCOPE)
ALL_OF_STATIONS = StationFilter(
    "x", (RegistrationStatus.ACCEPTED,), True, (ConnectorStatus.FAULTED,), place_ids=frozenset({1}), scope=SCOPE
)


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


async def test_every_list_can_be_narrowed_to_a_scope(database: Database) -> None:
    stations = PostgresStationQueries(database)
    for wanted in (StationFilter(), StationFilter(scope=SCOPE), ALL_OF_STATIONS):
        assert await stations.page_stations(wanted, size=5, after=("x", 1)) == ([], 0)
        assert (await stations.summarize(wanted)).total == 0
    assert await PostgresReservations(database).page(ReservationFilter(scope=SCOPE), size=5) == ([], 0)
    inventory = PostgresInventory(database)
    assert await inventory.page_events(EventFilter(scope=SCOPE), size=5) == []
    assert await inventory.page_jobs(None, size=5, scope=SCOPE) == []
