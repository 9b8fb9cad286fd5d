"""Envelopes for tests, written by hand."""

from __future__ import annotations

from typing import Final

CS: Final = "urn://Ocpp/Cs/2012/06/"
SOAP_12: Final = "http://www.w3.org/2003/05/soap-envelope"
SOAP_11: Final = "http://schemas.xmlsoap.org/soap/envelope/"
WSA: Final = "http://www.w3.org/2005/08/addressing"
WSA_2004: Final = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
IDENTITY: Final = "<cs:chargeBoxIdentity>BOX</cs:chargeBoxIdentity>"
HEARTBEAT: Final = "<cs:heartbeatRequest/>"


def envelope(body: str = HEARTBEAT, header: str = IDENTITY, *, soap: str = SOAP_12, wsa: str = WSA) -> bytes:
    return (
        f'<s:Envelope xmlns:s="{soap}" xmlns:cs="{CS}" xmlns:w="{wsa}" xmlns:x="urn:strange">'
        f"<s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def reference(name: str, address: str) -> str:
    """A WS-Addressing endpoint reference."""
    return f"<w:{name}><w:Address>{address}</w:Address></w:{name}>"
