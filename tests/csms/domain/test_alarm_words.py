"""What an alarm says is one of our sentences, with what stands in it; strangers' words are left alone."""

from __future__ import annotations

import pytest

from csms.domain.alarm_rules import BUILT_IN, MORE_DRIFTED, ONE_DRIFTED, SEVERAL_DRIFTED, USUAL, AlarmRule
from csms.domain.alarm_words import SENTENCES, Said, said
from csms.domain.alarms import BACKUP_OF, AlarmKind
from csms.domain.silence import NEVER_CONNECTED, SILENT_TOGETHER

HARDWARE = AlarmKind.HARDWARE_FAULT


@pytest.mark.parametrize(
    ("text", "kind", "sentence", "values"),
    [
        ("The station has never connected.", AlarmKind.NOT_REGISTERED, NEVER_CONNECTED, {}),
        (
            "3 of 12 stations fell silent together.",
            AlarmKind.NO_NETWORK,
            SILENT_TOGETHER,
            {"silent": "3", "stations": "12"},
        ),
        (
            "The newest good backup is of 2026-01-02 03:04 UTC.",
            AlarmKind.BACKUP_STALE,
            BACKUP_OF,
            {"time": "2026-01-02 03:04"},
        ),
        ("It is too hot inside. fan 2", AlarmKind.TEMPERATURE, "It is too hot inside. {info}", {"info": "fan 2"}),
        ("It is too hot inside.", AlarmKind.TEMPERATURE, "It is too hot inside. {info}", {"info": ""}),
        (
            "Somebody tried an attack (AttemptedReplayAttacks). twice\nin a row",
            AlarmKind.SECURITY,
            "Somebody tried an attack ({code}). {info}",
            {"code": "AttemptedReplayAttacks", "info": "twice\nin a row"},
        ),
        ("Hardware fault: E42 Relay stuck.", HARDWARE, USUAL, {"told": "E42 Relay stuck"}),
        (
            "A is set otherwise at the station than it accepted.",
            AlarmKind.CONFIGURATION_DRIFT,
            ONE_DRIFTED,
            {"name": "A"},
        ),
        (
            "A, B are set otherwise at the station than it accepted.",
            AlarmKind.CONFIGURATION_DRIFT,
            SEVERAL_DRIFTED,
            {"names": "A, B"},
        ),
        (
            "A, B, C, D, E and 2 more are set otherwise at the station than it accepted.",
            AlarmKind.CONFIGURATION_DRIFT,
            MORE_DRIFTED,
            {"names": "A, B, C, D, E", "more": "2"},
        ),
    ],
)
def test_a_sentence_of_ours_is_taken_apart(text: str, kind: AlarmKind, sentence: str, values: dict[str, str]) -> None:
    assert said(text, kind) == Said(sentence, values)


def test_what_the_station_or_an_operator_put_into_words_is_nobodys_sentence() -> None:
    assert said("Relay 3 welded shut", HARDWARE) == Said()
    assert said("Fuse tripped: E42.", HARDWARE) == Said(), "another kind than the alarm's"
    assert said("", HARDWARE) == Said()


@pytest.mark.parametrize(
    "rule", [rule for rule in BUILT_IN if rule.text and rule.kind is not None], ids=lambda r: r.code
)
def test_each_rule_that_comes_with_the_server_is_told_apart_from_all_others(rule: AlarmRule) -> None:
    text = rule.text.replace("{code}", "Code1").replace("{info}", "at 14:03")
    assert rule.kind is not None
    found = said(text, rule.kind)
    assert (found.sentence, found.values.get("info")) == (rule.text, "at 14:03")
    assert len(set(SENTENCES)) == len(SENTENCES)
