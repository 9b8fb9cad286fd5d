"""Counters of the message path."""

from __future__ import annotations

from csms.ports.message_log import Direction
from csms.services.traffic import BOUNDS, MOST_KINDS, OTHER, Traffic


def test_messages_count_by_kind_and_waits_by_length() -> None:
    traffic = Traffic()
    for latency in (0.001, 0.0011, 60.0):
        traffic.count(Direction.SENT, "CALLRESULT", "Heartbeat", latency)
    traffic.count(Direction.RECEIVED, "CALL", "Heartbeat", None)
    assert traffic.counts == {
        (Direction.SENT, "CALLRESULT", "Heartbeat"): 3,
        (Direction.RECEIVED, "CALL", "Heartbeat"): 1,
    }
    buckets, seconds = traffic.latencies
    assert (buckets[0], buckets[1], buckets[len(BOUNDS)], sum(buckets)) == (1, 1, 1, 3)
    assert abs(seconds - 60.0021) < 1e-9


def test_a_station_that_makes_up_words_does_not_fill_the_memory() -> None:
    traffic = Traffic()
    for number in range(MOST_KINDS * 3):
        traffic.count(Direction.RECEIVED, "CALL", f"Made{number}", None)
    assert len(traffic.counts) == MOST_KINDS + 1
    assert traffic.counts[Direction.RECEIVED, OTHER, OTHER] == MOST_KINDS * 2
    assert sum(traffic.counts.values()) == MOST_KINDS * 3
