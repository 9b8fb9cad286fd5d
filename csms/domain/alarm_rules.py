"""How what stations tell becomes alarms: rules for codes, and the reading of statuses, monitors and security events.

OCPP 1.6 §7.6 (ChargePointErrorCode), 2.x N07 (NotifyEvent) and the list of security events.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import msgspec

from csms.domain.alarms import AlarmKind, AlarmSource, Cleared, Observation, Raised, Severity, Subject, words_of
from csms.domain.errors import InvalidArgument

MAX_PATTERN: Final = 200
USUAL: Final = "{kind}: {told}."
ONE_DRIFTED: Final = "{name} is set otherwise at the station than it accepted."
SEVERAL_DRIFTED: Final = "{names} are set otherwise at the station than it accepted."
MORE_DRIFTED: Final = "{names} and {more} more are set otherwise at the station than it accepted."


class AlarmRule(msgspec.Struct, frozen=True):
    """A code becomes an alarm. `vendor`, `model` and `code` may hold `*`; empty vendor and model: any. `source` None:
    any. `kind` None: no alarm. `severity` None: as the station tells it, else major."""

    id: int
    source: AlarmSource | None
    vendor: str
    model: str
    code: str
    kind: AlarmKind | None
    severity: Severity | None = None
    text: str = ""
    built_in: bool = False
    version: int = 1


class Told(msgspec.Struct, frozen=True):
    """Something that a station told and that nobody has weighed. `severity` is OCPP's, 0 to 9."""

    id: int
    station_id: int
    source: AlarmSource
    at: datetime
    evse_id: int | None
    severity: int | None
    body: Mapping[str, Any]
    vendor: str = ""
    model: str = ""


class Reading(msgspec.Struct, frozen=True):
    """What was told, read: observations for keys that are known, and the beginning of keys of which all active ones but
    that of `seen` are over (a connector has one fault at a time)."""

    seen: Sequence[Observation] = ()
    over: str = ""


def check_rule(rule: AlarmRule) -> None:
    """Raises InvalidArgument."""
    if rule.source in (AlarmSource.SILENCE, AlarmSource.SYSTEM, AlarmSource.CONFIGURATION):
        raise InvalidArgument(
            "Rules are for what stations tell: a status, a monitor, a security event.", reason="INVALID_SOURCE"
        )
    if not rule.code.strip():
        raise InvalidArgument("Say which code; * stands for any characters.", reason="CODE_MISSING")
    if max(len(rule.vendor), len(rule.model), len(rule.code)) > MAX_PATTERN or len(rule.text) > 2 * MAX_PATTERN:
        raise InvalidArgument(
            f"Patterns have at most {MAX_PATTERN} characters, a text twice as many.", reason="TEXT_TOO_LONG"
        )
    if rule.kind in (
        AlarmKind.NOT_REGISTERED,
        AlarmKind.NO_COMMUNICATION,
        AlarmKind.NO_NETWORK,
        AlarmKind.BACKUP_STALE,
    ):
        raise InvalidArgument(f"{words_of(rule.kind)} comes from silence, not from a code.", reason="INVALID_KIND")
    if rule.kind is AlarmKind.CONFIGURATION_DRIFT:
        raise InvalidArgument(
            f"{words_of(rule.kind)} comes from comparing settings, not from a code.", reason="INVALID_KIND"
        )


def _status(code: str, kind: AlarmKind | None, severity: Severity, text: str) -> AlarmRule:
    return AlarmRule(0, AlarmSource.STATUS, "", "", code, kind, severity, text, built_in=True)


def _any(code: str, kind: AlarmKind) -> AlarmRule:
    return AlarmRule(0, None, "", "", code, kind, None, "", built_in=True)


_HARDWARE, _FUSE, _HEAT = AlarmKind.HARDWARE_FAULT, AlarmKind.FUSE_TRIPPED, AlarmKind.TEMPERATURE
_SETUP = AlarmKind.HARDWARE_CONFIGURATION_FAULT
_WORST, _BAD, _SMALL = Severity.CRITICAL, Severity.MAJOR, Severity.MINOR

BUILT_IN: Final[tuple[AlarmRule, ...]] = tuple(
    msgspec.structs.replace(rule, id=number)
    for number, rule in enumerate(
        (
            _status("ConnectorLockFailure", _HARDWARE, _BAD, "The lock of the connector fails. {info}"),
            _status("EVCommunicationError", None, _SMALL, "The vehicle does not answer. {info}"),
            _status("GroundFailure", _FUSE, _WORST, "The residual current device has tripped. {info}"),
            _status("HighTemperature", _HEAT, _WORST, "It is too hot inside. {info}"),
            _status("InternalError", _HARDWARE, _BAD, "Internal error. {info}"),
            _status("LocalListConflict", None, _SMALL, "The local list contradicts the central system. {info}"),
            _status("Mode3Error", _HARDWARE, _SMALL, "Error in the communication with the vehicle (mode 3). {info}"),
            _status("OverCurrentFailure", _FUSE, _WORST, "The overcurrent protection has tripped. {info}"),
            _status("OverVoltage", _HARDWARE, _BAD, "The voltage is too high. {info}"),
            _status("UnderVoltage", _HARDWARE, _BAD, "The voltage is too low. {info}"),
            _status("PowerMeterFailure", _HARDWARE, _BAD, "The energy meter fails. {info}"),
            _status("PowerSwitchFailure", _HARDWARE, _WORST, "The power switch fails. {info}"),
            _status("ReaderFailure", _HARDWARE, _BAD, "The card reader fails. {info}"),
            _status("ResetFailure", _HARDWARE, _BAD, "A reset failed. {info}"),
            _status("WeakSignal", None, _SMALL, "The mobile network is weak. {info}"),
            _any("*fuse*", _FUSE),
            _any("*breaker*", _FUSE),
            _any("*RCD*", _FUSE),
            _any("*GroundFault*", _FUSE),
            _any("*OverCurrent*", _FUSE),
            _any("*Tripped*", _FUSE),
            _any("*temperature*", _HEAT),
            _any("*overheat*", _HEAT),
            _any("*mismatch*", _SETUP),
            _any("*incompatib*", _SETUP),
            _any("*wrongconfig*", _SETUP),
            _any("*hardwareconfig*", _SETUP),
            AlarmRule(0, AlarmSource.SECURITY, "", "", "TamperDetectionActivated", AlarmKind.SECURITY, _WORST,
                      "Somebody tampers with the station. {info}", built_in=True),
            AlarmRule(0, AlarmSource.SECURITY, "", "", "Attempted*", AlarmKind.SECURITY, _BAD,
                      "Somebody tried an attack ({code}). {info}", built_in=True),
            AlarmRule(0, AlarmSource.SECURITY, "", "", "InvalidFirmware*", AlarmKind.SECURITY, _BAD,
                      "Firmware was refused ({code}). {info}", built_in=True),
            AlarmRule(0, AlarmSource.SECURITY, "", "", "*", None, None, "", built_in=True),
        ),
        1,
    )
)  # fmt: skip
"""What is known of codes without being told by the operator. The manual's kinds, for the codes that OCPP names and for
words that vendors use."""


@lru_cache(maxsize=4096)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in re.split(r"\*+", text)), re.IGNORECASE | re.DOTALL)


def fits(pattern: str, text: str) -> bool:
    """Does it fit a pattern with `*`? Case does not matter."""
    return _pattern(pattern).fullmatch(text) is not None


def choose(rules: Sequence[AlarmRule], source: AlarmSource, vendor: str, model: str, code: str) -> AlarmRule | None:
    """The rule that counts: made here before built in; then the one that says most."""

    def weight(rule: AlarmRule) -> tuple[bool, bool, bool, bool, int, bool]:
        exact = "*" not in rule.code
        return (not rule.built_in, bool(rule.vendor), bool(rule.model), exact, len(rule.code), rule.source is not None)

    fitting = [
        rule
        for rule in rules
        if rule.source in (None, source)
        and (not rule.vendor or fits(rule.vendor, vendor))
        and (not rule.model or fits(rule.model, model))
        and fits(rule.code, code)
    ]
    return max(fitting, key=weight, default=None)


def read(told: Told, rules: Sequence[AlarmRule]) -> Reading:
    """What it means. `rules`: those made here and the built-in ones."""
    if told.source is AlarmSource.STATUS:
        return _read_status(told, rules)
    if told.source is AlarmSource.MONITOR:
        return _read_monitor(told, rules)
    if told.source is AlarmSource.CONFIGURATION:
        return _read_drift(told)
    return _read_security(told, rules)


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""


def _sentence(rule: AlarmRule | None, kind: AlarmKind, code: str, info: str) -> str:
    if rule is not None and rule.text:
        return rule.text.replace("{code}", code).replace("{info}", info).strip()
    return USUAL.format(kind=words_of(kind), told=" ".join(filter(None, (code, info))))


def _read_status(told: Told, rules: Sequence[AlarmRule]) -> Reading:
    body = told.body
    connector = body.get("connector", 0)
    key = f"status/{told.evse_id or 0}/{connector}/"
    faulted = body.get("status") == "Faulted"
    error = "" if _text(body, "error") == "NoError" else _text(body, "error")
    vendor_code, info = _text(body, "code"), _text(body, "info")
    wrong = faulted or bool(error)
    usual = error if error != "OtherError" else ""
    candidates = [vendor_code, usual, *([info] if wrong else []), error, "Faulted" if faulted else ""]
    found: tuple[str, AlarmRule] | None = None
    for code in filter(None, candidates):
        rule = choose(rules, AlarmSource.STATUS, told.vendor or _text(body, "vendor"), told.model, code)
        if rule is not None and (wrong or not rule.built_in):
            found = code, rule
            break
    if found is None and not wrong:
        return Reading((), key)
    code, rule = found or (vendor_code or error or "Faulted", None)
    if code == info:
        code = vendor_code or error or "Faulted"
    kind = rule.kind if rule is not None else AlarmKind.HARDWARE_FAULT
    if kind is None:
        return Reading((), key)
    severity = (rule.severity if rule is not None else None) or Severity.MAJOR
    if not faulted and (rule is None or rule.built_in):
        severity = Severity.MINOR  # it warns: what still works is not broken (1.6 §4.9)
    seen = Raised(
        Subject(told.station_id),
        key + code,
        told.at,
        kind,
        severity,
        AlarmSource.STATUS,
        code,
        _sentence(rule, kind, code, info),
        told.evse_id or None,
    )
    return Reading((seen,), key)


_SPEAKS_FOR_CONNECTORS: Final = "availabilitystate"
_FLAGS: Final = frozenset({"problem", "tripped", "overload", "fault"})
_NOTICE: Final = 7


def _read_monitor(told: Told, rules: Sequence[AlarmRule]) -> Reading:
    """A monitor that alerts, or a variable that is true when something is wrong (Problem, Tripped, …)."""
    body = told.body
    component, variable = body.get("component"), body.get("variable")
    if not isinstance(component, Mapping) or not isinstance(variable, Mapping):
        return Reading()
    name = _text(variable, "name")
    if name.casefold() == _SPEAKS_FOR_CONNECTORS:
        return Reading()
    evse = component.get("evse")
    evse_id = evse.get("id") if isinstance(evse, Mapping) else None
    connector = evse.get("connectorId") if isinstance(evse, Mapping) else None
    where = [_text(component, "name"), _text(component, "instance"), evse_id or 0, connector or 0, name,
             _text(variable, "instance")]  # fmt: skip
    key = "monitor/" + "/".join(str(part).casefold() for part in where)
    subject = Subject(told.station_id)
    flag = name.casefold() in _FLAGS
    value = _text(body, "actualValue")
    if body.get("cleared") is True or (flag and value.casefold() == "false"):
        return Reading((Cleared(subject, key, told.at),))
    if body.get("trigger") != "Alerting" and not (flag and value.casefold() == "true"):
        return Reading()
    place, tech_code = f"{_text(component, 'name')}.{name}", _text(body, "techCode")
    vendor, model = told.vendor, told.model
    chosen = [
        (code, rule)
        for code in filter(None, (tech_code, place))
        if (rule := choose(rules, AlarmSource.MONITOR, vendor, model, code)) is not None
    ]
    code, rule = chosen[0] if chosen else (tech_code or place, None)
    if rule is None and told.severity is not None and told.severity >= _NOTICE:
        return Reading()
    kind = rule.kind if rule is not None else AlarmKind.HARDWARE_FAULT
    if kind is None:
        return Reading()
    severity = (rule.severity if rule is not None else None) or _as_told(told.severity)
    info = _text(body, "techInfo") or value
    ours = (rule is not None and rule.text) or (flag and (tech_code or _text(body, "techInfo")))
    text = _sentence(rule, kind, code, info) if ours else _text(body, "summary")
    seen = Raised(subject, key, told.at, kind, severity, AlarmSource.MONITOR, code,
                  text or _sentence(rule, kind, code, info), evse_id)  # fmt: skip
    return Reading((seen,))


def _as_told(severity: int | None) -> Severity:
    """OCPP's 0 danger, 1 hardware and 2 system failure, 3 critical; 4 error; the rest."""
    if severity is None or severity == 4:
        return Severity.MAJOR
    return Severity.CRITICAL if severity < 4 else Severity.MINOR


def _read_security(told: Told, rules: Sequence[AlarmRule]) -> Reading:
    code, info = _text(told.body, "type"), _text(told.body, "techInfo")
    rule = choose(rules, AlarmSource.SECURITY, told.vendor, told.model, code)
    if rule is None or rule.kind is None:
        return Reading()
    seen = Raised(
        Subject(told.station_id),
        f"security/{code}",
        told.at,
        rule.kind,
        rule.severity or _as_told(told.severity),
        AlarmSource.SECURITY,
        code,
        _sentence(rule, rule.kind, code, info),
    )
    return Reading((seen,))


def _read_drift(told: Told) -> Reading:
    """What the comparison of a station's settings with those wanted of it found: `names` of those that drifted."""
    names = [name for name in told.body.get("names") or () if isinstance(name, str)]
    subject, key = Subject(told.station_id), "configuration/drift"
    if not names:
        return Reading((Cleared(subject, key, told.at),))
    count, shown = len(names), ", ".join(names[:5])
    sentence = MORE_DRIFTED if count > 5 else ONE_DRIFTED if count == 1 else SEVERAL_DRIFTED
    seen = Raised(
        subject,
        key,
        told.at,
        AlarmKind.CONFIGURATION_DRIFT,
        Severity.MINOR,
        AlarmSource.CONFIGURATION,
        "",
        sentence.format(name=shown, names=shown, more=count - 5),
    )
    return Reading((seen,))
