"""A wire without a network: one end for a link, one for the test that plays the station."""

from __future__ import annotations

import json
import math
from collections import deque
from typing import Any

import trio

from csms.ports.wire import BinaryMessage, ConnectionClosed, Taker


class MemoryWire:
    """`csms.ports.wire.Wire`. `capacity`: how many messages of ours the station may leave unread."""

    offers = True
    """Whether messages are offered, as by a socket, or never, as where there is no epoll."""

    def __init__(self, remote_address: str = "192.0.2.7", *, capacity: float = math.inf) -> None:
        self.remote_address = remote_address
        self._inbox: deque[bytes | BinaryMessage] = deque()
        self._arrived = trio.Event()
        self._reading = False
        self._taker: Taker | None = None
        self._taken = False
        self._unsent: deque[bytes] = deque()
        self.read = 0
        """How many messages the reader was woken for."""
        self._to_station, self._theirs = trio.open_memory_channel[bytes](capacity)
        self.closed: ConnectionClosed | None = None
        self._number = 0

    # -- our end ------------------------------------------------------------------------------------------------

    async def receive(self) -> bytes | BinaryMessage:
        while True:
            while self._unsent:
                await self.send(self._unsent.popleft())
            if self.closed is not None:
                raise self._end()
            if self._inbox:
                await trio.lowlevel.checkpoint()
                if self._inbox:
                    self.read += 1
                    return self._inbox.popleft()
                continue
            self._arrived, self._reading = trio.Event(), True
            try:
                await self._arrived.wait()
            finally:
                self._reading = False

    def offer_to(self, taker: Taker) -> None:
        self._taker = taker

    def proceed(self) -> None:
        self._taken = False
        self._look()

    def hand_back(self, data: bytes) -> None:
        if self.closed is None:
            self._taken = False
            self._inbox.appendleft(data)
            self._arrived.set()

    def send_now(self, data: bytes) -> None:
        if self.closed is None:
            try:
                self._to_station.send_nowait(data)
            except trio.WouldBlock:
                self._unsent.append(data)
                self._arrived.set()

    async def send(self, data: bytes) -> None:
        if self.closed is not None:
            await trio.lowlevel.checkpoint()
            raise self._end()
        try:
            await self._to_station.send(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise self._end() from None

    def close_soon(self, code: int, reason: str) -> None:
        self._finish(ConnectionClosed(code, reason))

    # -- the station's end --------------------------------------------------------------------------------------

    def say(self, data: bytes | str | BinaryMessage) -> None:
        """The station sends something raw."""
        self._inbox.append(data.encode() if isinstance(data, str) else data)
        self._look()

    def start_call(self, action: str, payload: Any, message_id: str | None = None) -> str:
        """The station sends a CALL; its message id."""
        self._number += 1
        message_id = message_id or f"s{self._number}"
        self.say(json.dumps([2, message_id, action, payload], separators=(",", ":")))
        return message_id

    async def call(self, action: str, payload: Any, message_id: str | None = None) -> Any:
        """A CALL and the frame that comes back: [3, id, payload] or [4, id, code, …]."""
        self.start_call(action, payload, message_id)
        return await self.hear()

    async def ask(self, action: str, payload: Any) -> Any:
        """A CALL that must be answered with a CALLRESULT; its payload."""
        frame = await self.call(action, payload)
        assert frame[0] == 3, frame
        return frame[2]

    async def hear(self) -> Any:
        """The next frame that we sent. Raises ConnectionClosed."""
        try:
            with trio.fail_after(600):  # rather than for ever, should nothing come
                return json.loads(await self._theirs.receive())
        except trio.EndOfChannel:
            raise self._end() from None

    def hear_nowait(self) -> list[Any]:
        """All frames that wait."""
        frames = []
        while True:
            try:
                frames.append(json.loads(self._theirs.receive_nowait()))
            except (trio.WouldBlock, trio.EndOfChannel):
                return frames

    def hang_up(self) -> None:
        """The station goes away without a word."""
        self._finish(ConnectionClosed(1006, "the peer vanished", by_peer=True))

    # -- inside --------------------------------------------------------------------------------------------------

    def _finish(self, end: ConnectionClosed) -> None:
        if self.closed is None:
            self.closed = end
            self._inbox.clear()  # what was not read is lost
            self._arrived.set()
            self._to_station.close()

    def _look(self) -> None:
        while self._inbox and self._reading and not self._taken and not self._arrived.is_set():
            message = self._inbox.popleft()
            if self.offers and self._taker is not None and isinstance(message, bytes):
                self._taken = True
                if self._taker(message):
                    continue
                self._taken = False
            self._inbox.appendleft(message)
            self._arrived.set()

    def _end(self) -> ConnectionClosed:
        assert self.closed is not None
        return ConnectionClosed(self.closed.code, self.closed.reason, by_peer=self.closed.by_peer)
