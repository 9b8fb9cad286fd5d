"""Figures and charts as the pages want them (control.v1 statistics.proto)."""

from __future__ import annotations

from datetime import datetime

import msgspec

from webui.values import ConnectorStatus


class ConnectorCount(msgspec.Struct, frozen=True):
    """How many connectors are in a state."""

    status: ConnectorStatus
    count: int


class DayFigures(msgspec.Struct, frozen=True):
    """A day's numbers; energy in Wh."""

    start_time: datetime | None
    session_count: int
    energy_wh: float
    session_with_energy_count: int
    reservation_count: int


class PowerPoint(msgspec.Struct, frozen=True):
    """Mean power of a quarter of an hour, W."""

    time: datetime | None
    power_w: float


class Dashboard(msgspec.Struct, frozen=True):
    """All figures of the dashboard; `plug_in_success` is a share (NaN without any session)."""

    online_count: int
    offline_count: int
    unknown_count: int
    pending_count: int
    faulted_count: int
    connectors: tuple[ConnectorCount, ...]
    active_session_count: int
    power_w: float
    days: tuple[DayFigures, ...]
    power_today: tuple[PowerPoint, ...]
    active_alarm_count: int | None
    plug_in_success: float
    time_zone: str
    time: datetime | None


class DashboardAnswer(msgspec.Struct, frozen=True):
    """Of GetDashboard and WatchDashboard."""

    dashboard: Dashboard


class ChartSeries(msgspec.Struct, frozen=True):
    """One line or one row of bars; NaN where there is nothing to tell."""

    key: str
    display_name: str
    values: tuple[float, ...]
    total: float


class Chart(msgspec.Struct, frozen=True):
    """The answer of QueryChart."""

    bucket: str
    time_zone: str
    bucket_start_times: tuple[datetime, ...]
    end_time: datetime | None
    unit: str
    series: tuple[ChartSeries, ...]
    others: ChartSeries | None
    series_count: int
    total: float
    previous: tuple[ChartSeries, ...]
    previous_total: float


class Preferences(msgspec.Struct, frozen=True):
    """The part of the own settings that the dashboard keeps."""

    dashboard_widgets: tuple[str, ...]


class PreferencesAnswer(msgspec.Struct, frozen=True):
    """Of GetSettings."""

    settings: Preferences


class Node(msgspec.Struct, frozen=True):
    """A place of the tree."""

    name: str
    parent: str
    kind: str
    display_name: str


class NodesAnswer(msgspec.Struct, frozen=True):
    """Of ListPlaces."""

    places: tuple[Node, ...]
