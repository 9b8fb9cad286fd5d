"""The floor: a WebSocket echo on trio over the same sans-I/O protocol and raw sockets as the node, and nothing
behind it."""

from __future__ import annotations

import sys

import trio

from csms.ports.wire import ConnectionClosed
from csms.transport.connection import WebSocketConnection
from csms.transport.opening import Accept, OpeningRequest
from csms.transport.sockets import open_listen_socket


async def _authorize(request: OpeningRequest) -> Accept:
    return Accept("ocpp1.6")


async def _echo(connection: WebSocketConnection) -> None:
    try:
        await connection.handshake(_authorize)
        while True:
            data = await connection.receive()
            if isinstance(data, bytes):
                await connection.send(data)
    except ConnectionClosed:
        connection.abort()


async def main(port: int) -> None:
    """Serve for ever."""
    listening = open_listen_socket("127.0.0.1", port)
    async with trio.open_nursery() as nursery:
        print("ready", flush=True)
        while True:
            await trio.lowlevel.wait_readable(listening)
            sock, _ = listening.accept()
            sock.setblocking(False)
            nursery.start_soon(_echo, WebSocketConnection(sock, remote_address="127.0.0.1"))


if __name__ == "__main__":
    trio.run(main, int(sys.argv[1]))
