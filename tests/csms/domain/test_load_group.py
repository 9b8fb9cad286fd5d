"""What may be written of a load group, and which readings of a meter count."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from csms.domain.errors import InvalidArgument
from csms.domain.load_group import (
    GridReading,
    LimitUnit,
    LoadGroup,
    Phases,
    Policy,
    StationShare,
    check_reading,
    checked_group,
    tenths,
)

pytestmark = pytest.mark.feature("F-SYS-8")
NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def a_group(name: str = "Garage", **policy: Any) -> LoadGroup:
    return LoadGroup(0, 2, name, Policy(**({"limit": 63.0} | policy)))


def test_a_name_loses_its_blanks() -> None:
    assert checked_group(a_group("  Garage ")).display_name == "Garage"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": " "}, "name of 1 to 100"),
        ({"limit": 0.0}, "Give the limit"),
        ({"limit": float("nan")}, "Give the limit"),
        ({"meter": True, "fallback_limit": 64.0}, "meter is silent"),
        ({"voltage": 12}, "volts"),
        ({"meter_max_age_s": 0}, "counts for 1 to"),
        ({"max_current_a": 5.0}, "An outlet gives 6"),
        ({"fail_safe_current_a": 3.0}, "fail-safe current is 0"),
        ({"fail_safe_current_a": 33.0}, "fail-safe current is 0"),
        ({"stations": (StationShare(1), StationShare(1))}, "each station once"),
        ({"station_ids": (1, 1)}, "each station once"),
        ({"station_ids": tuple(range(1001))}, "at most 1000"),
        ({"stations": (StationShare(1, priority=-1),)}, "Priorities"),
        ({"stations": (StationShare(1, max_current_a=5.0),)}, "An outlet gives 6"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidArgument, match=sentence) as refused:
        checked_group(a_group(**changes))
    assert refused.value.reason == "INVALID_LOAD_GROUP"


def test_a_reading_has_the_unit_of_the_limit_and_is_not_of_tomorrow() -> None:
    amperes, watts = GridReading(1, NOW, (1.0, 2.0, -3.0)), GridReading(1, NOW, watts=700.0)
    check_reading(amperes, Policy(), NOW)
    check_reading(watts, Policy(LimitUnit.WATT), NOW)
    for reading, policy, reason in (
        (watts, Policy(), "WRONG_UNIT"),
        (amperes, Policy(LimitUnit.WATT), "WRONG_UNIT"),
        (GridReading(1, NOW, watts=float("inf")), Policy(LimitUnit.WATT), "INVALID_READING"),
        (GridReading(1, NOW + timedelta(hours=1), (0.0, 0.0, 0.0)), Policy(), "INVALID_TIME"),
    ):
        with pytest.raises(InvalidArgument) as refused:
            check_reading(reading, policy, NOW)
        assert refused.value.reason == reason


def test_an_old_reading_does_not_count() -> None:
    reading = GridReading(1, NOW, watts=1.0)
    assert reading.is_fresh(Policy(meter_max_age_s=60), NOW + timedelta(seconds=59))
    assert not reading.is_fresh(Policy(meter_max_age_s=60), NOW + timedelta(seconds=60))


def test_tenths_are_cut_and_not_rounded_up() -> None:
    assert [tenths(value) for value in (16.0, 6.19, 0.3, -0.05)] == [160, 61, 3, -1]


def test_a_station_on_one_phase_counts_there_only() -> None:
    assert (Phases.L2.numbers, Phases.ALL.numbers) == ((2,), (1, 2, 3))
