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
