"""Each rule reads what it is for, and leaves alone what is in order."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from csms.ocpp import faults
from csms.ocpp.mending import Scene, schema_of
from csms.ocpp.quirks import BY_NAME, RULES
from csms.ocpp.schemas import Direction
from tests.kit.schema_strategy import mutants

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
ZONE = timezone(timedelta(hours=2))
STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
START = {"connectorId": 1, "idTag": "TAG", "meterStart": 5, "timestamp": "2024-05-01T10:00:00Z"}
STOP = {"transactionId": 7, "meterStop": 9, "timestamp": "2024-05-01T10:00:00Z"}


def sampled(*samples: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"timestamp": "2024-05-01T10:00:00Z", "sampledValue": list(samples), **more}


def values(*samples: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"connectorId": 1, "meterValue": [sampled(*samples)], **more}


def scene_of(action: str, version: faults.Edition = faults.V16, direction: Direction = Direction.REQUEST) -> Scene:
    schema = schema_of(version, action, direction)
    assert schema is not None
    return Scene(action, schema, NOW, ZONE)


def mend(rule: str, action: str, payload: dict[str, Any]) -> Any:
    before = copy.deepcopy(payload)
    made = BY_NAME[rule].mend(payload, scene_of(action))
    assert payload == before, "changed in place"
    return made


@pytest.mark.feature("F-OCPP-10")
@pytest.mark.parametrize(
    ("rule", "action", "told", "read"),
    [
        (
            "single-things",
            "MeterValues",
            {"meterValue": sampled({"value": "1"})},
            {"meterValue": [sampled({"value": "1"})]},
        ),
        ("nulls", "StatusNotification", {**STATUS, "info": None, "timestamp": None}, STATUS),
        ("empty-texts", "StatusNotification", {**STATUS, "timestamp": " ", "info": ""}, {**STATUS, "info": ""}),
        ("empty-texts", "MeterValues", values({"value": "1", "unit": ""}), values({"value": "1"})),
        ("numbers-as-texts", "StartTransaction", {**START, "meterStart": "5", "connectorId": " 1.0"}, START),
        ("texts-as-numbers", "StartTransaction", {**START, "idTag": 4711}, {**START, "idTag": "4711"}),
        ("texts-as-numbers", "MeterValues", values({"value": 12.5}), values({"value": "12.5"})),
        ("decimals", "StartTransaction", {**START, "meterStart": 5.4}, START),
        ("decimals", "StartTransaction", {**START, "meterStart": 5.0}, START),
        ("words", "StatusNotification", {**STATUS, "status": "available", "errorCode": "no_error"}, STATUS),
        ("words", "StatusNotification", {**STATUS, "status": "Avaliable "}, STATUS),
        ("words", "StatusNotification", {**STATUS, "status": "SuspendedEv"}, {**STATUS, "status": "SuspendedEV"}),
        ("words", "MeterValues", values({"value": "1", "unit": "KWH"}), values({"value": "1", "unit": "kWh"})),
        (
            "unknown-measurands",
            "MeterValues",
            values({"value": "1"}, {"value": "2", "measurand": "Acme.Fan"}, {"value": "3", "phase": "L9"}),
            values({"value": "1"}, {"value": "3"}),
        ),
        (
            "unknown-measurands",
            "StopTransaction",
            {**STOP, "transactionData": [sampled({"value": "1", "unit": "furlong"}), sampled({"value": "1"})]},
            {**STOP, "transactionData": [sampled({"value": "1"})]},
        ),
        ("unknown-stop-reasons", "StopTransaction", {**STOP, "reason": "Bored"}, {**STOP, "reason": "Other"}),
        (
            "unknown-error-codes",
            "StatusNotification",
            {**STATUS, "errorCode": "E17"},
            {**STATUS, "errorCode": "OtherError", "vendorErrorCode": "E17"},
        ),
        (
            "unknown-error-codes",
            "StatusNotification",
            {**STATUS, "errorCode": "E17", "vendorErrorCode": "mine"},
            {**STATUS, "errorCode": "OtherError", "vendorErrorCode": "mine"},
        ),
        ("missing-error-code", "StatusNotification", {"connectorId": 1, "status": "Available"}, STATUS),
        (
            "other-times",
            "StartTransaction",
            {**START, "timestamp": 1714557600},
            {**START, "timestamp": "2024-05-01T10:00:00+00:00"},
        ),
        (
            "other-times",
            "StartTransaction",
            {**START, "timestamp": "1714557600000"},
            {**START, "timestamp": "2024-05-01T10:00:00+00:00"},
        ),
        (
            "other-times",
            "StartTransaction",
            {**START, "timestamp": "2024/5/1 10:00:00"},
            {**START, "timestamp": "2024-05-01T10:00:00"},
        ),
        (
            "other-times",
            "StartTransaction",
            {**START, "timestamp": "1.5.2024 10:00"},
            {**START, "timestamp": "2024-05-01T10:00:00"},
        ),
        (
            "missing-times",
            "MeterValues",
            {"meterValue": [{"sampledValue": []}]},
            {"meterValue": [{"sampledValue": [], "timestamp": NOW.isoformat()}]},
        ),
        ("missing-meter-stop", "StopTransaction", {"transactionId": 7}, {"transactionId": 7, "meterStop": -1}),
        (
            "missing-meter-stop",
            "StopTransaction",
            {
                "meterStop": None,
                "transactionData": [sampled({"value": "1.2", "unit": "kWh"}, {"value": "9", "phase": "L1"})],
            },
            {
                "meterStop": 1200,
                "transactionData": [sampled({"value": "1.2", "unit": "kWh"}, {"value": "9", "phase": "L1"})],
            },
        ),
        ("unknown-fields", "StatusNotification", {**STATUS, "acmeTemperature": {"a": 1}}, STATUS),
        ("long-texts", "StatusNotification", {**STATUS, "info": "x" * 99}, {**STATUS, "info": "x" * 50}),
        ("padded-tags", "StartTransaction", {**START, "idTag": " TAG  \0"}, START),
        ("reversed-tags", "StartTransaction", {**START, "idTag": "04A1B2C3"}, {**START, "idTag": "C3B2A104"}),
        (
            "local-times",
            "StartTransaction",
            {**START, "timestamp": "2024-05-01T10:00:00"},
            {**START, "timestamp": "2024-05-01T10:00:00+02:00"},
        ),
        ("connector-zero", "StartTransaction", {**START, "connectorId": 0}, START),
        ("no-transaction", "MeterValues", {"connectorId": 1, "transactionId": 0}, {"connectorId": 1}),
        ("no-transaction", "MeterValues", {"connectorId": 1, "transactionId": -1}, {"connectorId": 1}),
        ("decimal-commas", "MeterValues", values({"value": "12,5"}), values({"value": "12.5"})),
        ("kilowatt-hours", "StartTransaction", {**START, "meterStart": 1.5}, {**START, "meterStart": 1500}),
        ("kilowatt-hours", "StopTransaction", {**STOP, "meterStop": 9}, {**STOP, "meterStop": 9000}),
    ],
)
def test_a_quirk_is_read(rule: str, action: str, told: dict[str, Any], read: dict[str, Any]) -> None:
    made = mend(rule, action, told)
    assert made == read
    assert [type(value) for value in made.values()] == [type(read[name]) for name in made]


@pytest.mark.parametrize(
    ("rule", "action", "told"),
    [
        ("numbers-as-texts", "StartTransaction", {**START, "meterStart": "five"}),
        ("words", "StatusNotification", {**STATUS, "status": "Asleep"}),
        ("words", "StatusNotification", {**STATUS, "status": "..."}),
        ("long-texts", "StartTransaction", {**START, "idTag": "x" * 30}),
        ("reversed-tags", "StartTransaction", {**START, "idTag": "04A1B2C"}),
        ("reversed-tags", "StartTransaction", {**START, "idTag": "EMAID-00"}),
        ("local-times", "StartTransaction", START),
        ("other-times", "StartTransaction", {**START, "timestamp": "yesterday"}),
        ("other-times", "StartTransaction", {**START, "timestamp": "2024/13/41 10:00"}),
        ("connector-zero", "RemoteStartTransaction", {"connectorId": 0}),
        ("missing-meter-stop", "StopTransaction", STOP),
        ("kilowatt-hours", "StartTransaction", {**START, "meterStart": 0}),
        ("unknown-fields", "StartTransaction", START),
        ("single-things", "MeterValues", {"meterValue": "x"}),
        ("empty-texts", "StartTransaction", {**START, "timestamp": ""}),
    ],
)
def test_what_it_is_not_for_stays_the_very_same(rule: str, action: str, told: dict[str, Any]) -> None:
    assert mend(rule, action, told) is told


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@pytest.mark.parametrize(
    ("action", "told"),
    [
        ("StatusNotification", STATUS),
        ("StartTransaction", {**START, "idTag": "T-1", "meterStart": 0}),
        ("StopTransaction", {**STOP, "meterStop": 0, "transactionData": [sampled({"value": "1"})]}),
        ("MeterValues", values({"value": "1", "measurand": "Voltage", "unit": "V"}, transactionId=7)),
        ("Heartbeat", {}),
    ],
)
def test_no_rule_touches_what_is_in_order(rule: Any, action: str, told: dict[str, Any]) -> None:
    assert mend(rule.name, action, told) is told


def test_tags_of_2_x_are_those_of_cards() -> None:
    card = {"idToken": {"idToken": "04A1B2C3", "type": "ISO14443"}}
    assert BY_NAME["reversed-tags"].mend(card, scene_of("Authorize", faults.V201)) == {
        "idToken": {"idToken": "C3B2A104", "type": "ISO14443"}
    }
    for other in (
        {"idToken": {"idToken": "04A1B2C3", "type": "eMAID"}},
        {"groupIdToken": {"idToken": "04A1B2C3", "type": "ISO14443"}},
    ):
        assert BY_NAME["reversed-tags"].mend(other, scene_of("Authorize", faults.V201)) is other
    padded = {"idToken": {"idToken": "DEF ", "type": "eMAID"}}
    assert BY_NAME["padded-tags"].mend(padded, scene_of("Authorize", faults.V201)) == {
        "idToken": {"idToken": "DEF", "type": "eMAID"}
    }


def test_words_of_2_x_are_found_behind_references() -> None:
    told = {
        "timestamp": "x",
        "connectorStatus": "AVAILABLE",
        "evseId": "1",
        "connectorId": 1,
        "customData": {"a": None},
    }
    scene = scene_of("StatusNotification", faults.V201)
    made = BY_NAME["numbers-as-texts"].mend(BY_NAME["words"].mend(told, scene), scene)  # type: ignore[arg-type]
    assert made == {**told, "connectorStatus": "Available", "evseId": 1}
    assert BY_NAME["unknown-fields"].mend(told, scene) is told, "customData is open"


@pytest.mark.parametrize("action", ["BootNotification", "MeterValues", "StartTransaction", "StopTransaction"])
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_rule_breaks_on_anything(action: str, data: st.DataObject) -> None:
    schema = schema_of(faults.V16, action, Direction.REQUEST)
    assert schema is not None
    payload = data.draw(mutants(schema))
    for rule in RULES:
        if isinstance(payload, dict):
            payload = rule.mend(payload, scene_of(action))
    msgspec.json.encode(payload)


def test_every_rule_has_its_own_name_and_a_sentence() -> None:
    assert len(BY_NAME) == len(RULES)
    assert all(rule.sentence.endswith(".") and rule.name == rule.name.lower() for rule in RULES)


def test_the_document_has_every_rule_as_it_is() -> None:
    text = (Path(__file__).parents[3] / "docs" / "tolerance.md").read_text("utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert rows == [
        f"| `{rule.name}` | {'every message' if rule.always else 'refused ones'} | {rule.sentence} |" for rule in RULES
    ]
