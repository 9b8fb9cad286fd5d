"""Notifications in words."""

from __future__ import annotations

import pytest

from webui import telling


def test_each_kind_has_its_sentence() -> None:
    values = {"station": "Bay 1", "text": "Ground failure", "event": "offered", "operation": "Reset", "succeeded": "3"}
    for kind in telling.SENTENCES:
        assert "%(" not in telling.sentence(kind, values)
    assert telling.sentence("ALARM", values) == "Alarm at Bay 1: Ground failure"


def test_what_a_newer_server_tells_or_leaves_out_is_still_a_sentence() -> None:
    assert telling.sentence("SOMETHING_NEW", {}) == "Something happened at –."
    assert telling.sentence("OPERATION", {}) == "– has ended: – succeeded, – failed."
    assert telling.sentence("ALARM", {"alarm_kind": "STATION_OFFLINE"}) == "Alarm at –: Station offline"


def test_a_station_is_called_by_what_people_call_it() -> None:
    values = {"station": "Bay 1", "event": "offered"}
    assert telling.sentence("RESERVATION", values) == "Reservation at Bay 1: offered"
    assert telling.sentence("RESERVATION", {"station": "", "event": "offered"}) == "Reservation at –: offered"


@pytest.mark.parametrize(
    ("target", "address"),
    [
        ("alarms/7", "/alarms/7"),
        ("reservations/3", "/reservations/3"),
        ("news/1", "/notifications"),
        ("costReports/4", "/reports/4.pdf"),
        ("", ""),
        ("others/1", ""),
        ("alarms/../../x", ""),
    ],
)
def test_it_leads_to_what_it_is_about(target: str, address: str) -> None:
    assert telling.address(target) == address
