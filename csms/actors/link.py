"""One socket's life: one wire, one exchange, one dialect, one epoch.

The reader is the caller's task: it takes a message, works on it to the end and only then takes the next one, so that
back-pressure reaches the station through TCP. `call` is used by the actor's task. What a station's message may do:

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
from csms.actors.supervise import Bug, translate, translate_reply
from csms.actors.world import (
    NORMAL_CLOSURE,
    POLICY_VIOLATION,
    TRY_AGAIN_LATER,
    UNSUPPORTED_DATA,
    LinkLost,
    LinkPort,
    PreparedCall,
)
from csms.domain.commands import Answer, Command
from csms.domain.errors import Unavailable
from csms.domain.facts import Fact
from csms.domain.facts import Reply as DomainReply
from csms.domain.station import NotAccepted
from csms.ocpp import frame
from csms.ocpp.dialect import Dialect
from csms.ocpp.exchange import (
    Answered,
    Dropped,
    Event,
    Exchange,
    Failed,
    Flood,
    IncomingCall,
    Reply,
    ResultRefused,
    Sent,
    Unanswered,
)
from csms.ocpp.faults import V16, ErrorCode, Fault
from csms.ports.directory import Claim
from csms.ports.message_log import Direction, MessageLog
from csms.ports.wire import BinaryMessage, ConnectionClosed, Wire

MAX_BINARY: Final = 32
_REMARK_SECONDS: Final = 60.0
_REFUSAL_SECONDS: Final = 5.0
_RECEIVED: Final = Direction.RECEIVED
_SENT: Final = Direction.SENT


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


class Link(LinkPort):
    """See the module. `on_bug` is told of bugs that were contained in here."""

    __slots__ = (
        "_actor",
        "_answer",
        "_answered",
        "_binaries",
        "_claim",
        "_dialect",
        "_epoch",
        "_exchange",
        "_farewell",
        "_filled_at",
        "_first",
        "_limits",
        "_log",
        "_on_bug",
        "_over",
        "_remarked_at",
        "_station_id",
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
        self._dialect = dialect
        self._actor = actor
        self._station_id = actor.station_id
        self._log = message_log
        self._limits = limits
        self._on_bug = on_bug
        self._claim = claim
        self._exchange = Exchange(dialect.edition, new_message_id)
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
            while True:
                data = await self._wire.receive()
                self._working = True
                await self._take_in(data)
                self._working = False
                if self._farewell is not None:
                    self.close_soon(*self._farewell)
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
        now = trio.current_time()
        tokens = min(self._limits.burst, self._tokens + (now - self._filled_at) * self._limits.rate) - 1.0
        self._tokens, self._filled_at = tokens, now
        if tokens < 0.0:
            await self._slow_down(now)
        if isinstance(data, BinaryMessage):
            return await self._refuse_binary(data)
        events = self._exchange.receive(data, now)
        if len(events) == 1 and type(event := events[0]) is IncomingCall:  # nearly always
            call = event.call
            self._log.record(
                self._station_id,
                _RECEIVED,
                data,
                message_type="CALL",
                action=call.action,
                message_id=call.message_id,
            )
            return await self._work(call, now)
        self._log_received(data, events)
        for event in events:
            if isinstance(event, IncomingCall):
                await self._work(event.call, now)
            else:
                await self._note(event)
        return None

    async def _work(self, call: frame.Call, received: float) -> None:
        """Bring one CALL of the station to its answer."""
        told: tuple[Fact, DomainReply] | None = None
        try:
            fact = translate(self._dialect.decode, call)
            reply = await self._actor.handle(self._epoch, fact)
            data = self._exchange.answer(call, translate_reply(self._dialect.reply, call, reply))
            kind, told = "CALLRESULT", (fact, reply)
        except Fault as fault:
            self._remark(f"{call.action} was refused: {fault.code}: {fault.description}")
            data, kind = self._exchange.fault(call, fault), "CALLERROR"
        except NotAccepted:
            data, kind = self._exchange.fault(call, self._not_accepted()), "CALLERROR"
        except Bug as bug:
            self._on_bug(bug)
            self._remark(f"{call.action} could not be handled: an internal error.")
            sorry = Fault(ErrorCode.INTERNAL_ERROR, "The central system failed on this message.")
            data, kind = self._exchange.fault(call, sorry), "CALLERROR"
        self._log.record(
            self._station_id,
            _SENT,
            data,
            message_type=kind,
            action=call.action,
            message_id=call.message_id,
            latency_s=trio.current_time() - received,
        )
        await self._wire.send(data)
        if told is not None:
            self._actor.answered(*told)
        if self._first:
            self._first = False
            self._actor.settled(self._epoch)
        # Nothing waits behind it: the next message is read when this one is done.

    def _not_accepted(self) -> Fault:
        code = ErrorCode.GENERIC_ERROR if self._dialect.edition is V16 else ErrorCode.SECURITY_ERROR
        return Fault(code, "This station is not accepted yet. Send a BootNotification and wait until it is Accepted.")

    async def _note(self, event: Event) -> None:
        """Anything but an incoming call."""
        if isinstance(event, Answered | Failed | Unanswered):
            self._answer = event
            self._wake_caller()
        elif isinstance(event, Reply):
            self._log.record(self._station_id, _SENT, event.data)
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

    def _log_received(self, data: bytes, events: list[Event]) -> None:
        kind = action = message_id = ""
        for event in events:
            if isinstance(event, IncomingCall):
                kind, action, message_id = "CALL", event.call.action, event.call.message_id
            elif isinstance(event, Answered):
                kind, action, message_id = "CALLRESULT", event.action, event.message_id
            elif isinstance(event, Failed):
                kind, action, message_id = "CALLERROR", event.action, event.message_id
            elif isinstance(event, Sent):
                kind, action, message_id = "SEND", event.message.action, event.message.message_id
            elif isinstance(event, ResultRefused):
                kind, message_id = "CALLRESULTERROR", event.message_id
        self._log.record(self._station_id, _RECEIVED, data, message_type=kind, action=action, message_id=message_id)

    def _remark(self, sentence: str) -> None:
        self._log.record(self._station_id, Direction.REMARK, sentence)

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
                self._log.record(self._station_id, _SENT, data, message_type="CALL", action=prepared.action)
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
            _SENT,
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
