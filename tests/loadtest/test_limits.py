"""Charging profiles in a simulated station."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from loadtest.client import Json
from loadtest.limits import ChargingProfiles

NOW = datetime(2025, 1, 1, 12, tzinfo=UTC)
BEGAN = NOW - timedelta(minutes=10)


def profile(
    limit: float, *, number: int = 1, level: int = 0, purpose: str = "TxDefaultProfile", **more: object
) -> Json:
    schedule = {"chargingRateUnit": "W", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}]}
    return {
        "chargingProfileId": number,
        "stackLevel": level,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Relative",
        "chargingSchedule": schedule,
        **more,
    }


def limit(*profiles: Json, connector: int = 1, at: datetime = NOW, phases: int = 3) -> float | None:
    kept = ChargingProfiles()
    for one in profiles:
        kept.put(connector, one)
    return kept.limit_w(1, at, phases=phases, began=BEGAN, transaction=7)


def test_without_a_profile_nothing_is_limited() -> None:
    assert limit() is None
    assert limit(profile(5.0), connector=2) is None
    assert limit(profile(5.0), connector=0) == 5.0


def test_the_higher_level_counts_and_the_lower_limit_of_purposes() -> None:
    assert limit(profile(5000.0, number=1, level=1), profile(9000.0, number=2, level=2)) == 9000.0
    maximum = profile(6000.0, number=3, purpose="ChargePointMaxProfile")
    assert limit(profile(9000.0, level=2), maximum) == 6000.0
    assert limit(profile(9000.0, level=2), profile(4000.0, number=4, purpose="TxProfile")) == 4000.0
    assert limit(profile(3000.0, level=2), profile(4000.0, number=4, purpose="TxProfile")) == 4000.0


def test_a_profile_of_another_transaction_is_not_ours() -> None:
    assert limit(profile(5.0, purpose="TxProfile", transactionId=8)) is None
    assert limit(profile(5.0, purpose="TxProfile", transactionId=7)) == 5.0


def test_amperes_are_for_each_phase() -> None:
    schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10}]}
    assert limit(profile(0, chargingSchedule=schedule)) == 6900.0
    assert limit(profile(0, chargingSchedule=[schedule]), phases=1) == 2300.0
    one_phase = {**schedule, "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10, "numberPhases": 1}]}
    assert limit(profile(0, chargingSchedule=one_phase)) == 2300.0


PERIODS = [{"startPeriod": 0, "limit": 1}, {"startPeriod": 60, "limit": 2}, {"startPeriod": 600, "limit": 3}]


@pytest.mark.parametrize(
    ("kind", "start", "more", "wanted"),
    [
        ("Relative", None, {}, 3),
        ("Absolute", NOW - timedelta(seconds=61), {}, 2),
        ("Absolute", NOW + timedelta(seconds=1), {}, None),
        ("Absolute", NOW - timedelta(seconds=61), {"duration": 61}, None),
        ("Absolute", NOW - timedelta(seconds=61), {"duration": 62}, 2),
        ("Recurring", NOW - timedelta(days=3, seconds=61), {"recurrencyKind": "Daily"}, 2),
        ("Recurring", NOW - timedelta(days=3, seconds=61), {"recurrencyKind": "Weekly"}, 3),
    ],
)
def test_schedules_run_from_their_start(kind: str, start: datetime | None, more: Json, wanted: float | None) -> None:
    schedule: Json = {"chargingRateUnit": "W", "chargingSchedulePeriod": PERIODS}
    if start is not None:
        schedule["startSchedule"] = start.isoformat()
    if "duration" in more:
        schedule["duration"] = more["duration"]
    assert limit(profile(0, chargingProfileKind=kind, chargingSchedule=schedule, **more)) == wanted


def test_validity_is_heeded() -> None:
    assert limit(profile(5.0, validFrom=(NOW + timedelta(hours=1)).isoformat())) is None
    assert limit(profile(5.0, validTo="2025-01-01T11:59:00")) is None
    assert limit(profile(5.0, validFrom="nonsense")) == 5.0


def test_a_profile_takes_the_place_of_its_like_and_ends_with_its_transaction() -> None:
    kept = ChargingProfiles()
    kept.put(1, profile(1.0, number=1))
    kept.put(1, profile(2.0, number=2))  # the same level, purpose and connector
    kept.put(2, profile(3.0, number=2))  # the same id
    assert [one.connector for one in kept.find(lambda _: True)] == [2]
    kept.put(1, profile(4.0, number=3, purpose="TxProfile"))
    kept.end_of_transaction(1)
    assert len(kept) == 1
    assert kept.clear(lambda one: one.number == 2) == 1
