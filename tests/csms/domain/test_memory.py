"""What is remembered of a station: remote starts, and what was written."""

from __future__ import annotations

from datetime import timedelta

from csms.domain.facts import RegistrationStatus
from csms.domain.memory import StationMemory, meter_record
from csms.domain.transaction import reading_of
from tests.kit.records import T0, a_meter_value, after


def memory() -> StationMemory:
    return StationMemory(1, "CP-1", RegistrationStatus.ACCEPTED)


def test_a_remote_start_counts_for_its_tag_until_it_is_too_late_and_once() -> None:
    station = memory()
    station.expect_remote_start(1, "aa", after(60))
    station.expect_remote_start(2, "AA", after(90))
    first = station.take_remote_start("AA", after(10))
    assert first is not None
    assert first.remote_start_id == 1
    assert station.take_remote_start("AA", after(100)) is None
    assert station.take_remote_start("BB", after(10)) is None
    assert station.remote_start(2) is not None
    assert station.remote_start(None) is None


def test_a_remote_start_that_was_refused_is_forgotten() -> None:
    station = memory()
    station.expect_remote_start(1, "AA", after(60))
    station.forget_remote_start(1)
    assert station.remote_starts == []


def test_only_the_newest_remote_starts_are_remembered() -> None:
    station = memory()
    for number in range(100):
        station.expect_remote_start(number, "AA", T0 + timedelta(minutes=1))
    assert len(station.remote_starts) == 32
    assert station.remote_start(99) is not None


def test_the_same_meter_value_is_the_same_record() -> None:
    value = a_meter_value(T0, 5.0)
    one, other = (meter_record(1, 1, 7, value, after(n), reading_of(value)) for n in (1, 2))
    assert (one.digest, one.samples, one.energy_wh) == (other.digest, other.samples, 5.0)
