"""What raises, updates and clears an alarm."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from csms.domain.alarms import (
    Alarm,
    AlarmKind,
    AlarmSettings,
    AlarmSource,
    Cleared,
    Clearing,
    Happening,
    Raised,
    Severity,
    Subject,
    Weighing,
    check_handling,
    check_settings,
    weigh,
)
from csms.domain.errors import InvalidArgument

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
HOLD = timedelta(minutes=10)
STATION = Subject(3)


def raised(minutes: float = 0, *, standing: bool = False, severity: Severity = Severity.MAJOR) -> Raised:
    at = NOW + timedelta(minutes=minutes)
    return Raised(
        STATION, "k", at, AlarmKind.HARDWARE_FAULT, severity, AlarmSource.STATUS, "E1", "Broken.", standing=standing
    )


def cleared(minutes: float = 0) -> Cleared:
    return Cleared(STATION, "k", NOW + timedelta(minutes=minutes))


def after(*seen: Raised | Cleared) -> Alarm | None:
    known: Alarm | None = None
    for each in seen:
        change = weigh(known, each, HOLD)
        known = known if change is None else msgspec.structs.replace(change.alarm, id=1)
    return known


@pytest.mark.feature("F-ALM-2")
def test_a_fault_is_one_alarm_until_it_is_over() -> None:
    change = weigh(None, raised(), HOLD)
    assert change is not None
    assert change.happening is Happening.RAISED
    over = after(raised(), cleared(5))
    assert over is not None
    assert (over.active, over.clearing, over.count) == (False, Clearing.BY_ITSELF, 1)


def test_what_flaps_is_one_alarm_counted() -> None:
    flapping = after(*(each for n in range(5) for each in (raised(n), cleared(n + 0.5))))
    assert flapping is not None
    assert (flapping.count, flapping.active, flapping.first_raised_at) == (5, False, NOW)


def test_what_comes_back_late_is_another_alarm() -> None:
    over = after(raised(), cleared(1))
    change = weigh(over, raised(12), HOLD)
    assert change is not None
    assert (change.alarm.id, change.alarm.count) == (0, 1)


def test_old_news_neither_raises_nor_clears() -> None:
    assert weigh(after(raised(), cleared(5)), raised(4), HOLD) is None
    assert weigh(after(raised(5)), cleared(4), HOLD) is None
    assert weigh(None, cleared(), HOLD) is None
    assert weigh(after(raised(), cleared(1)), cleared(2), HOLD) is None


def test_a_state_that_lasts_is_no_news() -> None:
    assert weigh(after(raised(standing=True)), raised(5, standing=True), HOLD) is None


def test_what_grows_worse_is_told_anew() -> None:
    change = weigh(after(raised()), raised(1, severity=Severity.CRITICAL), HOLD)
    assert change is not None
    assert (change.happening, change.alarm.severity) == (Happening.RAISED, Severity.CRITICAL)
    change = weigh(after(raised()), raised(1), HOLD)
    assert change is not None
    assert change.happening is Happening.REPEATED


def test_what_was_ended_by_hand_stays_so_until_it_is_told_anew() -> None:
    known = after(raised())
    assert known is not None
    by_hand = msgspec.structs.replace(known, cleared_at=NOW + HOLD, clearing=Clearing.BY_HAND, cleared_by="users/1")
    assert weigh(by_hand, raised(standing=True), HOLD) is None
    change = weigh(by_hand, raised(11), HOLD)
    assert change is not None
    assert (change.alarm.active, change.alarm.cleared_by) == (True, "")


def test_one_connector_has_one_fault_at_a_time() -> None:
    weighing = Weighing({}, HOLD)
    other = msgspec.structs.replace(raised(1), key="k2")
    weighing.take(raised())
    weighing.take(other)
    weighing.end(STATION, "k", NOW + timedelta(minutes=1), but={"k2"})
    assert [(alarm.key, alarm.active) for alarm, _ in weighing.changes] == [("k", False), ("k2", True)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"silent_after_s": 5},
        {"not_registered_after_s": 0},
        {"network_percent": 49},
        {"hold_off_s": -1},
        {"backup_after_s": 1},
    ],
)
def test_settings_out_of_bounds_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidArgument):
        check_settings(msgspec.structs.replace(AlarmSettings(), **wrong))


@pytest.mark.parametrize(("count", "note"), [(0, ""), (1001, ""), (1, "x" * 1001)])
def test_too_much_at_once_is_refused(count: int, note: str) -> None:
    with pytest.raises(InvalidArgument):
        check_handling(count, note)


class OneAlarm(RuleBasedStateMachine):
    """A station tells faults and ends of faults, late and twice; a model knows which is the last word."""

    def __init__(self) -> None:
        super().__init__()
        self.alarms: list[Alarm] = []
        self.clock = NOW
        self.last_word: bool | None = None
        self.told: list[Raised | Cleared] = []

    def _tell(self, seen: Raised | Cleared) -> None:
        change = weigh(self.alarms[-1] if self.alarms else None, seen, HOLD)
        if change is None:
            return
        if change.alarm.id == 0:
            self.alarms.append(msgspec.structs.replace(change.alarm, id=len(self.alarms) + 1))
        else:
            self.alarms[-1] = change.alarm

    @rule(minutes=st.integers(1, 30), fault=st.booleans())
    def tell(self, minutes: int, fault: bool) -> None:
        self.clock += timedelta(minutes=minutes)
        at = (self.clock - NOW).total_seconds() / 60
        self.told.append(raised(at) if fault else cleared(at))
        self.last_word = fault
        self._tell(self.told[-1])

    @rule(data=st.data())
    def repeat_old_news(self, data: st.DataObject) -> None:
        if len(self.told) > 1:
            before = [(a.id, a.count, a.active) for a in self.alarms]
            old = data.draw(st.sampled_from(self.told[:-1]))
            if not self.alarms or old.at < max(a.cleared_at or a.last_raised_at for a in self.alarms):
                self._tell(old)
                assert [(a.id, a.count, a.active) for a in self.alarms] == before

    @invariant()
    def the_last_word_counts(self) -> None:
        active = [alarm for alarm in self.alarms if alarm.active]
        assert len(active) == (1 if self.last_word else 0)
        assert all(alarm.last_raised_at >= alarm.first_raised_at for alarm in self.alarms)
        assert all(
            one.cleared_at is not None and two.first_raised_at - one.cleared_at > HOLD
            for one, two in zip(self.alarms, self.alarms[1:], strict=False)
        )


TestOneAlarm = OneAlarm.TestCase
