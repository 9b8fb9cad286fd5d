"""The floor: a WebSocket echo on trio's own streams over `websockets`' sans-I/O protocol, and nothing behind it.

It shares nothing with the node, so that whatever makes the node's own transport faster does not lower the floor.
"""

from __future__ import annotations

import ssl
import sys
from contextlib import suppress

import trio
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol


async def _serve(stream: trio.abc.Stream) -> None:
    with suppress(trio.BrokenResourceError, ssl.SSLError):  # it went in the middle of something
        await _echo(stream)


async def _echo(stream: trio.abc.Stream) -> None:
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


async def main(port: int, *certificate: str) -> None:
    """Serve for ever; with TLS when the files of a certificate and its key are given."""
    if not certificate:
        await trio.serve_tcp(_serve, port, host="127.0.0.1")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    await trio.serve_ssl_over_tcp(_serve, port, context, host="127.0.0.1", https_compatible=True)


if __name__ == "__main__":
    trio.run(main, int(sys.argv[1]), *sys.argv[2:])
