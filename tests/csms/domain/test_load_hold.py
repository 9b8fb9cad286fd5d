"""What an outlet may draw, as far as anyone can know: whatever is lost on the way, the reckoning is never too low."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.domain.charging_profile import ChargingProfile, ChargingRateUnit
from csms.domain.charging_rules import check_profile
from csms.domain.load_hold import (
    CLOCKS,
    LITTLE_LASTS,
    MUCH_LASTS,
    RENEWED_AFTER,
    LoadHold,
    after_accepting,
    after_refusing,
    before_sending,
    before_sending_fail_safe,
    fail_safe_profile,
    lasting,
    may_draw,
    share_profile,
)

pytestmark = pytest.mark.feature("F-SYS-8")
NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
SAFE = LoadHold(1, 0, 60, 60, None, NOW, NOW)
SECOND = timedelta(seconds=1)


def a_share(held: int, ends: datetime) -> LoadHold:
    return LoadHold(1, 1, held, held, ends, NOW, NOW)


def test_a_station_that_never_took_our_profiles_may_draw_all_it_can() -> None:
    assert may_draw(None, None, most=320, told=True, now=NOW) == 320
    sent = before_sending_fail_safe(None, 1, 60, NOW)
    assert may_draw(None, sent, most=320, told=True, now=NOW) == 320
    assert may_draw(None, after_refusing(None, sent, "Rejected"), most=320, told=True, now=NOW) == 320
    assert may_draw(None, after_accepting(sent, 60, None), most=320, told=True, now=NOW) == 60


def test_without_its_station_a_share_counts_until_it_ends_and_then_the_fail_safe() -> None:
    ends = NOW + MUCH_LASTS
    much, little = a_share(160, ends), a_share(0, ends)
    for share, told, at, current in (
        (much, True, NOW, 160),
        (much, False, NOW, 160),
        (much, False, ends + CLOCKS, 160),
        (much, False, ends + CLOCKS + SECOND, 60),
        (little, True, NOW, 0),
        (little, False, NOW, 60),
        (little, True, ends - CLOCKS, 60),
    ):
        assert may_draw(share, SAFE, most=320, told=told, now=at) == current


def test_a_raise_counts_from_when_it_is_sent_and_a_cut_from_when_it_is_accepted() -> None:
    old = a_share(100, NOW + MUCH_LASTS)
    later = NOW + timedelta(minutes=2)
    for current in (160, 60):
        sent = before_sending(old, (1, 1), current, 100, MUCH_LASTS, later)
        assert (sent.held, sent.given, sent.answered) == (max(100, current), 100, False)
        assert sent.expires_at == later + MUCH_LASTS
        done = after_accepting(sent, current, MUCH_LASTS)
        assert (done.held, done.given, done.answered, done.refused) == (current, current, True, False)
        refused = after_refusing(old, sent, "Rejected")
        assert (refused.held, refused.given, refused.expires_at, refused.refused) == (100, 100, old.expires_at, True)


def test_one_that_refuses_its_first_share_has_the_fail_safe() -> None:
    sent = before_sending(None, (1, 1), 160, 60, MUCH_LASTS, NOW)
    assert sent.held == 160
    refused = after_refusing(None, sent, "Rejected")
    assert may_draw(refused, SAFE, most=320, told=True, now=NOW) == 60


def test_the_time_of_a_turn_counts_from_when_it_began_not_from_when_it_was_renewed() -> None:
    later = NOW + timedelta(minutes=5)
    share = a_share(60, NOW + MUCH_LASTS)
    renewed = after_accepting(before_sending(share, (1, 1), 100, 60, MUCH_LASTS, later), 100, MUCH_LASTS)
    assert renewed.changed_at == NOW
    paused = after_accepting(before_sending(renewed, (1, 1), 0, 100, LITTLE_LASTS, later), 0, LITTLE_LASTS)
    assert paused.changed_at == later


def test_if_the_server_falls_silent_all_who_have_much_fall_back_before_one_with_little_rises() -> None:
    latest_much = lasting(160, 60) + 2 * CLOCKS
    earliest_little = lasting(0, 60) - RENEWED_AFTER - 2 * CLOCKS
    assert latest_much < earliest_little


def test_what_is_sent_is_a_valid_profile_and_ends_by_itself() -> None:
    profile = share_profile(2, 161, MUCH_LASTS, NOW, None)
    check_profile(profile, 2)
    schedule = profile.charging_schedule[0]
    assert schedule.start_schedule is not None
    assert schedule.duration is not None
    assert schedule.start_schedule < NOW
    assert schedule.start_schedule + timedelta(seconds=schedule.duration) == NOW + MUCH_LASTS
    assert schedule.charging_schedule_period[0].limit == 16.1
    base = fail_safe_profile(60, NOW, 4140)
    check_profile(base, 0)
    assert base.charging_schedule[0].duration is None
    assert base.charging_schedule[0].charging_rate_unit is ChargingRateUnit.WATT
    assert base.stack_level < profile.stack_level


# -- a station with a lossy line, and what we believe of it ------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.integers(0, 400), st.sampled_from(["accepts", "refuses", "answer lost", "lost"]), st.integers(0, 1200)
    ),
    max_size=12,
)


class Station:
    """Keeps one share, as its profile says."""

    def __init__(self) -> None:
        self.current, self.ends = 0, NOW - timedelta(days=1)

    def take(self, profile: ChargingProfile) -> None:
        schedule = profile.charging_schedule[0]
        assert schedule.start_schedule is not None
        assert schedule.duration is not None
        limit = schedule.charging_schedule_period[0].limit
        self.current = round((limit or 0) * 10)
        self.ends = schedule.start_schedule + timedelta(seconds=schedule.duration)

    def draws(self, now: datetime) -> int:
        return self.current if now < self.ends else 60


@given(STEPS)
def test_it_never_draws_more_than_is_reckoned_with(steps: list[tuple[int, str, int]]) -> None:
    station, known, now = Station(), None, NOW
    for current, fate, seconds in steps:
        old, lasts = known, lasting(current, 60)
        draws = may_draw(old, SAFE, most=400, told=True, now=now)
        sent = before_sending(old, (1, 1), current, draws, lasts, now)
        if fate in ("accepts", "answer lost"):
            station.take(share_profile(1, current, lasts, now, None))
        if fate == "accepts":
            known = after_accepting(sent, current, lasts)
        elif fate == "refuses":
            known = after_refusing(old, sent, "Rejected")
        else:
            known = sent
        for later in (0, seconds // 2, seconds):
            then = now + timedelta(seconds=later)
            assert station.draws(then) <= may_draw(known, SAFE, most=400, told=False, now=then)
        now += timedelta(seconds=seconds)
