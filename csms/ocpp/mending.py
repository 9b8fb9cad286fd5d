"""How a payload that deviates is rewritten along its official schema: pure functions on decoded JSON.

Nothing is changed in place: what is rewritten is a new value, and who gets the very same object back knows that nothing
was changed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo
from functools import cache
from typing import Final, TypeAlias

import msgspec

from csms.ocpp.faults import Edition
from csms.ocpp.schemas import Direction, JsonSchema, schemas_of

Json: TypeAlias = object
"""dict, list, str, int, float, bool, None."""
DROP: Final[object] = object()
"""Stands for a value that is left out."""


class Scene(msgspec.Struct, frozen=True):
    """What a rule may know beside the payload. `zone`: of local times; None: UTC."""

    action: str
    schema: JsonSchema
    now: datetime
    zone: tzinfo | None = None


class Place(msgspec.Struct, frozen=True):
    """Where in a message a value stands. `known`: the schema has such a property here (or allows any)."""

    name: str = ""
    required: bool = True
    known: bool = True


Fix: TypeAlias = Callable[[JsonSchema, Json, Place], Json]
"""(its schema, value, place) → the value to have there, or DROP."""
_ROOT: Final = Place()


@cache
def schema_of(edition: Edition, action: str, direction: Direction) -> JsonSchema | None:
    """None when the version has no such message."""
    try:
        return schemas_of(edition).schema(action, direction)
    except KeyError:
        return None


def rewrite(scene: Scene, payload: Json, fix: Fix) -> Json:
    """Have `fix` look at every value, from the outside in."""
    return _rewrite(scene.schema, scene.schema, payload, fix, _ROOT)


def _rewrite(root: JsonSchema, part: JsonSchema, value: Json, fix: Fix, place: Place) -> Json:
    if "$ref" in part:
        part = root["definitions"][part["$ref"].rsplit("/", 1)[1]]
    value = fix(part, value, place)
    if isinstance(value, dict):
        return _rewrite_object(root, part, value, fix)
    if isinstance(value, list):
        items = part.get("items")
        return _rewrite_list(root, items if isinstance(items, dict) else {}, value, fix, place.name)
    return value


def _rewrite_object(root: JsonSchema, part: JsonSchema, value: dict[str, Json], fix: Fix) -> Json:
    properties: JsonSchema = part.get("properties") or {}
    required = part.get("required", ())
    open_ = part.get("additionalProperties", True) is not False
    made: dict[str, Json] = {}
    changed = False
    for name, inner in value.items():
        known = name in properties
        place = Place(name, name in required, known or open_)
        new = _rewrite(root, properties[name] if known else {}, inner, fix, place)
        changed = changed or new is not inner
        if new is not DROP:
            made[name] = new
    return made if changed else value


def _rewrite_list(root: JsonSchema, items: JsonSchema, value: list[Json], fix: Fix, name: str) -> Json:
    place = Place(name, required=False)
    made = [_rewrite(root, items, inner, fix, place) for inner in value]
    if all(new is inner for new, inner in zip(made, value, strict=True)):
        return value
    return [new for new in made if new is not DROP]


Objects: TypeAlias = Callable[[dict[str, Json], str], dict[str, Json]]
"""(object, the name under which it stands) → the object to have there."""


def rewrite_objects(value: Json, change: Objects, name: str = "") -> Json:
    """The same for all objects, without a schema, from the inside out."""
    if isinstance(value, dict):
        made = {key: rewrite_objects(inner, change, key) for key, inner in value.items()}
        changed = any(made[key] is not inner for key, inner in value.items())
        return change(made if changed else value, name)
    if isinstance(value, list):
        items = [rewrite_objects(inner, change, name) for inner in value]
        return items if any(new is not inner for new, inner in zip(items, value, strict=True)) else value
    return value


def is_time(part: JsonSchema) -> bool:
    """Does the schema want a date and time here?"""
    return part.get("type") == "string" and part.get("format") == "date-time"
