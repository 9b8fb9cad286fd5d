"""What is promised of SOAP stations' addresses."""

from __future__ import annotations

import pytest

from csms.domain.errors import NotFound
from csms.ports.soap import SoapAddress
from tests.kit.records import T0, after
from tests.kit.storage_world import Storage, storage, storage_url

__all__ = ["storage", "storage_url"]

NOWHERE = 10**30  # fits no column


async def test_what_the_station_tells_changes_nothing_of_what_was_set(storage: Storage) -> None:
    station = await storage.station()
    assert await storage.soap_addresses.soap_address(station) == SoapAddress(station)
    await storage.soap_addresses.set_soap_address(station, "http://set/")
    await storage.soap_addresses.note_soap_address(station, "http://first/", T0)
    await storage.soap_addresses.note_soap_address(station, "http://told/", after(5))
    found = await storage.soap_addresses.soap_address(station)
    assert found == SoapAddress(station, "http://set/", "http://told/", after(5))
    assert await storage.soap_addresses.set_soap_address(station, "") == SoapAddress(
        station, "", "http://told/", after(5)
    )


@pytest.mark.parametrize("station", [99, 0, -1, NOWHERE])
async def test_a_station_that_is_not_there(storage: Storage, station: int) -> None:
    assert await storage.soap_addresses.soap_address(station) is None
    with pytest.raises(NotFound):
        await storage.soap_addresses.set_soap_address(station, "http://set/")


async def test_a_note_about_a_deleted_station_is_no_error(storage: Storage) -> None:
    await storage.soap_addresses.note_soap_address(99, "http://told/", T0)
