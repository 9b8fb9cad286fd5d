"""A command on its way to a station, and the bounded queue in which it waits.

Every delivery ends in exactly one outcome: the first that is settled stays. Who posts a delivery waits for it
(`wait_settled`): that wait is also its timer, so that a delivery behind a silent one still expires in time.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import trio

from csms.domain.commands import Answer, Command, Outcome
from csms.ports.directory import Settled

MAILBOX_SIZE: Final = 16

MAILBOX_FULL: Final = "MAILBOX_FULL"
DRAINING: Final = "DRAINING"
NOT_SUPPORTED: Final = "NOT_SUPPORTED"
STATION_DOWN: Final = "STATION_DOWN"
STATION_DELETED: Final = "STATION_DELETED"
INTERNAL_ERROR: Final = "INTERNAL_ERROR"


class Delivery:
    """One command, its deadline (trio's clock, seconds) and its one outcome."""

    __slots__ = ("_settled", "_waiting", "command", "deadline", "sent", "wait_for_link")

    def __init__(self, command: Command, deadline: float, *, wait_for_link: bool = False) -> None:
        self.command = command
        self.deadline = deadline
        self.wait_for_link = wait_for_link
        self.sent = False
        """Set just before the CALL goes out; from then on it may have happened."""
        self._settled: Settled | None = None
        self._waiting = trio.Event()

    @property
    def settled(self) -> Settled | None:
        """How it ended, None while it has not."""
        return self._settled

    def settle(
        self,
        outcome: Outcome,
        answer: Answer | None = None,
        *,
        latency_s: float | None = None,
        reason: str = "",
        message: str = "",
    ) -> None:
        """End it. Idempotent: the first outcome stays."""
        if self._settled is None:
            self._settled = Settled(outcome, answer, latency_s, reason, message)
            self._waiting.set()

    async def wait_settled(self) -> Settled:
        """Its outcome. Unsent at the deadline it is EXPIRED; a caller that is cancelled takes back what is unsent."""
        try:
            with trio.CancelScope(deadline=self.deadline):
                await self._waiting.wait()
        finally:
            if not self.sent:
                self.settle(Outcome.EXPIRED)
        # Sent: whoever sent it has the same deadline, and settles it.
        await self._waiting.wait()
        assert self._settled is not None  # noqa: S101  the event is set in `settle` alone
        return self._settled


class Mailbox:
    """At most `size` deliveries that nobody has begun; closed, it takes no more. All methods are sync."""

    __slots__ = ("_closed_for", "_queue", "_size")

    def __init__(self, size: int = MAILBOX_SIZE) -> None:
        self._size = size
        self._queue: deque[Delivery] = deque()
        self._closed_for = ""

    def __len__(self) -> int:
        self._forget_settled()
        return len(self._queue)

    @property
    def closed(self) -> bool:
        """Whether new deliveries are refused."""
        return bool(self._closed_for)

    def post(self, delivery: Delivery) -> bool:
        """Queue it; False when it was REFUSED instead."""
        if self._closed_for:
            delivery.settle(Outcome.REFUSED, reason=self._closed_for)
            return False
        if len(self) >= self._size:
            delivery.settle(Outcome.REFUSED, reason=MAILBOX_FULL)
            return False
        self._queue.append(delivery)
        return True

    def take(self) -> Delivery | None:
        """The oldest that is still wanted, None when there is none."""
        self._forget_settled()
        return self._queue.popleft() if self._queue else None

    def close(self, reason: str) -> None:
        """Refuse what comes from now on; what is queued stays. The first reason stays."""
        self._closed_for = self._closed_for or reason

    def reopen(self) -> None:
        """Take deliveries again."""
        self._closed_for = ""

    def refuse_all(self, reason: str) -> None:
        """Settle all that is queued."""
        while self._queue:
            self._queue.popleft().settle(Outcome.REFUSED, reason=reason)

    def go_offline(self) -> None:
        """The link is gone: those that would not wait for one end."""
        for delivery in self._queue:
            if not delivery.wait_for_link:
                delivery.settle(Outcome.OFFLINE)
        self._forget_settled()

    def _forget_settled(self) -> None:
        if any(delivery.settled is not None for delivery in self._queue):
            self._queue = deque(delivery for delivery in self._queue if delivery.settled is None)
