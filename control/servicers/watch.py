"""WatchService."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable

from control.convert import watch as convert
from control.convert.names import read_name
from control.guard import Call
from control.v1 import watch_pb2
from csms.services.watch import TICK, Watching


class WatchServicer:
    """A method is: convert, call one use case, convert. `place_name`: what a place is called; `tick`: seconds of
    silence before a sign of life."""

    service = watch_pb2.DESCRIPTOR.services_by_name["WatchService"]

    def __init__(self, watching: Watching, place_name: Callable[[int], str], *, tick: float = TICK) -> None:
        self._watching = watching
        self._place_name = place_name
        self._tick = tick

    async def watch(self, call: Call, request: watch_pb2.WatchRequest) -> AsyncGenerator[watch_pb2.WatchResponse, None]:
        """Watch."""
        stations = frozenset(read_name(name, "stations") for name in request.stations)
        after = request.start_revision or None
        made = self._watching.watch(call.caller, after, stations, tick=self._tick)
        async with contextlib.aclosing(made) as changes:
            async for change in changes:
                yield convert.change(change, self._place_name)
