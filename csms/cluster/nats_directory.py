"""Which node has a station, and how a command gets there: keys and requests on the bus.

    who has it       key `stations/17` → (node, epoch), written by compare-and-set: a smaller epoch never replaces a
                     greater one, and whoever replaces another node's entry tells that node
    a command        a request to `node.NAME.17`, for the link with that epoch, which one node at most has
    taken back       its caller has gone: news to the same subject; what still waits there is not sent
    no responders    that node is gone: look again who has the station now; the same as before: it is OFFLINE

The keys are for finding and telling. That two nodes cannot both serve a station is seen to by the database, which draws
the epochs (`csms.storage.claims`).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec
import structlog
import trio

from csms.actors.mailbox import Delivery
from csms.actors.registry import Registry
from csms.aio import DoorClosed
from csms.cluster.bus import Bus, BusUnavailable, NoAnswer, NobodyThere
from csms.cluster.changes import Said
from csms.cluster.codec import (
    Closed,
    Disconnect,
    FencedOff,
    Gone,
    Holder,
    Send,
    TakeBack,
    Unreadable,
    decode_command,
    decode_holder,
    decode_order,
    decode_report,
    encode,
    encode_command,
    encode_settled,
    settled_of,
)
from csms.cluster.keys import Bucket
from csms.cluster.local import LocalDirectory
from csms.domain.commands import Command, Outcome
from csms.domain.errors import Unavailable
from csms.ports.directory import Claim, Missed, Settled

log = structlog.get_logger("csms.directory")

STATIONS: Final = "stations"
AT_ONCE: Final = 200
GRACE_SECONDS: Final = 2.0
"""How long the outcome of a command may take on its way back."""
CLOSE_SECONDS: Final = 3.0
LOOK_SECONDS: Final = (0.05, 1.0)
"""Between two looks for a station that is waited for: at first, at last."""
EVERY_STATION: Final = 0
"""In place of a station: so many were changed that nobody knows which."""
FAR_BACK_SECONDS: Final = 24 * 3600.0
_REMEMBERED: Final = 1_000
_LOOKS: Final = 3
_RETRY_SECONDS: Final = 1.0


class NatsDirectory:
    """`csms.ports.directory.Directory` for all processes. `here`: the stations of this one."""

    def __init__(self, bus: Bus, here: Registry, missed: Missed | None = None) -> None:
        self._bus = bus
        self._registry = here
        self._here = LocalDirectory(here)
        self._bucket = Bucket(bus, STATIONS)
        self._missed = missed
        self._refreshed: Said[int] = Said()
        self._forgotten: Said[tuple[int, int, str]] = Said()
        bus.on_back(self._catch_up)
        bus.answer(bus.subject("all", "refresh"), self._on_refresh)
        bus.answer(bus.subject("all", "forget"), self._on_forget)

    async def send(
        self, station_id: int, command: Command, *, timeout: float, wait_for_station: bool = False
    ) -> Settled:
        """See `csms.ports.directory.Directory`."""
        deadline = trio.current_time() + timeout
        pause, misses, before = LOOK_SECONDS[0], 0, None
        while (left := deadline - trio.current_time()) > 0:
            if self._registry.epoch_of(station_id):
                return await self._here.send(station_id, command, timeout=left, wait_for_station=wait_for_station)
            try:
                holder, settled = await self._ask(station_id, command, left)
            except BusUnavailable as error:
                return Settled(Outcome.REFUSED, reason=error.reason, message=error.message)
            if settled is not None:
                return settled
            misses = misses + 1 if holder == before else 0
            if not wait_for_station and (holder is None or misses >= _LOOKS):
                return Settled(Outcome.OFFLINE)
            before = holder
            await trio.sleep(min(pause, max(deadline - trio.current_time(), 0.0)))
            pause = min(pause * 2, LOOK_SECONDS[1]) if wait_for_station else LOOK_SECONDS[0]
        return Settled(Outcome.EXPIRED)

    async def disconnect(self, station_id: int, reason: str) -> bool:
        """See `csms.ports.directory.Directory`. Raises BusUnavailable."""
        if self._registry.disconnect(station_id, reason):
            await trio.lowlevel.checkpoint()
            return True
        holder = await self._holder(station_id)
        if holder is None:
            return False
        order = encode(Disconnect(station_id, reason))
        try:
            report = decode_report(await self._bus.request(self._subject(holder, station_id), order, CLOSE_SECONDS))
        except (NobodyThere, NoAnswer, Unreadable):
            return False
        return isinstance(report, Closed) and report.was_online

    async def forget_session(self, station_id: int, session_id: int, id_token: str) -> None:
        """See `csms.ports.directory.Directory`. All nodes are told: each decides about tags."""
        await self._here.forget_session(station_id, session_id, id_token)
        self._forgotten.note((station_id, session_id, id_token))
        self._tell_forgotten(station_id, session_id, id_token)

    async def refresh(self, station_id: int) -> None:
        """See `csms.ports.directory.Directory`. All nodes are told: the station may be in the memory of several."""
        await self._here.refresh(station_id)
        self._refreshed.note(station_id)
        self._tell_refreshed(station_id)

    def _tell_refreshed(self, station_id: int) -> None:
        self._bus.tell(self._bus.subject("all", "refresh"), msgspec.msgpack.encode((self._bus.name, station_id)))

    def _tell_forgotten(self, station_id: int, session_id: int, id_token: str) -> None:
        told = msgspec.msgpack.encode((self._bus.name, station_id, session_id, id_token))
        self._bus.tell(self._bus.subject("all", "forget"), told)

    def _subject(self, holder: Holder, station_id: int) -> str:
        return self._bus.subject("node", holder.node, station_id)

    async def _holder(self, station_id: int) -> Holder | None:
        found = await self._bus.door.call(self._bucket.get, str(station_id))
        try:
            return None if found is None else decode_holder(found[0])
        except Unreadable:
            return None

    async def _ask(self, station_id: int, command: Command, timeout: float) -> tuple[Holder | None, Settled | None]:
        """Who has the station, and what became of the command; None: nobody, or it is not there. Raises
        BusUnavailable."""
        holder: Holder | None = None
        try:
            holder, data = await self._bus.door.call(self._find_and_ask, station_id, encode_command(command), timeout)
            report = Gone() if data is None else decode_report(data)
            return holder, None if isinstance(report, Gone | Closed) else settled_of(report)
        except NoAnswer:
            return holder, Settled(Outcome.UNKNOWN)
        except Unreadable:
            log.exception("a node answered what this version cannot read", node=holder and holder.node)
            return holder, Settled(Outcome.UNKNOWN)

    async def _find_and_ask(
        self, station_id: int, command: msgspec.Raw, timeout: float
    ) -> tuple[Holder | None, bytes | None]:
        """In asyncio, both in one crossing. Raises BusUnavailable, NoAnswer."""
        found = await self._bucket.get(str(station_id))
        holder = None if found is None else _holder_of(found[0])
        if holder is None or not holder.node:
            return None, None
        ticket, subject = secrets.token_hex(8), self._subject(holder, station_id)
        order = encode(Send(station_id, holder.epoch, timeout, command, ticket))
        try:
            return holder, await self._bus.request_in_asyncio(subject, order, timeout + GRACE_SECONDS)
        except asyncio.CancelledError:  # as in one process, what is unsent goes with its caller
            self._bus.tell_in_asyncio(subject, encode(TakeBack(station_id, ticket)))
            raise
        except NobodyThere:
            return holder, None

    async def _catch_up(self) -> None:
        """The bus was away: tell again what may not have been heard, and look for what may not have been told."""
        within_s = self._bus.missed_s
        for told in self._forgotten.within(within_s) or ():
            self._tell_forgotten(*told)
        refreshed = self._refreshed.within(within_s)
        for station_id in (EVERY_STATION,) if refreshed is None else refreshed:
            self._tell_refreshed(station_id)
        await self._look_for_missed(within_s)

    async def _look_for_missed(self, within_s: float) -> None:
        if self._missed is None:
            return
        while True:
            try:
                for station_id in await self._missed.stations_changed(self._registry.known(), within_s=within_s):
                    await self._registry.refresh(station_id)
                open_here = self._registry.open_sessions()
                for session_id in await self._missed.sessions_ended(list(open_here)):
                    await self._here.forget_session(open_here[session_id][0], session_id, open_here[session_id][1])
            except Unavailable:
                await trio.sleep(_RETRY_SECONDS)
            else:
                return

    async def _on_refresh(self, _subject: str, payload: bytes) -> None:
        origin, station_id = msgspec.msgpack.decode(payload, type=tuple[str, int])
        if origin != self._bus.name and station_id == EVERY_STATION:
            return await self._look_for_missed(FAR_BACK_SECONDS)
        while origin != self._bus.name:
            try:
                await self._registry.refresh(station_id)
            except Unavailable:
                await trio.sleep(_RETRY_SECONDS)
            else:
                return None
        return None

    async def _on_forget(self, _subject: str, payload: bytes) -> None:
        origin, station_id, session_id, id_token = msgspec.msgpack.decode(payload, type=tuple[str, int, int, str])
        if origin != self._bus.name:
            await self._here.forget_session(station_id, session_id, id_token)


class NodeDesk:
    """What a node answers to those that look for its stations."""

    def __init__(self, bus: Bus, registry: Registry, node: str) -> None:
        self._registry = registry
        self._under_way: dict[str, Delivery] = {}
        self._too_early: dict[str, None] = {}  # taken back before they came: handlers run side by side
        bus.answer(bus.subject("node", node, "*"), self._handle)

    async def _handle(self, _subject: str, payload: bytes) -> bytes | None:
        try:
            order = decode_order(payload)
            if isinstance(order, Send):
                return await self._send(order)
        except Unreadable as error:
            log.warning("a message of another version was not understood", error=str(error))
            refusal = "This node is of another version and does not know this command yet."
            return encode_settled(Settled(Outcome.REFUSED, reason="NOT_SUPPORTED", message=refusal))
        if isinstance(order, Disconnect):
            return encode(Closed(self._registry.disconnect(order.station_id, order.reason)))
        if isinstance(order, TakeBack):
            self._take_back(order.ticket)
            return None
        self._registry.fence(order.station_id, order.epoch)
        return None

    async def _send(self, order: Send) -> bytes:
        command = decode_command(order.command)
        epoch = self._registry.epoch_of(order.station_id)
        if not epoch or epoch < order.epoch:
            return encode(Gone())
        if order.ticket and order.ticket in self._too_early:
            del self._too_early[order.ticket]
            return encode_settled(Settled(Outcome.EXPIRED))
        delivery = Delivery(command, trio.current_time() + order.timeout)
        self._under_way[order.ticket] = delivery
        try:
            self._registry.post(order.station_id, delivery)
            return encode_settled(await delivery.wait_settled())
        finally:
            self._under_way.pop(order.ticket, None)

    def _take_back(self, ticket: str) -> None:
        delivery = self._under_way.get(ticket)
        if delivery is None:  # it has ended, or it is still to come
            self._too_early[ticket] = None
            if len(self._too_early) > _REMEMBERED:
                del self._too_early[next(iter(self._too_early))]
        elif not delivery.sent:
            delivery.settle(Outcome.EXPIRED)


class StationKeys:
    """Keeps the keys of this node's stations as its links come and go. `run` must be running.

    Nobody waits for it: a station is served also while the bus is away, it is only not found.
    """

    def __init__(self, bus: Bus, node: str) -> None:
        self._bus = bus
        self._node = node
        self._bucket = Bucket(bus, STATIONS)
        self._held: dict[int, int] = {}
        self._dirty: dict[int, int] = {}  # station → epoch of the link that came or went last
        self._work = trio.Event()
        self._registry: Registry | None = None
        bus.on_back(self._all_again)

    def serve(self, registry: Registry) -> None:
        """Whom to tell that another node has a station."""
        self._registry = registry

    def held(self, station_id: int, epoch: int) -> None:
        """A link is here; sync."""
        self._held[station_id] = self._dirty[station_id] = epoch
        self._work.set()

    def let_go(self, station_id: int, epoch: int) -> None:
        """It is gone; sync."""
        if self._held.get(station_id) == epoch:
            del self._held[station_id]
            self._dirty[station_id] = epoch
            self._work.set()

    @property
    def links(self) -> Mapping[int, int]:
        """Station → epoch of its link here."""
        return self._held

    @property
    def behind(self) -> int:
        """How many keys are not yet written."""
        return len(self._dirty)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write keys until cancelled."""
        task_status.started()
        while True:
            await self._work.wait()
            self._work = trio.Event()
            while self._dirty:
                batch = {station_id: self._dirty[station_id] for station_id in list(self._dirty)[:AT_ONCE]}
                for station_id in batch:
                    del self._dirty[station_id]
                if not await self._write(batch):
                    for station_id, epoch in batch.items():
                        self._dirty.setdefault(station_id, epoch)
                    await trio.sleep(_RETRY_SECONDS)

    async def clear(self) -> None:
        """At the end: what is still held is let go."""
        for station_id, epoch in tuple(self._held.items()):
            self.let_go(station_id, epoch)
        while self._dirty:
            batch, self._dirty = self._dirty, {}
            if not await self._write(batch):
                return

    async def _write(self, batch: dict[int, int]) -> bool:
        wanted = [(station_id, epoch, station_id in self._held) for station_id, epoch in batch.items()]
        try:
            lost = await self._bus.door.call(self._write_all, wanted)
        except (BusUnavailable, DoorClosed):
            return False
        for station_id, epoch in lost:
            if self._registry is not None:
                self._registry.fence(station_id, epoch)
        return True

    async def _all_again(self) -> None:
        """The bus was away: perhaps it has forgotten everything."""
        self._dirty |= self._held
        self._work.set()

    # -- asyncio -----------------------------------------------------------------------------------------------------

    async def _write_all(self, wanted: list[tuple[int, int, bool]]) -> list[tuple[int, int]]:
        """Which stations other nodes have, and since which epoch. Raises BusUnavailable."""
        found = await asyncio.gather(
            *(self._put(each[0], each[1]) if each[2] else self._remove(each[0], each[1]) for each in wanted),
            return_exceptions=True,
        )
        lost = []
        for each, result in zip(wanted, found, strict=True):
            if isinstance(result, BaseException):
                raise result
            if result:
                lost.append((each[0], result))
        return lost

    async def _put(self, station_id: int, epoch: int) -> int:
        """0, or the greater epoch that stands there. Raises BusUnavailable."""
        key, value = str(station_id), encode(Holder(self._node, epoch))
        while True:
            found = await self._bucket.get(key)
            if found is None:
                if await self._bucket.create(key, value) is not None:
                    return 0
                continue
            old = _holder_of(found[0])
            if old.epoch > epoch:
                return old.epoch
            if old == Holder(self._node, epoch):
                return 0
            if await self._bucket.update(key, value, found[1]) is not None:
                if old.node not in (self._node, ""):
                    await self._tell(old.node, station_id, epoch)
                return 0

    async def _remove(self, station_id: int, epoch: int) -> int:
        key = str(station_id)
        while True:
            found = await self._bucket.get(key)
            if found is None or _holder_of(found[0]) != Holder(self._node, epoch):
                return 0
            if await self._bucket.delete(key, found[1]):
                return 0

    async def _tell(self, node: str, station_id: int, epoch: int) -> None:
        self._bus.tell_in_asyncio(self._bus.subject("node", node, station_id), encode(FencedOff(station_id, epoch)))


class NodeOwnership:
    """`csms.ports.directory.Ownership` of a node among others: epochs from the database, keys on the bus."""

    fenced: Final = True

    def __init__(self, draw: Callable[[int], Awaitable[Claim]], keys: StationKeys) -> None:
        self._draw = draw
        self._keys = keys

    async def claim(self, station_id: int) -> Claim:
        """See `Ownership.claim`."""
        return await self._draw(station_id)

    def held(self, station_id: int, epoch: int) -> None:
        """See `Ownership.held`."""
        self._keys.held(station_id, epoch)

    def let_go(self, station_id: int, epoch: int) -> None:
        """See `Ownership.let_go`."""
        self._keys.let_go(station_id, epoch)


def _holder_of(data: bytes) -> Holder:
    try:
        return decode_holder(data)
    except Unreadable:
        return Holder("", 0)
