"""DER controls that make no sense are refused; what stations tell of them is kept."""

from __future__ import annotations

from typing import Any

import pytest

from csms.domain import der
from csms.domain.applying import Applied, Context
from csms.domain.errors import InvalidArgument
from csms.domain.facts import AuthorizationStatus, Fact, IdTokenInfo, RegistrationStatus
from csms.domain.records import JobKind, JobRecord, JobState
from csms.domain.station import StationState
from tests.kit.profiles import START

CURVE = der.DerCurve((der.CurvePoint(94.0, 30.0),), 1, "PctMaxVar")
TIMED = der.DerCurve((der.CurvePoint(94.0, 30.0),), 1, "PctMaxVar", start_time=START, duration=60.0)
GRADIENT = der.Gradient(1, 10.0, 2.0)


def taken(fact: Fact) -> tuple[Applied, list[Any]]:
    state = StationState(1, "CP-1", RegistrationStatus.ACCEPTED)
    info = IdTokenInfo(AuthorizationStatus.ACCEPTED)
    applied = state.apply(fact, Context(START, lambda _tag, _starting: info, lambda: 1))
    return applied, list(applied.records)


@pytest.mark.feature("F-OCPP-5")
@pytest.mark.parametrize(
    ("control_type", "is_default", "setting"),
    [
        ("VoltVar", True, der.DerSetting(curve=CURVE)),
        ("VoltVar", False, der.DerSetting(curve=TIMED)),
        ("Gradients", True, der.DerSetting(gradient=GRADIENT)),
        ("LimitMaxDischarge", True, der.DerSetting(limit_max_discharge=der.LimitMaxDischarge(1, 50.0))),
    ],
)
def test_controls_that_make_sense(control_type: str, is_default: bool, setting: der.DerSetting) -> None:
    der.check_control(der.SetDerControl("c1", control_type, is_default, setting))


@pytest.mark.feature("F-OCPP-5")
@pytest.mark.parametrize(
    ("said", "control_id", "control_type", "is_default", "setting"),
    [
        ("1 to 36 characters", "", "VoltVar", True, der.DerSetting(curve=CURVE)),
        ("There is no DER control 'X'", "c1", "X", True, der.DerSetting(curve=CURVE)),
        ("set by curve alone; given is nothing", "c1", "VoltVar", True, der.DerSetting()),
        ("given is curve, gradient", "c1", "VoltVar", True, der.DerSetting(curve=CURVE, gradient=GRADIENT)),
        ("given is curve", "c1", "Gradients", True, der.DerSetting(curve=CURVE)),
        ("holds always", "c1", "VoltVar", True, der.DerSetting(curve=TIMED)),
        ("has a start and a duration", "c1", "VoltVar", False, der.DerSetting(curve=CURVE)),
    ],
)
def test_controls_that_make_no_sense(
    said: str, control_id: str, control_type: str, is_default: bool, setting: der.DerSetting
) -> None:
    with pytest.raises(InvalidArgument, match=said):
        der.check_control(der.SetDerControl(control_id, control_type, is_default, setting))


@pytest.mark.feature("F-OCPP-5")
def test_alarm_begins_and_ends() -> None:
    _, (event, item) = taken(der.DerAlarmTold("HVMustTrip", START, "OverVoltage"))
    assert (event.kind, event.severity) == ("NotifyDERAlarm", 3)
    assert event.summary == "DER alarm of HVMustTrip: OverVoltage began."
    assert (item.kind, item.key, item.body is None) == ("der_alarm", "HVMustTrip", False)
    _, (event, item) = taken(der.DerAlarmTold("HVMustTrip", START, ended=True))
    assert event.summary == "DER alarm of HVMustTrip: a fault of the grid is over."
    assert (event.severity, item.body) == (6, None)


@pytest.mark.feature("F-OCPP-5")
def test_control_starts_and_is_reported() -> None:
    _, (event, item) = taken(der.DerStartStopTold("c1", True, START, ("c0",)))
    assert event.summary == "DER control c1 is at work; it supersedes c0."
    assert (item.kind, item.key) == ("der_control_state", "c1")
    control = der.DerControl("c1", "VoltVar", True, der.DerSetting(curve=CURVE))
    _, (event, item, job) = taken(der.DerControlsReported(3, (control,), more=True))
    assert event.summary == "The station has the DER controls c1."
    assert (item.kind, item.key) == ("der_control", "c1")
    assert job == JobRecord(1, JobKind.DER_CONTROLS, START, 3, state=JobState.RUNNING)
    _, records = taken(der.DerControlsReported(3, ()))
    assert records[-1].state is JobState.SUCCEEDED


@pytest.mark.parametrize(
    ("command", "gone"),
    [
        (der.ClearDerControl(True), True),
        (der.ClearDerControl(False), False),
        (der.ClearDerControl(False, "c1"), True),
        (der.ClearDerControl(True, "c2"), False),
        (der.ClearDerControl(True, None, "VoltVar"), True),
        (der.ClearDerControl(True, None, "VoltWatt"), False),
    ],
)
def test_what_is_cleared(command: der.ClearDerControl, gone: bool) -> None:
    held = der.DerControl("c1", "VoltVar", True, der.DerSetting(curve=CURVE))
    assert der.clears(command, held) is gone
