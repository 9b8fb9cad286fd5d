"""One simulated charging session."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
import trio
import trio.testing

from loadtest.meter import Meter
from loadtest.session import MOVES, Connector, RunClock, begins_with_plug, stamp
from loadtest.speech.versions import speech_for

OCPP_16_STATUSES = {
    "Available",
    "Preparing",
    "Charging",
    "SuspendedEV",
    "SuspendedEVSE",
    "Finishing",
    "Reserved",
    "Unavailable",
    "Faulted",
}


def connector() -> tuple[Connector, list[str]]:
    told: list[str] = []
    return Connector(1, Meter(Random(1), 0), lambda _, status, error: told.append(status)), told


def test_every_status_has_a_way_in_and_out() -> None:
    assert set(MOVES) == OCPP_16_STATUSES
    assert set().union(*MOVES.values()) == OCPP_16_STATUSES
    assert all(MOVES.values())


def test_a_way_that_ocpp_does_not_know_is_an_error() -> None:
    one, told = connector()
    with pytest.raises(ValueError, match="Available to Charging"):
        one.become("Charging")
    assert told == []


def test_the_same_status_is_not_told_twice() -> None:
    one, told = connector()
    one.become("Preparing")
    one.become("Preparing")
    assert told == ["Preparing"]


@pytest.mark.parametrize(
    ("status", "operative", "told_after"),
    [
        ("Finishing", True, ["Available"]),
        ("Finishing", False, ["Unavailable"]),
        ("Preparing", False, ["Available", "Unavailable"]),
        ("Unavailable", True, ["Available"]),
        ("Available", True, []),
    ],
)
def test_rest_goes_where_the_server_wants_it(status: str, operative: bool, told_after: list[str]) -> None:
    one, told = connector()
    one.status, one.operative = status, operative
    one.rest()
    assert told == told_after
    assert one.free == operative


async def test_what_is_said_is_what_is_written_down(autojump_clock: trio.testing.MockClock) -> None:
    clock = RunClock(trio.current_time(), datetime(2025, 1, 1, tzinfo=UTC))
    await trio.sleep(1.2345678)
    now = clock.now()
    assert now.microsecond % 1000 == 0
    assert datetime.fromisoformat(stamp(now)) == now
    assert clock.at(5) - trio.current_time() == pytest.approx(5 - 1.2345678)
    assert now - clock.date == timedelta(milliseconds=1234)


def test_some_stations_of_2_begin_with_the_plug_and_always_the_same_ones() -> None:
    names = [f"LT-{number:05d}" for number in range(400)]
    new, old = speech_for("2.1"), speech_for("1.6")
    some = [name for name in names if begins_with_plug(new, name, 0.5)]
    assert 150 < len(some) < 250
    assert some == [name for name in names if begins_with_plug(new, name, 0.5)]
    assert not any(begins_with_plug(old, name, 1.0) for name in names)
