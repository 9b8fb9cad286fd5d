"""Requests to stations that speak SOAP: what a link needs of whoever carries them."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import msgspec


class PrintedRequest(msgspec.Struct, frozen=True):
    """A request as it goes over the wire."""

    action: str
    message_id: str
    content: bytes


class StationAnswer(msgspec.Struct, frozen=True):
    """What came back. `payload` is the response's elements; None: a fault, or nothing that we can read, and then
    `error_code` and `error_description` say which. `remarks` are for the message log."""

    content: bytes
    payload: dict[str, object] | None = None
    error_code: str = ""
    error_description: str = ""
    remarks: tuple[str, ...] = ()


class StationUnreachable(Exception):
    """No connection to the address: nothing was sent. Says why."""


class StationSilent(Exception):
    """The connection broke before the answer came: it may have happened."""


class SoapClient(Protocol):
    """Carries requests to stations' addresses."""

    def print(self, identity: str, address: str, action: str, payload: dict[str, object]) -> PrintedRequest:
        """The envelope; sync."""

    async def send(self, address: str, request: PrintedRequest) -> StationAnswer:
        """Send it and wait for the answer, for as long as the caller does.

        Raises StationUnreachable and StationSilent.
        """


class SoapAddress(msgspec.Struct, frozen=True):
    """A station's own address: `address` is what an operator has set or confirmed, `seen_address` what the station told
    last (anybody could have, where it needs no password). Empty where there is none."""

    station_id: int
    address: str = ""
    seen_address: str = ""
    seen_at: datetime | None = None


class SoapAddresses(Protocol):
    """What is known of stations' own addresses. All methods raise Unavailable while the database is away."""

    async def soap_address(self, station_id: int) -> SoapAddress | None:
        """None: there is no such station (any more)."""

    async def set_soap_address(self, station_id: int, address: str) -> SoapAddress:
        """What commands go to from now on; empty: what the policy trusts. Raises NotFound."""

    async def note_soap_address(self, station_id: int, address: str, at: datetime) -> None:
        """The station told this one."""
