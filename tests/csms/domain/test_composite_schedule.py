"""Our computation of what results of all profiles, against one that looks at every second by itself."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csms.domain.charging_profile import (
    ChargingProfile,
    ChargingProfileKind,
    ChargingProfilePurpose,
    ChargingRateUnit,
    ChargingSchedulePeriod,
    HeldProfile,
    RecurrencyKind,
)
from csms.domain.composite_schedule import RunningTransaction, Supply, composite_schedule
from tests.kit.profiles import START, a_profile, a_schedule

P, K, U = ChargingProfilePurpose, ChargingProfileKind, ChargingRateUnit
A, W = U.AMPERE, U.WATT
RUNNING = RunningTransaction("7", START - timedelta(seconds=100))


def composed(*held: HeldProfile, duration: int = 3600, **more: Any) -> list[tuple[int, float | None]]:
    arguments = {"evse_id": 1, "start": START, "unit": A, "transaction": RUNNING, **more}
    made = composite_schedule(held, duration_s=duration, **arguments)
    return [(period.start_period, period.limit) for period in made.charging_schedule_period]


def on(evse_id: int, *periods: tuple[int, float], source: str = "csms", **changes: Any) -> HeldProfile:
    return HeldProfile(evse_id, source, a_profile(*periods, **changes))


def test_without_profiles_nothing_limits() -> None:
    assert composed() == [(0, None)]


@pytest.mark.feature("F-OCPP-4")
def test_lowest_of_the_purposes_counts() -> None:
    station = on(0, (0, 20.0), charging_profile_purpose=P.CHARGING_STATION_MAX_PROFILE)
    default = on(0, (0, 32.0), (600, 10.0))
    assert composed(station, default) == [(0, 20.0), (600, 10.0)]


def test_highest_stack_level_counts_where_it_is_at_work() -> None:
    low = on(1, (0, 10.0))
    high = on(1, (0, 16.0), stack_level=3, schedule={"duration": 600})
    assert composed(low, high) == [(0, 16.0), (600, 10.0)]


def test_profile_of_the_transaction_replaces_the_default_even_upwards() -> None:
    default = on(0, (0, 10.0), stack_level=9)
    its = on(1, (0, 16.0), charging_profile_purpose=P.TX_PROFILE, transaction_id="7", schedule={"duration": 60})
    another = on(1, (0, 1.0), charging_profile_purpose=P.TX_PROFILE, transaction_id="8", stack_level=5)
    assert composed(default, its, another) == [(0, 16.0), (60, 10.0)]


def test_default_of_the_evse_goes_before_the_station_s_on_the_same_level() -> None:
    assert composed(on(0, (0, 10.0)), on(1, (0, 16.0)), on(2, (0, 1.0))) == [(0, 16.0)]


def test_validity_begins_and_ends_within() -> None:
    bounded = on(1, (0, 16.0), valid_from=START + timedelta(seconds=10), valid_to=START + timedelta(seconds=20.5))
    assert composed(bounded) == [(0, None), (10, 16.0), (21, None)]


def test_daily_and_weekly_come_again() -> None:
    yesterday = START - timedelta(days=1)
    daily = on(
        1,
        (0, 16.0),
        (1800, 8.0),
        charging_profile_kind=K.RECURRING,
        recurrency_kind=RecurrencyKind.DAILY,
        schedule={"start_schedule": yesterday, "duration": 3000},
    )
    expected = [(0, 16.0), (1800, 8.0), (3000, None), (86_400, 16.0)]
    assert composed(daily, duration=86_401) == expected
    weekly = on(
        1,
        (0, 16.0),
        charging_profile_kind=K.RECURRING,
        recurrency_kind=RecurrencyKind.WEEKLY,
        schedule={"start_schedule": yesterday, "duration": 60},
    )
    assert composed(weekly, duration=7 * 86_400) == [(0, None), (6 * 86_400, 16.0), (6 * 86_400 + 60, None)]


def test_relative_one_begins_with_the_transaction() -> None:
    relative = on(1, (0, 16.0), (160, 8.0), charging_profile_kind=K.RELATIVE, schedule={"start_schedule": None})
    assert composed(relative) == [(0, 16.0), (60, 8.0)]
    assert composed(relative, transaction=None) == [(0, 16.0), (160, 8.0)]


@pytest.mark.parametrize(
    ("phases", "unit", "given", "asked", "limit"),
    [
        (None, W, 6900.0, A, 10.0),
        (3, W, 6900.0, A, 10.0),
        (1, W, 2300.0, A, 10.0),
        (1, A, 10.0, W, 2300.0),
        (None, A, 10.0, W, 6900.0),
        (2, A, 10.0, W, 4600.0),
        (1, W, 3700.0, A, 16.0),  # 16.08…: never more than what was said
    ],
)
def test_amperes_and_watts(phases: int | None, unit: U, given: float, asked: U, limit: float) -> None:
    period = ChargingSchedulePeriod(0, given, number_phases=phases)
    profile = a_profile(schedule={"charging_schedule_period": (period,), "charging_rate_unit": unit})
    assert composed(HeldProfile(1, "csms", profile), unit=asked) == [(0, limit)]


def test_other_voltage_and_phases() -> None:
    profile = on(1, (0, 2400.0), schedule={"charging_rate_unit": W})
    assert composed(profile, supply=Supply(120.0, 1)) == [(0, 20.0)]


def test_phases_of_their_own() -> None:
    period = ChargingSchedulePeriod(0, 10.0, 12.0, 14.0)
    profile = HeldProfile(1, "csms", a_profile(schedule={"charging_schedule_period": (period,)}))
    assert composed(profile) == [(0, 10.0)]
    assert composed(profile, unit=W) == [(0, 8280.0)]


def test_external_limit_with_local_generation() -> None:
    external = on(0, (0, 10.0), source="EMS", charging_profile_purpose=P.CHARGING_STATION_EXTERNAL_CONSTRAINTS)
    local = on(0, (0, 0.0), (60, 4.0), charging_profile_purpose=P.LOCAL_GENERATION)
    assert composed(external) == [(0, 10.0)]
    assert composed(external, local) == [(0, 10.0), (60, 14.0)]
    assert composed(local) == [(0, None)]


def test_priority_takes_the_place_of_the_transaction_s_profile() -> None:
    slow = on(1, (0, 6.0), charging_profile_purpose=P.TX_PROFILE, transaction_id="7")
    fast = on(1, (0, 32.0), charging_profile_purpose=P.PRIORITY_CHARGING)
    assert composed(slow, fast) == [(0, 6.0)]
    assert composed(slow, fast, transaction=RunningTransaction("7", START, priority=True)) == [(0, 32.0)]


def test_station_as_a_whole_is_not_held_by_transactions() -> None:
    station = on(0, (0, 100.0), charging_profile_purpose=P.CHARGING_STATION_MAX_PROFILE)
    assert composed(station, on(0, (0, 6.0)), evse_id=0) == [(0, 100.0)]


# -- against the reference -----------------------------------------------------------------------------------------

SECONDS = 240
OFFSETS = st.integers(-2 * SECONDS, 2 * SECONDS).map(lambda half: START + timedelta(seconds=half / 2))


@st.composite
def held_profiles(draw: st.DrawFn) -> HeldProfile:
    starts = sorted(draw(st.sets(st.integers(1, SECONDS), max_size=3)))
    periods = tuple(
        ChargingSchedulePeriod(
            start,
            draw(st.integers(0, 40).map(float)),
            number_phases=draw(st.sampled_from([None, 1, 2, 3])),
        )
        for start in (0, *starts)
    )
    kind = draw(st.sampled_from([K.ABSOLUTE, K.RECURRING, K.RELATIVE]))
    days = draw(st.integers(-1, 9)) if kind is K.RECURRING else 0
    schedule = a_schedule(
        charging_rate_unit=draw(st.sampled_from([A, W])),
        charging_schedule_period=periods,
        duration=draw(st.none() | st.integers(1, 2 * SECONDS)),
        start_schedule=None if kind is K.RELATIVE else draw(OFFSETS) - timedelta(days=days),
    )
    profile = ChargingProfile(
        draw(st.integers(1, 99)),
        draw(st.integers(0, 2)),
        draw(st.sampled_from(list(P))),
        kind,
        (schedule,),
        draw(st.sampled_from(list(RecurrencyKind))) if kind is K.RECURRING else None,
        draw(st.none() | OFFSETS),
        draw(st.none() | OFFSETS),
        draw(st.sampled_from(["7", "7", "8", None])),
    )
    return HeldProfile(draw(st.sampled_from([0, 1, 1, 2])), "csms", profile)


def period_now(held: HeldProfile, second: int, transaction: RunningTransaction | None) -> ChargingSchedulePeriod | None:
    """The period of a profile at a second, found by walking."""
    profile, moment = held.profile, START + timedelta(seconds=second)
    schedule = profile.charging_schedule[0]
    if profile.valid_from is not None and moment < profile.valid_from:
        return None
    if profile.valid_to is not None and moment >= profile.valid_to:
        return None
    begin = schedule.start_schedule or (START if transaction is None else transaction.started_at)
    if moment < begin:
        return None
    if profile.recurrency_kind is not None:
        every = timedelta(days=1 if profile.recurrency_kind is RecurrencyKind.DAILY else 7)
        while begin + every <= moment:
            begin += every
    found = None
    if schedule.duration is not None and moment >= begin + timedelta(seconds=schedule.duration):
        return None
    for period in schedule.charging_schedule_period:
        if moment >= begin + timedelta(seconds=period.start_period):
            found = period
    return found


def rate_now(
    held: list[HeldProfile], second: int, evse: int, unit: U, transaction: RunningTransaction | None
) -> float | None:
    """What may be drawn at a second, rule by rule."""
    best: dict[P, tuple[int, bool, float]] = {}
    for each in held:
        profile = each.profile
        purpose = profile.charging_profile_purpose
        if purpose in (P.CHARGING_STATION_MAX_PROFILE, P.LOCAL_GENERATION) and each.evse_id != 0:
            continue
        if purpose is P.CHARGING_STATION_EXTERNAL_CONSTRAINTS and each.evse_id not in (0, evse):
            continue
        if purpose in (P.TX_DEFAULT_PROFILE, P.PRIORITY_CHARGING) and (evse == 0 or each.evse_id not in (0, evse)):
            continue
        if purpose is P.TX_PROFILE and (
            evse == 0
            or each.evse_id != evse
            or transaction is None
            or transaction.transaction_id != profile.transaction_id
        ):
            continue
        period = period_now(each, second, transaction)
        if period is None or period.limit is None:
            continue
        rate, phases = period.limit, period.number_phases or 3
        of = profile.charging_schedule[0].charging_rate_unit
        if of is not unit:
            rate = rate * phases * 230 if unit is W else rate / phases / 230
        key = (profile.stack_level, each.evse_id > 0)
        if purpose not in best or key > best[purpose][:2]:
            best[purpose] = (*key, rate)
    rates = {purpose: rate for purpose, (_, _, rate) in best.items()}
    considered = [rates.get(P.CHARGING_STATION_MAX_PROFILE)]
    external = rates.get(P.CHARGING_STATION_EXTERNAL_CONSTRAINTS)
    considered.append(None if external is None else external + rates.get(P.LOCAL_GENERATION, 0.0))
    default = rates.get(P.TX_PROFILE, rates.get(P.TX_DEFAULT_PROFILE))
    if transaction is not None and transaction.priority:
        default = rates.get(P.PRIORITY_CHARGING, default)
    considered.append(default)
    known = [rate for rate in considered if rate is not None]
    return min(known) if known else None


@pytest.mark.feature("F-OCPP-4")
@settings(max_examples=150, deadline=None)
@given(
    st.lists(held_profiles(), max_size=5),
    st.sampled_from([0, 1]),
    st.sampled_from([A, W]),
    st.sampled_from([None, RUNNING, RunningTransaction("7", START + timedelta(seconds=30), priority=True)]),
)
def test_same_as_looking_at_every_second(
    held: list[HeldProfile], evse: int, unit: U, transaction: RunningTransaction | None
) -> None:
    made = composite_schedule(
        held, evse_id=evse, start=START, duration_s=SECONDS, unit=unit, transaction=transaction
    ).charging_schedule_period
    assert made[0].start_period == 0
    for second in range(SECONDS):
        period = [each for each in made if each.start_period <= second][-1]
        expected = rate_now(held, second, evse, unit, transaction)
        if expected is None:
            assert period.limit is None
        else:
            assert period.limit == math.floor(expected * 10 + 1e-6) / 10, second
    starts = [each.start_period for each in made]
    assert starts == sorted(set(starts))
    assert starts[-1] < SECONDS
