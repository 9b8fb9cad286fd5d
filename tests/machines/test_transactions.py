"""Whatever the order, the doubles and the losses of a 2.x station's TransactionEvents: one session per transaction,
with the right energy, times and token, and flags for exactly what is missing."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csms.domain.facts import TransactionEventSeen
from csms.domain.transaction import Flag, SessionState, Transaction
from tests.kit.transactions import ENDED, STARTED, UPDATED, Desk, at, told


@dataclass(frozen=True)
class Story:
    """One transaction as it really was."""

    events: tuple[TransactionEventSeen, ...]
    registers: tuple[float | None, ...]
    token_at: int

    @property
    def transaction_id(self) -> str:
        return str(self.events[0].transaction_id)


@st.composite
def stories(draw: st.DrawFn, name: str, begins: float) -> Story:
    """A transaction of 2 to 9 messages, a minute apart; each but the first and the last may lack a meter value."""
    count = draw(st.integers(2, 9))
    steps = draw(st.lists(st.integers(0, 2000), min_size=count, max_size=count))
    has_value = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    token_at = draw(st.integers(0, count - 2))
    meter, events, registers = begins, [], []
    for number, (step, measured) in enumerate(zip(steps, has_value, strict=True)):
        meter += step
        last = number == count - 1
        wh = meter if measured or number == 0 or last else None
        registers.append(wh)
        kind = STARTED if number == 0 else ENDED if last else UPDATED
        more = {"id_token": "aa", "token_type": "ISO14443"} if number == token_at else {}
        reason = "Authorized" if more else "MeterValuePeriodic"
        seconds = begins / 10 + 60.0 * number
        events.append(
            told(kind, number, seconds, wh, transaction_id=name, trigger_reason=reason, reason="Local" * last, **more)
        )
    return Story(tuple(events), tuple(registers), token_at)


def session_of(desk: Desk, story: Story) -> Transaction | None:
    found = [s for s in desk.settled() if s.transaction_id == story.transaction_id]
    assert len(found) <= 1
    return found[0] if found else None


def check(session: Transaction, story: Story, kept: frozenset[int]) -> None:
    """`kept`: the numbers of the messages that came at all."""
    last = len(story.events) - 1
    known = [wh for number, wh in enumerate(story.registers) if number in kept and wh is not None]
    assert session.energy_wh == (max(known) - min(known) if known else 0.0)
    assert session.sequence is not None
    assert {n for first, final in session.sequence.spans for n in range(first, final + 1)} == kept
    assert (Flag.START_MISSING in session.flags) == (0 not in kept)
    assert (Flag.SEQUENCE_GAP in session.flags) == (max(kept) - min(kept) + 1 != len(kept))
    assert session.started_at == (story.events[0].timestamp if 0 in kept else None)
    assert session.id_token == ("AA" if story.token_at in kept else "")
    assert session.meter_value_count == len(known)
    if last in kept:
        assert session.state is SessionState.ENDED
        assert session.stopped_at == story.events[last].timestamp
        assert session.stop_reason == "Local"
        assert Flag.STOP_MISSING not in session.flags
    if kept == frozenset(range(last + 1)):
        assert session.flags == ()


@pytest.mark.feature("F-OCPP-4", "F-OCPP-9")
@settings(deadline=None)
@given(data=st.data())
def test_any_order_with_doubles_and_losses_is_one_correct_session(data: st.DataObject) -> None:
    story = data.draw(stories("tx-1", 1000.0))
    sent = data.draw(st.permutations(story.events))
    kept = sent[: data.draw(st.integers(1, len(sent)))]
    doubled = data.draw(st.lists(st.sampled_from(kept), max_size=5))
    desk = Desk()
    for event in kept:
        desk.tell(event, later=0.5)
    for event in doubled:
        desk.tell(event, later=0.5)
    session = session_of(desk, story)
    assert session is not None
    check(session, story, frozenset(event.seq_no for event in kept if event.seq_no is not None))
    assert len({at for at, _ in desk.values}) == session.meter_value_count


@pytest.mark.feature("F-OCPP-4", "F-OCPP-9")
@settings(deadline=None)
@given(data=st.data())
def test_two_transactions_in_any_order_stay_two(data: st.DataObject) -> None:
    first = data.draw(stories("tx-1", 1000.0))
    second = data.draw(stories("tx-2", 30_000.0))
    desk = Desk()
    for event in data.draw(st.permutations((*first.events, *second.events))):
        desk.tell(event, later=0.5)
    for story in (first, second):
        session = session_of(desk, story)
        assert session is not None
        check(session, story, frozenset(range(len(story.events))))
    assert desk.state.open == {}
    assert desk.in_use == set()
    assert first.events[0].timestamp == at(100.0)
