"""SoapService."""

from __future__ import annotations

from control.convert import soap as convert
from control.convert.names import read_name
from control.guard import Call
from control.v1 import soap_pb2
from csms.services.soap import SoapAddressing


class SoapServicer:
    """A method is: convert, call one use case, convert."""

    service = soap_pb2.DESCRIPTOR.services_by_name["SoapService"]

    def __init__(self, addressing: SoapAddressing) -> None:
        self._addressing = addressing

    async def get_soap_address(
        self, call: Call, request: soap_pb2.GetSoapAddressRequest
    ) -> soap_pb2.GetSoapAddressResponse:
        """GetSoapAddress."""
        found = await self._addressing.get(call.caller, read_name(request.name, "stations"))
        return soap_pb2.GetSoapAddressResponse(soap_address=convert.soap_address(found))

    async def set_soap_address(
        self, call: Call, request: soap_pb2.SetSoapAddressRequest
    ) -> soap_pb2.SetSoapAddressResponse:
        """SetSoapAddress."""
        changed = await self._addressing.set(call.caller, read_name(request.name, "stations"), request.address)
        return soap_pb2.SetSoapAddressResponse(soap_address=convert.soap_address(changed))

    async def confirm_soap_address(
        self, call: Call, request: soap_pb2.ConfirmSoapAddressRequest
    ) -> soap_pb2.ConfirmSoapAddressResponse:
        """ConfirmSoapAddress."""
        station_id = read_name(request.name, "stations")
        changed = await self._addressing.confirm(call.caller, station_id, request.seen_address)
        return soap_pb2.ConfirmSoapAddressResponse(soap_address=convert.soap_address(changed))
