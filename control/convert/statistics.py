"""Charts, the dashboard, sizes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from control.convert.common import moment, timestamp
from control.convert.names import print_name, read_name
from control.convert.stations import STATUSES
from control.v1 import stations_pb2, statistics_pb2
from csms.domain.errors import InvalidArgument
from csms.domain.statistics import (
    UNITS,
    Bucket,
    Chart,
    ChartKind,
    ChartQuery,
    Co2Settings,
    Dashboard,
    Series,
    Split,
    StorageUsage,
)

FIELDS: Final = {name: name for name in ("grid_g_per_kwh", "fossil_g_per_km", "vehicle_wh_per_km")}
"""Paths of an update mask → fields of Co2Settings."""
_KINDS: Final = {int(statistics_pb2.ChartKind.Value(f"CHART_KIND_{kind}")): kind for kind in ChartKind}
_BUCKETS: Final = {int(statistics_pb2.ChartBucket.Value(f"CHART_BUCKET_{bucket}")): bucket for bucket in Bucket}
_SPLITS: Final = {0: Split.NONE} | {
    int(statistics_pb2.ChartSplit.Value(f"CHART_SPLIT_{split}")): split for split in Split if split is not Split.NONE
}
_COLLECTIONS: Final = {Split.SITE: "places", Split.STATION: "stations", Split.USER: "users"}


def read_query(request: statistics_pb2.QueryChartRequest) -> ChartQuery:
    """Raises InvalidArgument."""
    kind, split = _KINDS.get(request.kind), _SPLITS.get(request.split)
    if kind is None:
        raise InvalidArgument("Say what the chart shows, for example CHART_KIND_ENERGY.", reason="KIND_MISSING")
    if split is None or (request.bucket and request.bucket not in _BUCKETS):
        raise InvalidArgument("There is no split, or no bucket, with that number.", reason="INVALID_QUERY")
    if not request.HasField("start_time") or not request.HasField("end_time"):
        raise InvalidArgument("Give start_time and end_time.", reason="INVALID_SPAN")
    return ChartQuery(
        kind,
        moment(request.start_time),
        moment(request.end_time),
        _BUCKETS.get(request.bucket),
        request.time_zone,
        read_name(request.place, "places") if request.place else None,
        read_name(request.group, "groups") if request.group else None,
        frozenset(read_name(name, "stations") for name in request.stations),
        split,
        request.top,
        request.compare_with_previous,
    )


def chart(found: Chart) -> statistics_pb2.QueryChartResponse:
    """All of it."""
    split = found.query.split
    return statistics_pb2.QueryChartResponse(
        bucket=statistics_pb2.ChartBucket.Value(f"CHART_BUCKET_{found.bucket}"),
        time_zone=found.zone,
        bucket_start_times=[_known(start) for start in found.starts],
        end_time=timestamp(found.end),
        unit=UNITS[found.query.kind],
        series=[_series(each, split) for each in found.series],
        others=None if found.others is None else _series(found.others, split),
        series_count=found.series_count,
        total=found.total,
        previous=[_series(each, split) for each in found.previous],
        previous_total=found.previous_total,
    )


def dashboard(found: Dashboard) -> statistics_pb2.Dashboard:
    """All figures."""
    present = found.present
    message = statistics_pb2.Dashboard(
        online_count=present.stations.online,
        offline_count=present.stations.offline,
        unknown_count=present.stations.unknown,
        pending_count=present.stations.pending,
        faulted_count=present.stations.faulted,
        connectors=[
            stations_pb2.ConnectorCount(status=STATUSES[status], count=count) for status, count in present.connectors
        ],
        active_session_count=present.active_sessions,
        power_w=present.power_w,
        days=[
            statistics_pb2.DayFigures(
                start_time=timestamp(day.start),
                session_count=day.sessions,
                energy_wh=day.energy_wh,
                session_with_energy_count=day.with_energy,
                reservation_count=day.reservations,
            )
            for day in found.days
        ],
        power_today=[statistics_pb2.PowerPoint(time=timestamp(at), power_w=power) for at, power in found.power_today],
        plug_in_success=found.plug_in_success,
        time_zone=found.zone,
        time=timestamp(found.at),
    )
    if present.active_alarms is not None:
        message.active_alarm_count = present.active_alarms
    return message


def settings(found: Co2Settings) -> statistics_pb2.StatisticsSettings:
    """All of them."""
    return statistics_pb2.StatisticsSettings(
        grid_g_per_kwh=found.grid_g_per_kwh,
        fossil_g_per_km=found.fossil_g_per_km,
        vehicle_wh_per_km=found.vehicle_wh_per_km,
        saved_kg_per_kwh=found.saved_kg_per_kwh,
        etag=str(found.version),
    )


def read_settings(message: statistics_pb2.StatisticsSettings) -> Co2Settings:
    """What people may write of them."""
    return Co2Settings(message.grid_g_per_kwh, message.fossil_g_per_km, message.vehicle_wh_per_km)


def storage(found: StorageUsage) -> statistics_pb2.GetStorageUsageResponse:
    """All sizes."""
    return statistics_pb2.GetStorageUsageResponse(
        data=[
            statistics_pb2.StoredData(
                name=each.name,
                size_bytes=each.size_bytes,
                row_count_estimate=each.rows,
                partition_count=each.partitions,
                oldest_time=None
                if each.oldest is None
                else timestamp(datetime(each.oldest.year, each.oldest.month, each.oldest.day, tzinfo=UTC)),
                keep_days=each.keep_days,
            )
            for each in found.data
        ],
        size_bytes=found.size_bytes,
        waiting_session_count=found.waiting_sessions,
    )


def _series(found: Series, split: Split) -> statistics_pb2.ChartSeries:
    collection = _COLLECTIONS.get(split)
    key = str(found.key)
    if collection is not None:
        key = print_name(collection, int(found.key)) if found.key else ""
    return statistics_pb2.ChartSeries(key=key, display_name=found.name, values=found.values, total=found.total)


def _known(at: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(at)
    return message
