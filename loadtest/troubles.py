"""What goes wrong on the wire and in stations, lived through by plan (`loadtest.scenario.Trouble`).

Whatever happens, a session that the server has acknowledged may not be lost, doubled or altered. The books say what
is owed: only a station whose clock was wrong may be found odd (CLOCK_WRONG), and its sessions keep the times it said.

    offline      the network is gone; charging goes on, the queue grows, all of it is told in order afterwards
    power-cut    power and link go without a goodbye; sessions end, and the station boots when power is back
    half-open    the connection swallows everything in both directions until the station gives it up
    garbage      frames that are not OCPP, not JSON, not UTF-8, or too long; then it goes on as if nothing had been
    slow-reader  nothing is read for a while, and the answers pile up
    duplicate    somebody else connects under the same identity while the first connection lives
    repeat       what was answered is sent again with the same and with a new message id
    reorder      a queue is told in another order, as far as transactions stay readable
    wrong-clock  the clock is years or hours off, then set by the server's currentTime
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Protocol

import trio

from loadtest.client import Address, Answer, Json, Link, LinkFailure, OcppClient, Refusal, connect
from loadtest.garbage import pieces
from loadtest.ledger import SessionRecord
from loadtest.outbox import Message, Outbox
from loadtest.scenario import Trouble
from loadtest.session import RunClock
from loadtest.speech.speech import Speech
from loadtest.tally import Tally
from loadtest.troubled_wire import TroubledWire

PATIENCE = 60.0
"""Seconds in which a connection should stand again; a trouble that finds none then does not happen."""
CLOCK_ERRORS = (
    timedelta(days=-365 * 5),
    timedelta(days=-40),
    timedelta(hours=-3),
    timedelta(hours=7),
    timedelta(days=365 * 4),
)
FLOOD = 50  # heartbeats that a slow reader does not take the answers of


class Afflicted(Protocol):
    """What a station lets its troubles reach."""

    outbox: Outbox
    ledger: list[SessionRecord]
    speech: Speech

    @property
    def link(self) -> Link | None:
        """The connection that stands, if one does."""

    @property
    def clock(self) -> RunClock:
        """Its own clock."""

    def lose_power(self) -> None:
        """End everything at once; no word leaves the station."""

    def regain_power(self) -> None:
        """Boot."""


class Troubles:
    """The troubles of one station; `run` lives through them, one after the other."""

    def __init__(
        self,
        station: Afflicted,
        plan: Sequence[Trouble],
        wire: TroubledWire,
        address: Address,
        *,
        tally: Tally,
        random: Random,
    ) -> None:
        self._station = station
        self._plan = plan
        self._wire = wire
        self._address = address
        self._tally = tally
        self._random = random
        self._numbers = count(1)

    async def run(self) -> None:
        """Live until cancelled: the server may still find out about the last one."""
        try:
            for trouble in self._plan:
                await trio.sleep_until(self._station.clock.at(trouble.at))
                await self._wire.bury()
                if await _KINDS[trouble.kind](self, trouble.seconds):
                    self._tally.trouble(trouble.kind)
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await self._wire.finish()

    # Each returns whether it came about.

    async def offline(self, seconds: float) -> bool:
        """The network is gone; both ends are left alone with their half of the connection."""
        async with self._without_network():
            await trio.sleep(seconds)
        return True

    async def power_cut(self, seconds: float) -> bool:
        """Dead, then booting: the queue survives in the station's memory."""
        async with self._without_network():
            self._station.lose_power()
            await trio.sleep(seconds)
        self._station.regain_power()
        return True

    async def half_open(self, seconds: float) -> bool:
        """The station waits for answers until it believes no longer in the connection."""
        link = await self._online()
        if link is None:
            return False
        self._wire.hush()
        with trio.move_on_after(seconds):
            await link.closed.wait()
        link.abort()
        return True

    async def garbage(self, seconds: float) -> bool:
        """Every piece of it, whatever the server does about it."""
        for piece in pieces(self._random):
            client = await self._ocpp()
            if client is None:
                return False
            client.forgiving = True
            try:
                if isinstance(piece, bytes):
                    await self._inject(piece)
                else:
                    await client.send_raw(piece)
            except LinkFailure:
                continue
            with trio.move_on_after(0.2):
                await client.closed.wait()
        return True

    async def slow_reader(self, seconds: float) -> bool:
        """It asks a lot meanwhile, so that there is something to be read."""
        client = await self._ocpp()
        stream = self._wire.stream
        if client is None or stream is None:
            return False
        client.forgiving = True
        stream.stall()
        try:
            action, payload = self._station.speech.heartbeat()
            for _ in range(FLOOD):
                await client.send_raw([2, self._fresh_id(), action, payload])
            with trio.move_on_after(seconds):
                await client.closed.wait()
        except LinkFailure:
            pass
        finally:
            stream.flow()
        return True

    async def duplicate(self, seconds: float) -> bool:
        """The other one says little and leaves; the station comes back by itself."""
        if await self._ocpp() is None:
            return False
        aside = Tally(trio.current_time())  # what befalls the other one is no concern of the run's
        names = (self._fresh_id() for _ in count())
        action, payload = self._station.speech.heartbeat()
        try:
            async with connect(
                self._wire.dial_beside,
                self._address,
                on_call=_not_me,
                tally=aside,
                message_ids=names,
                subprotocol=self._station.speech.subprotocol,
            ) as other:
                with trio.move_on_after(seconds):
                    await other.call(action, payload)
                    await other.closed.wait()
        except LinkFailure:
            pass
        return True

    async def repeat(self, seconds: float) -> bool:
        """For a while every message about a transaction is told three times."""
        outbox = self._station.outbox
        outbox.after_answer = self._tell_again
        try:
            await trio.sleep(seconds)
        finally:
            outbox.after_answer = None
        return True

    async def reorder(self, seconds: float) -> bool:
        """Offline, and then not in the order in which it happened."""
        async with self._without_network():
            await trio.sleep(seconds)
            self._station.outbox.reorder(self._random)
        return True

    async def wrong_clock(self, seconds: float) -> bool:
        """The clock jumps, and is right again when the server has said what time it is."""
        station = self._station
        clock, known = station.clock, len(station.ledger)
        touched = [record for record in station.ledger if record.stop_time is None]
        clock.skew.by = self._random.choice(CLOCK_ERRORS)
        try:
            await trio.sleep(seconds)
            while not await self._ask_the_time(clock):
                await trio.sleep(1)
        finally:
            for record in [*touched, *station.ledger[known:]]:
                record.allowed_flags.add("CLOCK_WRONG")
        return True

    # What they are made of.

    @asynccontextmanager
    async def _without_network(self) -> AsyncIterator[None]:
        wire = self._wire
        wire.there = False
        wire.hush()
        link = self._station.link
        if link is not None:
            link.abort()
        else:
            await wire.bury()  # it was knocking
        try:
            yield
        finally:
            wire.there = True
        await wire.bury()

    async def _online(self) -> Link | None:
        """The connection, once the station is accepted on it."""
        with trio.move_on_after(PATIENCE):
            while True:
                link = self._station.link
                if link is not None and self._station.outbox.online and not link.closed.is_set():
                    return link
                await trio.sleep(0.1)
        return None

    async def _ocpp(self) -> OcppClient | None:
        link = await self._online()
        return link if isinstance(link, OcppClient) else None

    async def _inject(self, data: bytes) -> None:
        stream = self._wire.stream
        if stream is None:
            return
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):  # the piece before was already too much
            await stream.send_all(data)

    async def _tell_again(self, link: Link, message: Message) -> None:
        """As after a lost answer: with the same message id, and with a new one. Raises LinkFailure."""
        if not isinstance(link, OcppClient) or message.answer is None:
            return
        payload = message.payload()
        for message_id in (link.last_id, None):
            answer = await link.call(message.action, payload, message_id=message_id)
            number = answer.get("transactionId")
            if number != message.answer.get("transactionId"):
                self._tally.error("repeated start has another transaction id", trio.current_time())

    async def _ask_the_time(self, clock: RunClock) -> bool:
        """Set the clock by the server; False when it did not say."""
        if not self._station.outbox.online:
            return False
        action, payload = self._station.speech.heartbeat()
        asked = Message(action, lambda: payload, trio.current_time())
        await self._station.outbox.put(asked).settled.wait()
        told = None if asked.answer is None else asked.answer.get("currentTime")
        if not isinstance(told, str):
            return False
        behind = datetime.fromisoformat(told) - (clock.now() - clock.skew.by)
        # Set right it is right: a second or two are what every station is off by.
        clock.skew.by = timedelta(0) if abs(behind) < timedelta(minutes=1) else behind
        return True

    def _fresh_id(self) -> str:
        return f"trouble.{next(self._numbers)}"


def _not_me(action: str, payload: Json) -> Answer:
    raise Refusal("NotSupported", "This is not the station that you mean.")


_KINDS: dict[str, Callable[[Troubles, float], Awaitable[bool]]] = {
    "offline": Troubles.offline,
    "power-cut": Troubles.power_cut,
    "half-open": Troubles.half_open,
    "garbage": Troubles.garbage,
    "slow-reader": Troubles.slow_reader,
    "duplicate": Troubles.duplicate,
    "repeat": Troubles.repeat,
    "reorder": Troubles.reorder,
    "wrong-clock": Troubles.wrong_clock,
}
