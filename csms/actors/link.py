"""One socket's life: one wire, one exchange, one dialect, one epoch.

The reader is the caller's task: it takes a message, works on it to the end and only then takes the next one, so that
back-pressure reaches the station through TCP. `call` is used by the actor's task.

Nearly every message needs nothing but the actor's memory and the journal. Such a one is brought to its answer without
waking the reader, which sleeps in `receive` meanwhile: the wire offers it (`_take`), the actor puts its records, the
journal calls back when they are on disk (`_conclude`). To wake a task twice for each message costs more than all that
is thought about it. Whatever is not as usual is left to the reader, from the step to which it came:

    the wire offers it ──▶ read ──▶ taken in ──▶ on disk ──▶ answered
                             │          │           │
                             ▼          ▼           ▼
    the reader ───────────▶ read ──▶ taken in ──▶ on disk ──▶ answered

What a station's message may do:

    what happened                            what the station gets            the link
    ---------------------------------------  -------------------------------  --------------------------------
    handled, on disk                         CALLRESULT                       stays
    bad (Fault), or before it was accepted   CALLERROR                        stays
    our dialect broke                        CALLERROR InternalError          stays
    the database is away                     nothing: it keeps its queue      closed, 1013 "try again later"
    a newer link took over                   nothing                          closed
    our state broke                          nothing                          closed, 1011; the actor restarts
    too many messages                        its answers, later               stays; TCP slows the station down
    32 refused frames in a row               CALLERRORs                       closed, 1008
    its answer to us is not valid            2.1: CALLRESULTERROR             stays
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import msgspec
import trio

from csms.actors.station import StationActor
from csms.actors.supervise import Bug, attempt, translate
from csms.actors.talk import SENT, Begun, Talk
from csms.actors.world import (
    NORMAL_CLOSURE,
    POLICY_VIOLATION,
    TRY_AGAIN_LATER,
    UNSUPPORTED_DATA,
    LinkLost,
    PreparedCall,
)
from csms.domain.commands import Answer, Command
from csms.domain.errors import Unavailable
from csms.domain.facts import Fact
from csms.domain.station import NotAccepted
from csms.ocpp import frame
from csms.ocpp.dialect import Dialect
from csms.ocpp.exchange import (
    Answered,
    Dropped,
    Event,
    Failed,
    Flood,
    IncomingCall,
    Reply,
    ResultRefused,
    Sent,
    Unanswered,
)
from csms.ocpp.faults import ErrorCode, Fault
from csms.ports.directory import Claim
from csms.ports.message_log import MessageLog
from csms.ports.wire import BinaryMessage, ConnectionClosed, Wire

MAX_BINARY: Final = 32
_REMARK_SECONDS: Final = 60.0
_REFUSAL_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class LinkLimits:
    """Messages a station may send: `rate` a second for ever, `burst` at once. Over it the reader waits."""

    rate: float = 50.0
    burst: float = 200.0


class Prepared(msgspec.Struct, frozen=True, gc=False):
    """A command, encoded."""

    command: Command
    action: str
    payload: bytes


class Link(Talk):
    """See the module. `on_bug` is told of bugs that were contained in here."""

    __slots__ = (
        "_actor",
        "_answer",
        "_answered",
        "_begun",
        "_binaries",
        "_broken",
        "_claim",
        "_epoch",
        "_farewell",
        "_filled_at",
        "_first",
        "_limits",
        "_over",
        "_read",
        "_remarked_at",
        "_tokens",
        "_wire",
        "_working",
    )

    def __init__(
        self,
        wire: Wire,
        dialect: Dialect,
        actor: StationActor,
        *,
        message_log: MessageLog,
        new_message_id: Callable[[], str],
        limits: LinkLimits,
        on_bug: Callable[[Exception], None],
        claim: Claim | None = None,
    ) -> None:
        self._wire = wire
        super().__init__(actor.station_id, dialect, message_log, new_message_id, on_bug)
        self._actor = actor
        self._limits = limits
        self._claim = claim
        self._epoch = 0
        self._first = True
        self._working = False
        self._over = False
        self._farewell: tuple[int, str] | None = None
        self._binaries = 0
        self._tokens = limits.burst
        self._filled_at = trio.current_time()
        self._remarked_at = -_REMARK_SECONDS
        self._answered: trio.Event | None = None  # a call of ours waits
        # How far the message came that the reader is given, if it was offered before:
        self._read: tuple[list[Event], float, Fact | None] | None = None
        self._begun: Begun | None = None
        self._broken: Exception | None = None
        self._answer: Answered | Failed | Unanswered | None = None

    # -- what comes in -----------------------------------------------------------------------------------------

    async def run(self) -> ConnectionClosed:
        """Attach, read until the connection is over, detach. Returns how it ended; raises what is our bug."""
        try:
            self._epoch = self._actor.attach(
                self,
                protocol=self._dialect.subprotocol,
                remote_address=self._wire.remote_address,
                claim=self._claim,
            )
            await self._actor.told()
            self._wire.offer_to(self._take)
            while True:
                data = await self._wire.receive()
                self._working = True
                await self._take_in(data)
                self._rest()
        except ConnectionClosed as end:
            return end
        except Unavailable:
            return self._end(TRY_AGAIN_LATER, "the database is away; keep your messages and try again later")
        except LinkLost as lost:
            return self._end(NORMAL_CLOSURE, str(lost))
        finally:
            self._over = True
            self._wake_caller()
            self._actor.detach(self._epoch)

    async def _take_in(self, data: bytes | BinaryMessage) -> None:
        """The reader's way, from the beginning or from where the other one ended."""
        if self._broken is not None:
            raise self._broken
        if (begun := self._begun) is not None:
            await self._actor.told()
            self._begun = None
            return await self._reply(begun)
        read, self._read = self._read, None
        if read is not None:
            events, now, fact = read
        else:
            now, fact = trio.current_time(), None
            if not self._may_come(now):
                await self._slow_down(now)
            if isinstance(data, BinaryMessage):
                return await self._refuse_binary(data)
            events = self._exchange.receive(data, now)
            self._log_received(data, events)
        for event in events:
            if isinstance(event, IncomingCall):
                await self._work(event.call, now, fact)
            else:
                await self._note(event)
        return None

    async def _work(self, call: frame.Call, received: float, fact: Fact | None) -> None:
        """Bring one CALL of the station to its answer. `fact`: what it says, if that was found out before."""
        try:
            fact = fact or translate(self._dialect.decode, call)
            reply = await self._actor.handle(self._epoch, fact)
        except (Fault, NotAccepted, Bug) as refusal:
            await self._wire.send(self._refuse(call, refusal, received))
            self._settle()
        else:
            await self._reply(Begun(call, fact, reply, received))

    async def _reply(self, begun: Begun) -> None:
        data, good = self._print(begun)
        await self._wire.send(data)
        if good:
            self._actor.answered(begun.fact, begun.reply)
        self._settle()
        # Nothing waits behind it: the next message is read when this one is done.

    def _settle(self) -> None:
        """Something was answered."""
        if self._first:
            self._first = False
            self._actor.settled(self._epoch)

    def _rest(self) -> None:
        """Nothing is being worked on any more."""
        self._working = False
        if self._farewell is not None:
            self.close_soon(*self._farewell)

    def _may_come(self, now: float) -> bool:
        """Take one from what the station may send; False: it is more than that, and has to wait."""
        tokens = min(self._limits.burst, self._tokens + (now - self._filled_at) * self._limits.rate) - 1.0
        self._tokens, self._filled_at = tokens, now
        return tokens >= 0.0

    # -- what comes in, while the reader sleeps ------------------------------------------------------------------

    def _take(self, data: bytes) -> bool:
        """See `Wire.offer_to`."""
        return attempt(self._begin, data, self._leave_to_reader)

    def _begin(self, data: bytes) -> bool:
        """Read a message and take it in; False: the reader has to."""
        if self._tokens < 1.0 or self._over:
            return False
        self._working = True
        now = trio.current_time()
        self._may_come(now)
        events = self._exchange.receive(data, now)
        self._log_received(data, events)
        self._read = events, now, None
        if len(events) != 1 or type(event := events[0]) is not IncomingCall:
            return False
        call = event.call
        try:
            fact = translate(self._dialect.decode, call)
            applied = self._actor.begin(self._epoch, fact)
        except (Fault, NotAccepted, Bug) as refusal:
            self._read = None
            self._wire.send_now(self._refuse(call, refusal, now))
            self._done()
            return True
        if applied is None:
            self._read = events, now, fact
            return False
        self._read = None
        self._begun = begun = Begun(call, fact, applied.reply, now, data)
        if not applied.wait:
            self._answer_now(begun)
        elif not self._actor.when_durable(self._conclude):
            self._conclude()
        return True

    def _conclude(self) -> None:
        """The disk has spoken."""
        if self._begun is not None and not self._over:
            attempt(self._answer_if_durable, self._begun, self._leave_to_reader)

    def _answer_if_durable(self, begun: Begun) -> bool:
        if self._actor.concluded():
            self._answer_now(begun)
        else:  # the reader will find out why
            self._wire.hand_back(begun.data)
        return True

    def _answer_now(self, begun: Begun) -> None:
        data, good = self._print(begun)
        self._wire.send_now(data)
        if good:
            self._actor.answered(begun.fact, begun.reply)
        self._begun = None
        self._done()

    def _done(self) -> None:
        self._settle()
        self._rest()
        self._wire.proceed()

    def _leave_to_reader(self, error: Exception) -> bool:
        """A bug of ours: the reader raises it, in its own place."""
        self._broken = error
        if self._begun is not None:
            self._wire.hand_back(self._begun.data)
        return False

    async def _note(self, event: Event) -> None:
        """Anything but an incoming call."""
        if isinstance(event, Answered | Failed | Unanswered):
            self._answer = event
            self._wake_caller()
        elif isinstance(event, Reply):
            self._log.record(self._station_id, SENT, event.data)
            await self._wire.send(event.data)
        elif isinstance(event, Dropped):
            self._remark(event.reason)
        elif isinstance(event, Flood):
            self._remark(event.reason)
            self.close_soon(POLICY_VIOLATION, event.reason)
        elif isinstance(event, Sent):
            await self._take_note(event.message)
        elif isinstance(event, ResultRefused):
            self._remark(f"The station refused our answer {event.message_id!r}: {event.code}: {event.description}")

    async def _take_note(self, message: frame.Send) -> None:
        """Bring one SEND of the station to the disk; it gets no answer, whatever is wrong (OCPP-J 2.1 §4.1.4)."""
        try:
            fact = translate(self._dialect.decode, message)
            self._actor.answered(fact, await self._actor.handle(self._epoch, fact))
        except Fault as fault:
            self._remark(f"{message.action} was dropped: {fault.code}: {fault.description}")
        except NotAccepted:
            self._remark(f"{message.action} was dropped: the station is not accepted yet.")
        except Bug as bug:
            self._on_bug(bug)
            self._remark(f"{message.action} could not be handled: an internal error.")

    async def _refuse_binary(self, message: BinaryMessage) -> None:
        reason = f"A binary message of {len(message.data)} bytes was refused: OCPP-J is text in UTF-8."
        self._remark(reason)
        self._binaries += 1
        edition = self._dialect.edition
        if edition.answers_unreadable:
            fault = Fault(ErrorCode.RPC_FRAMEWORK_ERROR, reason)
            await self._note(Reply(frame.print_fault(frame.UNREADABLE_ID, fault, edition)))
        if self._binaries >= MAX_BINARY:
            self.close_soon(UNSUPPORTED_DATA, "OCPP-J is text, not binary")

    async def _slow_down(self, now: float) -> None:
        if now - self._remarked_at >= _REMARK_SECONDS:
            self._remarked_at = now
            self._remark(
                f"It sends more than {self._limits.rate:g} messages a second: they are read no faster than that."
            )
        await trio.sleep(-self._tokens / self._limits.rate)

    # -- what goes out -----------------------------------------------------------------------------------------

    def prepare(self, command: Command) -> Prepared:
        """See `LinkPort.prepare`."""
        action, payload = self._dialect.encode(command)
        return Prepared(command, action, payload)

    async def call(self, prepared: PreparedCall, deadline: float) -> tuple[Answer, float]:
        """See `LinkPort.call`."""
        if not isinstance(prepared, Prepared):
            raise TypeError("a call is prepared by the link that makes it")
        if self._over:
            raise LinkLost("the connection is over")
        self._answer = None
        waiting = self._answered = trio.Event()
        data = self._exchange.start_call(prepared.action, prepared.payload, trio.current_time(), deadline)
        try:
            with trio.fail_at(deadline):
                self._log.record(self._station_id, SENT, data, message_type="CALL", action=prepared.action)
                await self._wire.send(data)
                await waiting.wait()
        except ConnectionClosed as error:  # the reader will find out, too; until then the next call ends at once
            self._over = True
            self._wake_caller()
            raise LinkLost(str(error)) from error
        except trio.TooSlowError:
            for event in self._exchange.expire(max(deadline, trio.current_time())):
                if isinstance(event, Unanswered):
                    self._remark(f"{event.action} was not answered: {event.reason}")
            raise
        finally:
            self._answered = None
        return await self._read_answer(prepared)

    async def _read_answer(self, prepared: Prepared) -> tuple[Answer, float]:
        event = self._answer
        if isinstance(event, Failed):
            answer = Answer("", False, error_code=event.code, error_description=event.description)
            return answer, event.elapsed
        if not isinstance(event, Answered):
            raise LinkLost("the connection ended before the answer")
        try:
            return self._dialect.outcome(prepared.command, event.payload), event.elapsed
        except Fault as fault:
            self._remark(f"The station's answer to {prepared.action} is not valid: {fault.description}")
            await self._refuse_result(event, fault)
            code = self._dialect.edition.spell(fault.code)
            description = f"The station's answer is not valid: {fault.description}"
            return Answer("", False, error_code=code, error_description=description), event.elapsed

    async def _refuse_result(self, event: Answered, fault: Fault) -> None:
        data = self._exchange.refuse_result(event.message_id, fault)
        if data is None:
            return
        self._log.record(
            self._station_id,
            SENT,
            data,
            message_type="CALLRESULTERROR",
            action=event.action,
            message_id=event.message_id,
        )
        with suppress(ConnectionClosed), trio.move_on_after(_REFUSAL_SECONDS):
            await self._wire.send(data)

    # -- the end -----------------------------------------------------------------------------------------------

    def close_soon(self, code: int, reason: str) -> None:
        """See `LinkPort.close_soon`."""
        self._over = True
        self._wire.close_soon(code, reason)
        self._wake_caller()

    def finish_soon(self, code: int, reason: str) -> None:
        """See `LinkPort.finish_soon`."""
        if self._working:
            self._farewell = self._farewell or (code, reason)
        else:
            self.close_soon(code, reason)

    def _end(self, code: int, reason: str) -> ConnectionClosed:
        self.close_soon(code, reason)
        return ConnectionClosed(code, reason)

    def _wake_caller(self) -> None:
        if self._over:
            for event in self._exchange.close():
                if isinstance(event, Unanswered):
                    self._answer = event
        if self._answered is not None:
            self._answered.set()
