"""What saturating stations say."""

from __future__ import annotations

import importlib.resources
import json
from functools import cache

import jsonschema_rs
import pytest

from loadtest.saturate_words import Moment, Refused, Saturating, live, words_of

FOLDERS = {"1.6": "v16", "2.0.1": "v201", "2.1": "v21"}
ANSWERS = {
    "BootNotification": {"status": "Accepted", "interval": 300, "currentTime": "2026-01-01T00:00:00Z"},
    "StartTransaction": {"transactionId": 17, "idTagInfo": {"status": "Accepted"}},
}


@cache
def schema(version: str, action: str) -> jsonschema_rs.Validator:
    folder = importlib.resources.files("ocpp") / FOLDERS[version] / "schemas"
    name = action if version == "1.6" else f"{action}Request"
    return jsonschema_rs.validator_for(json.loads((folder / f"{name}.json").read_text("utf-8-sig")))


def unframed(frame: bytes) -> list[object]:
    """The message in a masked frame."""
    begin = {126: 8, 127: 14}.get(frame[1] & 127, 6)
    return list(json.loads(frame[begin:]))


class Day:
    """A script in the test's hand."""

    def __init__(self, version: str, *, story: bool) -> None:
        self.station = Saturating("LT-00001", "LT-00001-1", Moment(b"2026-01-01T12:00:00.123Z"), story)
        self.script = live(self.station, words_of(version))
        self.messages: list[list[object]] = []
        self.request = next(self.script)
        self._note()

    def _note(self) -> None:
        self.messages.append(unframed(self.request[2]))

    def go_on(self, *, refuse: bool = False) -> str:
        """Answer, and take the next request: its action; empty at the end."""
        answer = None
        if not refuse:
            _, message_id, action, _ = self.messages[-1]
            answer = json.dumps([3, message_id, ANSWERS.get(str(action), {})]).encode()
        try:
            self.request = self.script.send(answer)
        except StopIteration:
            return ""
        self._note()
        return self.request[0]

    def actions(self) -> list[object]:
        return [message[2] for message in self.messages]


@pytest.mark.parametrize("version", FOLDERS)
@pytest.mark.parametrize("story", [True, False])
def test_every_word_is_ocpp(version: str, story: bool) -> None:
    day = Day(version, story=story)
    for _ in range(12):
        day.go_on()
    day.station.ending = True
    while day.go_on():
        pass
    for _, _, action, payload in day.messages:
        schema(version, str(action)).validate(payload)
    assert len({str(message[1]) for message in day.messages}) == len(day.messages)


def test_a_story_is_whole_and_begins_again() -> None:
    day = Day("1.6", story=True)
    while len(day.messages) < 32:
        day.go_on()
    one = ["BootNotification", "StatusNotification", "Authorize", "StartTransaction", *["MeterValues"] * 10]
    assert day.actions() == [*one, "StopTransaction", *one, "StopTransaction", *one[:2]]
    first, second = day.station.books
    assert (first.acknowledged, first.finished, first.transaction_id) == (10, True, "17")
    assert second.meter_start_wh == first.last_wh == first.meter_start_wh + 10


def test_a_story_under_way_is_told_to_its_end() -> None:
    day = Day("2.0.1", story=True)
    while day.go_on() != "TransactionEvent":
        pass
    day.station.ending = True
    while day.go_on():
        pass
    (book,) = day.station.books
    assert (book.acknowledged, book.finished) == (12, True)  # one each in the start and in the stop
    last = day.messages[-1][3]
    assert isinstance(last, dict)
    assert (last["eventType"], last["seqNo"]) == ("Ended", 11)


def test_what_was_refused_is_not_acknowledged() -> None:
    day = Day("1.6", story=False)
    while day.go_on() != "MeterValues":
        pass
    day.go_on(refuse=True)
    day.go_on()
    (book,) = day.station.books
    assert (book.sent, book.acknowledged, book.last_wh) == (3, 1, book.meter_start_wh + 3)


def test_a_station_that_may_not_serve_says_why() -> None:
    day = Day("1.6", story=False)
    with pytest.raises(Refused, match="boot: refused"):
        day.go_on(refuse=True)
    other = Day("1.6", story=False)
    with pytest.raises(Refused, match="boot: Pending"):
        other.script.send(b'[3,"m1",{"status":"Pending"}]')


def test_versions_that_nobody_saturates_with() -> None:
    with pytest.raises(ValueError, match=r"1\.6, 2\.0\.1, 2\.1, not 1\.5"):
        words_of("1.5")
