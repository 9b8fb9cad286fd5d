"""What a station of a calm fleet kept while it was offline, message by message. No sockets."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from loadtest.fleet_backlog import queue_of
from loadtest.fleet_station import Resident
from loadtest.saturate_wire import Json
from loadtest.saturate_words import Moment, words_of
from loadtest.scenario import Scenario, plan_backlog

BEGAN = datetime(2025, 1, 1, 12, 0, tzinfo=UTC)
VISITS = plan_backlog(Scenario(backlog_hours=8), 0, "LT-00001-1")


def told(version: str) -> tuple[Resident, list[tuple[str, Json]]]:
    """Everything that the queue says, each answered."""
    station = Resident(0, "LT-00001", "LT-00001-1", words_of(version), Moment(b"2025-01-01T12:00:01.000Z"), False)
    station.accepted = True
    station.past = queue_of(station, VISITS, BEGAN, 300.0)
    said = []
    while (data := station.next(5.0)) is not None:
        _, _, action, payload = json.loads(data[6:] if data[1] & 127 < 126 else data[8:])
        said.append((action, payload))
        call = station.calls.popleft()
        station.waiting = False
        if call.answered is not None:
            answer = {"transactionId": 100 + len(station.books)} if action == "StartTransaction" else {}
            call.answered(call.expected + b"," + json.dumps(answer).encode() + b"]")
    return station, said


def test_each_visit_is_a_session_with_its_own_number_times_and_energy() -> None:
    station, said = told("1.6")
    assert len(station.books) == len(VISITS) >= 3
    assert [payload["idTag"] for action, payload in said if action == "StartTransaction"] == ["LT-00001-1"] * len(
        VISITS
    )
    stops = [payload for action, payload in said if action == "StopTransaction"]
    assert [stop["transactionId"] for stop in stops] == [101 + number for number in range(len(VISITS))]
    for book, visit, stop in zip(station.books, VISITS, stops, strict=True):
        assert book.finished
        assert book.acknowledged == book.sent == int((visit.stopped - visit.tag_shown) / 300)
        assert stop["meterStop"] == book.last_wh == book.meter_start_wh + int((visit.stopped - visit.tag_shown) * 2)
        assert abs(datetime.fromisoformat(book.started) - BEGAN - timedelta(seconds=visit.tag_shown)) < timedelta(
            seconds=1
        )
    assert station.settled
    assert station.replayed == 0.0


def test_nothing_of_it_happened_in_the_run() -> None:
    station, _ = told("1.6")
    assert max(datetime.fromisoformat(book.stopped) for book in station.books) < BEGAN
    assert min(datetime.fromisoformat(book.started) for book in station.books) >= BEGAN - timedelta(hours=8)


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
def test_2_x_says_that_it_was_offline_and_counts_each_session_anew(version: str) -> None:
    station, said = told(version)
    assert {action for action, _ in said} == {"TransactionEvent"}
    assert all(payload["offline"] is True for _, payload in said)
    assert len({book.transaction_id for book in station.books}) == len(VISITS)
    for book in station.books:
        of_it = [p for _, p in said if p["transactionInfo"]["transactionId"] == book.transaction_id]  # type: ignore[index]
        assert [payload["seqNo"] for payload in of_it] == list(range(book.acknowledged))


def test_a_start_that_is_refused_ends_the_queue_and_the_session_stays_open() -> None:
    station = Resident(0, "LT-00001", "LT-00001-1", words_of("1.6"), Moment(b"2025-01-01T12:00:01.000Z"), False)
    station.accepted = True
    station.past = queue_of(station, VISITS, BEGAN, 300.0)
    assert station.next(1.0) is not None
    station.calls.popleft()
    station.waiting = False
    station.give_up()
    assert station.next(2.0) is None
    assert not station.settled
    assert [book.finished for book in station.books] == [False]
