"""Stations that answer, without a wire."""

from __future__ import annotations

import trio

from csms.domain.commands import Answer, Command, Outcome
from csms.ports.directory import Settled
from tests.kit.fake_tables import FakeTables


class FakeDirectory:
    """Answers "Accepted" for stations that are online, or what `settled` says. `sent`: commands with time-outs."""

    def __init__(self, tables: FakeTables) -> None:
        self.tables = tables
        self.settled: list[Settled] = []
        self.sent: list[tuple[int, Command, float, bool]] = []
        self.refreshed: list[int] = []
        self.disconnected: list[int] = []
        self.forgotten: list[int] = []
        self.hang = False

    async def send(
        self, station_id: int, command: Command, *, timeout: float, wait_for_station: bool = False
    ) -> Settled:
        await trio.lowlevel.checkpoint()
        self.sent.append((station_id, command, timeout, wait_for_station))
        if self.hang:
            await trio.sleep_forever()
        if self.settled:
            return self.settled.pop(0)
        if station_id not in self.tables.stations or not self.tables.stations[station_id].online:
            return Settled(Outcome.OFFLINE)
        return Settled(Outcome.ANSWERED, Answer("Accepted", accepted=True), 0.25)

    async def disconnect(self, station_id: int, reason: str) -> bool:
        await trio.lowlevel.checkpoint()
        self.disconnected.append(station_id)
        return station_id in self.tables.stations and self.tables.stations[station_id].online

    async def forget_session(self, station_id: int, session_id: int, id_token: str) -> None:
        await trio.lowlevel.checkpoint()
        self.forgotten.append(session_id)

    async def refresh(self, station_id: int) -> None:
        await trio.lowlevel.checkpoint()
        self.refreshed.append(station_id)
