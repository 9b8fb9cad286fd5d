"""Who is there: each process says how it is when it is asked, over the bus.

A node has an entry on the bus for as long as it lives (`csms.cluster.membership`), so one that hangs is missed when it
says nothing. Control processes have none: one that was heard of is missed for a minute.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import trio

from csms.cluster.bus import Bus, BusUnavailable
from csms.cluster.keys import Bucket
from csms.cluster.membership import TTL_SECONDS, Member
from csms.ports.processes import Process

WAIT_SECONDS: Final = 1.0
"""For those that are known."""
QUIET_SECONDS: Final = 0.1
"""After all who are known have answered: perhaps there are others."""
REMEMBERED_SECONDS: Final = 60.0


class RollCall:
    """`csms.ports.processes.Processes` of a process among others. `status` is how this one is."""

    def __init__(self, bus: Bus, status: Callable[[], Process]) -> None:
        self._bus = bus
        self._status = status
        self._members = Bucket(bus, "nodes", ttl=TTL_SECONDS)
        self._heard: dict[str, tuple[float, Process]] = {}
        self._subject = bus.subject("all", "who")
        bus.answer(self._subject, self._answer)

    async def look(self) -> Sequence[Process]:
        """See `Processes.look`. While the bus is away, this process and what was heard lately."""
        found = {each.name: each for each in [self._status()]}
        now = trio.current_time()
        try:
            expected = {name for name, (at, _) in self._heard.items() if now - at < REMEMBERED_SECONDS}
            members = await self._bus.door.call(self._named)
            told = await self._bus.door.call(
                self._bus.ask_all_in_asyncio,
                self._subject,
                WAIT_SECONDS,
                QUIET_SECONDS,
                lambda answers: expected | members <= {each.name for each in map(_read, answers) if each is not None},
            )
        except BusUnavailable:
            members, told = set(), []
        for each in map(_read, told):
            if each is not None:
                found[each.name] = each
                self._heard[each.name] = (now, each)
        for name, (at, last) in tuple(self._heard.items()):
            if now - at >= REMEMBERED_SECONDS and name not in members:
                del self._heard[name]
            elif name not in found:
                found[name] = msgspec.structs.replace(last, answers=False, leases=(), troubles=())
        for name in members - found.keys():
            found[name] = Process(name, role="node", answers=False)
        return [found[name] for name in sorted(found)]

    async def _answer(self, _subject: str, _payload: bytes) -> bytes:
        await trio.lowlevel.checkpoint()
        return msgspec.msgpack.encode(self._status())

    async def _named(self) -> set[str]:
        """In asyncio: those that have an entry."""
        names = set()
        for key in await self._members.keys():
            entry = await self._members.get(key)
            try:
                names.add(msgspec.msgpack.decode(b"" if entry is None else entry[0], type=Member).name)
            except msgspec.DecodeError:  # gone in this moment, or of another version
                continue
        return names


class OnlyThis:
    """`Processes` of a process that is alone."""

    def __init__(self, status: Callable[[], Process]) -> None:
        self._status = status

    async def look(self) -> Sequence[Process]:
        """See `Processes.look`."""
        await trio.lowlevel.checkpoint()
        return [self._status()]


def _read(data: bytes) -> Process | None:
    """None: of a version that says it in another way."""
    try:
        return msgspec.msgpack.decode(data, type=Process)
    except msgspec.DecodeError:
        return None
