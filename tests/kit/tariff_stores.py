"""Stores of tariffs, costs and reports, twice: in memory and on PostgreSQL. Contract suites import `stores` and
`storage_url`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from csms.aio import open_door
from csms.domain.ids import SessionId, StationId
from csms.domain.records import SessionRecord
from csms.domain.tariff import Cost, Element, Line, LineKind, PriceKind, Tariff, Window
from csms.domain.tariff_book import SessionCost, cost_of_session, read_target
from csms.domain.transaction import Transaction
from csms.ports.cost_reports import ReportStore
from csms.ports.outbox import MailQueue
from csms.ports.session_changes import SessionChanges
from csms.ports.tariffs import SessionCostStore, TariffStore
from csms.storage.cost_reports import PostgresReports
from csms.storage.mail_queue import PostgresMailQueue
from csms.storage.pool import open_database
from csms.storage.session_changes import PostgresSessionChanges
from csms.storage.session_costs import PostgresSessionCosts
from csms.storage.tariffs import PostgresTariffs
from tests.kit.fake_journal import FakeJournal
from tests.kit.fake_people import FakeMailQueue
from tests.kit.fake_session_changes import FakeSessionChanges
from tests.kit.fake_tables import FakeTables
from tests.kit.fake_tariffs import FakeReports, FakeSessionCosts, FakeTariffs
from tests.kit.records import a_meter_record
from tests.kit.storage_world import Storage, fake_storage, postgres_storage

NOW = datetime(2026, 10, 25, 12, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=30)
TERMS = Tariff(
    "EUR",
    (
        Element(PriceKind.ENERGY, Decimal("0.30"), window=Window(480, 1200, frozenset({0, 1, 2}))),
        Element(PriceKind.PARKING_TIME, Decimal("0.05"), step=60, grace_s=600),
    ),
    Decimal(21),
    minimum=Decimal("0.50"),
)
OTHER = Tariff("SEK", (Element(PriceKind.ENERGY, Decimal(3)),), Decimal(25), prices_include_vat=False)
SYSTEM = read_target("places/1")
NOWHERE = 10**30


@dataclass
class Stores:
    tariffs: TariffStore
    costs: SessionCostStore
    changes: SessionChanges
    reports: ReportStore
    mails: MailQueue
    storage: Storage


@pytest.fixture
async def stores(storage_url: str) -> AsyncIterator[Stores]:
    if not storage_url:
        storage = fake_storage()
        assert isinstance(storage.journal, FakeJournal)
        tables: FakeTables = storage.journal.tables
        tariffs, queue = FakeTariffs(tables), FakeMailQueue()
        costs, changes = FakeSessionCosts(tables, tariffs), FakeSessionChanges(tables)
        yield Stores(tariffs, costs, changes, FakeReports(tables, queue), queue, storage)
        return
    async with (
        postgres_storage(storage_url) as storage,
        open_door() as door,
        open_database(door, storage_url, max_size=2) as database,
    ):
        yield Stores(
            PostgresTariffs(database),
            PostgresSessionCosts(database),
            PostgresSessionChanges(database),
            PostgresReports(database),
            PostgresMailQueue(database),
            storage,
        )


async def a_session(stores: Stores, *, ended: bool = True) -> Transaction:
    """From 10 to 11, 7 kWh."""
    number = await stores.storage.session_id()
    station = await stores.storage.station(f"CP-{number}")
    began = NOW - timedelta(hours=2)
    session = Transaction(SessionId(number), StationId(station), "CP-1", began, began, evse_id=1, transaction_id="1")
    session.start(began, 1_000.0, began)
    session.id_token = "TAG"
    if ended:
        session.end(began + timedelta(hours=1), 8_000.0, "Local", began + timedelta(hours=1))
    values = [a_meter_record(station, began + timedelta(minutes=30), 5_000.0, session_id=number, evse_id=1)]
    await stores.storage.journal.put([SessionRecord(session), *values]).durable()
    return session


def a_cost(session_id: int, version: object = None, reason: str = "") -> SessionCost:
    if version is None:
        return cost_of_session(session_id, None, None, basis="b")
    line = Line(LineKind.ENERGY, Decimal(7), Decimal(7), Decimal("0.30"), Decimal("2.10"), Window(480, 1200))
    cost = Cost("EUR", (line,), Decimal("1.74"), Decimal("0.36"), Decimal("2.10"))
    return cost_of_session(session_id, version, cost, basis="b", reason=reason)  # type: ignore[arg-type]
