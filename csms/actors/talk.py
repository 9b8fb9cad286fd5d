"""What is said on a link: answers in the words of the station's version, and the message log's lines about it all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import trio

from csms.actors.supervise import Bug, translate_reply
from csms.actors.world import LinkPort
from csms.domain.facts import Fact
from csms.domain.facts import Reply as DomainReply
from csms.domain.station import NotAccepted
from csms.ocpp import frame
from csms.ocpp.dialect import Dialect
from csms.ocpp.exchange import Answered, Event, Exchange, Failed, IncomingCall, ResultRefused, Sent
from csms.ocpp.faults import V16, ErrorCode, Fault
from csms.ports.message_log import Direction, MessageLog

RECEIVED: Final = Direction.RECEIVED
SENT: Final = Direction.SENT


class Begun(msgspec.Struct, frozen=True, gc=False):
    """A CALL that was taken in and waits for the disk."""

    call: frame.Call
    fact: Fact
    reply: DomainReply
    received: float
    data: bytes = b""
    """The message itself, as it was offered."""


class Talk(LinkPort):
    """The part of a `Link` that knows words. `on_bug` is told of bugs that were contained in here."""

    __slots__ = ("_dialect", "_exchange", "_log", "_on_bug", "_station_id")

    def __init__(
        self,
        station_id: int,
        dialect: Dialect,
        message_log: MessageLog,
        new_message_id: Callable[[], str],
        on_bug: Callable[[Exception], None],
    ) -> None:
        self._station_id = station_id
        self._dialect = dialect
        self._exchange = Exchange(dialect.edition, new_message_id)
        self._log = message_log
        self._on_bug = on_bug

    def _print(self, begun: Begun) -> tuple[bytes, bool]:
        """The answer, which is in the message log now. False: something of ours broke, and the answer says so."""
        call = begun.call
        try:
            data = self._exchange.answer(call, translate_reply(self._dialect.reply, call, begun.reply))
        except Bug as bug:
            return self._refuse(call, bug, begun.received), False
        self._log_answer(data, "CALLRESULT", call, begun.received)
        return data, True

    def _refuse(self, call: frame.Call, refusal: Fault | NotAccepted | Bug, received: float) -> bytes:
        """The CALLERROR, which is in the message log now."""
        if isinstance(refusal, Fault):
            fault = refusal
            self._remark(f"{call.action} was refused: {fault.code}: {fault.description}")
        elif isinstance(refusal, NotAccepted):
            fault = self._not_accepted()
        else:
            self._on_bug(refusal)
            self._remark(f"{call.action} could not be handled: an internal error.")
            fault = Fault(ErrorCode.INTERNAL_ERROR, "The central system failed on this message.")
        data = self._exchange.fault(call, fault)
        self._log_answer(data, "CALLERROR", call, received)
        return data

    def _log_answer(self, data: bytes, kind: str, call: frame.Call, received: float) -> None:
        self._log.record(
            self._station_id,
            SENT,
            data,
            message_type=kind,
            action=call.action,
            message_id=call.message_id,
            latency_s=trio.current_time() - received,
        )

    def _not_accepted(self) -> Fault:
        code = ErrorCode.GENERIC_ERROR if self._dialect.edition is V16 else ErrorCode.SECURITY_ERROR
        return Fault(code, "This station is not accepted yet. Send a BootNotification and wait until it is Accepted.")

    def _log_received(self, data: bytes, events: Sequence[Event]) -> None:
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
        self._log.record(self._station_id, RECEIVED, data, message_type=kind, action=action, message_id=message_id)

    def _remark(self, sentence: str) -> None:
        self._log.record(self._station_id, Direction.REMARK, sentence)
