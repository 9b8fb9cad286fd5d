"""A station that may say anything: HTTP and WebSocket frames written by hand, valid or not (RFC 6455 §5.2)."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import trio

from tests.kit.product import Product

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
HEARTBEAT_ID = "are-you-there"


@dataclass
class RawStation:
    """A socket after its HTTP request. `status` and `headers` (lower-case names) are the answer's."""

    stream: trio.SocketStream
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    close_code: int | None = None
    close_reason: str = ""
    _buffer: bytearray = field(default_factory=bytearray)

    async def ask(self, request: bytes) -> None:
        """Send the request, read the answer's head."""
        await self.stream.send_all(request)
        while b"\r\n\r\n" not in self._buffer:
            await self._more()
        head, _, rest = bytes(self._buffer).partition(b"\r\n\r\n")
        self._buffer = bytearray(rest)
        first, *lines = head.decode().split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}

    async def body(self) -> str:
        """What a plain HTTP answer says."""
        while len(self._buffer) < int(self.headers["content-length"]):
            await self._more()
        return self._buffer.decode()

    async def send(self, payload: bytes | str, opcode: int = TEXT) -> None:
        """One whole frame."""
        data = payload.encode() if isinstance(payload, str) else payload
        size = len(data)
        if size < 126:
            length = bytes([0x80 | size])
        elif size < 65536:
            length = bytes([0x80 | 126]) + size.to_bytes(2)
        else:
            length = bytes([0x80 | 127]) + size.to_bytes(8)
        # A mask of zeros is a mask: what is sent can be read in a packet capture.
        await self.stream.send_all(bytes([0x80 | opcode]) + length + bytes(4) + data)

    async def receive(self) -> bytes | None:
        """The next text; None when the server has closed (then `close_code` says how; None: without a word)."""
        while True:
            try:
                opcode, payload = await self._frame()
            except (ConnectionError, trio.BrokenResourceError):
                return None
            if opcode == CLOSE:
                self.close_code = int.from_bytes(payload[:2])
                self.close_reason = payload[2:].decode()
                return None
            if opcode == PING:
                await self.send(payload, PONG)
            elif opcode == TEXT:
                return payload

    async def call(self, message_id: str, action: str, **payload: Any) -> list[Any]:
        """Send a CALL and give the next frame, parsed."""
        await self.send(json.dumps([2, message_id, action, payload]))
        answer = await self.receive()
        assert answer is not None, (self.close_code, self.close_reason)
        parsed: list[Any] = json.loads(answer)
        return parsed

    async def answers(self) -> list[list[Any]]:
        """Everything the server says up to its answer to a Heartbeat that is sent now: the link lives."""
        await self.send(json.dumps([2, HEARTBEAT_ID, "Heartbeat", {}]))
        found: list[list[Any]] = []
        while True:
            data = await self.receive()
            assert data is not None, f"closed: {self.close_code} {self.close_reason}"
            frame = json.loads(data)
            if frame[1] == HEARTBEAT_ID:
                assert frame[0] == 3
                return found
            found.append(frame)

    async def _frame(self) -> tuple[int, bytes]:
        first, second = await self._exactly(2)
        assert first & 0x80, "the server does not fragment"
        size = second & 0x7F
        if size == 126:
            size = int.from_bytes(await self._exactly(2))
        elif size == 127:
            size = int.from_bytes(await self._exactly(8))
        return first & 0x0F, await self._exactly(size)

    async def _exactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            await self._more()
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    async def _more(self) -> None:
        data = await self.stream.receive_some()
        if not data:
            raise ConnectionError("the server closed")
        self._buffer += data


@asynccontextmanager
async def raw_station(
    product: Product,
    target: str,
    *,
    subprotocols: str | None = "ocpp1.6",
    credentials: str | None = None,
    websocket: bool = True,
) -> AsyncIterator[RawStation]:
    """Ask for `target` (path, as it goes over the wire), whatever the answer is. `credentials`: "user:password"."""
    lines = [f"GET {target} HTTP/1.1", f"Host: 127.0.0.1:{product.ocpp_port}"]
    if websocket:
        key = base64.b64encode(os.urandom(16)).decode()
        lines += ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}"]
    if subprotocols is not None:
        lines.append(f"Sec-WebSocket-Protocol: {subprotocols}")
    if credentials is not None:
        lines.append("Authorization: Basic " + base64.b64encode(credentials.encode()).decode())
    stream = await trio.open_tcp_stream("127.0.0.1", product.ocpp_port)
    async with stream:
        made = RawStation(stream)
        await made.ask("\r\n".join([*lines, "", ""]).encode())
        yield made


@asynccontextmanager
async def booted(product: Product, identity: str) -> AsyncIterator[RawStation]:
    """A station whose BootNotification was accepted."""
    async with raw_station(product, f"/ocpp/{identity}") as made:
        assert made.status == 101, made.status
        answer = await made.call("boot", "BootNotification", chargePointVendor="Acme", chargePointModel="Raw")
        assert answer[2]["status"] == "Accepted", answer
        yield made
