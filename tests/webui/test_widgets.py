"""Which widgets somebody sees, and what they say."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from webui import widgets
from webui.values import ConnectorStatus, Role
from webui.values_statistics import ConnectorCount, Dashboard, DayFigures, PowerPoint

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def a_dashboard(days: int = 7) -> Dashboard:
    figures = tuple(
        DayFigures(
            MONDAY + timedelta(days=n),
            session_count=n,
            energy_wh=1500.0 * n,
            session_with_energy_count=n // 2,
            reservation_count=0,
        )
        for n in range(days)
    )
    last = MONDAY + timedelta(days=days - 1)
    return Dashboard(
        online_count=3,
        offline_count=0,
        unknown_count=1,
        pending_count=0,
        faulted_count=0,
        connectors=(
            ConnectorCount(ConnectorStatus.PREPARING, 1),
            ConnectorCount(ConnectorStatus.FINISHING, 2),
            ConnectorCount(ConnectorStatus.AVAILABLE, 5),
        ),
        active_session_count=1,
        power_w=7000,
        days=figures,
        power_today=(PowerPoint(last, 1000), PowerPoint(last + timedelta(minutes=15), 3000)),
        active_alarm_count=0,
        plug_in_success=math.nan,
        time_zone="UTC",
        time=last,
    )


def test_who_picked_too_few_gets_the_usual_ones() -> None:
    usual = widgets.chosen([], Role.ADMINISTRATOR)
    assert len(usual) >= widgets.LEAST
    assert widgets.chosen(["status", "gone", "energy", "status"], Role.ADMINISTRATOR) == usual
    assert "status" not in {widget.key for widget in widgets.chosen([], Role.EV_USER)}


def test_the_picked_order_is_kept_and_all_others_follow() -> None:
    keys = ["energy", "alarms", "status", "power"]
    assert [widget.key for widget in widgets.chosen(keys, Role.SUPPORT)] == keys
    order = [widget.key for widget in widgets.arranged(keys)]
    assert order[:4] == keys
    assert sorted(order) == sorted(widget.key for widget in widgets.WIDGETS)


def test_states_that_look_alike_are_one_and_a_day_without_sessions_has_no_rate() -> None:
    figures = widgets.Figures(a_dashboard())
    assert [(each.key, each.label, each.count) for each in figures.connectors] == [
        ("occupied", "Occupied", 3),
        ("free", "Available", 5),
    ]
    assert figures.success.rows[-1] == ("2 Mar", "–")
    assert figures.success.rows[0] == ("8 Mar", "50 %")
    assert figures.success_share is None
    assert figures.energy.total == pytest.approx(31.5)
    assert figures.reservations.total == 0


def test_a_week_has_a_label_for_each_day_and_a_month_only_some() -> None:
    assert widgets.Figures(a_dashboard()).sessions.ticks == ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    assert len(widgets.Figures(a_dashboard(30)).sessions.ticks) == 3


def test_power_of_the_day_is_a_line_from_midnight_with_its_means_in_a_table() -> None:
    figures = widgets.Figures(a_dashboard())
    assert figures.power_points == [(0.0, 1000), (15 / 1440, 3000)]
    assert (figures.power_highest, figures.power_top) == (3000, 3000)
    assert figures.power_rows == [("00:00", "2.0 kW")]
    assert figures.power_line.startswith("M0.0 66.67L")


@pytest.mark.feature("F-DASH-1")
def test_the_quarter_of_an_hour_under_way_does_not_look_like_a_fall() -> None:
    now = datetime.now(UTC)
    today = (PowerPoint(now - timedelta(minutes=20), 3000), PowerPoint(now - timedelta(minutes=5), 200))
    figures = widgets.Figures(msgspec.structs.replace(a_dashboard(), power_today=today))
    assert [power for _at, power in figures.power_points] == [3000]


def test_states_that_are_one_in_the_ring_are_together_in_the_list_behind_it() -> None:
    behind = widgets.Figures(a_dashboard()).connectors_behind
    assert behind["occupied"] == "/connectors?status=PREPARING&status=FINISHING"
    assert behind["free"] == "/connectors?status=AVAILABLE"
