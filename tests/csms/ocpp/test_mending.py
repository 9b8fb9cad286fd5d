"""Rewriting along a schema copies only what changes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from csms.ocpp import faults
from csms.ocpp.mending import DROP, Scene, is_time, rewrite, rewrite_objects, schema_of
from csms.ocpp.schemas import Direction

SCHEMA: dict[str, Any] = {
    "definitions": {
        "Inner": {"type": "object", "additionalProperties": False, "properties": {"n": {"type": "integer"}}}
    },
    "type": "object",
    "properties": {"a": {"$ref": "#/definitions/Inner"}, "list": {"type": "array", "items": {"type": "integer"}}},
    "additionalProperties": False,
    "required": ["a"],
}
SCENE = Scene("Test", SCHEMA, datetime(2026, 1, 1, tzinfo=UTC))


def test_nothing_to_change_is_the_very_same() -> None:
    payload = {"a": {"n": 1}, "list": [1, 2]}
    assert rewrite(SCENE, payload, lambda _part, value, _place: value) is payload
    assert rewrite_objects(payload, lambda value, _name: value) is payload


def test_each_value_meets_its_schema_and_its_place() -> None:
    seen: list[tuple[str, bool, bool, str]] = []

    def fix(part: dict[str, Any], value: object, place: Any) -> object:
        seen.append((place.name, place.required, place.known, part.get("type", "")))
        return value

    rewrite(SCENE, {"a": {"n": 1, "x": 1}, "list": [5]}, fix)
    assert seen == [
        ("", True, True, "object"),
        ("a", True, True, "object"),
        ("n", False, True, "integer"),
        ("x", False, False, ""),
        ("list", False, True, "array"),
        ("list", False, True, "integer"),
    ]


def test_dropped_values_are_gone_and_the_rest_is_shared() -> None:
    inner = {"n": 1}
    payload = {"a": inner, "list": [1, 2, 3]}
    made = rewrite(SCENE, payload, lambda _part, value, _place: DROP if value == 2 else value)
    assert made == {"a": {"n": 1}, "list": [1, 3]}
    assert isinstance(made, dict)
    assert made["a"] is inner
    assert payload["list"] == [1, 2, 3]


def test_objects_are_met_from_the_inside_with_the_name_of_their_list() -> None:
    made = rewrite_objects({"list": [{"n": 1}]}, lambda value, name: {**value, "in": name})
    assert made == {"list": [{"n": 1, "in": "list"}], "in": ""}


def test_schemas() -> None:
    assert schema_of(faults.V16, "MakeCoffee", Direction.REQUEST) is None
    assert is_time({"type": "string", "format": "date-time"})
    assert not is_time({"type": "string"})
