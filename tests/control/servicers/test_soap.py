"""SoapService over the wire."""

from __future__ import annotations

import grpc
import pytest

from control.v1 import soap_pb2
from tests.kit.control_world import ControlWorld, Refused
from tests.kit.service_world import NOW


async def test_an_address_is_set_read_and_given_back(world: ControlWorld) -> None:
    name = f"stations/{await world.add_station('CP-1')}"
    request = soap_pb2.SetSoapAddressRequest(name=name, address="http://192.0.2.7/")
    changed = await world.client.call("soap.SetSoapAddress", request)
    assert changed.soap_address.address == "http://192.0.2.7/"
    found = await world.client.call("soap.GetSoapAddress", soap_pb2.GetSoapAddressRequest(name=name))
    assert found.soap_address == changed.soap_address
    given_back = await world.client.call("soap.SetSoapAddress", soap_pb2.SetSoapAddressRequest(name=name))
    assert given_back.soap_address.address == ""


async def test_an_address_that_changed_meanwhile_is_not_confirmed(world: ControlWorld) -> None:
    station_id = await world.add_station("CP-1")
    await world.soap_addresses.note_soap_address(station_id, "http://192.0.2.7/", NOW)
    request = soap_pb2.ConfirmSoapAddressRequest(name=f"stations/{station_id}", seen_address="http://192.0.2.8/")
    with pytest.raises(Refused) as refused:
        await world.client.call("soap.ConfirmSoapAddress", request)
    assert refused.value.code is grpc.StatusCode.FAILED_PRECONDITION
    assert refused.value.reason == "SOAP_ADDRESS_CHANGED"
    request.seen_address = "http://192.0.2.7/"
    confirmed = await world.client.call("soap.ConfirmSoapAddress", request)
    assert confirmed.soap_address.address == "http://192.0.2.7/"
    assert confirmed.soap_address.HasField("seen_time")
