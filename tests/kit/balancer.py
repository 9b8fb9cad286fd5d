"""A TCP balancer for tests: each new connection goes to the next door that answers."""

from __future__ import annotations

import contextlib
import itertools

import trio


class Balancer:
    """`doors` are ports on loopback; `port` is its own. A door that is shut is passed over."""

    def __init__(self, doors: list[int], port: int = 0) -> None:
        self._doors = doors
        self._next = itertools.count()
        self.port = port
        self.connections = 0
        self._shut = False
        self._scopes: set[trio.CancelScope] = set()

    def cut(self) -> None:
        """Everything that goes through it ends, and nothing new begins until `mend`."""
        self._shut = True
        for scope in self._scopes:
            scope.cancel()

    def mend(self) -> None:
        """As before."""
        self._shut = False

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Until cancelled."""
        listeners = await trio.open_tcp_listeners(self.port, host="127.0.0.1")
        self.port = listeners[0].socket.getsockname()[1]
        task_status.started()
        await trio.serve_listeners(self._serve, listeners)

    async def _serve(self, station: trio.SocketStream) -> None:
        door = None if self._shut else await self._open()
        if door is None:
            await station.aclose()
            return
        self.connections += 1
        async with trio.open_nursery() as nursery:
            self._scopes.add(nursery.cancel_scope)
            nursery.start_soon(self._copy, station, door, nursery)
            nursery.start_soon(self._copy, door, station, nursery)
        self._scopes.discard(nursery.cancel_scope)

    async def _open(self) -> trio.SocketStream | None:
        for _ in self._doors:
            port = self._doors[next(self._next) % len(self._doors)]
            with contextlib.suppress(OSError):
                return await trio.open_tcp_stream("127.0.0.1", port)
        return None

    async def _copy(self, source: trio.SocketStream, target: trio.SocketStream, nursery: trio.Nursery) -> None:
        try:
            async for data in source:
                await target.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # as when it ends
        finally:
            nursery.cancel_scope.cancel()
            with trio.CancelScope(shield=True):
                await trio.aclose_forcefully(source)
                await trio.aclose_forcefully(target)
