"""Where commands to stations that speak SOAP go: an operator's word, because a station's own may be anybody's."""

from __future__ import annotations

from urllib.parse import urlsplit

from csms.domain.access import Action, Principal
from csms.domain.errors import FailedPrecondition, InvalidArgument, NotFound
from csms.ports.feed import Feed, Subject
from csms.ports.soap import SoapAddress, SoapAddresses
from csms.services.scopes import Scopes

MAX_LENGTH = 500


class SoapAddressing:
    """Use cases of people. All raise PermissionDenied, NotFound, and Unavailable while the database is away."""

    def __init__(self, addresses: SoapAddresses, feed: Feed, scopes: Scopes) -> None:
        self._addresses = addresses
        self._feed = feed
        self._scopes = scopes

    async def get(self, caller: Principal, station_id: int) -> SoapAddress:
        """What is set, and what the station tells."""
        await self._scopes.check_station(caller, Action.READ_STATIONS, station_id)
        return await self._find(station_id)

    async def set(self, caller: Principal, station_id: int, address: str) -> SoapAddress:
        """Commands go there from now on; empty: to what the server's policy trusts. Raises InvalidArgument."""
        await self._scopes.check_station(caller, Action.ADMIT_STATIONS, station_id)
        changed = await self._addresses.set_soap_address(station_id, parse_address(address) if address else "")
        self._feed.publish(Subject.STATION, station_id)
        return changed

    async def confirm(self, caller: Principal, station_id: int, seen: str) -> SoapAddress:
        """The address that the station tells is right. `seen` is what the caller was shown: it may have changed since.

        Raises FailedPrecondition/SOAP_ADDRESS_CHANGED, InvalidArgument.
        """
        await self._scopes.check_station(caller, Action.ADMIT_STATIONS, station_id)
        known = await self._find(station_id)
        if not seen or known.seen_address != seen:
            raise FailedPrecondition(
                "The station does not tell this address (any more). Look at what it tells now, and confirm that.",
                reason="SOAP_ADDRESS_CHANGED",
            )
        return await self.set(caller, station_id, seen)

    async def _find(self, station_id: int) -> SoapAddress:
        known = await self._addresses.soap_address(station_id)
        if known is None:
            raise NotFound(f"There is no station {station_id} (any more).", reason="STATION_NOT_FOUND")
        return known


def parse_address(text: str) -> str:
    """An address that commands can go to. Raises InvalidArgument/INVALID_SOAP_ADDRESS."""
    text = text.strip()
    try:
        parts = urlsplit(text)
        well = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        well = False
    else:
        well = well and not parts.username and not parts.fragment
    if not well or len(text) > MAX_LENGTH or not text.isascii() or not text.isprintable() or " " in text:
        raise InvalidArgument(
            "A SOAP address begins with http:// or https:// and has a host and no password,"
            " for example http://10.0.0.7:8080/ocpp.",
            reason="INVALID_SOAP_ADDRESS",
        )
    return text
