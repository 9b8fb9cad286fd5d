"""The floor: a WebSocket echo on trio's own streams over `websockets`' sans-I/O protocol, and nothing behind it.

It shares nothing with the node, so that whatever makes the node's own transport faster does not lower the floor.
"""

from __future__ import annotations

import sys
from contextlib import suppress

import trio
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol


async def _serve(stream: trio.SocketStream) -> None:
    with suppress(trio.BrokenResourceError):  # it went in the middle of something
        await _echo(stream)


async def _echo(stream: trio.SocketStream) -> None:
    protocol = ServerProtocol()
    async with stream:
        while protocol.state is not State.CLOSED:
            data = await stream.receive_some(65_536)
            if not data:
                return
            protocol.receive_data(data)
            for event in protocol.events_received():
                if isinstance(event, Request):
                    response = protocol.accept(event)
                    response.headers["Sec-WebSocket-Protocol"] = "ocpp1.6"
                    protocol.subprotocol = Subprotocol("ocpp1.6")
                    protocol.send_response(response)
                elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                    protocol.send_text(event.data)
            for out in protocol.data_to_send():
                await stream.send_all(out)


async def main(port: int) -> None:
    """Serve for ever."""
    await trio.serve_tcp(_serve, port, host="127.0.0.1")


if __name__ == "__main__":
    trio.run(main, int(sys.argv[1]))
