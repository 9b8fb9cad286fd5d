"""OCPP 1.5 over SOAP, wired: the endpoint on the stations' port, the way back to the stations, and their addresses."""

from __future__ import annotations

import trio

from control.server import Servicer
from control.servicers.soap import SoapServicer
from csms.actors.registry import Registry
from csms.actors.soap_link import SoapStations, Trust
from csms.app.parts import Parts
from csms.services.masking import MaskedMessageLog
from csms.services.soap import SoapAddressing
from csms.services.system import ServerAddress
from csms.storage.soap import PostgresSoapAddresses
from csms.transport.soap.client import HttpSoapClient
from csms.transport.soap.endpoint import PATH, SoapEndpoint


def open_soap(parts: Parts, registry: Registry, *, host: str, port: int) -> SoapEndpoint:
    """What answers on the stations' port. `host` and `port` are where that is, as stations reach it."""
    settings = parts.settings
    public = settings.soap_public_url.rstrip("/")
    shown = f"[{host}]" if ":" in host else host
    address = public or f"http://{shown}:{port}{PATH}"
    parts.addresses.append(ServerAddress("ocpp-1.5-soap", address))
    client = HttpSoapClient(address)
    parts.ground.start_soon(_close_at_the_end, client)
    stations = SoapStations(
        registry,
        client=client,
        addresses=PostgresSoapAddresses(parts.database),
        message_log=MaskedMessageLog(parts.stores.message_log, parts.traffic),
        heartbeat_s=settings.heartbeat_interval,
        trust=Trust(settings.soap_trust_addresses),
        now=parts.now,
    )
    return SoapEndpoint(stations, public_address=public)


def build(parts: Parts) -> list[Servicer]:
    """The addresses, for people."""
    return [SoapServicer(SoapAddressing(PostgresSoapAddresses(parts.database), parts.feed, parts.scopes))]


async def _close_at_the_end(client: HttpSoapClient) -> None:
    try:
        await trio.sleep_forever()
    finally:
        with trio.CancelScope(shield=True), trio.move_on_after(1.0):
            await client.aclose()
