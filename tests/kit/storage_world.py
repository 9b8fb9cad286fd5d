"""One storage, twice: in memory and on PostgreSQL. Contract suites take the fixture ``storage`` and so run on both.

Import the fixtures ``storage`` and ``storage_url`` into the suite's module.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import trio
from cryptography.fernet import Fernet

from csms.aio import open_door
from csms.domain.facts import RegistrationStatus
from csms.ports.configuration import ConfigurationStore
from csms.ports.installations import InstallationStore
from csms.ports.inventory import Inventory
from csms.ports.journal import Journal
from csms.ports.load_groups import LoadGroupStore
from csms.ports.local_lists import LocalListStore
from csms.ports.message_log import MessageLog
from csms.ports.queries import SessionQueries, StationQueries
from csms.ports.reservations import ReservationStore
from csms.ports.soap import SoapAddresses
from csms.ports.stores import AccessStore, RequestMemory, StateLoader, StationStore, TokenStore, TransactionStore
from csms.ports.system import SystemSettingsStore
from csms.ports.tolerance import ToleranceStore
from csms.storage.access import PostgresAccess
from csms.storage.configuration import PostgresConfiguration
from csms.storage.installations import PostgresInstallations
from csms.storage.inventory import PostgresInventory
from csms.storage.journal import PostgresJournal
from csms.storage.load_groups import PostgresLoadGroups
from csms.storage.local_lists import PostgresLocalLists
from csms.storage.message_log import PostgresMessageLog
from csms.storage.pool import open_database
from csms.storage.requests import PostgresRequests
from csms.storage.sealing import FernetCipher
from csms.storage.session_lists import PostgresSessionQueries
from csms.storage.sessions import PostgresTransactions
from csms.storage.soap import PostgresSoapAddresses
from csms.storage.station_lists import PostgresStationQueries
from csms.storage.stations import PostgresStations
from csms.storage.system import PostgresSystemSettings
from csms.storage.tokens import PostgresTokens
from csms.storage.tolerance import PostgresTolerance
from csms.storage.waiting import PostgresReservationBook
from tests.kit.fake_configuration import FakeConfiguration
from tests.kit.fake_installations import FakeInstallations
from tests.kit.fake_inventory import FakeInventory
from tests.kit.fake_journal import FakeJournal
from tests.kit.fake_load_groups import FakeLoadGroups
from tests.kit.fake_message_log import FakeMessageLog
from tests.kit.fake_queries import FakeSessionQueries, FakeStationQueries
from tests.kit.fake_reservations import FakeLocalLists, FakeReservations
from tests.kit.fake_soap import FakeSoapAddresses
from tests.kit.fake_stores import FakeAccess, FakeRequests, FakeStations, FakeTokens, FakeTransactions
from tests.kit.fake_system import FakeSystemSettings
from tests.kit.fake_tables import FakeTables
from tests.kit.fake_tolerance import FakeTolerance


@dataclass
class Storage:
    """All adapters of storage's ports."""

    journal: Journal
    stations: StationStore
    states: StateLoader
    transactions: TransactionStore
    tokens: TokenStore
    access: AccessStore
    requests: RequestMemory
    station_queries: StationQueries
    session_queries: SessionQueries
    message_log: MessageLog
    inventory: Inventory
    tolerance: ToleranceStore
    system_settings: SystemSettingsStore
    installations: InstallationStore
    reservations: ReservationStore
    local_lists: LocalListStore
    soap_addresses: SoapAddresses
    configuration: ConfigurationStore
    load_groups: LoadGroupStore

    async def station(self, identity: str = "CP-1") -> int:
        """A new accepted station's id."""
        return (await self.stations.create(identity, RegistrationStatus.ACCEPTED)).id

    async def session_id(self) -> int:
        """A new one."""
        return (await self.transactions.reserve_session_ids(1))[0]


def fake_storage() -> Storage:
    """In memory."""
    tables = FakeTables()
    stations, inventory = FakeStations(tables), FakeInventory(tables)
    return Storage(
        FakeJournal(tables),
        stations,
        stations,
        FakeTransactions(tables),
        FakeTokens(tables),
        FakeAccess(),
        FakeRequests(),
        FakeStationQueries(tables),
        FakeSessionQueries(tables),
        FakeMessageLog(),
        inventory,
        FakeTolerance(tables),
        FakeSystemSettings(tables),
        FakeInstallations(tables),
        FakeReservations(tables),
        FakeLocalLists(tables),
        FakeSoapAddresses(lambda station_id: station_id in tables.stations),
        FakeConfiguration(tables, inventory),
        FakeLoadGroups(tables),
    )


@asynccontextmanager
async def postgres_storage(url: str) -> AsyncIterator[Storage]:
    """On PostgreSQL."""
    async with open_door() as door, open_database(door, url, max_size=4) as database, trio.open_nursery() as nursery:
        journal, message_log = PostgresJournal(database), PostgresMessageLog(database)
        await nursery.start(journal.run)
        await nursery.start(message_log.run)
        stations = PostgresStations(database)
        try:
            yield Storage(
                journal,
                stations,
                stations,
                PostgresTransactions(database),
                PostgresTokens(database),
                PostgresAccess(database),
                PostgresRequests(database),
                PostgresStationQueries(database),
                PostgresSessionQueries(database),
                message_log,
                PostgresInventory(database),
                PostgresTolerance(database),
                PostgresSystemSettings(database),
                PostgresInstallations(database, PostgresStationQueries(database), FernetCipher(Fernet.generate_key())),
                PostgresReservationBook(database),
                PostgresLocalLists(database),
                PostgresSoapAddresses(database),
                PostgresConfiguration(database),
                PostgresLoadGroups(database),
            )
        finally:
            message_log.close()
            await journal.close(trio.current_time() + 5)
            nursery.cancel_scope.cancel()


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.postgres)])
def storage_url(request: pytest.FixtureRequest) -> str:
    """Empty: in memory."""
    return str(request.getfixturevalue("database_url")) if request.param == "postgres" else ""


@pytest.fixture
async def storage(storage_url: str) -> AsyncIterator[Storage]:
    if storage_url:
        async with postgres_storage(storage_url) as storage:
            yield storage
    else:
        yield fake_storage()
