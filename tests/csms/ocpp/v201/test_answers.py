"""Statuses and their reasons."""

from __future__ import annotations

from csms.domain.commands import Answer
from csms.ocpp.v201.answers import StatusAnswer, StatusInfo, read_status


def test_a_status_comes_with_its_reason() -> None:
    told = StatusAnswer("Rejected", StatusInfo("NotEnabled", "Switched off."))
    assert read_status(told) == Answer("Rejected", False, reason_code="NotEnabled", additional_info="Switched off.")
    assert read_status(StatusAnswer("Accepted")) == Answer("Accepted", True)
    assert read_status(StatusAnswer("EmptyResultSet")).accepted is False
