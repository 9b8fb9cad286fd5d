"""Finds half-open connections: one task for all of them, since a task per connection costs kilobytes each."""

from __future__ import annotations

from typing import Protocol

import trio


class Pingable(Protocol):
    """What the sweeper needs of a connection."""

    last_received: float  # trio time

    def ping_nowait(self) -> None: ...
    def abort(self, reason: str = ...) -> None: ...


class KeepAlive:
    """Pings connections that were silent for `interval` seconds, aborts them `timeout` seconds later.

    Silent means: not a byte came in, pong or other. A connection is found dead after at most
    `interval + timeout` plus two sweeps (a sweep: a sixth of the shorter of the two).
    """

    def __init__(self, *, interval: float = 30.0, timeout: float = 20.0, batch: int = 200) -> None:
        self.interval = interval
        self.timeout = timeout
        self.found_dead = 0
        self._batch = batch
        self._pinged: dict[Pingable, float] = {}  # connection -> when we pinged it last, trio time

    def __len__(self) -> int:
        return len(self._pinged)

    def add(self, connection: Pingable) -> None:
        self._pinged[connection] = float("-inf")

    def discard(self, connection: Pingable) -> None:
        self._pinged.pop(connection, None)

    async def run(self) -> None:
        """Sweep for ever."""
        pause = min(self.interval, self.timeout) / 6
        while True:
            planned = trio.current_time() + pause
            await trio.sleep_until(planned)
            # After a stall (a suspended machine, a long collection) pongs lie unread in the kernel: let the
            # readers have their turn before anybody is judged.
            stalled = trio.current_time() - planned > pause
            await self._sweep(judge=not stalled)

    async def _sweep(self, *, judge: bool) -> None:
        for n, connection in enumerate(list(self._pinged), start=1):
            self._look_at(connection, trio.current_time(), judge=judge)
            if n % self._batch == 0:
                await trio.lowlevel.checkpoint()

    def _look_at(self, connection: Pingable, now: float, *, judge: bool) -> None:
        pinged = self._pinged.get(connection)
        if pinged is None:  # it went while we yielded
            return
        heard = connection.last_received
        if pinged > heard:  # our ping is the last thing that happened
            if judge and now - pinged >= self.timeout:
                self.found_dead += 1
                del self._pinged[connection]
                connection.abort("no answer to pings: the connection is half-open")
        elif now - heard >= self.interval:
            self._pinged[connection] = now
            connection.ping_nowait()
