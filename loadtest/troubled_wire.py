"""A station's network, and what can be wrong with it: gone, silent in both directions, or read too slowly.

It stands below the WebSocket, so that neither end is told: what is swallowed is swallowed without a goodbye, as by
a dead mobile router, and the server has to find out by itself.
"""

from __future__ import annotations

import trio

from loadtest.client import Dial


class NoNetwork(OSError):
    """There is no network just now, and that is part of the plan."""


class TroubledStream(trio.abc.Stream):
    """A connection that can fall silent, or be read no further for a while."""

    def __init__(self, inner: trio.abc.Stream, wire: TroubledWire) -> None:
        self._inner = inner
        self._wire = wire
        self._sending = trio.Lock()
        self._gone = trio.Event()
        self._flowing = trio.Event()
        self._flowing.set()
        self.silent = False

    @property
    def transport_stream(self) -> trio.abc.Stream:
        """What it is laid over, by the name that `trio.SSLStream` has for it."""
        return self._inner

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send, or only seem to."""
        async with self._sending:
            if self._gone.is_set():
                raise trio.ClosedResourceError("closed")
            if not self.silent:
                await self._inner.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        if not self.silent:
            await self._inner.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """What has come, when it is to be read; nothing ever on a silent line, not even its end."""
        await self._flowing.wait()
        data = await self._inner.receive_some(max_bytes)
        await self._flowing.wait()
        while self.silent:
            if data:
                data = await self._inner.receive_some(max_bytes)
            else:
                await self._gone.wait()
                raise trio.ClosedResourceError("closed")
        return data

    def stall(self) -> None:
        """Read nothing until `flow`."""
        self._flowing = trio.Event()

    def flow(self) -> None:
        """Read on."""
        self._flowing.set()

    async def kill(self) -> None:
        """Close in any case, and wake whoever reads."""
        self._gone.set()
        self.flow()
        await trio.aclose_forcefully(self._inner)

    async def aclose(self) -> None:
        """Close; a silent one is left as it is, since a dead station says no goodbye."""
        self._gone.set()
        self.flow()
        if not (self.silent and self._wire.park(self._inner)):
            await self._inner.aclose()


class TroubledWire:
    """The network of one station: `dial` is its way in, `stream` its latest connection."""

    def __init__(self, dial: Dial) -> None:
        self._dial = dial
        self._parked: list[trio.abc.Stream] = []
        self._over = False
        self.there = True
        """False: nobody can be reached."""
        self.stream: TroubledStream | None = None

    async def dial(self) -> trio.abc.Stream:
        """A new connection. Raises NoNetwork, or what the real way in raises."""
        stream = await self.dial_beside()
        self.stream = TroubledStream(stream, self)
        return self.stream

    async def dial_beside(self) -> trio.abc.Stream:
        """Somebody else's connection over the same network; it does not become `stream`."""
        self._need_network()
        stream = await self._dial()
        try:
            self._need_network()
        except NoNetwork:  # it went meanwhile
            await trio.aclose_forcefully(stream)
            raise
        return stream

    def _need_network(self) -> None:
        if not self.there:
            raise NoNetwork("the network is gone for a while")

    def hush(self) -> None:
        """From now on the present connection swallows everything, in both directions."""
        if self.stream is not None:
            self.stream.silent = True

    def park(self, stream: trio.abc.Stream) -> bool:
        """Keep what a dead station has left open: the server cannot know better. False after `finish`."""
        if not self._over:
            self._parked.append(stream)
        return not self._over

    async def bury(self) -> None:
        """Close what was left open; who still believes in a silent connection learns better."""
        if self.stream is not None and self.stream.silent:
            await self.stream.kill()
        parked, self._parked = self._parked, []
        for stream in parked:
            await trio.aclose_forcefully(stream)

    async def finish(self) -> None:
        """The run is over: leave nothing open, now or later."""
        self._over = True
        await self.bury()
