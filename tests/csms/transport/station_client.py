"""A station's end of a WebSocket, on trio, that can also misbehave: real frames from a second protocol object."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
from pathlib import Path

import pytest
import trio
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.typing import Subprotocol
from websockets.uri import parse_uri


class StationClient:
    """Drives `websockets`' client protocol over any trio stream."""

    def __init__(self, stream: trio.abc.Stream, uri: str = "ws://csms/ocpp/CP1") -> None:
        self.stream = stream
        self._uri = uri
        self.protocol = ClientProtocol(parse_uri(uri), max_size=None)
        self.response: Response | None = None
        self.frames: list[Frame] = []
        self.answer_pings = True

    async def shake_hands(self, *, offer: str | None = "ocpp1.6", headers: dict[str, str] | None = None) -> Response:
        """Send the opening request, return the answer (any status)."""
        await self.stream.send_all(self.request(offer=offer, headers=headers))
        return await self.answer()

    def request(self, *, offer: str | None = "ocpp1.6", headers: dict[str, str] | None = None) -> bytes:
        offered = [Subprotocol(name.strip()) for name in offer.split(",")] if offer is not None else None
        self.protocol = ClientProtocol(parse_uri(self._uri), subprotocols=offered, max_size=None)
        request = self.protocol.connect()
        for name, value in (headers or {}).items():
            request.headers[name] = value
        self.protocol.send_request(request)
        return b"".join(self.protocol.data_to_send())

    async def answer(self) -> Response:
        while self.response is None:
            await self._fill()
        return self.response

    async def _fill(self) -> None:
        try:
            data = await self.stream.receive_some(65_536)
        except trio.BrokenResourceError:
            data = b""
        if data:
            self.protocol.receive_data(data)
        else:
            self.protocol.receive_eof()
        for event in self.protocol.events_received():
            if isinstance(event, Response):
                self.response = event
            elif isinstance(event, Frame):
                self.frames.append(event)
        out = b"".join(self.protocol.data_to_send())
        if out and self.answer_pings:
            with contextlib.suppress(trio.BrokenResourceError, trio.BusyResourceError):
                await self.stream.send_all(out)
        if not data and self.response is None:
            raise EOFError("the server closed without an answer")

    async def send(self, data: bytes, opcode: Opcode = Opcode.TEXT, *, fin: bool = True) -> None:
        await self.stream.send_all(frame(data, opcode, fin=fin))

    async def receive(self) -> bytes:
        """The next TEXT message; EOFError when there is none to come."""
        while True:
            while self.frames:
                got = self.frames.pop(0)
                if got.opcode is Opcode.TEXT:
                    return bytes(got.data)
            if self.protocol.state.name in ("CLOSING", "CLOSED"):
                raise EOFError(f"closed with {self.protocol.close_rcvd}")
            await self._fill()

    async def closed(self) -> tuple[int, str]:
        """Read on until the server's close frame; (1006, "") when it went without one."""
        while self.protocol.close_rcvd is None and self.protocol.state.name != "CLOSED":
            await self._fill()
        end = self.protocol.close_rcvd
        return (end.code, end.reason) if end is not None else (1006, "")

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self.protocol.send_close(code, reason)
        await self.stream.send_all(b"".join(self.protocol.data_to_send()))


def frame(data: bytes, opcode: Opcode = Opcode.TEXT, *, fin: bool = True, mask: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=mask)


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    """(server, client): a real TCP connection over the loopback; the server end is non-blocking."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = socket.create_connection(listening.getsockname())
        server, _ = listening.accept()
    server.setblocking(False)
    return server, client


def make_certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """(server, client) TLS contexts with a certificate for localhost made on the spot."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl command to make a certificate with")
    key, certificate = folder / "key.pem", folder / "cert.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    kind = ["-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([openssl, "req", *kind, *subject, *files], check=True, capture_output=True)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    return server, ssl.create_default_context(cafile=str(certificate))
