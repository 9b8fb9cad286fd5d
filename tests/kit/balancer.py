"""A TCP balancer for tests: each new connection goes to the next door that answers."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Sequence

import trio

CONNECT_SECONDS = 2.0

Door = tuple[str, int]


class Balancer:
    """`doors` are ports on loopback, or hosts and ports; `port` is its own. A door that is shut is passed over, as is
    one of `out` while there are others."""

    def __init__(self, doors: Sequence[int | Door], port: int = 0) -> None:
        self.doors: list[Door] = [("127.0.0.1", each) if isinstance(each, int) else each for each in doors]
        self._next = itertools.count()
        self.port = port
        self.out: set[Door] = set()
        """Who watches over the doors found that they are not ready."""
        self.connections = 0
        self.turned_away = 0
        """Connections that no door took."""
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
        listeners = await trio.open_tcp_listeners(self.port, host="127.0.0.1", backlog=1000)
        self.port = listeners[0].socket.getsockname()[1]
        task_status.started()
        await trio.serve_listeners(self._serve, listeners)

    async def _serve(self, station: trio.SocketStream) -> None:
        door = None if self._shut else await self._open()
        if door is None:
            self.turned_away += 1
            await station.aclose()
            return
        self.connections += 1
        async with trio.open_nursery() as nursery:
            self._scopes.add(nursery.cancel_scope)
            nursery.start_soon(self._copy, station, door, nursery)
            nursery.start_soon(self._copy, door, station, nursery)
        self._scopes.discard(nursery.cancel_scope)

    async def _open(self) -> trio.SocketStream | None:
        doors = [door for door in self.doors if door not in self.out] or self.doors  # none is ready: whoever lives
        first = next(self._next)
        for turn in range(len(doors)):
            with contextlib.suppress(OSError), trio.move_on_after(CONNECT_SECONDS):
                return await trio.open_tcp_stream(*doors[(first + turn) % len(doors)])
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
