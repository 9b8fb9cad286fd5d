"""How what stations tell becomes alarms."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from csms.domain.alarm_rules import BUILT_IN, AlarmRule, Told, check_rule, choose, read
from csms.domain.alarms import AlarmKind, AlarmSource, Cleared, Raised, Severity
from csms.domain.errors import InvalidArgument

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def a_status(status: str = "Faulted", error: str = "NoError", code: str = "", info: str = "") -> Told:
    body = {"connector": 1, "status": status, "error": error, "code": code, "info": info, "vendor": ""}
    return Told(1, 3, AlarmSource.STATUS, NOW, 1, None, body, "Acme", "Box 22")


def a_monitor(variable: str, value: str, *, severity: int | None = None, **more: Any) -> Told:
    body = {
        "component": {"name": "Connector", "evse": {"id": 1, "connectorId": 1}},
        "variable": {"name": variable},
        "actualValue": value,
        "trigger": "Alerting",
        "summary": "Alarm.",
        **more,
    }
    return Told(1, 3, AlarmSource.MONITOR, NOW, 1, severity, body, "Acme", "Box 22")


def the_raised(told: Told, own: Sequence[AlarmRule] = ()) -> Raised:
    (seen,) = read(told, [*own, *BUILT_IN]).seen
    assert isinstance(seen, Raised)
    return seen


@pytest.mark.feature("F-ALM-2")
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("GroundFailure", AlarmKind.FUSE_TRIPPED),
        ("OverCurrentFailure", AlarmKind.FUSE_TRIPPED),
        ("HighTemperature", AlarmKind.TEMPERATURE),
        ("PowerMeterFailure", AlarmKind.HARDWARE_FAULT),
        ("Mode3Error", AlarmKind.HARDWARE_FAULT),
        ("NoError", AlarmKind.HARDWARE_FAULT),
        ("SomethingNew", AlarmKind.HARDWARE_FAULT),
    ],
)
def test_codes_of_ocpp_become_the_manuals_kinds(error: str, kind: AlarmKind) -> None:
    assert the_raised(a_status(error=error)).kind is kind


@pytest.mark.parametrize(
    ("info", "kind"),
    [
        ("Main fuse blown", AlarmKind.FUSE_TRIPPED),
        ("hardware mismatch: 22 kW expected", AlarmKind.HARDWARE_CONFIGURATION_FAULT),
        ("Temperature 91", AlarmKind.TEMPERATURE),
    ],
)
def test_an_other_error_is_read_by_its_words(info: str, kind: AlarmKind) -> None:
    assert the_raised(a_status(error="OtherError", info=info)).kind is kind


def test_a_warning_is_less_than_a_fault() -> None:
    assert the_raised(a_status("Charging", "HighTemperature")).severity is Severity.MINOR
    assert the_raised(a_status("Faulted", "HighTemperature")).severity is Severity.CRITICAL


def test_a_good_status_ends_all_of_its_connector() -> None:
    reading = read(a_status("Available"), BUILT_IN)
    assert (reading.seen, reading.over) == ((), "status/1/1/")
    assert read(a_status("Available", code="0x00 temperature ok"), BUILT_IN).seen == ()


@pytest.mark.parametrize("error", ["WeakSignal", "EVCommunicationError", "LocalListConflict"])
def test_some_codes_are_no_alarm(error: str) -> None:
    assert read(a_status("Available", error), BUILT_IN).seen == ()


@pytest.mark.feature("F-ALM-2")
def test_a_rule_made_here_goes_before_the_built_in_ones_and_the_closest_first() -> None:
    general = AlarmRule(1, AlarmSource.STATUS, "", "", "E-*", AlarmKind.HARDWARE_FAULT)
    close = AlarmRule(
        2, AlarmSource.STATUS, "acme", "box*", "E-17", AlarmKind.FUSE_TRIPPED, Severity.CRITICAL, "F1 {code}"
    )
    seen = the_raised(a_status("Available", code="E-17"), [general, close])
    assert (seen.kind, seen.severity, seen.code, seen.text) == (
        AlarmKind.FUSE_TRIPPED,
        Severity.CRITICAL,
        "E-17",
        "F1 E-17",
    )
    assert the_raised(a_status(code="E-18"), [general, close]).kind is AlarmKind.HARDWARE_FAULT
    other = AlarmRule(3, None, "Other", "", "E-17", AlarmKind.TEMPERATURE)
    assert choose([other], AlarmSource.STATUS, "Acme", "", "E-17") is None
    quiet = AlarmRule(4, None, "", "", "PowerMeterFailure", None)
    assert read(a_status(error="PowerMeterFailure"), [quiet, *BUILT_IN]).seen == ()


def test_a_monitor_that_alerts_is_an_alarm_until_it_is_cleared() -> None:
    seen = the_raised(a_monitor("Temperature", "95", severity=3))
    assert (seen.kind, seen.severity, seen.code) == (AlarmKind.TEMPERATURE, Severity.CRITICAL, "Connector.Temperature")
    (over,) = read(a_monitor("Temperature", "60", cleared=True), BUILT_IN).seen
    assert isinstance(over, Cleared)
    assert over.key == seen.key


def test_a_problem_is_told_in_our_words_with_what_the_station_says_and_not_by_its_variables_name() -> None:
    told = a_monitor("Problem", "true", techCode="E21", techInfo="Plug is not locked")
    assert the_raised(told).text == "Hardware fault: E21 Plug is not locked."
    assert the_raised(a_monitor("Problem", "true")).text == "Alarm.", "it says nothing more"


def test_a_variable_that_says_tripped_is_an_alarm() -> None:
    seen = the_raised(a_monitor("Tripped", "true", trigger="Delta"))
    assert seen.kind is AlarmKind.FUSE_TRIPPED
    (over,) = read(a_monitor("Tripped", "false", trigger="Delta"), BUILT_IN).seen
    assert over.key == seen.key


@pytest.mark.parametrize(
    "told",
    [
        a_monitor("Power", "11000", trigger="Delta"),
        a_monitor("Power", "11000", severity=8),
        a_monitor("AvailabilityState", "Faulted"),
        a_monitor("Power", "1", component="odd"),
    ],
)
def test_what_is_only_told_is_no_alarm(told: Told) -> None:
    assert read(told, BUILT_IN).seen == ()


def test_only_attacks_among_security_events_are_alarms() -> None:
    told = Told(1, 3, AlarmSource.SECURITY, NOW, None, 3, {"type": "TamperDetectionActivated", "techInfo": "Door"})
    assert the_raised(told).kind is AlarmKind.SECURITY
    assert read(Told(1, 3, AlarmSource.SECURITY, NOW, None, 5, {"type": "SettingSystemTime"}), BUILT_IN).seen == ()


@pytest.mark.parametrize(
    "rule",
    [
        AlarmRule(0, AlarmSource.SILENCE, "", "", "x", None),
        AlarmRule(0, None, "", "", " ", None),
        AlarmRule(0, None, "v" * 201, "", "x", None),
        AlarmRule(0, None, "", "", "x", AlarmKind.NO_NETWORK),
    ],
)
def test_rules_that_mean_nothing_are_refused(rule: AlarmRule) -> None:
    with pytest.raises(InvalidArgument):
        check_rule(rule)


@pytest.mark.feature("F-STA-6")
def test_drift_is_one_alarm_with_the_names_and_over_without_any() -> None:
    def told(*names: str) -> Told:
        return Told(1, 3, AlarmSource.CONFIGURATION, NOW, None, None, {"names": list(names)})

    one = the_raised(told("HeartbeatInterval"))
    assert (one.kind, one.severity, one.key) == (
        AlarmKind.CONFIGURATION_DRIFT,
        Severity.MINOR,
        "configuration/drift",
    )
    assert one.text == "HeartbeatInterval is set otherwise at the station than it accepted."
    assert the_raised(told(*"abcdefg")).text.startswith("a, b, c, d, e and 2 more are set")
    (over,) = read(told(), BUILT_IN).seen
    assert isinstance(over, Cleared)
    with pytest.raises(InvalidArgument):
        check_rule(AlarmRule(0, None, "", "", "x", AlarmKind.CONFIGURATION_DRIFT))
    with pytest.raises(InvalidArgument):
        check_rule(AlarmRule(0, AlarmSource.CONFIGURATION, "", "", "x", AlarmKind.SECURITY))
