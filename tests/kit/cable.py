"""A cable that can be pulled: a TCP proxy that forwards, swallows, and resets."""

from __future__ import annotations

import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial

import trio

Dial = Callable[[], Awaitable[trio.SocketStream]]


class _Strand:
    """One connection: two streams and whether anything still passes."""

    def __init__(self, near: trio.SocketStream, far: trio.SocketStream) -> None:
        self.near = near
        self.far = far
        self.dead = False
        self.scope = trio.CancelScope()

    async def run(self) -> None:
        with self.scope:
            async with self.near, self.far, trio.open_nursery() as nursery:
                nursery.start_soon(self._pump, self.near, self.far)
                nursery.start_soon(self._pump, self.far, self.near)

    def reset(self) -> None:
        for stream in (self.near, self.far):
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.scope.cancel()

    async def _pump(self, source: trio.SocketStream, sink: trio.SocketStream) -> None:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            async for data in source:
                if not self.dead:
                    await sink.send_all(data)
        if self.dead:
            await trio.sleep_forever()  # the other end is not told
        self.scope.cancel()


class Cable:
    """Between whoever connects to `port` on loopback and what `dial` reaches."""

    def __init__(self, dial: Dial) -> None:
        self.port = 0
        self._dial = dial
        self._strands: set[_Strand] = set()
        self._whole = trio.Event()
        self._whole.set()

    @property
    def connections(self) -> int:
        """How many carry bytes now."""
        return sum(not strand.dead for strand in self._strands)

    def pull(self) -> None:
        """From now on no byte comes through, and neither end is told. New connections are taken and hang."""
        self._whole = trio.Event()
        for strand in self._strands:
            strand.dead = True

    def plug_in(self, *, reset: bool) -> None:
        """New connections go through again; the old ones are reset, or stay dead without a word."""
        if reset:
            for strand in self._strands:
                strand.reset()
        self._whole.set()

    async def carry(self, near: trio.SocketStream) -> None:
        """One connection, to its end."""
        await self._whole.wait()
        try:
            far = await self._dial()
        except OSError:
            return await near.aclose()
        strand = _Strand(near, far)
        strand.dead = not self._whole.is_set()
        self._strands.add(strand)
        try:
            await strand.run()
        finally:
            self._strands.discard(strand)
        return None


@asynccontextmanager
async def cable(dial: Dial) -> AsyncIterator[Cable]:
    """A cable that lies there during the block."""
    made = Cable(dial)
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    made.port = listeners[0].socket.getsockname()[1]
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(trio.serve_listeners, made.carry, listeners))
        yield made
        nursery.cancel_scope.cancel()
