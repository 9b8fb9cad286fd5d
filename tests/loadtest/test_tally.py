"""Counting."""

from __future__ import annotations

import pickle

import pytest

from loadtest.tally import MOST_WINDOWS, Second, Tally


def test_seconds_are_counted_from_the_begin() -> None:
    tally = Tally(100.0)
    tally.answered("Heartbeat", intended=101.0, sent=101.5, now=102.25)
    tally.error("boom", 102.9)
    tally.connected(0.5, 100.2)
    tally.commanded("Reset", 100.9)
    assert tally.seconds[2] == Second(answered=1, errors=1)
    assert tally.seconds[0] == Second(connected=1, commands=1)
    times = tally.actions["Heartbeat"]
    assert times.latency.highest == pytest.approx(1250, rel=0.002)
    assert times.service.highest == pytest.approx(750, rel=0.002)


def test_who_is_online_is_noted_for_every_second_though_a_pulse_came_late() -> None:
    tally = Tally(0.0)
    tally.online = 3
    tally.pulse(1)
    tally.online = 5
    tally.pulse(4)
    assert [tally.seconds[n].online for n in range(4)] == [3, 5, 5, 5]


def test_a_pulse_has_the_latencies_of_the_last_seconds_only() -> None:
    tally = Tally(0.0)
    tally.answered("MeterValues", intended=0.0, sent=0.0, now=1.0)  # a second long, and long ago
    for n in range(100):
        now = 20.0 + n / 100
        tally.answered("MeterValues", intended=now - 0.010, sent=now, now=now)
    tally.answered("Heartbeat", intended=20.5, sent=20.5, now=20.502)
    tally.error("boom", 20.6)
    pulse = tally.pulse(21.0)
    assert (pulse.answered, pulse.answered_last, pulse.errors) == (102, 101, {"boom": 1})
    busiest, other = pulse.rows()
    assert busiest == ("MeterValues", 100, pytest.approx(10, rel=0.02), pytest.approx(10, rel=0.02))
    assert other == ("Heartbeat", 1, pytest.approx(2, rel=0.02), pytest.approx(2, rel=0.02))


def lived(began: float, seconds: int) -> Tally:
    """A minute of another process, whose clock has another zero."""
    tally = Tally(began)
    for n in range(seconds):
        now = began + n + 0.5
        tally.answered("MeterValues", intended=now - 0.1, sent=now - 0.05, now=now)
        tally.online = 2
        tally.connected(0.01, now)
        tally.commanded("Reset", now)
        tally.error("boom", now)
        tally.retries["MeterValues"] += 1
        tally.requested("RequestStartTransaction", intended=now - 0.2, sent=now - 0.2, now=now)
        tally.late(0.001)
        tally.pulse(n + 1)
    return tally


def test_two_processes_together_are_one() -> None:
    whole = lived(1000.0, 60)
    whole.merge(pickle.loads(pickle.dumps(lived(7.0, 30))))
    assert whole.answered_total == 90
    assert whole.actions["MeterValues"].service.count == 90
    assert whole.requests["RequestStartTransaction"].latency.count == 90
    assert whole.lateness.count == whole.connects.count == 90
    assert (whole.errors, whole.commands) == ({"boom": 90}, {"Reset": 90})
    assert whole.retries == {"MeterValues": 90}
    assert whole.seconds[10] == Second(answered=2, errors=2, connected=2, commands=2, online=4)
    assert whole.seconds[45] == Second(answered=1, errors=1, connected=1, commands=1, online=2)
    pulse = lived(1000.0, 30).pulse(30)
    pulse.merge(lived(7.0, 30).pulse(30))
    assert (pulse.online, pulse.answered, pulse.answered_last, pulse.rows()[0][1]) == (4, 60, 2, 10)


def test_a_week_takes_no_more_windows_than_an_hour() -> None:
    tally = Tally(0.0)
    week = 7 * 86400
    for second in range(0, week, 100):
        tally.answered("Heartbeat", intended=second, sent=second, now=second + 0.5)
    assert len(tally.windows) <= MOST_WINDOWS
    assert max(tally.windows) * tally.window_seconds <= week
    assert sum(sum(window["Heartbeat"].values()) for window in tally.windows.values()) == week // 100
    short = Tally(0.0)
    short.answered("Heartbeat", intended=3.0, sent=3.0, now=3.5)
    short.merge(tally)
    assert short.window_seconds == tally.window_seconds
    assert sum(window["Heartbeat"].get(max(window["Heartbeat"]), 0) for window in short.windows.values()) > 0
