"""Compiled JSON schemas, one per action, version and direction.

The schemas are the official ones that the `ocpp` package carries. Each is compiled, when it is first needed, into

- a *fast path*: a msgspec Struct, which decodes and validates raw JSON in one pass;
- a *slow path*: a jsonschema-rs validator, asked only when the fast path refuses, to find which keyword failed where,
  and so the error code that the specification names (`Edition.keywords`).

Both give the same verdict on every payload; the tests hold them to it. Where a Struct cannot say all that the schema
says (`multipleOf`; the `vendorId` of an open `customData`), the fast path asks the validator too.

Beyond the schema, `format: date-time` is enforced, which JSON Schema leaves open: such a property decodes to a
`datetime`. Read tolerantly, as stations write them: a zone is not demanded (the datetime is then naive), nor seconds;
a leap second becomes the second before it; `24:00` is the next day's midnight. What is no date at all is a
FormatViolation.

What we send goes through the same compiled schema: `Message.encode` raises LocalProtocolError rather than let an
invalid payload out.
"""

from __future__ import annotations

import json
import keyword
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from importlib import resources
from itertools import islice
from typing import Annotated, Any, Final, Literal

import jsonschema_rs
import msgspec
from msgspec import UNSET, Meta, UnsetType

from csms.ocpp.faults import Edition, ErrorCode, Fault, LocalProtocolError, shorten

JsonSchema = dict[str, Any]

_MAX_VIOLATIONS: Final = 64
"""How many violations are looked at to find the gravest one."""
_DECODE_ERRORS: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

# Of several violations the one about the gravest matter is told: first what is there at all, then its kind.
_GRAVITY: Final[Mapping[str, int]] = {
    "additionalProperties": 0,
    "required": 1,
    "type": 2,
    "minItems": 3,
    "maxItems": 3,
    "format": 4,
}


class Direction(StrEnum):
    """Which of a call's two payloads."""

    REQUEST = "Request"
    RESPONSE = "Response"


class Message:
    """One compiled schema."""

    __slots__ = ("_always_check", "_decoder", "_edition", "_has_custom_data", "_schema", "_validator", "name")

    def __init__(self, name: str, schema: JsonSchema, edition: Edition) -> None:
        text = json.dumps(schema)
        self.name = name
        self._schema = schema
        self._edition = edition
        self._decoder: msgspec.json.Decoder[object] = msgspec.json.Decoder(_struct_of(schema, name))
        self._always_check = '"multipleOf"' in text
        self._has_custom_data = '"customData"' in text
        self._validator: jsonschema_rs.Draft4Validator | jsonschema_rs.Draft6Validator | None = None

    def decode(self, payload: msgspec.Raw | bytes) -> object:
        """The payload as a Struct: attributes named as in the schema, UNSET for what was not given.

        Raises Fault with the code that the specification names for what is wrong.
        """
        try:
            value = self._decoder.decode(payload)
        except _DECODE_ERRORS:
            return self._look_closer(payload)
        if self._always_check or (self._has_custom_data and b"customData" in _unescaped(payload)):
            return self._look_closer(payload)
        return value

    def encode(self, value: object) -> bytes:
        """Compact JSON of a mapping or Struct, checked against the schema.

        Raises LocalProtocolError if it does not conform: that is a bug of ours.
        """
        payload = _encoder.encode(value)
        try:
            self.decode(payload)
        except Fault as fault:
            raise LocalProtocolError(f"We were about to send an invalid {self.name}: {fault.description}") from fault
        return payload

    def violations(self, value: object) -> Iterator[tuple[str, str, str]]:
        """(keyword, place, sentence) for each way in which a decoded payload breaks the schema itself."""
        if self._validator is None:
            self._validator = _validator_of(self._schema)
        for error in self._validator.iter_errors(value):
            place = "/".join(str(part) for part in error.instance_path)
            yield error.kind.name, place, _sentence(error.kind.name, error.kind.as_dict())

    def _look_closer(self, payload: msgspec.Raw | bytes) -> object:
        """The slow path: name what is wrong, or decode what only the fast path could not."""
        try:
            value = msgspec.json.decode(payload)
            found = list(islice(self.violations(value), _MAX_VIOLATIONS))
        except (*_DECODE_ERRORS, ValueError) as error:  # ValueError: jsonschema-rs at its recursion limit
            raise Fault(ErrorCode.FORMAT_VIOLATION, f"The payload cannot be read: {error}") from None
        if not found:
            value = _mend(self._schema, self._schema, value, "", found)
        if found:
            raise self._fault(found)
        try:
            return msgspec.convert(value, self._decoder.type)
        except msgspec.ValidationError as error:  # numbers past what a float holds
            raise Fault(ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, str(error)) from None

    def _fault(self, found: Iterable[tuple[str, str, str]]) -> Fault:
        kind, place, sentence = min(found, key=lambda violation: _GRAVITY.get(violation[0], 9))
        code = self._edition.keywords.get(kind, ErrorCode.FORMAT_VIOLATION)
        where = shorten(place, 100)
        return Fault(
            code,
            f"{self.name}: {f'{where}: ' if where else ''}{sentence}",
            {"place": "/" + shorten(place), "keyword": kind},
        )


_encoder: Final = msgspec.json.Encoder()


class Schemas:
    """All messages of one version. `actions` has every action that the version knows, whoever sends it."""

    def __init__(self, edition: Edition) -> None:
        self.edition = edition
        self._folder = resources.files("ocpp") / edition.folder / "schemas"
        self._files: dict[tuple[str, Direction], str] = {}
        for file in sorted(entry.name for entry in self._folder.iterdir()):
            if file.endswith(".json"):
                self._files[_parse_name(file.removesuffix(".json"))] = file
        self.actions = frozenset(action for action, _ in self._files)
        self._compiled: dict[tuple[str, Direction], Message] = {}

    def __iter__(self) -> Iterator[tuple[str, Direction]]:
        return iter(self._files)

    def has(self, action: str, direction: Direction) -> bool:
        """Whether the version has that message."""
        return (action, direction) in self._files

    def schema(self, action: str, direction: Direction) -> JsonSchema:
        """The JSON schema as the specification prints it. Raises KeyError if the version has none."""
        # Some of the files begin with a byte order mark.
        text = (self._folder / self._files[action, direction]).read_text(encoding="utf-8-sig")
        schema: JsonSchema = json.loads(text)
        return schema

    def message(self, action: str, direction: Direction) -> Message:
        """The compiled schema, made at the first request. Raises KeyError if the version has none."""
        key = (action, direction)
        found = self._compiled.get(key)
        if found is None:
            schema = self.schema(action, direction)
            found = self._compiled[key] = Message(f"{action}.{direction}", schema, self.edition)
        return found


@cache
def schemas_of(edition: Edition) -> Schemas:
    """The schemas of a version; one copy per process."""
    return Schemas(edition)


def _parse_name(stem: str) -> tuple[str, Direction]:
    # 1.6: Reset, ResetResponse. 2.x: ResetRequest, ResetResponse, and 2.1's SENDs without a suffix.
    if stem.endswith("Response"):
        return stem.removesuffix("Response"), Direction.RESPONSE
    return stem.removesuffix("Request"), Direction.REQUEST


def _unescaped(payload: msgspec.Raw | bytes) -> bytes:
    data = bytes(payload)
    # An escaped name could hide from the search below, so any escape counts as a find.
    return b"customData" if b"\\u" in data else data


# -- schema → Struct -----------------------------------------------------------------------------------------------


def _struct_of(schema: JsonSchema, name: str) -> Any:
    """A type that decodes exactly what the schema allows (but for the traps that `Message` looks after)."""
    return _Compiler(schema).type_of(schema, re.sub(r"\W", "", name))


class _Compiler:
    """Turns one schema into types; each of its definitions becomes one type, however often it is named."""

    def __init__(self, schema: JsonSchema) -> None:
        self._definitions: JsonSchema = schema.get("definitions", {})
        self._made: dict[str, Any] = {}

    def type_of(self, part: JsonSchema, hint: str) -> Any:
        if "$ref" in part:
            return self._definition(part["$ref"].rsplit("/", 1)[1])
        if "enum" in part:
            return Literal[tuple(part["enum"])]
        match part.get("type"):
            case "object":
                return self._object(part, hint)
            case "array":
                items = self.type_of(part["items"], hint + "Item") if "items" in part else Any
                return _constrained(list[items], part, min_length="minItems", max_length="maxItems")  # type: ignore[valid-type]
            case "string" if part.get("format") == "date-time":
                return datetime
            case "string":
                return _constrained(str, part, min_length="minLength", max_length="maxLength", pattern="pattern")
            case "integer":
                return _constrained(int, part, ge="minimum", le="maximum")
            case "number":
                return _constrained(float, part, ge="minimum", le="maximum")
            case "boolean":
                return bool
            case _:
                return Any

    def _definition(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = self.type_of(self._definitions[name], name)
        return self._made[name]

    def _object(self, part: JsonSchema, hint: str) -> Any:
        properties: dict[str, JsonSchema] = part.get("properties") or {}
        closed = part.get("additionalProperties", True) is False
        if not closed and (not properties or hint == "CustomDataType"):
            return dict[str, Any]  # open: every key is kept
        required = frozenset(part.get("required", ()))
        fields: list[Any] = []
        renamed: dict[str, str] = {}
        for key, value in properties.items():
            attribute = key + "_" if keyword.iskeyword(key) else key
            if attribute != key:
                renamed[attribute] = key
            kind = self.type_of(value, key[:1].upper() + key[1:])
            fields.append((attribute, kind) if key in required else (attribute, kind | UnsetType, UNSET))
        return msgspec.defstruct(
            hint,
            fields,
            forbid_unknown_fields=closed,
            kw_only=True,
            rename=renamed or None,
            gc=False,
            frozen=True,
        )


def _constrained(kind: Any, part: JsonSchema, **keywords: str) -> Any:
    found = {argument: part[name] for argument, name in keywords.items() if name in part}
    if kind in (int, float):
        # The schemas write 0.0 for a whole number's bound, too.
        found = {
            argument: (math.ceil(bound) if argument == "ge" else math.floor(bound)) if kind is int else float(bound)
            for argument, bound in found.items()
        }
    return Annotated[kind, Meta(**found)] if found else kind


def _validator_of(schema: JsonSchema) -> jsonschema_rs.Draft4Validator | jsonschema_rs.Draft6Validator:
    kind = jsonschema_rs.Draft4Validator if _is_draft4(schema) else jsonschema_rs.Draft6Validator
    return kind(schema, validate_formats=False)


def _is_draft4(schema: JsonSchema) -> bool:
    return "draft-04" in schema.get("$schema", "")


# -- what only the slow path can read ------------------------------------------------------------------------------


def _mend(root: JsonSchema, part: JsonSchema, value: Any, place: str, found: list[tuple[str, str, str]]) -> Any:
    """A copy of a valid value with its dates parsed and its 3.0s made 3 (a whole number from draft 6 on).

    Adds a violation to `found` for each text that is no date.
    """
    if "$ref" in part:
        part = root["definitions"][part["$ref"].rsplit("/", 1)[1]]
    if isinstance(value, dict):
        properties = part.get("properties") or {}
        return {
            key: _mend(root, properties[key], inner, f"{place}/{key}".lstrip("/"), found)
            if key in properties
            else inner
            for key, inner in value.items()
        }
    if isinstance(value, list) and "items" in part:
        return [_mend(root, part["items"], inner, f"{place}/{index}", found) for index, inner in enumerate(value)]
    if isinstance(value, float) and part.get("type") == "integer" and value.is_integer():
        return int(value)
    if isinstance(value, str) and part.get("format") == "date-time":
        moment = parse_time(value)
        if moment is None:
            found.append(("format", place, f"{shorten(value, 40)!r} is not a date and time"))
        return moment
    return value


_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,20}))?)?\s*([Zz]|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII,
)


def parse_time(text: str) -> datetime | None:
    """Read a date and time as stations write it; naive when it has no zone, None when it is none at all."""
    try:
        return msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        match = _TIME.fullmatch(text.strip())
    if match is None:
        return None
    date, hour, minute, second, fraction, zone = match.groups()
    midnight_after = (hour, minute, second or "00") == ("24", "00", "00")
    leap = second == "60"
    try:
        moment = datetime.fromisoformat(
            f"{date}T{'00' if midnight_after else hour}:{minute}:{'59' if leap else second or '00'}"
            f".{(fraction or '')[:6]:0<6}{_zone(zone)}"
        )
        return moment + timedelta(days=1) if midnight_after else moment
    except (ValueError, OverflowError):
        return None


def _zone(text: str | None) -> str:
    if text is None:
        return ""
    if text in "Zz":
        return "+00:00"
    digits = text[1:].replace(":", "")
    return f"{text[0]}{digits[:2]}:{digits[2:] or '00'}"


def as_utc(moment: datetime) -> datetime:
    """The same moment in UTC; one without a zone is taken for UTC (OCPP 1.6 §3.13 recommends UTC).

    Raises Fault where that is outside the years 1 to 9999.
    """
    if moment.tzinfo is UTC:
        return moment
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise Fault(ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, f"{moment} is outside the calendar.") from None


# -- sentences -----------------------------------------------------------------------------------------------------


def _sentence(kind: str, facts: Mapping[str, Any]) -> str:
    match kind:
        case "required":
            return f"{facts.get('property')} is missing."
        case "additionalProperties":
            unexpected = ", ".join(str(name) for name in facts.get("unexpected", ())[:5])
            return f"there is no property {shorten(unexpected, 80)}."
        case "type":
            return f"must be of type {_names(facts.get('types') or facts.get('type'))}."
        case "enum":
            return f"must be one of {shorten(_names(facts.get('options')), 120)}."
        case "maxLength":
            return f"is longer than {facts.get('limit')} characters."
        case "minLength":
            return f"is shorter than {facts.get('limit')} characters."
        case "maxItems":
            return f"has more than {facts.get('limit')} elements."
        case "minItems":
            return f"has fewer than {facts.get('limit')} elements."
        case "minimum" | "maximum":
            return f"is {'below' if kind == 'minimum' else 'above'} {facts.get('limit')}."
        case _:
            rule = ", ".join(str(value) for value in facts.values())
            return f"breaks the schema's {kind}{f' ({shorten(rule, 60)})' if rule else ''}."


def _names(value: Any) -> str:
    return ", ".join(str(name) for name in value) if isinstance(value, list | tuple) else str(value)
