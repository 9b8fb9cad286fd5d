"""Support of the grid: what the forms say becomes the setting that each kind of control needs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from webui import operation_grid as grid
from webui.operations import BY_KEY
from webui.values import ApiError

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_a_control_that_begins_needs_a_time_and_a_length() -> None:
    told = {"percent": 10.0, "when": "from", "duration": 30}
    with pytest.raises(ApiError, match="Say when"):
        grid.discharge(told)
    control = grid.discharge({**told, "start_time": NOON})["control"]
    assert control["setting"]["limit_max_discharge"] == {  # type: ignore[index]
        "priority": 0,
        "pct_max_discharge_power": 10.0,
        "start_time": NOON,
        "duration": 1800.0,
    }
    fixed = grid.reactive({"percent": -5.0, "unit": "PctMaxVar"})["control"]
    assert fixed["setting"] == {"fixed_var": {"priority": 0, "setpoint": -5.0, "unit": "PctMaxVar"}}  # type: ignore[index]


def test_a_curve_says_how_it_is_left_only_where_somebody_said_so() -> None:
    told: dict[str, object] = {"control_type": "VoltVar", "y_unit": "PctMaxVar", "points": ({"x": 95.0, "y": 44.0},)}
    bare = grid.curve(told)["control"]
    assert bare["setting"]["curve"] == {  # type: ignore[index]
        "priority": 0,
        "curve_data": told["points"],
        "y_unit": "PctMaxVar",
    }
    told |= {"hysteresis_high": 102.0, "hysteresis_low": 0.0, "v_ref": 100.0, "autonomous_v_ref_enable": True}
    told |= {"power_during_cessation": "", "response_time": 0.0}
    whole = grid.curve(told)["control"]["setting"]["curve"]  # type: ignore[index]
    assert whole["hysteresis"] == {"hysteresis_high": 102.0, "hysteresis_low": 0.0}
    assert whole["reactive_power_params"] == {"v_ref": 100.0, "autonomous_v_ref_enable": True}
    assert "voltage_params" not in whole
    assert whole["response_time"] == 0.0


def test_the_other_kinds_have_settings_of_their_own() -> None:
    factor = grid.power_factor({"control_type": "FixedPFInject", "displacement": 0.95, "excitation": "under"})
    assert factor["control"]["setting"] == {  # type: ignore[index]
        "fixed_pf_inject": {"priority": 0, "displacement": 0.95, "excitation": False}
    }
    shapes = {key: BY_KEY[key].shape for key in ("der-droop", "der-gradient", "der-enter")}
    droop = shapes["der-droop"]({"over_freq": 50.2, "under_freq": 49.8, "priority": 2, "when": "always"})  # type: ignore[misc]
    assert droop["control"]["setting"] == {  # type: ignore[index]
        "freq_droop": {"priority": 2, "over_freq": 50.2, "under_freq": 49.8}
    }
    for key, kind, name in (("der-gradient", "Gradients", "gradient"), ("der-enter", "EnterService", "enter_service")):
        control = shapes[key]({})["control"]  # type: ignore[misc]
        assert (control["control_type"], control["is_default"], list(control["setting"])) == (kind, True, [name])  # type: ignore[index]


def test_a_curve_has_its_points_and_says_when_it_holds() -> None:
    told: dict[str, object] = {
        "control_type": "VoltVar",
        "y_unit": "PctMaxVar",
        "points": ({"x": 92.0, "y": 44.0}, {"x": 98.0, "y": 0.0}),
    }
    control = grid.curve({**told, "control_id": "c-1", "response_time": 5.0})["control"]
    assert control == {
        "control_id": "c-1",
        "control_type": "VoltVar",
        "is_default": True,
        "setting": {
            "curve": {"priority": 0, "curve_data": told["points"], "y_unit": "PctMaxVar", "response_time": 5.0}
        },
    }
    with pytest.raises(ApiError, match="Say when"):
        grid.curve({**told, "when": "from"})
