"""What the contract cannot see of stations' SOAP addresses: text that PostgreSQL cannot keep."""

from __future__ import annotations

import pytest

from csms.domain.facts import RegistrationStatus
from csms.storage.pool import Database
from csms.storage.soap import PostgresSoapAddresses
from csms.storage.stations import PostgresStations
from tests.kit.records import T0

pytestmark = pytest.mark.postgres


async def test_rubbish_in_an_address_is_no_error(database: Database) -> None:
    station = await PostgresStations(database).create("CP-1", RegistrationStatus.ACCEPTED)
    addresses = PostgresSoapAddresses(database)
    await addresses.note_soap_address(station.id, "http://x\0\ud800/", T0)
    found = await addresses.soap_address(station.id)
    assert found is not None
    assert found.seen_address == "http://x/"
