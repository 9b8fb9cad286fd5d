"""Where commands to stations that speak SOAP go."""

from __future__ import annotations

import pytest

from csms.domain.errors import FailedPrecondition, InvalidArgument, NotFound, PermissionDenied
from csms.services.soap import parse_address
from tests.kit.service_world import ADMIN, NOW, SUPPORT, ServiceWorld

EVIL = "http://192.0.2.66/"
REAL = "http://192.0.2.7:8080/ocpp"


async def test_what_an_operator_sets_counts() -> None:
    world = ServiceWorld()
    station_id = await world.add_station("CP-1")
    assert (await world.soap.set(ADMIN, station_id, f" {REAL} ")).address == REAL
    assert (await world.soap.get(SUPPORT, station_id)).address == REAL
    assert (await world.soap.set(ADMIN, station_id, "")).address == ""


async def test_confirming_takes_what_was_shown_and_nothing_else() -> None:
    world = ServiceWorld()
    station_id = await world.add_station("CP-1")
    await world.soap_addresses.note_soap_address(station_id, REAL, NOW)
    await world.soap_addresses.note_soap_address(station_id, EVIL, NOW)  # while the operator was looking
    with pytest.raises(FailedPrecondition) as refused:
        await world.soap.confirm(ADMIN, station_id, REAL)
    assert refused.value.reason == "SOAP_ADDRESS_CHANGED"
    assert (await world.soap.get(ADMIN, station_id)).address == ""
    await world.soap_addresses.note_soap_address(station_id, REAL, NOW)
    assert (await world.soap.confirm(ADMIN, station_id, REAL)).address == REAL


async def test_confirming_nothing_confirms_nothing() -> None:
    world = ServiceWorld()
    with pytest.raises(FailedPrecondition):
        await world.soap.confirm(ADMIN, await world.add_station("CP-1"), "")


async def test_support_looks_but_does_not_set() -> None:
    world = ServiceWorld()
    station_id = await world.add_station("CP-1")
    for refused in (world.soap.set(SUPPORT, station_id, REAL), world.soap.confirm(SUPPORT, station_id, REAL)):
        with pytest.raises(PermissionDenied):
            await refused


async def test_a_station_that_is_not_there_is_told() -> None:
    world = ServiceWorld()
    for missing in (world.soap.get(ADMIN, 99), world.soap.set(ADMIN, 99, REAL), world.soap.confirm(ADMIN, 99, REAL)):
        with pytest.raises(NotFound):
            await missing


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.7",
        "ftp://10.0.0.7/",
        "file:///etc/passwd",
        "http://",
        "http://user:secret@10.0.0.7/",
        "http://10.0.0.7:99999/",
        "http://10.0.0.7/#x",
        "http://10.0.0.7/ x",
        "http://10.0.0.7/\r\nx",
        "http://[::1/",
        "http://" + "a" * 500,
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        parse_address(address)
    assert refused.value.reason == "INVALID_SOAP_ADDRESS"


@pytest.mark.parametrize("address", [REAL, "https://station.example/x?y=1", "http://[2001:db8::7]:80/"])
def test_addresses_are_taken_as_they_are(address: str) -> None:
    assert parse_address(address) == address
