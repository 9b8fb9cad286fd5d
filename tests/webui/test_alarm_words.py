"""Alarms in the reader's language: the server's sentence, with the values that it told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from csms.domain.alarm_words import SENTENCES as SAID
from webui import alarm_words, telling, words
from webui.values_alarms import LogEvent


def event(kind: str, **fields: object) -> LogEvent:
    summary = "Over: Temperature. It is too hot inside. fan 2"
    return LogEvent("events/n1", None, "ALARM", kind, summary, "", "", "", None, None, **fields)  # type: ignore[arg-type]


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """As a reader of that language."""
    token = words.current.set(words.manners(language, "UTC"))
    yield
    words.current.reset(token)


TOLD = {
    "alarm_kind": "TEMPERATURE",
    "alarm_text": "It is too hot inside. fan 2",
    "sentence": "It is too hot inside. {info}",
    "sentence_values": {"info": "fan 2"},
}


def test_the_portal_knows_every_sentence_that_the_server_says() -> None:
    assert set(SAID) == set(alarm_words.SENTENCES)


@pytest.mark.parametrize("language", ["sv", "nl", "de"])
def test_no_translation_loses_what_the_station_told(language: str) -> None:
    with speaking(language):
        for template in alarm_words.SENTENCES:
            names = alarm_words.VALUE.findall(template)
            marked = {name: f"<{name}>" for name in names}
            told = alarm_words.sentence(template, marked, "TEMPERATURE", "")
            if template != "{kind}: {told}.":
                assert told != alarm_words.VALUE.sub(lambda found: marked[found[1]], template), template  # noqa: B023
            assert [name for name in names if f"<{name}>" not in told] == []


def test_a_station_that_told_nothing_leaves_no_hole_behind() -> None:
    template = "It is too hot inside. {info}"
    assert alarm_words.sentence(template, {"info": ""}, "TEMPERATURE", "") == "It is too hot inside."
    assert alarm_words.sentence("{kind}: {told}.", {"told": "E42"}, "HARDWARE_FAULT", "") == "Hardware fault: E42."


def test_a_stations_own_words_and_those_of_a_newer_server_stay_as_they_are() -> None:
    assert alarm_words.sentence("", {}, "TEMPERATURE", "Relay 3 welded shut") == "Relay 3 welded shut"
    assert alarm_words.sentence("A {thing} that is new.", {"thing": "x"}, "", "A x that is new.") == "A x that is new."


def test_the_event_log_tells_alarms_in_the_same_words() -> None:
    assert alarm_words.of_event(event("AlarmCleared", **TOLD)) == "Over: Temperature. It is too hot inside. fan 2"
    with speaking("nl"):
        assert "fan 2" in alarm_words.of_event(event("AlarmRaised", **TOLD))
        assert "too hot" not in alarm_words.of_event(event("AlarmRaised", **TOLD))
    assert alarm_words.of_event(event("BootNotification")).startswith("Over:"), "what is no alarm is told as it came"


def test_a_notification_about_an_alarm_is_in_the_readers_language_too() -> None:
    values = {"alarm_kind": "TEMPERATURE", "text": "It is too hot inside. fan 2", "info": "fan 2", "station": "Bay 1"}
    assert telling.sentence("ALARM", values) == "Alarm at Bay 1: It is too hot inside. fan 2"
    with speaking("de"):
        told = telling.sentence("ALARM", {**values, "sentence": "It is too hot inside. {info}"})
        assert ("fan 2" in told, "too hot" in told) == (True, False)
        assert telling.sentence("ALARM", {"alarm_kind": "TEMPERATURE"}).endswith("Temperatur")
