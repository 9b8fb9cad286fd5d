"""Every statement of csms.storage is one that the migrated schema understands."""

from __future__ import annotations

import importlib
import pkgutil

import asyncpg
import pytest

import csms.storage
from csms.domain.access import Scope
from csms.domain.facts import ConnectorStatus, RegistrationStatus
from csms.domain.transaction import Authentication, SessionState
from csms.ports.inventory import EventFilter
from csms.ports.queries import (
    LogbookState,
    SessionFilter,
    SessionOrder,
    SessionPosition,
    Sorting,
    Span,
    StationFilter,
    Times,
)
from csms.ports.reservations import ReservationFilter
from csms.storage.inventory import PostgresInventory
from csms.storage.pool import Database
from csms.storage.session_select import _NUMBER, _TIME, KEYS, SessionSelect
from csms.storage.station_lists import PostgresStationQueries
from csms.storage.waiting import PostgresReservationBook
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
EVERYTHING = SessionFilter(
    1,
    "04A1B2C3",
    SessionState.ACTIVE,
    T0,
    T0,
    "12",
    True,
    place_ids=frozenset({1, 2}),
    scope=SCOPE,
    session_id=2**70,
    station_ids=(1, 2),
    evse_id=1,
    authentications=tuple(Authentication),
    energy_wh=Span(1.0, 2.0),
    max_power_w=Span(1.0),
    duration_s=Span(most=3.0),
    stopped=Times(T0, T0),
    logged=Times(T0, T0),
    user_id=1,
    user_query="x",
    station_query="x",
    id_token_query="x",
    stop_reasons=("Local",),
    flags=("METER_SWAPPED",),
    has_errors=True,
    logbook=LogbookState.MISSING,
    vehicle_query="x",
    corrected=False,
    transaction_id="1",
    reservation_id=1,
)
ALL_OF_STATIONS = StationFilter(
    "x", (RegistrationStatus.ACCEPTED,), True, (ConnectorStatus.FAULTED,), place_ids=frozenset({1}), scope=SCOPE
)


@pytest.mark.parametrize("wanted", [SessionFilter(), EVERYTHING, SessionFilter(query="#9'; DROP TABLE session --")])
@pytest.mark.parametrize("after", [None, SessionPosition(T0.isoformat(), 1)])
async def test_every_composed_statement_can_be_run(
    database: Database, wanted: SessionFilter, after: SessionPosition | None
) -> None:
    select = SessionSelect(wanted, after)
    assert list(await database.fetch(select.all(), *select.args)) == []
    totals = SessionSelect(wanted)
    assert len(await database.fetch(totals.totals(), *totals.args)) == 1
    summary = SessionSelect(wanted)
    assert len(await database.fetch(summary.summary(), *summary.args)) == 1
    assert list(await database.fetch(summary.costs(), *summary.args)) == []
    page = SessionSelect(wanted, after)
    sql = page.page(10)
    assert list(await database.fetch(sql, *page.args)) == []


@pytest.mark.parametrize("ascending", [True, False])
@pytest.mark.parametrize("order", SessionOrder)
async def test_every_order_has_its_index(database: Database, order: SessionOrder, ascending: bool) -> None:
    keys = {_TIME: T0.isoformat(), _NUMBER: "Infinity", "text": "x", "bigint": "1"}
    select = SessionSelect(
        SessionFilter(), SessionPosition(keys[KEYS[order][1]], 1), Sorting(order, ascending=ascending)
    )
    sql = select.numbers(10)

    async def plan(connection: asyncpg.Connection) -> str:
        await connection.execute("SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off")
        try:
            return "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {sql}", *select.args))
        finally:
            await connection.execute("RESET ALL")

    shown = await database.run(plan)
    assert "Index" in shown
    assert "Sort" not in shown


async def test_every_list_can_be_narrowed_to_a_scope(database: Database) -> None:
    stations = PostgresStationQueries(database)
    for wanted in (StationFilter(), StationFilter(scope=SCOPE), ALL_OF_STATIONS):
        assert await stations.page_stations(wanted, size=5, after=("x", 1)) == ([], 0)
        assert (await stations.summarize(wanted)).total == 0
    assert await PostgresReservationBook(database).page(ReservationFilter(scope=SCOPE), size=5) == ([], 0)
    inventory = PostgresInventory(database)
    assert await inventory.page_events(EventFilter(scope=SCOPE), size=5) == []
    assert await inventory.page_jobs(None, size=5, scope=SCOPE) == []
