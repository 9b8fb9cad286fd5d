"""What one process changes, and others keep in memory: said over the bus by kind, and read anew from the database.

What is said is only that something of a kind changed, so nothing is wrong when it is said twice, late, or by a process
of another version. Whoever was off the bus reads all kinds again when it is back, and says again what it said while
nobody may have heard it.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import Final, Generic, TypeVar

import msgspec
import structlog
import trio

from csms.cluster.bus import Bus
from csms.domain.errors import Unavailable

log = structlog.get_logger("csms.changes")

Reread = Callable[[], Awaitable[None]]

PAUSE_SECONDS: Final = 0.2
"""Between two rounds of reading: what changes often is read no more often than that."""
RETRY_SECONDS: Final = 1.0
TAGS_IN_USE: Final = "tags-in-use"
"""A kind: which tags charge, as the database knows it."""
ONLY_SPEAKS: Final = frozenset({"RemoteService"})
"""Its calls are commands to stations and change nothing that processes have in memory: each would wake all of them."""

T = TypeVar("T", bound=Hashable)


class Said(Generic[T]):
    """When something was said last, of `most` things. From any thread."""

    def __init__(self, most: int = 1_000) -> None:
        self._most = most
        self._at: dict[T, float] = {}
        self._forgotten_at = float("-inf")

    def note(self, what: T) -> None:
        """It is being said."""
        now = time.monotonic()
        self._at.pop(what, None)
        self._at[what] = now
        if len(self._at) > self._most:
            self._at.pop(next(iter(self._at)), None)
            self._forgotten_at = now

    def within(self, seconds: float) -> list[T] | None:
        """What was said in this time; None: so much that nobody knows any more."""
        since = time.monotonic() - seconds
        if self._forgotten_at >= since:
            return None
        return [what for what, at in list(self._at.items()) if at >= since]


class Changes:
    """`run` must be running. `on` before it."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._rereads: dict[str, list[Reread]] = {}
        self._heard: dict[str, None] = {}
        self._said: Said[str] = Said()
        self._work = trio.Event()
        self._subject = bus.subject("all", "changed")
        bus.answer(self._subject, self._hear)
        bus.on_back(self._everything, first=True)

    def on(self, kinds: Iterable[str], reread: Reread) -> None:
        """Call this when something of these kinds changed elsewhere. It may raise Unavailable: then again.

        Raises ValueError for a kind of which nobody is told.
        """
        for kind in kinds:
            if kind in ONLY_SPEAKS:
                raise ValueError(f"nobody is told of {kind}")
            self._rereads.setdefault(kind, []).append(reread)

    def tell(self, kind: str) -> None:
        """To all other processes; sync, from trio."""
        self._said.note(kind)
        self._bus.tell(self._subject, self._told(kind))

    def tell_in_asyncio(self, kind: str) -> None:
        """The same, from asyncio; of a kind that changes nothing nobody is told."""
        if kind in ONLY_SPEAKS:
            return
        self._said.note(kind)
        self._bus.tell_in_asyncio(self._subject, self._told(kind))

    async def run(self) -> None:
        """Read what changed, for ever."""
        while True:
            await self._work.wait()
            self._work = trio.Event()
            kinds, self._heard = tuple(self._heard), {}
            todo = dict.fromkeys(reread for kind in kinds for reread in self._rereads.get(kind, ()))
            try:
                for reread in todo:
                    await reread()
            except Unavailable:
                self._heard |= dict.fromkeys(kinds)
                self._work.set()
                await trio.sleep(RETRY_SECONDS)
            await trio.sleep(PAUSE_SECONDS)

    def _told(self, kind: str) -> bytes:
        return msgspec.msgpack.encode((self._bus.name, kind))

    async def _hear(self, _subject: str, payload: bytes) -> None:
        origin, kind = msgspec.msgpack.decode(payload, type=tuple[str, str])
        if origin != self._bus.name and kind in self._rereads:
            self._heard[kind] = None
            self._work.set()

    async def _everything(self) -> None:
        """The bus was away: who knows what was said, and who has heard us."""
        self._heard |= dict.fromkeys(self._rereads)
        self._work.set()
        for kind in self._said.within(self._bus.missed_s) or ():
            self._bus.tell(self._subject, self._told(kind))


class SharedUse:
    """Tags that are in use, told to all nodes: a tag charges once at a time, wherever that is.

    `opened` and `ended` are what to do with what others tell. What may not have been heard is not told again, since
    other nodes may have told later news meanwhile: the others are to look into the database (TAGS_IN_USE).
    """

    def __init__(
        self,
        bus: Bus,
        opened: Callable[[str, int], None],
        ended: Callable[[str, int], None],
        doubt: Callable[[], None] = lambda: None,
    ) -> None:
        self._bus = bus
        self._doubt = doubt
        self._told_at = float("-inf")
        self._opened = opened
        self._ended = ended
        self._waiting: list[tuple[bool, str, int]] = []
        self._work = trio.Event()
        self._subject = bus.subject("all", "tags")
        bus.answer(self._subject, self._hear)
        bus.on_back(self._look_back)

    def tell(self, opened: bool, id_token: str, session_id: int) -> None:
        """Sync; what comes together is told together."""
        self._waiting.append((opened, id_token, session_id))
        self._told_at = time.monotonic()
        self._work.set()

    async def run(self) -> None:
        """Tell it, for ever."""
        while True:
            await self._work.wait()
            self._work = trio.Event()
            waiting, self._waiting = self._waiting, []
            self._bus.tell(self._subject, msgspec.msgpack.encode((self._bus.name, waiting)))
            await trio.sleep(0.005)

    async def _look_back(self) -> None:
        """The bus was away: what was told shortly before, and meanwhile, may be unheard of."""
        await trio.lowlevel.checkpoint()
        if time.monotonic() - self._told_at < self._bus.missed_s:
            self._doubt()

    async def _hear(self, _subject: str, payload: bytes) -> None:
        origin, told = msgspec.msgpack.decode(payload, type=tuple[str, list[tuple[bool, str, int]]])
        if origin == self._bus.name:
            return
        for opened, id_token, session_id in told:
            (self._opened if opened else self._ended)(id_token, session_id)
