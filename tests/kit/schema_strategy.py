"""Hypothesis strategies for JSON schemas of the kind that OCPP uses, and for payloads that break them a little."""

from __future__ import annotations

import copy
import datetime
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

JsonSchema = dict[str, Any]

_TEXT = st.characters(codec="utf-8", exclude_characters="\x00")
_EPOCH = datetime.datetime(1970, 1, 1)  # noqa: DTZ001 - the zone is added as text
_MOMENTS = st.datetimes(min_value=_EPOCH, max_value=_EPOCH.replace(year=2100))
_DATES = st.one_of(
    _MOMENTS.map(lambda moment: moment.isoformat() + "Z"),
    _MOMENTS.map(lambda moment: moment.isoformat(timespec="seconds")),
    _MOMENTS.map(lambda moment: moment.isoformat(timespec="milliseconds") + "+02:00"),
)


def instances(root: JsonSchema, part: JsonSchema | None = None) -> st.SearchStrategy[Any]:
    """Payloads that the schema allows, all their dates being dates."""
    part = root if part is None else part
    if "$ref" in part:
        return st.deferred(lambda: instances(root, root["definitions"][part["$ref"].rsplit("/", 1)[1]]))
    if "enum" in part:
        return st.sampled_from(part["enum"])
    match part.get("type"):
        case "object":
            return _objects(root, part)
        case "array":
            return st.lists(
                instances(root, part.get("items", {})),
                min_size=part.get("minItems", 0),
                max_size=min(part.get("maxItems", 4), part.get("minItems", 0) + 2),
            )
        case "string" if part.get("format") == "date-time":
            return _DATES
        case "string":
            return st.text(_TEXT, min_size=part.get("minLength", 0), max_size=min(part.get("maxLength", 60), 600))
        case "integer":
            return st.integers(int(part.get("minimum", -(2**70))), int(part.get("maximum", 2**70)))
        case "number" if "multipleOf" in part:
            return st.integers(0, 10_000).map(lambda tenths: round(tenths * part["multipleOf"], 1))
        case "number":
            return st.floats(part.get("minimum", -1e9), part.get("maximum", 1e9), allow_nan=False, allow_infinity=False)
        case "boolean":
            return st.booleans()
        case _:
            return st.none() | st.booleans() | st.text(_TEXT, max_size=5)


def _objects(root: JsonSchema, part: JsonSchema) -> st.SearchStrategy[Any]:
    properties = {key: instances(root, value) for key, value in (part.get("properties") or {}).items()}
    required = set(part.get("required", ()))
    return st.fixed_dictionaries(
        {key: value for key, value in properties.items() if key in required},
        optional={key: value for key, value in properties.items() if key not in required},
    )


_STRANGE = st.sampled_from(
    [
        *(None, True, 0, -1, 1.0, 1.5, 16.15, 2**64, [], {}, [{}], {"x": 1}),
        *("", "x", "x" * 5000, "never", "2024-05-01", "2024-05-01T24:00:00Z", "2024-05-01T10:00Z"),
        *("2016-12-31T23:59:60Z", "2024-02-30T10:00:00Z"),
    ]
).map(copy.deepcopy)  # a mutant may be changed further


@st.composite
def mutants(draw: st.DrawFn, root: JsonSchema) -> Any:
    """A payload that the schema allows, and up to two changes that it may or may not allow."""
    value = copy.deepcopy(draw(instances(root)))
    for _ in range(draw(st.integers(0, 2))):
        holders = list(_holders(value))
        if not holders:
            break
        holder = draw(st.sampled_from(holders))
        keys: list[Any] = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        match draw(st.sampled_from(["replace", "delete", "add"])):
            case "replace" if keys:
                holder[draw(st.sampled_from(keys))] = draw(_STRANGE)
            case "delete" if keys:
                del holder[draw(st.sampled_from(keys))]
            case "add" if isinstance(holder, dict):
                holder[draw(st.sampled_from(["x", "customData", "Value"]))] = draw(_STRANGE)
            case "add":
                holder.append(draw(_STRANGE))
    return value


def _holders(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _holders(inner)
    elif isinstance(value, list):
        yield value
        for inner in value:
            yield from _holders(inner)
