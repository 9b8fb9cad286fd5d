"""What well-known stations do otherwise than their specification says, and how each of it is read all the same.

A rule is a pure function (payload, scene) → payload; the very same payload where it has nothing to change. Most rules
heal what the schema would refuse: they are tried only when it has. The others read a valid message in another sense,
and are applied to every one (`always`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import msgspec

from csms.ocpp.mending import DROP, Json, Place, Scene, is_time, rewrite, rewrite_objects
from csms.ocpp.schemas import JsonSchema, parse_time

Mend = Callable[[dict[str, Json], Scene], Json]
UNKNOWN_METER: Final = -1
"""What stands for a meterStop that the station did not tell."""


class Rule(msgspec.Struct, frozen=True):
    """`name` for settings, `sentence` for people. `back`: the same for what goes to the station."""

    name: str
    sentence: str
    mend: Mend
    always: bool = False
    back: Mend | None = None


# -- kinds of values ---------------------------------------------------------------------------------------------------

_WHOLE: Final = re.compile(r"\s*[+-]?\d{1,18}(?:\.0+)?\s*", re.ASCII)
_DECIMAL: Final = re.compile(r"\s*[+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})\s*", re.ASCII)
_BOOLEANS: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def _wants_text(part: JsonSchema) -> bool:
    return part.get("type") == "string" and "enum" not in part and not is_time(part)


def numbers_as_texts(payload: dict[str, Json], scene: Scene) -> Json:
    """ "12" → 12, "true" → true."""

    def fix(part: JsonSchema, value: Json, _place: Place) -> Json:
        if not isinstance(value, str):
            return value
        kind = part.get("type")
        if kind == "integer" and _WHOLE.fullmatch(value):
            return int(value.strip().partition(".")[0])
        if kind == "number" and _DECIMAL.fullmatch(value):
            return float(value)
        if kind == "boolean":
            return _BOOLEANS.get(value.strip().casefold(), value)
        return value

    return rewrite(scene, payload, fix)


def texts_as_numbers(payload: dict[str, Json], scene: Scene) -> Json:
    """12.5 → "12.5"."""

    def fix(part: JsonSchema, value: Json, _place: Place) -> Json:
        if _wants_text(part) and isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        return value

    return rewrite(scene, payload, fix)


def decimals(payload: dict[str, Json], scene: Scene) -> Json:
    """1234.5 → 1234 (to even), where a whole number is wanted."""

    def fix(part: JsonSchema, value: Json, _place: Place) -> Json:
        if part.get("type") == "integer" and isinstance(value, float) and math.isfinite(value):
            return round(value)
        return value

    return rewrite(scene, payload, fix)


def nulls(payload: dict[str, Json], scene: Scene) -> Json:
    """{"info": null} → {}."""
    return rewrite(scene, payload, lambda _part, value, place: DROP if value is None and place.name else value)


def empty_texts(payload: dict[str, Json], scene: Scene) -> Json:
    """{"timestamp": ""} → {}."""

    def fix(part: JsonSchema, value: Json, place: Place) -> Json:
        plain = _wants_text(part) and not part.get("minLength")
        empty = isinstance(value, str) and not value.strip()
        return DROP if empty and not place.required and place.known and not plain else value

    return rewrite(scene, payload, fix)


def single_things(payload: dict[str, Json], scene: Scene) -> Json:
    """{"meterValue": {…}} → {"meterValue": [{…}]}."""

    def fix(part: JsonSchema, value: Json, _place: Place) -> Json:
        return [value] if part.get("type") == "array" and isinstance(value, dict) else value

    return rewrite(scene, payload, fix)


def unknown_fields(payload: dict[str, Json], scene: Scene) -> Json:
    """{"status": …, "acmeTemperature": 40} → {"status": …}."""
    return rewrite(scene, payload, lambda _part, value, place: value if place.known else DROP)


_NEVER_CUT: Final = frozenset({"idTag", "parentIdTag", "idToken", "transactionId"})


def long_texts(payload: dict[str, Json], scene: Scene) -> Json:
    """A text that is too long is cut; never what names a tag or a transaction."""

    def fix(part: JsonSchema, value: Json, place: Place) -> Json:
        limit = part.get("maxLength")
        if isinstance(value, str) and limit is not None and len(value) > limit and place.name not in _NEVER_CUT:
            return value[:limit]
        return value

    return rewrite(scene, payload, fix)


# -- words -------------------------------------------------------------------------------------------------------------

_MISSPELT: Final = {
    "avaliable": "available",
    "availble": "available",
    "availabe": "available",
    "unavaliable": "unavailable",
    "unavailble": "unavailable",
    "charing": "charging",
    "chargin": "charging",
    "prepairing": "preparing",
    "prepare": "preparing",
    "finnishing": "finishing",
    "finish": "finishing",
    "finished": "finishing",
    "suspendev": "suspendedev",
    "suspendevse": "suspendedevse",
    "suspendedcar": "suspendedev",
    "reserve": "reserved",
    "fault": "faulted",
    "noerr": "noerror",
    "celsius": "celcius",
}


def _plain(word: str) -> str:
    """Letters and digits, in lower case."""
    return "".join(each for each in word.casefold() if each.isalnum())


def words(payload: dict[str, Json], scene: Scene) -> Json:
    """ "available", "Suspended_EV", "Avaliable" → the specification's word, if there is exactly one."""

    def fix(part: JsonSchema, value: Json, _place: Place) -> Json:
        options = part.get("enum")
        if options is None or not isinstance(value, str) or value in options:
            return value
        plain = _plain(value)
        for wanted in (plain, _MISSPELT.get(plain)):
            found = [option for option in options if wanted and _plain(str(option)) == wanted]
            if len(found) == 1:
                return found[0]
        return value

    return rewrite(scene, payload, fix)


def unknown_measurands(payload: dict[str, Json], scene: Scene) -> Json:
    """A sample of a measurand or in a unit that the version does not know is left out; an unknown phase, location,
    context or format of it too."""

    def fix(part: JsonSchema, value: Json, _place: Place) -> Json:
        if not isinstance(value, dict):
            return value
        properties = part.get("properties") or {}
        if "measurand" not in properties:
            return value
        strange = [
            name
            for name, told in value.items()
            if "enum" in _resolved(scene, properties.get(name, {}))
            and told not in _resolved(scene, properties[name])["enum"]
        ]
        if "measurand" in strange or "unit" in strange:
            return DROP
        return {name: told for name, told in value.items() if name not in strange} if strange else value

    return rewrite_objects(rewrite(scene, payload, fix), _without_empty_values)


def _without_empty_values(value: dict[str, Json], _name: str) -> dict[str, Json]:
    """Meter values all of whose samples were left out are left out as well."""
    for name in ("meterValue", "transactionData"):
        told = value.get(name)
        if isinstance(told, list):
            kept = [each for each in told if not (isinstance(each, dict) and each.get("sampledValue") == [])]
            if len(kept) < len(told):
                value = {**value, name: kept}
    return value


def _resolved(scene: Scene, part: JsonSchema) -> JsonSchema:
    if "$ref" in part:
        found: JsonSchema = scene.schema["definitions"][part["$ref"].rsplit("/", 1)[1]]
        return found
    return part


def _enum(scene: Scene, name: str) -> frozenset[str]:
    part = _resolved(scene, (scene.schema.get("properties") or {}).get(name, {}))
    return frozenset(part.get("enum", ()))


def unknown_stop_reasons(payload: dict[str, Json], scene: Scene) -> Json:
    """StopTransaction: a reason that the version does not know → Other."""
    told = payload.get("reason")
    options = _enum(scene, "reason")
    if scene.action == "StopTransaction" and isinstance(told, str) and options and told not in options:
        return {**payload, "reason": "Other"}
    return payload


def unknown_error_codes(payload: dict[str, Json], scene: Scene) -> Json:
    """StatusNotification: an error code that the version does not know → OtherError, and it becomes the vendor's."""
    told = payload.get("errorCode")
    options = _enum(scene, "errorCode")
    if scene.action == "StatusNotification" and isinstance(told, str) and options and told not in options:
        return {"vendorErrorCode": told[:50], **payload, "errorCode": "OtherError"}
    return payload


def missing_error_code(payload: dict[str, Json], scene: Scene) -> Json:
    """StatusNotification without an error code → NoError."""
    if scene.action == "StatusNotification" and "errorCode" not in payload and "NoError" in _enum(scene, "errorCode"):
        return {**payload, "errorCode": "NoError"}
    return payload


# -- times -------------------------------------------------------------------------------------------------------------

_OTHER_DATE: Final = re.compile(
    r"\s*(?:(\d{4})[/.](\d{1,2})[/.](\d{1,2})|(\d{1,2})\.(\d{1,2})\.(\d{4}))[ T]+(\d{1,2}):(\d{2})(?::(\d{2}))?"
    r"(?:\.\d+)?\s*(Z|[+-]\d{2}:?\d{2})?\s*",
    re.ASCII,
)
_EPOCH: Final = re.compile(r"\s*(\d{9,10}|\d{12,13})\s*", re.ASCII)


def other_times(payload: dict[str, Json], scene: Scene) -> Json:
    """Seconds or milliseconds since 1970, 2024/05/01 10:00:00, 01.05.2024 10:00 → ISO 8601."""

    def fix(part: JsonSchema, value: Json, _place: Place) -> Json:
        if not is_time(part) or isinstance(value, bool) or not isinstance(value, str | int | float):
            return value
        if isinstance(value, str) and parse_time(value) is not None:
            return value
        return (
            _other_time(str(int(value)) if isinstance(value, float) and math.isfinite(value) else str(value)) or value
        )

    return rewrite(scene, payload, fix)


def _other_time(text: str) -> str | None:
    if _EPOCH.fullmatch(text):
        number = int(text)
        return datetime.fromtimestamp(number / 1000 if number >= 10**11 else number, UTC).isoformat()
    match = _OTHER_DATE.fullmatch(text)
    if match is None:
        return None
    year, month, day, day2, month2, year2, hour, minute, second, zone = match.groups()
    date = f"{year or year2}-{int(month or month2):02}-{int(day or day2):02}"
    made = f"{date}T{int(hour):02}:{minute}:{second or '00'}{zone or ''}"
    return made if parse_time(made) is not None else None


def missing_times(payload: dict[str, Json], scene: Scene) -> Json:
    """A time that must be there and is not → the time of receipt."""

    def fix(part: JsonSchema, value: Json, _place: Place) -> Json:
        if not isinstance(value, dict):
            return value
        properties = part.get("properties") or {}
        missing = [
            name
            for name in part.get("required", ())
            if name not in value and is_time(_resolved(scene, properties.get(name, {})))
        ]
        return {**value, **dict.fromkeys(missing, scene.now.isoformat())} if missing else value

    return rewrite(scene, payload, fix)


def local_times(payload: dict[str, Json], scene: Scene) -> Json:
    """A time without a zone is local time in the zone of the rule set."""

    def fix(part: JsonSchema, value: Json, _place: Place) -> Json:
        if scene.zone is None or not is_time(part) or not isinstance(value, str):
            return value
        moment = parse_time(value)
        if moment is None or moment.tzinfo is not None:
            return value
        return moment.replace(tzinfo=scene.zone).isoformat()

    return rewrite(scene, payload, fix)


# -- transactions and meters -------------------------------------------------------------------------------------------


def missing_meter_stop(payload: dict[str, Json], scene: Scene) -> Json:
    """StopTransaction without meterStop: the greatest register among its samples, or none."""
    if scene.action != "StopTransaction" or payload.get("meterStop") is not None:
        return payload
    registers = [register for register in map(_register, _samples(payload)) if register is not None]
    return {**payload, "meterStop": round(max(registers)) if registers else UNKNOWN_METER}


def _samples(payload: dict[str, Json]) -> list[dict[str, Json]]:
    found: list[dict[str, Json]] = []

    def collect(value: dict[str, Json], name: str) -> dict[str, Json]:
        if name == "sampledValue":
            found.append(value)
        return value

    rewrite_objects(payload.get("transactionData"), collect)
    return found


def _register(sample: dict[str, Json]) -> float | None:
    """The energy register in Wh."""
    if sample.get("measurand", "Energy.Active.Import.Register") != "Energy.Active.Import.Register":
        return None
    if sample.get("phase") is not None or not _DECIMAL.fullmatch(str(sample.get("value"))):
        return None
    return float(str(sample["value"])) * (1000 if sample.get("unit") == "kWh" else 1)


def connector_zero(payload: dict[str, Json], scene: Scene) -> Json:
    """StartTransaction at connector 0 → connector 1."""
    if scene.action == "StartTransaction" and payload.get("connectorId") in (0, "0"):
        return {**payload, "connectorId": 1}
    return payload


def no_transaction(payload: dict[str, Json], scene: Scene) -> Json:
    """MeterValues with transactionId 0 or -1: outside of any transaction."""
    if scene.action == "MeterValues" and payload.get("transactionId") in (0, -1, "0", "-1", ""):
        return {name: value for name, value in payload.items() if name != "transactionId"}
    return payload


def kilowatt_hours(payload: dict[str, Json], scene: Scene) -> Json:
    """meterStart and meterStop in kWh → in Wh."""
    if scene.action not in ("StartTransaction", "StopTransaction"):
        return payload
    made: dict[str, Json] = {
        name: round(value * 1000)
        if name in ("meterStart", "meterStop")
        and isinstance(value, int | float)
        and not isinstance(value, bool)
        and 0 < value < 10**12
        else value
        for name, value in payload.items()
    }
    return payload if made == payload else made


_COMMA: Final = re.compile(r"\s*[+-]?\d+,\d+\s*", re.ASCII)


def decimal_commas(payload: dict[str, Json], _scene: Scene) -> Json:
    """A sample of "12,5" → "12.5"."""

    def change(value: dict[str, Json], name: str) -> dict[str, Json]:
        told = value.get("value")
        if name == "sampledValue" and isinstance(told, str) and _COMMA.fullmatch(told):
            return {**value, "value": told.replace(",", ".")}
        return value

    return rewrite_objects(payload, change)


# -- tags --------------------------------------------------------------------------------------------------------------

_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{8}|[0-9A-Fa-f]{14}|[0-9A-Fa-f]{20})")
_CARDS: Final = frozenset({None, "ISO14443", "ISO15693"})


def _tags(payload: dict[str, Json], names: tuple[str, ...], change: Callable[[str], str], *, groups: bool) -> Json:
    def of_object(value: dict[str, Json], name: str) -> dict[str, Json]:
        if name == "groupIdToken" and not groups:
            return value
        for tag in names:
            told = value.get(tag)
            if isinstance(told, str) and (groups or value.get("type") in _CARDS) and (made := change(told)) != told:
                value = {**value, tag: made}
        return value

    return rewrite_objects(payload, of_object)


def padded_tags(payload: dict[str, Json], _scene: Scene) -> Json:
    """ "04A1B2C3   " → "04A1B2C3"."""
    return _tags(payload, ("idTag", "parentIdTag", "idToken"), lambda tag: tag.strip("\0 \t\r\n"), groups=True)


def _reversed(tag: str) -> str:
    if not _HEX.fullmatch(tag):
        return tag
    return "".join(reversed([tag[place : place + 2] for place in range(0, len(tag), 2)]))


def reversed_tags(payload: dict[str, Json], _scene: Scene) -> Json:
    """A card's number with its bytes the other way round; both ways."""
    return _tags(payload, ("idTag", "idToken"), _reversed, groups=False)


RULES: Final[tuple[Rule, ...]] = (
    Rule("single-things", "A single thing stands where a list is wanted.", single_things),
    Rule("nulls", "Fields that are null are taken as not given.", nulls),
    Rule("empty-texts", "Empty texts where a time, a number or a word is wanted are taken as not given.", empty_texts),
    Rule("numbers-as-texts", "Numbers and truth values come as texts.", numbers_as_texts),
    Rule("texts-as-numbers", "Texts come as numbers.", texts_as_numbers),
    Rule("decimals", "Whole numbers come with decimals, and are rounded.", decimals),
    Rule("words", "Words differ from the specification's in case, signs or a known misspelling.", words),
    Rule("unknown-measurands", "Samples with unknown measurands or units are left out.", unknown_measurands),
    Rule("unknown-stop-reasons", "Unknown reasons for a stop are read as Other.", unknown_stop_reasons),
    Rule("unknown-error-codes", "Unknown error codes are read as the vendor's own.", unknown_error_codes),
    Rule("missing-error-code", "A status without an error code is read as one without an error.", missing_error_code),
    Rule("other-times", "Times are written in another form than ISO 8601.", other_times),
    Rule("missing-times", "Times that are missing are taken as the time of receipt.", missing_times),
    Rule(
        "missing-meter-stop", "A stop without a meter reading takes that of its samples, or none.", missing_meter_stop
    ),
    Rule("unknown-fields", "Fields that the specification does not know are left out.", unknown_fields),
    Rule("long-texts", "Texts that are too long are cut, but for tags and transactions.", long_texts),
    Rule("padded-tags", "Tags are padded with spaces.", padded_tags, always=True),
    Rule(
        "reversed-tags",
        "The bytes of RFID cards come the other way round; also in what is sent to the station.",
        reversed_tags,
        always=True,
        back=reversed_tags,
    ),
    Rule("local-times", "Times without a zone are local, in the zone of the rule set.", local_times, always=True),
    Rule("connector-zero", "A start at connector 0 is one at connector 1.", connector_zero, always=True),
    Rule("no-transaction", "Meter values of transaction 0 or -1 belong to none.", no_transaction, always=True),
    Rule("decimal-commas", "Samples have a comma for the decimal point.", decimal_commas, always=True),
    Rule("kilowatt-hours", "The meter at start and stop is told in kWh.", kilowatt_hours, always=True),
)
BY_NAME: Final = {rule.name: rule for rule in RULES}
