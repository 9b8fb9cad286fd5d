"""What a station has to say: one queue, one message in flight, nothing about a transaction ever lost.

Messages about transactions are durable: they wait out every lost connection and are sent again, in order,
until the server has answered (OCPP 1.6, 3.7 and 4.9). Others, such as a heartbeat, are worth something
only now: without a connection they are dropped.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

import trio

from loadtest.client import CallRefused, CallTimeout, Json, Link, LinkFailure
from loadtest.ledger import SessionRecord, TransactionId
from loadtest.tally import Tally

ATTEMPTS = 3
TIMEOUTS_TO_DOUBT_THE_LINK = 3


@dataclass(slots=True, eq=False)
class Message:
    """One CALL to be made. `payload` is asked when it is sent: a stop may be queued before its start has an id.

    `intended` is when the station wanted to send, as `trio.current_time()`; None: as soon as its turn comes.
    """

    action: str
    payload: Callable[[], Json]
    intended: float | None  # None: whenever its turn comes
    durable: bool = False
    on_answer: Callable[[Json], None] | None = None
    on_abandoned: Callable[[], None] | None = None
    about: SessionRecord | None = None
    settled: trio.Event = field(default_factory=trio.Event)
    answer: Json | None = None
    refused: bool = False
    refusals: int = 0


class Outbox:
    """The queue and the task that empties it. `retry_interval` is in seconds, times the number of refusals;
    what is refused `attempts` times is given up.
    """

    __slots__ = (
        "_attempts",
        "_changed",
        "_client",
        "_queue",
        "_replaying_since",
        "_retry_interval",
        "_tally",
        "_timeouts",
        "after_answer",
    )

    def __init__(self, tally: Tally, *, retry_interval: float, attempts: int = ATTEMPTS) -> None:
        self._tally = tally
        self._retry_interval = retry_interval
        self._attempts = attempts
        self._queue: deque[Message] = deque()
        self._client: Link | None = None
        self._changed = trio.Event()
        self._timeouts = 0
        self._replaying_since: float | None = None
        self.after_answer: Callable[[Link, Message], Awaitable[None]] | None = None
        """Called after each message about a transaction that was answered, before the next one is sent."""

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def waiting(self) -> Sequence[Message]:
        """What is to be sent, in this order."""
        return tuple(self._queue)

    @property
    def durable_waiting(self) -> int:
        """How many messages about transactions the server has not answered yet."""
        return sum(message.durable for message in self._queue)

    @property
    def online(self) -> bool:
        """True while there is an accepted connection."""
        return self._client is not None

    def waiting_about(self, transaction_id: TransactionId | None) -> bool:
        """True while a message about this transaction, or with None about any, has not been answered."""
        return any(
            message.about is not None and transaction_id in (None, message.about.transaction_id)
            for message in self._queue
        )

    def put(self, message: Message) -> Message:
        """Queue a message; a fleeting one is settled at once, unanswered, when there is no connection."""
        if self._client is None and not message.durable:
            message.settled.set()
        else:
            self._queue.append(message)
            self._wake()
        return message

    def go_online(self, client: Link) -> None:
        """The server has accepted us on this connection: begin to send."""
        self._client = client
        self._timeouts = 0
        if self.durable_waiting and self._replaying_since is None:
            self._replaying_since = trio.current_time()
        self._wake()

    def go_offline(self) -> None:
        """The connection has gone: drop what only mattered now, keep the rest."""
        self._client = None
        for message in self._queue:
            if not message.durable:
                message.settled.set()
        self._queue = deque(message for message in self._queue if message.durable)

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    async def wait_empty(self) -> None:
        """Return once every durable message is answered."""
        while self.durable_waiting:
            await self._changed.wait()

    async def run(self) -> None:
        """Send, one after the other, for ever."""
        while True:
            client = self._client
            if client is None or not self._queue:
                await self._changed.wait()
                continue
            message = self._queue[0]
            wait = await self._send(client, message)
            if message.settled.is_set():
                if self._queue and self._queue[0] is message:
                    self._queue.popleft()
                self._wake()
                self._count_replay()
                if self.after_answer is not None and message.durable and not client.closed.is_set():
                    with suppress(LinkFailure):  # counted where it happened
                        await self.after_answer(client, message)
            if wait:
                with trio.move_on_after(wait):
                    await client.closed.wait()

    def _count_replay(self) -> None:
        """What a connection found in the queue is told, and so is all that came meanwhile."""
        began = self._replaying_since
        if began is not None and not any(message.durable for message in self._queue):
            self._replaying_since = None
            self._tally.replays.record(trio.current_time() - began)

    def reorder(self, random: Random) -> None:
        """Shuffle what waits, for use without a connection.

        A transaction still begins with its first message and ends with its last, those of one connector follow
        each other, and what is about no transaction stays first. One in which the clock was wrong is told in its
        order: there is nothing else by which it could be read.
        """
        chains: defaultdict[int, dict[int, list[Message]]] = defaultdict(dict)
        for message in self._queue:
            if message.about is not None:
                chains[message.about.connector].setdefault(id(message.about), []).append(message)
        told: list[deque[Message]] = []
        for transactions in chains.values():
            told.append(deque())
            for first, *middle in transactions.values():
                last = [middle.pop()] if middle else []
                if first.about is None or not first.about.allowed_flags:
                    random.shuffle(middle)
                told[-1].extend([first, *middle, *last])
        self._queue = deque(message for message in self._queue if message.about is None)
        while told := [chain for chain in told if chain]:
            self._queue.append(random.choice(told).popleft())

    async def _send(self, client: Link, message: Message) -> float:
        """One attempt; returns how long to wait before the next one."""
        try:
            answer = await client.call(message.action, message.payload(), intended=message.intended)
        except CallRefused:
            return self._refused(message)
        except CallTimeout:
            self._timeouts += 1
            if self._timeouts >= TIMEOUTS_TO_DOUBT_THE_LINK:
                client.abort()
            return self._again(message, self._retry_interval)
        except LinkFailure:
            if self._client is client:
                await client.closed.wait()
                self.go_offline()
            return self._again(message, 0.0)
        self._timeouts = 0
        message.answer = answer
        if message.on_answer is not None:
            message.on_answer(answer)
        message.settled.set()
        return 0.0

    def _again(self, message: Message, wait: float) -> float:
        if not message.durable:
            message.settled.set()
            return 0.0
        self._tally.retries[message.action] += 1
        return wait

    def _refused(self, message: Message) -> float:
        """A CALLERROR: try again a few times, then give up (OCPP 1.6, 3.7.1: TransactionMessageAttempts)."""
        message.refused = True
        message.refusals += 1
        if message.durable and message.refusals < self._attempts:
            self._tally.retries[message.action] += 1
            return self._retry_interval * message.refusals
        if message.on_abandoned is not None:
            message.on_abandoned()
        message.settled.set()
        return 0.0
