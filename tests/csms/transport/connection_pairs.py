"""Our connection and a station at the two ends of a real socket, both cleared away after the test.

Take ``cleared_away`` into the suite's module.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import trio

from csms.transport.connection import ConnectionClosed, WebSocketConnection
from csms.transport.opening import Accept, OpeningRequest, Verdict
from tests.csms.transport.station_client import StationClient, tcp_pair

PATIENCE = 60.0
Pair = tuple[WebSocketConnection, StationClient]


async def accept(request: OpeningRequest) -> Verdict:
    return Accept("ocpp1.6")


used: list[Pair] = []


@pytest.fixture(autouse=True)
async def cleared_away() -> AsyncIterator[None]:
    yield
    while used:
        connection, station = used.pop()
        connection.abort()
        await trio.aclose_forcefully(station.stream)


def unopened(**options: float) -> Pair:
    server, client = tcp_pair()
    connection = WebSocketConnection(server, remote_address="127.0.0.1", **options)  # type: ignore[arg-type]
    station = StationClient(trio.SocketStream(trio.socket.from_stdlib_socket(client)))
    used.append((connection, station))
    return connection, station


async def opened(**options: float) -> Pair:
    connection, station = unopened(**options)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(connection.handshake, accept)
        response = await station.shake_hands()
    assert response.status_code == 101
    return connection, station


async def ended(connection: WebSocketConnection) -> ConnectionClosed:
    """Receive until the end."""
    while True:
        try:
            await connection.receive()
        except ConnectionClosed as end:
            return end
