"""A bus in memory that is as bad as one can be: messages are late and overtake each other, news get lost, answers stay
away although the thing was done, and processes are cut off. For `csms.cluster.nats_directory` in trio's mock time.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import trio

from csms.cluster.bus import BusSettings, BusUnavailable, Handler, NoAnswer, NobodyThere
from csms.cluster.nats_directory import StationKeys

T = TypeVar("T")
PREFIX = "sim"


@dataclass
class SimNats:
    """What all share: entries, and how bad it is. `slowest`: seconds that a message takes at most."""

    nursery: trio.Nursery
    chance: random.Random
    slowest: float = 0.05
    losing: bool = False
    """Half of what is said gets lost, and half of the answers about keys."""
    entries: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    buses: list[SimBus] = field(default_factory=list)
    revision: int = 0

    async def travel(self) -> None:
        """Something is under way."""
        await trio.sleep(self.chance.uniform(0.0, self.slowest))

    def lost(self) -> bool:
        """This time?"""
        return self.losing and self.chance.random() < 0.5


class SimDoor:
    """Both sides are in trio here."""

    async def call(self, work: Callable[..., Awaitable[T]], *args: Any) -> T:
        """At once."""
        return await work(*args)


class SimBus:
    """`csms.cluster.bus.Bus` of one process. `running` is replaced while the process is paused."""

    def __init__(self, nats: SimNats, name: str) -> None:
        self.nats = nats
        self.name = name
        self.settings = BusSettings((), prefix=PREFIX)
        self.door = SimDoor()
        self.connected = True
        self.missed_s = 1.0
        self.running = trio.Event()
        self.running.set()
        self._handlers: dict[str, list[Handler]] = {}
        self._on_back: list[Callable[[], Awaitable[None]]] = []
        nats.buses.append(self)

    def subject(self, *words: str | int) -> str:
        """A subject."""
        return ".".join([PREFIX, *map(str, words)])

    def answer(self, subject: str, handler: Handler) -> None:
        """As on the real one; a `*` at the end stands for one word."""
        self._handlers.setdefault(subject, []).append(handler)

    def on_back(self, hear: Callable[[], Awaitable[None]], *, first: bool = False) -> None:
        """As on the real one."""
        self._on_back.append(hear)

    def cut(self) -> None:
        """Off it."""
        self.connected = False

    def mend(self) -> None:
        """Back on it."""
        if not self.connected:
            self.connected = True
            for hear in self._on_back:
                self.nats.nursery.start_soon(hear)

    def tell(self, subject: str, payload: bytes) -> None:
        """To all, sooner or later or never."""
        if self.connected:
            for bus in self.nats.buses:
                for handler in bus.handlers(subject):
                    if not self.nats.lost():
                        self.nats.nursery.start_soon(self._deliver, bus, handler, subject, payload)

    tell_in_asyncio = tell

    async def request(self, subject: str, payload: bytes, timeout: float) -> bytes:
        """As on the real one; also what was answered may not be heard."""
        await self.reach()
        found = [(bus, handler) for bus in self.nats.buses if bus.connected for handler in bus.handlers(subject)]
        if not found:
            raise NobodyThere(subject)
        (bus, handler), answers = found[0], list[bytes | None]()

        async def ask() -> None:
            answers.append(await self._deliver(bus, handler, subject, payload))
            done.set()

        done = trio.Event()
        self.nats.nursery.start_soon(ask)
        with trio.move_on_after(timeout):
            await done.wait()
            if answers[0] is not None and bus.connected and self.connected and not self.nats.lost():
                return answers[0]
            await trio.sleep_forever()
        raise NoAnswer(subject)

    request_in_asyncio = request

    async def reach(self) -> None:
        """The servers."""
        await self.running.wait()
        if not self.connected:
            raise BusUnavailable("cut off")
        await self.nats.travel()
        await self.running.wait()
        if not self.connected:
            raise BusUnavailable("cut off")

    def handlers(self, subject: str) -> list[Handler]:
        """Of this process for a subject."""
        star = f"{subject.rpartition('.')[0]}.*"
        return [*self._handlers.get(subject, ()), *self._handlers.get(star, ())] if self.connected else []

    async def _deliver(self, bus: SimBus, handler: Handler, subject: str, payload: bytes) -> bytes | None:
        await self.nats.travel()
        await bus.running.wait()
        answer = await handler(subject, payload)
        await bus.running.wait()
        await self.nats.travel()
        return answer


class SimBucket:
    """`csms.cluster.keys.Bucket`: compare-and-set, whose answer may be lost after the thing was done."""

    def __init__(self, bus: SimBus) -> None:
        self._bus = bus

    async def get(self, key: str) -> tuple[bytes, int] | None:
        """See `Bucket.get`."""
        await self._bus.reach()
        found = self._bus.nats.entries.get(key)
        await self._back()
        return found

    async def create(self, key: str, value: bytes) -> int | None:
        """See `Bucket.create`."""
        return await self._set(key, value, 0)

    async def update(self, key: str, value: bytes, last: int) -> int | None:
        """See `Bucket.update`."""
        return await self._set(key, value, last)

    async def delete(self, key: str, last: int) -> bool:
        """See `Bucket.delete`."""
        await self._bus.reach()
        nats = self._bus.nats
        same = nats.entries.get(key, (b"", 0))[1] == last
        if same:
            nats.entries.pop(key, None)
        await self._back()
        return same

    async def _set(self, key: str, value: bytes, last: int) -> int | None:
        await self._bus.reach()
        nats, revision = self._bus.nats, None
        if nats.entries.get(key, (b"", 0))[1] == last:
            nats.revision = revision = nats.revision + 1
            nats.entries[key] = (value, revision)
        await self._back()
        return revision

    async def _back(self) -> None:
        await self._bus.reach()
        if self._bus.nats.lost():
            raise BusUnavailable("no answer")


class SimStationKeys(StationKeys):
    """The real one; only its keys are written one after the other, since there is no asyncio here."""

    def __init__(self, bus: SimBus, node: str) -> None:
        super().__init__(bus, node)  # type: ignore[arg-type]
        self._bucket = SimBucket(bus)  # type: ignore[assignment]

    async def _write_all(self, wanted: list[tuple[int, int, bool]]) -> list[tuple[int, int]]:
        lost = []
        for station_id, epoch, held in wanted:
            newer = await (self._put(station_id, epoch) if held else self._remove(station_id, epoch))
            if newer:
                lost.append((station_id, newer))
        return lost
