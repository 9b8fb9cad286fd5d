"""The RPC state machine of one connection (OCPP-J 1.6 §4.1.1, 2.0.1 part 4 §4.1.1), without I/O or clock.

There are two lanes, which know nothing of each other: *ours* (CALLs that we send) and *theirs* (CALLs that the
station sends). "A Charge Point or Central System SHOULD NOT send a CALL message to the other party unless all the
CALL messages it sent before have been responded to or have timed out": one at a time, per direction.

Our lane:

    state     event                                   next      what comes out
    --------  --------------------------------------  --------  ---------------------------------------------
    idle      start_call                              waiting   the CALL to send
    waiting   start_call                              waiting   LocalProtocolError (a bug of ours)
    waiting   CALLRESULT with our id                  idle      Answered
    waiting   CALLERROR with our id, or with "-1"     idle      Failed  (-1: seen for actions a station lacks)
    waiting   a broken answer with our id             idle      Failed, FormatViolation; 2.1: a CALLRESULTERROR
    waiting   expire at or after the deadline         idle      Unanswered; the id is remembered as expired
    waiting   close                                   closed    Unanswered
    any       an answer with an expired id            same      Dropped "late"
    any       an answer with any other id             same      Dropped "unknown"
    idle      refuse_result (2.1)                     same      the CALLRESULTERROR to send: its payload was no good

Their lane:

    state     event                                   next      what comes out
    --------  --------------------------------------  --------  ---------------------------------------------
    idle      CALL                                    working   IncomingCall
    working   CALL                                    working   nothing: it waits in a bounded queue, in order
    working   CALL, queue full                        working   Reply(CALLERROR GenericError), Dropped; then Flood
    working   answer / fault                          idle      the bytes to send, which are remembered
    idle      next_call                               working   the head of the queue, if there is one
    any       the same CALL, being worked or queued   same      Dropped (its answer will come once)
    any       the same CALL, already answered         same      Reply(the remembered bytes), Dropped
    any       a frame that cannot be read             same      Reply if the specification wants one, Dropped
    any       SEND (2.1)                              same      Sent: it wants no answer
    any       CALLRESULTERROR (2.1)                   same      ResultRefused: our answer was no good to the station

"The same CALL" has the same message id *and* the same bytes: stations exist that never change their ids, and their
next message is not a repetition. Of several answered CALLs with one id, the newest is remembered. The specification
lets one refuse a CALL whose id is still being worked on with a CALLERROR; the station would take that for the answer to
the first one, so it is dropped instead. Heartbeats are never remembered: their answer is the time, which must not be an
old one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec

from csms.ocpp import frame
from csms.ocpp.faults import Edition, ErrorCode, Fault, LocalProtocolError

MAX_QUEUED: Final = 32
"""CALLs of theirs that may wait behind the one being worked on."""
MAX_REFUSED: Final = 32
"""Refused frames in a row, without a single good one being answered, that make a flood."""
REMEMBERED: Final = 8
"""Answered CALLs of theirs, and expired ones of ours, that are remembered."""
REMEMBER_SECONDS: Final = 300.0
"""A repetition comes within a station's own time-outs; later, equal bytes are a new CALL."""
_NEVER_REMEMBERED: Final = frozenset({"Heartbeat"})


class IncomingCall(msgspec.Struct, frozen=True, gc=False):
    """Work on this, then give it to `answer` or `fault`."""

    call: frame.Call


class Answered(msgspec.Struct, frozen=True, gc=False):
    """Our call got its CALLRESULT, `elapsed` seconds after it was sent. `payload` is raw JSON, not yet checked."""

    message_id: str
    action: str
    payload: msgspec.Raw
    elapsed: float


class Failed(msgspec.Struct, frozen=True, gc=False):
    """Our call got a CALLERROR. `code` is the station's word."""

    message_id: str
    action: str
    code: str
    description: str
    details: bytes
    elapsed: float


class Unanswered(msgspec.Struct, frozen=True, gc=False):
    """Our call ended in silence: it may have happened."""

    message_id: str
    action: str
    reason: str


class Reply(msgspec.Struct, frozen=True, gc=False):
    """Send these bytes."""

    data: bytes


class Dropped(msgspec.Struct, frozen=True, gc=False):
    """Something was not taken in; a sentence for the event log."""

    reason: str


class Flood(msgspec.Struct, frozen=True, gc=False):
    """The station keeps sending what is refused: close the connection (WebSocket 1008)."""

    reason: str


class Sent(msgspec.Struct, frozen=True, gc=False):
    """OCPP 2.1 SEND: a message of theirs that wants no answer."""

    message: frame.Send


class ResultRefused(msgspec.Struct, frozen=True, gc=False):
    """OCPP 2.1 CALLRESULTERROR: the station could not take our answer. Nothing can be done but tell people."""

    message_id: str
    code: str
    description: str


Event = IncomingCall | Answered | Failed | Unanswered | Reply | Dropped | Flood | Sent | ResultRefused


class _Pending(msgspec.Struct, frozen=True, gc=False):
    message_id: str
    action: str
    started: float
    deadline: float


class _Done(msgspec.Struct, frozen=True, gc=False):
    digest: int
    data: bytes
    at: float


class _Theirs(msgspec.Struct, frozen=True, gc=False):
    call: frame.Call
    digest: int
    at: float


class Exchange:
    """One connection's RPC state.

    `new_id` makes message ids for our calls (unique per connection; the caller owns the randomness). Times are
    seconds of any one monotonic clock. Nothing here blocks, and all methods are sync.
    """

    __slots__ = ("_closed", "_done", "_edition", "_expired", "_new_id", "_pending", "_queue", "_refused", "_working")

    def __init__(self, edition: Edition, new_id: Callable[[], str]) -> None:
        self._edition = edition
        self._new_id = new_id
        self._pending: _Pending | None = None
        self._expired: deque[str] | None = None  # most connections never need one
        self._working: _Theirs | None = None
        self._queue: deque[_Theirs] | None = None
        self._done: dict[str, _Done] = {}  # the newest is the last; a deque would weigh 600 bytes
        self._refused = 0
        self._closed = False

    # -- what comes in -----------------------------------------------------------------------------------------

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Take in one frame; returns what it means, in order."""
        try:
            message = frame.parse(data, self._edition)
        except frame.MalformedFrame as error:
            return self._malformed(error, now)
        if isinstance(message, frame.Call):
            return self._call(message, hash(data), now)
        if isinstance(message, frame.CallResult):
            pending = self._pending
            if pending is None or pending.message_id != message.message_id:
                return [self._stray("CALLRESULT", message.message_id)]
            self._pending = None
            self._refused = 0
            return [Answered(pending.message_id, pending.action, message.payload, now - pending.started)]
        if isinstance(message, frame.CallError):
            return [self._error(message, now)]
        if isinstance(message, frame.Send):
            return [Sent(message)]
        return [ResultRefused(message.message_id, message.code, message.description or "")]

    def _call(self, call: frame.Call, digest: int, now: float) -> list[Event]:
        theirs = _Theirs(call, digest, now)
        repeated = self._repetition(theirs)
        if repeated is not None:
            return repeated
        if self._working is None and not self._queue:
            self._working = theirs
            return [IncomingCall(call)]
        if self._queue is None:
            self._queue = deque()
        if len(self._queue) < MAX_QUEUED:
            self._queue.append(theirs)
            return []
        reason = f"Too many calls in flight: {call.action} was refused. Wait for an answer before the next CALL."
        fault = Fault(ErrorCode.GENERIC_ERROR, reason)
        return [
            Reply(frame.print_fault(call.message_id, fault, self._edition)),
            Dropped(reason),
            *self._count_refused(),
        ]

    def _repetition(self, new: _Theirs) -> list[Event] | None:
        message_id, digest = new.call.message_id, new.digest
        done = self._done.get(message_id)
        if done is not None and done.digest == digest and new.at - done.at < REMEMBER_SECONDS:
            return [
                Reply(done.data),
                Dropped(f"{new.call.action} {message_id!r} came again; its answer was sent again."),
            ]
        if self._working is not None and (
            _same(self._working, new) or any(_same(other, new) for other in self._queue or ())
        ):
            return [Dropped(f"{new.call.action} {message_id!r} came again while the first is being worked on.")]
        return None

    def _error(self, error: frame.CallError, now: float) -> Event:
        pending = self._pending
        if pending is None or error.message_id not in (pending.message_id, frame.UNREADABLE_ID):
            return self._stray("CALLERROR", error.message_id)
        self._pending = None
        return Failed(
            pending.message_id,
            pending.action,
            error.code,
            error.description or "",
            bytes(error.details),
            now - pending.started,
        )

    def _malformed(self, error: frame.MalformedFrame, now: float) -> list[Event]:
        events: list[Event] = [Dropped(error.reason)]
        pending = self._pending
        answers_us = pending is not None and error.failed_id == pending.message_id
        if error.reply is not None and (error.failed_id is None or answers_us):
            events.insert(0, Reply(error.reply))
        if pending is not None and answers_us:
            self._pending = None
            code = self._edition.spell(ErrorCode.FORMAT_VIOLATION)
            events.append(Failed(pending.message_id, pending.action, code, error.reason, b"{}", now - pending.started))
        return events + self._count_refused()

    def _stray(self, kind: str, message_id: str) -> Dropped:
        if self._expired is not None and message_id in self._expired:
            return Dropped(f"A late {kind} for {message_id!r} was dropped: its call had timed out.")
        return Dropped(f"A {kind} for {message_id!r} was dropped: no call with this id is waiting.")

    def _count_refused(self) -> list[Event]:
        self._refused += 1
        if self._refused < MAX_REFUSED:
            return []
        return [Flood(f"{self._refused} frames in a row were refused.")]

    # -- our lane ------------------------------------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """Whether `start_call` may be called."""
        return self._pending is None

    @property
    def deadline(self) -> float | None:
        """When the call in flight expires."""
        return None if self._pending is None else self._pending.deadline

    def start_call(self, action: str, payload: bytes, now: float, deadline: float) -> bytes:
        """The CALL to send. Raises LocalProtocolError while another call of ours is in flight."""
        if self._pending is not None:
            raise LocalProtocolError(f"{action} would be a second CALL beside {self._pending.action}.")
        message_id = self._new_id()
        self._pending = _Pending(message_id, action, now, deadline)
        return frame.print_call(message_id, action, payload)

    def refuse_result(self, message_id: str, fault: Fault) -> bytes | None:
        """The CALLRESULTERROR to send for an answer that was Answered and then was no good; None before 2.1, which has
        no word for it."""
        if frame.CALL_RESULT_ERROR not in self._edition.message_types:
            return None
        return frame.print_result_fault(message_id, fault, self._edition)

    def expire(self, now: float) -> list[Event]:
        """End the call in flight if its deadline is here."""
        pending = self._pending
        if pending is None or now < pending.deadline:
            return []
        self._pending = None
        if self._expired is None:
            self._expired = deque(maxlen=REMEMBERED)
        self._expired.append(pending.message_id)
        return [Unanswered(pending.message_id, pending.action, "The station did not answer before the deadline.")]

    def close(self) -> list[Event]:
        """The connection is gone: the call in flight ends, theirs are forgotten. Idempotent.

        One of theirs may still be worked on; its answer can be made, and goes nowhere.
        """
        self._closed = True
        pending, self._pending = self._pending, None
        self._working = self._queue = None
        if pending is None:
            return []
        return [Unanswered(pending.message_id, pending.action, "The connection ended before the answer.")]

    # -- their lane ----------------------------------------------------------------------------------------------

    def answer(self, call: frame.Call, payload: bytes) -> bytes:
        """The CALLRESULT to send for the call being worked on; it is remembered. Then ask `next_call`."""
        return self._finish(call, frame.print_result(call.message_id, payload))

    def fault(self, call: frame.Call, fault: Fault) -> bytes:
        """The CALLERROR to send for the call being worked on; it is remembered. Then ask `next_call`."""
        return self._finish(call, frame.print_fault(call.message_id, fault, self._edition))

    def next_call(self) -> frame.Call | None:
        """The next waiting call, which is now being worked on; None when there is none or one is being worked on."""
        if self._working is not None or not self._queue:
            return None
        self._working = self._queue.popleft()
        return self._working.call

    def _finish(self, call: frame.Call, data: bytes) -> bytes:
        theirs = self._working
        if self._closed:
            return data
        if theirs is None or theirs.call is not call:
            raise LocalProtocolError(f"{call.action} {call.message_id!r} is not the call being worked on.")
        self._working = None
        self._refused = 0
        if call.action not in _NEVER_REMEMBERED:
            remembered = self._done
            remembered.pop(call.message_id, None)
            remembered[call.message_id] = _Done(theirs.digest, data, theirs.at)
            if len(remembered) > REMEMBERED:
                del remembered[next(iter(remembered))]
        return data


def _same(one: _Theirs, other: _Theirs) -> bool:
    return one.digest == other.digest and one.call.message_id == other.call.message_id
