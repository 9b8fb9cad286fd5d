"""SOAP in memory: stations' addresses, and a client that answers what a test says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import trio

from csms.domain.errors import NotFound, Unavailable
from csms.ports.soap import PrintedRequest, SoapAddress, StationAnswer


class FakeSoapAddresses:
    """`csms.ports.soap.SoapAddresses`. `exists` says which stations there are."""

    def __init__(self, exists: Callable[[int], bool] = lambda _station_id: True) -> None:
        self.known: dict[int, SoapAddress] = {}
        self.away = False
        self._exists = exists

    async def soap_address(self, station_id: int) -> SoapAddress | None:
        await self._reach()
        return self.known.get(station_id, SoapAddress(station_id)) if self._exists(station_id) else None

    async def set_soap_address(self, station_id: int, address: str) -> SoapAddress:
        before = await self.soap_address(station_id)
        if before is None:
            raise NotFound(f"There is no station {station_id} (any more).", reason="STATION_NOT_FOUND")
        self.known[station_id] = SoapAddress(station_id, address, before.seen_address, before.seen_at)
        return self.known[station_id]

    async def note_soap_address(self, station_id: int, address: str, at: datetime) -> None:
        before = await self.soap_address(station_id)
        if before is not None:
            self.known[station_id] = SoapAddress(station_id, before.address, address, at)

    async def _reach(self) -> None:
        await trio.lowlevel.checkpoint()
        if self.away:
            raise Unavailable("the database is away", reason="DATABASE_UNAVAILABLE")


class FakeSoapClient:
    """`csms.ports.soap.SoapClient`. `answers`: payloads, answers or errors, one after another; none left: silence.
    `asked`: (address, action, payload)."""

    def __init__(self) -> None:
        self.answers: list[dict[str, object] | StationAnswer | Exception] = []
        self.asked: list[tuple[str, str, dict[str, object]]] = []
        self._printed: dict[str, dict[str, object]] = {}

    def print(self, identity: str, address: str, action: str, payload: dict[str, object]) -> PrintedRequest:
        message_id = f"m{len(self._printed) + 1}"
        self._printed[message_id] = payload
        return PrintedRequest(action, message_id, f"<{action}/>".encode())

    async def send(self, address: str, request: PrintedRequest) -> StationAnswer:
        await trio.lowlevel.checkpoint()
        self.asked.append((address, request.action, self._printed[request.message_id]))
        if not self.answers:
            await trio.sleep_forever()
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, StationAnswer) else StationAnswer(b"<answer/>", answer)
