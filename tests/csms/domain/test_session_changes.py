"""What people change of sessions, checked before it is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from csms.domain.errors import FailedPrecondition, InvalidArgument
from csms.domain.session_changes import (
    Corrections,
    Logbook,
    check_corrected,
    check_logbook,
    check_reason,
    demand_logbook,
    text_of,
)

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def test_a_change_without_a_reason_is_refused() -> None:
    assert check_reason("  the meter was swapped ") == "the meter was swapped"
    for reason in ("", "   ", "x" * 501):
        with pytest.raises(InvalidArgument):
            check_reason(reason)


@pytest.mark.parametrize(
    ("energy", "began", "ended"),
    [
        (-1.0, NOW - timedelta(hours=1), NOW),
        (float("nan"), NOW - timedelta(hours=1), NOW),
        (1e9, NOW - timedelta(hours=1), NOW),
        (1.0, NOW, NOW - timedelta(seconds=1)),
        (1.0, NOW - timedelta(days=500), NOW),
        (1.0, NOW, NOW + timedelta(hours=1)),
    ],
)
def test_a_session_that_cannot_have_been_is_refused(energy: float, began: datetime, ended: datetime) -> None:
    with pytest.raises(InvalidArgument):
        check_corrected(energy, began, ended, NOW)


def test_a_session_that_can_have_been_passes() -> None:
    check_corrected(0.0, NOW, NOW, NOW)
    check_corrected(50_000.0, NOW - timedelta(hours=9), NOW, NOW)


def test_a_logbook_is_trimmed_and_bounded() -> None:
    assert check_logbook(Logbook(1, " AB-12 ", note=" x ")) == Logbook(1, "AB-12", note="x")
    for wrong in (Logbook(-1), Logbook(10**8), Logbook(vehicle_id="x" * 201), Logbook(note="x" * 2_001)):
        with pytest.raises(InvalidArgument):
            check_logbook(wrong)


@pytest.mark.feature("F-SES-5")
def test_a_start_without_mileage_or_vehicle_is_refused_where_they_are_demanded() -> None:
    demand_logbook(Logbook(0, "AB-12"))
    for incomplete in (None, Logbook(), Logbook(5), Logbook(vehicle_id="AB-12")):
        with pytest.raises(FailedPrecondition):
            demand_logbook(incomplete)


def test_values_are_kept_as_texts() -> None:
    assert [text_of(value) for value in (None, 4_000.0, 0.125, 7, "x", NOW)] == [
        "",
        "4000",
        "0.125",
        "7",
        "x",
        "2026-05-01T00:00:00+00:00",
    ]


def test_corrections_name_their_fields() -> None:
    assert Corrections().fields == ()
    assert Corrections(0.0, NOW, NOW, "", user=True).fields == (
        "energy_wh",
        "start_time",
        "stop_time",
        "id_token",
        "user",
    )
