"""The event feed as a stream on the bus: whatever happens on any node is told by every control process, in one order.

Events are published after their commit, many in one message. A message's number in the stream is the revision:
contiguous, the same for all who watch, and kept over restarts of everybody. A stream that is made anew begins at the
time of day in microseconds, so that its numbers are greater than those of the one before.

While the bus is away, what is to be told is kept here, each thing once (an event has a name and no contents), and told
when it is back. A watcher that asks for what the stream has dropped hears RevisionTooOld, and lists again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from itertools import islice
from typing import Final

import msgspec
import nats.errors
import structlog
import trio
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js import api
from nats.js.errors import APIError, NotFoundError

from csms.aio import DoorClosed
from csms.cluster.bus import Bus, BusUnavailable, unavailable
from csms.cluster.watching import GATHER_SECONDS, Bell, counted
from csms.ports.feed import Event, RevisionTooOld, Subject, Watch, WatcherTooSlow

log = structlog.get_logger("csms.feed")

KEPT_MESSAGES: Final = 200_000
KEPT_SECONDS: Final = 3600.0
RING_EVENTS: Final = 50_000
MESSAGE_EVENTS: Final = 500
PUBLISH_SECONDS: Final = 0.04
"""From one message to the next: what happens meanwhile goes together. So a node sends at most 25 messages a second
however much happens, and what is kept lasts for long; an event that comes alone goes at once."""
BEFORE_MESSAGES: Final = 2_000
"""What a process reads of the time before its start, so that watchers of another one can go on here."""
BEHIND_SECONDS: Final = 2.0
BEHIND_REVISIONS: Final = 10_000
"""A watcher that comes from another process may know more than this one, for a moment."""
HEARTBEAT_SECONDS: Final = 2.0
SILENCE_SECONDS: Final = 5.0
_PAUSE_SECONDS: Final = 0.25
_ERRORS: Final = (nats.errors.Error, TimeoutError, OSError, BusUnavailable)

OLDEST_SUBJECTS: Final = frozenset({Subject.STATION, Subject.STATION_DELETED, Subject.SESSION})
"""An older version drops a whole message when it does not know a subject in it: all others go apart from these."""

_Item = tuple[int, ...]  # subject, station, session; of an alarm: subject, station, alarm, place
_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(tuple[datetime, tuple[_Item, ...]])
_SUBJECTS: Final = {int(subject): subject for subject in Subject}


class NatsFeed:
    """`csms.ports.feed.Feed`. `run` must be running. `reads`: whether somebody watches in this process; a node only
    publishes."""

    def __init__(
        self,
        bus: Bus,
        now: Callable[[], datetime],
        *,
        reads: bool,
        gather_s: float = GATHER_SECONDS,
        name: str = "FEED",
    ) -> None:
        self._bus = bus
        self._now = now
        self._reads = reads
        self._stream = f"{bus.settings.prefix}_{name}"
        self._subject = bus.subject(name.lower())
        self._pending: dict[_Item, None] = {}
        self._work = trio.Event()
        self._ring: deque[tuple[int, tuple[Event, ...]]] = deque()
        self._ring_events = 0
        self._after = 0  # everything after this revision is in the ring
        self._revision = 0
        self._bell = Bell(gather_s)
        self.watchers = 0
        # asyncio's:
        self._inbox: deque[tuple[int, bytes]] = deque()
        self._arrived: asyncio.Event | None = None
        self._heard_at = 0.0
        if reads:
            bus.on_back(self._look_again)

    # -- csms.ports.feed.Feed ------------------------------------------------------------------------------------------

    @property
    def revision(self) -> int:
        """The newest revision that has come in here."""
        return self._revision

    def publish(
        self, subject: Subject, station_id: int = 0, session_id: int = 0, *, alarm_id: int = 0, place_id: int = 0
    ) -> None:
        """See `csms.ports.feed.Feed`."""
        item = (int(subject), station_id, session_id)
        self._pending[(int(subject), station_id, alarm_id, place_id) if alarm_id else item] = None
        self._work.set()

    def watch(self, after: int | None = None) -> AbstractAsyncContextManager[Watch]:
        """See `csms.ports.feed.Feed`."""
        return self._watch(after)

    @asynccontextmanager
    async def _watch(self, after: int | None) -> AsyncIterator[Watch]:
        if after is not None and 0 < after - self._revision <= BEHIND_REVISIONS:
            with trio.move_on_after(BEHIND_SECONDS):
                while after > self._revision:
                    await self.wait_published()
        if after is None:
            after = self._revision
        elif not self._after <= after <= self._revision:
            raise RevisionTooOld(
                "That revision is no longer kept. List again, then watch from the revision of the list."
            )
        async with counted(self, after) as watch:
            yield watch

    def since(self, position: int) -> Sequence[Event]:
        """All events after a position. Raises WatcherTooSlow, also when the stream was made anew and counts less."""
        if not self._after <= position <= self._revision:
            raise WatcherTooSlow("You fell behind what is kept. List again, then watch from the revision of the list.")
        found: list[tuple[Event, ...]] = []
        for revision, events in reversed(self._ring):
            if revision <= position:
                break
            found.append(events)
        return [event for events in reversed(found) for event in events]

    async def wait_published(self) -> None:
        """Until something is published, and what follows on its heels."""
        await self._bell.wait()

    # -- its own life ----------------------------------------------------------------------------------------------

    @property
    def untold(self) -> int:
        """How many events wait for the bus."""
        return len(self._pending)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Publish, and read; started when the revision is known."""
        async with trio.open_nursery() as nursery:
            if self._reads:
                await nursery.start(self._read_for_ever)
            task_status.started()
            await self._publish_for_ever()

    async def flush(self) -> None:
        """Until what was published so far is told; for the end. Raises BusUnavailable."""
        while self._pending:
            await self._publish_some()

    async def _publish_for_ever(self) -> None:
        while True:
            await self._work.wait()
            self._work = trio.Event()
            while self._pending:
                try:
                    await self._publish_some()
                except (BusUnavailable, DoorClosed):
                    await trio.sleep(_PAUSE_SECONDS)
                else:
                    if len(self._pending) < MESSAGE_EVENTS:
                        await trio.sleep(PUBLISH_SECONDS)

    async def _publish_some(self) -> None:
        """One message. Not told, its events stay: they may come twice, but never not at all."""
        old = next(iter(self._pending))[0] in OLDEST_SUBJECTS
        alike = (item for item in self._pending if (item[0] in OLDEST_SUBJECTS) is old)
        items = tuple(islice(alike, MESSAGE_EVENTS))
        for item in items:
            del self._pending[item]
        told = False
        try:
            await self._bus.door.call(self._publish, _encoder.encode((self._now(), items)))
            told = True
        finally:
            if not told:
                self._pending = dict.fromkeys((*items, *self._pending))

    async def _read_for_ever(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Read on where we are, from whichever server answers."""
        while True:
            subscription: Subscription | None = None
            try:
                first, last = await self._bus.door.call(self._bounds)
                self._begin(first, last)
                subscription = await self._bus.door.call(self._subscribe, self._revision + 1)
                await self._take_in(last)
                task_status.started()
                task_status = trio.TASK_STATUS_IGNORED
                await self._take_in()
            except BusUnavailable as error:
                log.debug("the feed waits for the bus", reason=error.message)
            finally:
                if subscription is not None:
                    with trio.CancelScope(shield=True), contextlib.suppress(DoorClosed):
                        await self._bus.door.call(self._unsubscribe, subscription)
            await trio.sleep(_PAUSE_SECONDS)

    async def _look_again(self) -> None:
        """The bus was away: perhaps our consumer is gone, and nobody would say so."""
        self._bus.door.post(self._give_up)

    def _begin(self, first: int, last: int) -> None:
        """Go on, or begin anew if the stream does not know any more what comes next."""
        if self._revision and first - 1 <= self._revision <= last:
            return
        if self._revision:
            log.warning("the stream of events has a gap here: watchers list again", known=self._revision, last=last)
        self._ring.clear()
        self._ring_events = 0
        self._after = self._revision = max(first - 1, last - BEFORE_MESSAGES)
        self._bell.ring()

    async def _take_in(self, upto: int | None = None) -> None:
        """While it lives, or until this revision is in."""
        while upto is None or self._revision < upto:
            for revision, data in await self._bus.door.call(self._next):
                if revision <= self._revision:
                    continue
                if revision != self._revision + 1:
                    return
                self._append(revision, data)
            self._bell.ring()

    def _append(self, revision: int, data: bytes) -> None:
        try:
            at, items = _decoder.decode(data)
        except msgspec.DecodeError as error:
            log.warning("events of another version were not understood", error=str(error))
            at, items = self._now(), ()
        known = [item for item in items if len(item) > 2 and item[0] in _SUBJECTS]
        # Whoever goes on after one of the earlier ones gets the message again: the last alone has its number.
        last = len(known) - 1
        events = tuple(
            _event(revision if index == last else revision - 1, at, item) for index, item in enumerate(known)
        )
        self._revision = revision
        self._ring.append((revision, events))
        self._ring_events += len(events)
        while self._ring_events > RING_EVENTS:
            self._after, old = self._ring.popleft()
            self._ring_events -= len(old)

    # -- asyncio -----------------------------------------------------------------------------------------------------

    async def _publish(self, data: bytes) -> None:
        try:
            await self._bus.js.publish(self._subject, data, timeout=2.0)
        except nats.errors.Error as error:
            with contextlib.suppress(*_ERRORS):
                await self._ensure()
            raise unavailable(error) from error
        except _ERRORS as error:
            raise unavailable(error) from error

    async def _bounds(self) -> tuple[int, int]:
        """The first and the last revision of the stream."""
        try:
            state = (await self._ensure()).state
        except _ERRORS as error:
            raise unavailable(error) from error
        return state.first_seq, max(state.last_seq, state.first_seq - 1)

    async def _ensure(self) -> api.StreamInfo:
        js = self._bus.js
        try:
            return await js.stream_info(self._stream)
        except NotFoundError:
            settings = self._bus.settings
            config = api.StreamConfig(
                name=self._stream,
                subjects=[self._subject],
                max_msgs=KEPT_MESSAGES,
                max_age=KEPT_SECONDS,
                storage=api.StorageType.MEMORY if settings.in_memory else api.StorageType.FILE,
                num_replicas=settings.replicas,
                first_seq=int(self._now().timestamp() * 1_000_000),
            )
        try:
            return await js.add_stream(config)
        except APIError:  # another node was quicker
            return await js.stream_info(self._stream)

    async def _subscribe(self, start: int) -> Subscription:
        client = self._bus.client
        inbox = client.new_inbox()
        loop = asyncio.get_running_loop()
        arrived = self._arrived = asyncio.Event()
        inbox_of_messages = self._inbox
        inbox_of_messages.clear()
        self._heard_at = loop.time()

        async def hear(message: Msg) -> None:
            self._heard_at = loop.time()
            if message.headers and "Status" in message.headers:
                if message.reply:  # the server asks whether we keep up
                    await client.publish(message.reply)
                return
            inbox_of_messages.append((message.metadata.sequence.stream, message.data))
            arrived.set()

        try:
            subscription = await client.subscribe(inbox, cb=hear, pending_msgs_limit=-1, pending_bytes_limit=-1)
            await self._bus.js.add_consumer(
                self._stream,
                api.ConsumerConfig(
                    deliver_subject=inbox,
                    deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE,
                    opt_start_seq=start,
                    ack_policy=api.AckPolicy.NONE,
                    idle_heartbeat=HEARTBEAT_SECONDS,
                    flow_control=True,
                    inactive_threshold=30.0,
                    mem_storage=True,
                    num_replicas=1,
                ),
            )
        except _ERRORS as error:
            raise unavailable(error) from error
        return subscription

    def _give_up(self) -> None:
        self._heard_at = float("-inf")
        if self._arrived is not None:
            self._arrived.set()

    async def _unsubscribe(self, subscription: Subscription) -> None:
        with contextlib.suppress(*_ERRORS):
            await subscription.unsubscribe()

    async def _next(self) -> list[tuple[int, bytes]]:
        """What has come; waits for it. Raises BusUnavailable when not even a heartbeat came."""
        arrived, loop = self._arrived, asyncio.get_running_loop()
        assert arrived is not None  # noqa: S101  `_subscribe` was first
        while not self._inbox:
            if loop.time() - self._heard_at > SILENCE_SECONDS:
                raise unavailable()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(arrived.wait(), 1.0)
        arrived.clear()
        found: list[tuple[int, bytes]] = list(self._inbox)
        self._inbox.clear()
        return found


def _event(revision: int, at: datetime, item: _Item) -> Event:
    subject, station_id, number = _SUBJECTS[item[0]], *item[1:3]
    if subject is Subject.ALARM:
        return Event(revision, at, subject, station_id, alarm_id=number, place_id=item[3] if item[3:] else 0)
    return Event(revision, at, subject, station_id, number)
