"""Whatever the order of calls, answers, late, doubled and unknown ones: each call of ours ends once, each of theirs is
answered at most once, and repeats get exactly the same bytes."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from csms.ocpp import exchange as x
from csms.ocpp import faults, frame
from csms.ocpp.exchange import Exchange
from csms.ocpp.faults import ErrorCode, Fault, LocalProtocolError

TIME_OUT = 30.0


class ExchangeMachine(RuleBasedStateMachine):
    @initialize()
    def connect(self) -> None:
        self.now = 0.0
        self.started: list[str] = []
        self.ended: Counter[str] = Counter()
        self.exchange = Exchange(faults.V16, self._new_id)
        self.sent: list[tuple[str, bytes]] = []  # every CALL of theirs, in order
        self.handed_out: Counter[str] = Counter()
        self.order: list[str] = []
        self.refused: set[str] = set()
        self.answers: dict[str, bytes] = {}
        self.answered_at: dict[str, float] = {}
        self.working: frame.Call | None = None
        self.flooded = False

    def _new_id(self) -> str:
        self.started.append(f"ours-{len(self.started)}")
        return self.started[-1]

    def _take(self, events: list[x.Event]) -> list[x.Event]:
        for event in events:
            match event:
                case x.IncomingCall(call):
                    self._begin(call)
                case x.Answered(message_id) | x.Failed(message_id) | x.Unanswered(message_id):
                    self.ended[message_id] += 1
                case x.Flood():
                    self.flooded = True
                case _:
                    pass
        return events

    def _begin(self, call: frame.Call) -> None:
        assert self.working is None, "two calls of theirs are being worked on"
        self.working = call
        self.handed_out[call.message_id] += 1
        self.order.append(call.message_id)

    # -- our lane

    @rule()
    def call_station(self) -> None:
        if self.exchange.idle:
            data = self.exchange.start_call("Reset", b'{"type":"Soft"}', self.now, self.now + TIME_OUT)
            assert json.loads(data)[1] == self.started[-1]
        else:
            with pytest.raises(LocalProtocolError):
                self.exchange.start_call("Reset", b"{}", self.now, self.now + TIME_OUT)

    @rule(back=st.integers(0, 12), kind=st.sampled_from(["result", "error", "broken", "minus one"]))
    def station_answers(self, back: int, kind: str) -> None:
        """The newest call, or a late or doubled answer to an older one, or to none that ever was."""
        target = self.started[-1 - back] if back < len(self.started) else "stranger"
        data = {
            "result": b'[3,"%b",{"status":"Accepted"}]' % target.encode(),
            "error": b'[4,"%b","InternalError","",{}]' % target.encode(),
            "broken": b'[3,"%b"]' % target.encode(),
            "minus one": b'[4,"-1","NotImplemented","",{}]',
        }[kind]
        before = self.ended.total()
        waiting = None if self.exchange.idle else self.started[-1]
        events = self._take(self.exchange.receive(data, self.now))
        assert self.ended.total() - before == int(waiting is not None and (target == waiting or kind == "minus one"))
        assert not any(isinstance(event, x.Reply) for event in events), "an answer was answered"

    @rule(seconds=st.floats(0.0, 40.0))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        overdue = self.exchange.deadline is not None and self.exchange.deadline <= self.now
        assert bool(self._take(self.exchange.expire(self.now))) is overdue

    # -- their lane

    @rule()
    def station_calls(self) -> None:
        message_id = f"theirs-{len(self.sent)}"
        data = frame.print_call(message_id, "Authorize", b'{"idTag":"%b"}' % message_id.encode())
        self.sent.append((message_id, data))
        for event in self._take(self.exchange.receive(data, self.now)):
            if isinstance(event, x.Reply):
                assert json.loads(event.data)[1:3] == [message_id, "GenericError"]
                self.refused.add(message_id)

    @precondition(lambda self: self.sent)
    @rule(back=st.integers(0, 40))
    def station_repeats_a_call(self, back: int) -> None:
        message_id, data = self.sent[max(0, len(self.sent) - 1 - back)]
        if message_id in self.refused:
            return  # that one is over: sent anew, it would be a new call
        known = message_id in self.answers
        if known and (
            self.now - self.answered_at[message_id] >= x.REMEMBER_SECONDS / 2
            or message_id not in list(self.answers)[-x.REMEMBERED :]
        ):
            return  # forgotten, or about to be
        events = self.exchange.receive(data, self.now)
        replies = [event.data for event in events if isinstance(event, x.Reply)]
        assert replies == ([self.answers[message_id]] if known else [])
        assert not any(isinstance(event, x.IncomingCall) for event in events), "applied twice"

    @precondition(lambda self: self.working is not None)
    @rule(fine=st.booleans())
    def we_answer(self, fine: bool) -> None:
        call = self.working
        assert call is not None
        if fine:
            data = self.exchange.answer(call, b"{}")
        else:
            data = self.exchange.fault(call, Fault(ErrorCode.INTERNAL_ERROR, "no"))
        assert call.message_id not in self.answers, "answered twice"
        self.answers[call.message_id] = data
        self.answered_at[call.message_id] = self.now
        self.working = None
        following = self.exchange.next_call()
        if following is not None:
            self._begin(following)

    @rule(data=st.sampled_from([b"", b"garbage", b'[2,"x"]', b"[7]", b"[" * 3000, b'[2,5,"Heartbeat",{}]']))
    def station_sends_garbage(self, data: bytes) -> None:
        before = (self.working, self.exchange.idle)
        self._take(self.exchange.receive(data, self.now))
        assert (self.working, self.exchange.idle) == before

    @rule(times=st.integers(30, 70))
    def station_floods(self, times: int) -> None:
        for _ in range(times):
            self.station_calls()

    # -- always

    @invariant()
    def our_calls_end_once(self) -> None:
        waiting = {} if self.exchange.idle else {self.started[-1]: 0}
        assert self.ended == {message_id: 1 for message_id in self.started if message_id not in waiting}

    @invariant()
    def their_calls_are_worked_on_once_and_in_order(self) -> None:
        assert all(times == 1 for times in self.handed_out.values())
        assert self.order == [m for m, _ in self.sent if m in self.handed_out]

    def teardown(self) -> None:
        if not hasattr(self, "exchange"):
            return
        while self.working is not None:
            self.we_answer(fine=True)
        assert set(self.answers) == {m for m, _ in self.sent} - self.refused, "a call was lost"
        self._take(self.exchange.close())
        assert self.ended == Counter(self.started)


ExchangeMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestExchange = pytest.mark.feature("F-OCPP-11")(ExchangeMachine.TestCase)
