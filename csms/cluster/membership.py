"""The nodes that live: each renews an entry on the bus, and what a dead one had is given free.

A node's number is in the epochs that it draws (`csms.storage.claims`), so it must be nobody else's while it lives. A
node that was silent for long finds its number taken by another one, or not: taken, it lets go of all stations and draws
a new number; not taken, it goes on. Whether its stations were given free meanwhile, the fence tells it one by one.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import msgspec
import structlog
import trio

from csms.cluster.bus import Bus, BusUnavailable, NoAnswer, NobodyThere
from csms.cluster.keys import Bucket
from csms.domain.errors import Unavailable

log = structlog.get_logger("csms.membership")

TTL_SECONDS: Final = 15.0
BEAT_SECONDS: Final = 2.0
LOOK_SECONDS: Final = 2.0
MISSED_LOOKS: Final = 2
"""So often in a row an entry must be missing: after an outage of the bus, nodes write theirs again first."""
ANSWER_SECONDS: Final = 2.0
"""A node without an entry that answers within this time lives all the same."""
SWEEP_LOOKS: Final = 15
"""Every so many looks, also what belongs to nodes that nobody has seen alive is given free."""
_NUMBERS: Final = 4095


class Member(msgspec.Struct, frozen=True):
    """What a node's entry says."""

    name: str
    life: str = ""
    """Of this process; the next one with the same name has another."""


class Membership:
    """This node's entry. `mark`: where its number goes; `let_go`: close all links."""

    def __init__(self, bus: Bus, name: str, set_number: Callable[[int], None], let_go: Callable[[str], None]) -> None:
        self._bus = bus
        life = secrets.token_hex(8)
        self._value = msgspec.msgpack.encode(Member(name, life))
        bus.answer(bus.subject("alive", life), _here)
        self._bucket = Bucket(bus, "nodes", ttl=TTL_SECONDS)
        self._set_number = set_number
        self._let_go = let_go
        self._revision = 0
        self.number = 0

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Renew it until cancelled, then take it away; started when there is a number."""
        while not await self._draw():
            await trio.sleep(0.1)
        task_status.started()
        try:
            while True:
                await trio.sleep(BEAT_SECONDS)
                await self._beat()
        finally:
            with trio.move_on_after(1.0, shield=True):
                await self._leave()

    async def _draw(self) -> bool:
        number = secrets.randbelow(_NUMBERS) + 1
        try:
            revision = await self._bus.door.call(self._bucket.create, str(number), self._value)
        except BusUnavailable:
            return False
        if revision is None:
            return False
        self.number, self._revision = number, revision
        self._set_number(number)
        return True

    async def _beat(self) -> None:
        try:
            renewed = await self._bus.door.call(self._bucket.update, str(self.number), self._value, self._revision)
            if renewed is None:
                renewed = await self._again()
        except BusUnavailable:
            return
        if renewed is not None:
            self._revision = renewed
            return
        log.warning("this node was silent for so long that another one has its number; its stations connect anew")
        self._let_go("this node was cut off from the others; please connect again")
        while not await self._draw():
            await trio.sleep(0.1)

    async def _again(self) -> int | None:
        """It ran out, or the answer to a renewal was lost. None: it is another's."""
        found = await self._bus.door.call(self._bucket.get, str(self.number))
        if found is None:
            return await self._bus.door.call(self._bucket.create, str(self.number), self._value)
        return found[1] if found[0] == self._value else None

    async def _leave(self) -> None:
        try:
            await self._bus.door.call(self._bucket.delete, str(self.number), self._revision)
        except BusUnavailable:
            return


async def _here(_subject: str, _payload: bytes) -> bytes | None:
    await trio.lowlevel.checkpoint()
    return b"here"


class Undertaker:
    """Gives free what dead nodes had; for one process of all. `release` and `release_all_but` return the stations."""

    def __init__(
        self,
        bus: Bus,
        release: Callable[[int], Awaitable[list[int]]],
        release_all_but: Callable[[Iterable[int]], Awaitable[list[int]]],
        tell: Callable[[int], None],
    ) -> None:
        self._bus = bus
        self._bucket = Bucket(bus, "nodes", ttl=TTL_SECONDS)
        self._release = release
        self._release_all_but = release_all_but
        self._tell = tell
        self._known: dict[int, int] = {}  # number → how often it was missing in a row
        self._lives: dict[int, str] = {}
        self._looks = 0

    async def run(self) -> None:
        """For ever."""
        self._known, self._looks = {}, 0
        while True:
            await trio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except BusUnavailable:
                self._known, self._looks = {}, 0  # when the bus is back, nodes have time to say that they live
            except Unavailable:
                log.info("dead nodes' stations wait for the database")

    async def look(self) -> None:
        """One look. Raises Unavailable."""
        living = {int(key) for key in await self._bus.door.call(self._bucket.keys) if key.isdecimal()}
        self._looks += 1
        for number in living:
            if number not in self._lives:
                self._lives[number] = await self._life_of(number)
            self._known[number] = 0
        for number in [each for each in self._known if each not in living]:
            self._known[number] += 1
            if self._known[number] >= MISSED_LOOKS and not await self._answers(number):
                stations = await self._release(number)
                del self._known[number]
                self._lives.pop(number, None)
                self._told("a node is gone; its stations are offline", stations, number)
        if self._looks % SWEEP_LOOKS == MISSED_LOOKS + 2:
            stations = await self._release_all_but(living | set(self._known))
            self._told("stations of nodes that nobody knows are offline", stations, 0)

    async def _life_of(self, number: int) -> str:
        found = await self._bus.door.call(self._bucket.get, str(number))
        try:
            return "" if found is None else msgspec.msgpack.decode(found[0], type=Member).life
        except msgspec.DecodeError:
            return ""

    async def _answers(self, number: int) -> bool:
        """Its entry may have gone in trouble of the bus. Raises BusUnavailable."""
        life = self._lives.get(number)
        if not life:
            return False
        try:
            await self._bus.request(self._bus.subject("alive", life), b"", ANSWER_SECONDS)
        except (NobodyThere, NoAnswer):
            return False
        log.info("a node's entry had gone, and the node lives", node=number)
        return True

    def _told(self, event: str, stations: list[int], number: int) -> None:
        if stations or number:
            log.warning(event, node=number, stations=len(stations))
        for station_id in stations:
            self._tell(station_id)
