"""Forms of the newer operations, and the requests that are made of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from webui import operation_more as more
from webui.operations import OPERATIONS
from webui.values import ApiError

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_each_operation_has_a_key_of_its_own():
    keys = [each.key for each in OPERATIONS]
    assert len(keys) == len(set(keys))


def test_what_a_version_does_not_have_is_not_shown():
    shown = {each.key for each in OPERATIONS if each.shown("ocpp2.0.1")}
    assert "set-monitor" in shown
    assert "der-discharge" not in shown
    assert not {each.key for each in more.MORE if each.shown("")}


def test_a_monitor_at_an_outlet():
    told = {"variable": "EVSE.Power", "type": "Delta", "value": 500.0, "severity": "5", "evse_id": 2}
    (made,) = more.monitor(told)["monitors"]  # type: ignore[misc, attr-defined]
    assert made["component"] == {"name": "EVSE", "evse_id": 2}
    assert (made["variable"], made["severity"]) == ("Power", 5)


@pytest.mark.parametrize("ids", ["", "seven", "-1", " , "])
def test_numbers_of_monitors_that_are_none(ids: str):
    with pytest.raises(ApiError):
        more.monitor_ids({"ids": ids})


def test_a_control_that_begins_needs_a_time_and_a_length():
    told = {"percent": 10.0, "when": "from", "duration": 30}
    with pytest.raises(ApiError, match="Say when"):
        more.discharge(told)
    control = more.discharge({**told, "start_time": NOON})["control"]
    assert control["setting"]["limit_max_discharge"] == {  # type: ignore[index]
        "priority": 0,
        "pct_max_discharge_power": 10.0,
        "start_time": NOON,
        "duration": 1800.0,
    }
    fixed = more.reactive({"percent": -5.0, "unit": "PctMaxVar"})["control"]
    assert fixed["setting"] == {"fixed_var": {"priority": 0, "setpoint": -5.0, "unit": "PctMaxVar"}}  # type: ignore[index]


def test_a_customer_is_somebody():
    with pytest.raises(ApiError):
        more.customer({"what": "report"})
    assert more.customer({"what": "clear", "customer_identifier": "K-1"}) == {
        "report": False,
        "clear": True,
        "customer_identifier": "K-1",
    }


def test_a_certificate_is_named_by_its_hashes():
    assert more.installed({"hash_data": "SHA256|a|b|1"})["hash_data"] == {
        "hash_algorithm": "SHA256",
        "issuer_name_hash": "a",
        "issuer_key_hash": "b",
        "serial_number": "1",
    }
    with pytest.raises(ApiError):
        more.installed({"hash_data": ""})


def test_a_curve_has_its_points_and_says_when_it_holds():
    told = {"control_type": "VoltVar", "y_unit": "PctMaxVar", "points": ({"x": 92.0, "y": 44.0}, {"x": 98.0, "y": 0.0})}
    control = more.curve({**told, "control_id": "c-1", "response_time": 5.0})["control"]
    assert control == {
        "control_id": "c-1",
        "control_type": "VoltVar",
        "is_default": True,
        "setting": {
            "curve": {"priority": 0, "curve_data": told["points"], "y_unit": "PctMaxVar", "response_time": 5.0}
        },
    }
    with pytest.raises(ApiError, match="Say when"):
        more.curve({**told, "when": "from"})
