"""StatisticsService over the wire."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from control.v1 import statistics_pb2 as pb
from csms.domain.usage import Charge, usage_of
from tests.kit.control_world import ControlWorld, Refused
from tests.kit.service_world import NOW

pytestmark = pytest.mark.feature("F-SES-7", "F-DASH-1")


def stamp(at: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(at)
    return message


def a_query(kind: pb.ChartKind.ValueType, days: int = 1, **more: object) -> pb.QueryChartRequest:
    end = stamp(NOW + timedelta(hours=1))
    return pb.QueryChartRequest(kind=kind, start_time=stamp(NOW - timedelta(days=days)), end_time=end, **more)  # type: ignore[arg-type]


def charged(world: ControlWorld, station: int, energy_wh: float, *, hours_ago: float = 2, tag: str = "TAG") -> None:
    began = int((NOW - timedelta(hours=hours_ago)).timestamp())
    number = len(world.statistics_store.usages) + 1
    charge = Charge(number, station, 1, 1, 0, tag, "UTC", began, began + 3600, began + 3600, round(energy_wh * 1000))
    world.statistics_store.usages.append(usage_of(charge, []))


async def test_a_chart_over_the_wire(world: ControlWorld) -> None:
    one, two = await world.add_station("CP-1"), await world.add_station("CP-2")
    charged(world, one, 8_000)
    charged(world, two, 3_000, hours_ago=26)
    charged(world, two, 1_000)
    chart = await world.client.call("statistics.QueryChart", a_query(pb.CHART_KIND_ENERGY, 2))
    assert (chart.unit, chart.bucket, chart.time_zone) == ("Wh", pb.CHART_BUCKET_HOUR, "UTC")
    assert (chart.total, sum(chart.series[0].values)) == (12_000, 12_000)
    assert len(chart.series[0].values) == len(chart.bucket_start_times)
    split = a_query(pb.CHART_KIND_ENERGY, 2, split=pb.CHART_SPLIT_STATION, top=1)
    chart = await world.client.call("statistics.QueryChart", split)
    assert [(s.key, s.display_name, s.total) for s in chart.series] == [(f"stations/{one}", "CP-1", 8_000)]
    assert (chart.others.total, sum(chart.others.values), chart.series_count) == (4_000, 4_000, 2)


async def test_the_span_before_is_beside_it(world: ControlWorld) -> None:
    station = await world.add_station("CP-1")
    charged(world, station, 2_000)
    charged(world, station, 6_000, hours_ago=30)
    asked = a_query(pb.CHART_KIND_ENERGY, 0, bucket=pb.CHART_BUCKET_DAY, compare_with_previous=True)
    asked.start_time.CopyFrom(stamp(NOW - timedelta(hours=1)))
    chart = await world.client.call("statistics.QueryChart", asked)
    assert (chart.total, chart.previous_total) == (2_000, 6_000)
    assert list(chart.previous[0].values) == [6_000]


@pytest.mark.parametrize("kind", [kind for kind in pb.ChartKind.values() if kind])
async def test_every_kind_has_an_answer(world: ControlWorld, kind: pb.ChartKind.ValueType) -> None:
    charged(world, await world.add_station("CP-1"), 2_000)
    chart = await world.client.call("statistics.QueryChart", a_query(kind))
    assert len(chart.series) == 1


async def test_shares_means_and_peaks(world: ControlWorld) -> None:
    station = await world.add_station("CP-1")  # two outlets
    charged(world, station, 4_000)
    charged(world, station, 0, hours_ago=3)
    wanted = {
        pb.CHART_KIND_SESSIONS: 2,
        pb.CHART_KIND_OCCUPANCY: 2 / (25 * 2),
        pb.CHART_KIND_CHARGING: 1 / (25 * 2),
        pb.CHART_KIND_PEAK_POWER: 4_000,
        pb.CHART_KIND_COMBINED_POWER: 4_000,
        pb.CHART_KIND_SESSION_ENERGY: 2_000,
        pb.CHART_KIND_SESSION_DURATION: 3_600,
        pb.CHART_KIND_PLUG_IN_SUCCESS: 0.5,
    }
    for kind, total in wanted.items():
        chart = await world.client.call("statistics.QueryChart", a_query(kind))
        assert chart.total == pytest.approx(total, rel=0.05), kind


async def test_the_week_has_168_hours(world: ControlWorld) -> None:
    charged(world, await world.add_station("CP-1"), 2_000)
    asked = a_query(pb.CHART_KIND_ENERGY, split=pb.CHART_SPLIT_HOUR_OF_WEEK)
    chart = await world.client.call("statistics.QueryChart", asked)
    assert (len(chart.series[0].values), sum(chart.series[0].values)) == (168, 2_000)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (pb.QueryChartRequest(), "KIND_MISSING"),
        (pb.QueryChartRequest(kind=pb.CHART_KIND_ENERGY), "INVALID_SPAN"),
        (a_query(pb.CHART_KIND_ENERGY, -5), "INVALID_SPAN"),
        (a_query(pb.CHART_KIND_ENERGY, 300, bucket=pb.CHART_BUCKET_HOUR), "TOO_MANY_BUCKETS"),
        (a_query(pb.CHART_KIND_COMBINED_POWER, split=pb.CHART_SPLIT_TAG), "NOT_SPLIT_BY_THAT"),
        (a_query(pb.CHART_KIND_ENERGY, time_zone="Mars/Olympus"), "INVALID_TIME_ZONE"),
        (a_query(pb.CHART_KIND_ENERGY, place="places/77"), "PLACE_NOT_FOUND"),
        (a_query(pb.CHART_KIND_ENERGY, group="groups/77"), "GROUP_NOT_FOUND"),
        (a_query(pb.CHART_KIND_ENERGY, top=1000), "INVALID_TOP"),
        (a_query(pb.CHART_KIND_ENERGY, stations=["sites/1"]), "INVALID_NAME"),
    ],
)
async def test_what_makes_no_sense_is_refused(world: ControlWorld, asked: pb.QueryChartRequest, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        await world.client.call("statistics.QueryChart", asked)
    assert refused.value.reason == reason


async def test_the_dashboard_has_all_figures(world: ControlWorld) -> None:
    station = await world.add_station("CP-1")
    await world.add_station("CP-2", online=False)
    charged(world, station, 4_000, hours_ago=1)
    world.statistics_store.reserved.append((station, 1, NOW))
    world.statistics_store.alarms = 3
    found = (await world.client.call("statistics.GetDashboard", pb.GetDashboardRequest(days=2))).dashboard
    assert (found.online_count, found.offline_count, found.unknown_count) == (1, 0, 1)
    assert [day.session_count for day in found.days] == [0, 1]
    assert (found.days[1].energy_wh, found.days[1].reservation_count) == (4_000, 1)
    assert (found.active_alarm_count, found.plug_in_success) == (3, 1.0)
    assert sum(each.count for each in found.connectors) == 4
    assert found.power_today[0].time.ToDatetime(tzinfo=UTC) == found.days[-1].start_time.ToDatetime(tzinfo=UTC)
    assert max(point.power_w for point in found.power_today) == 4_000
    (first,) = await world.client.collect("statistics.WatchDashboard", pb.WatchDashboardRequest(days=2), 1)
    assert first.dashboard.days == found.days
    with pytest.raises(Refused) as refused:
        await world.client.call("statistics.GetDashboard", pb.GetDashboardRequest(days=93))
    assert refused.value.reason == "INVALID_DAYS"


async def test_an_empty_system_has_nothing_to_tell(world: ControlWorld) -> None:
    found = (await world.client.call("statistics.GetDashboard", pb.GetDashboardRequest())).dashboard
    assert math.isnan(found.plug_in_success)
    assert len(found.days) == 7


async def test_what_co2_is_reckoned_with_can_be_changed(world: ControlWorld) -> None:
    call = world.client.call
    old = (await call("statistics.GetStatisticsSettings", pb.GetStatisticsSettingsRequest())).settings
    assert old.saved_kg_per_kwh == pytest.approx((1000 / 190 * 170 - 230) / 1000)
    change = pb.StatisticsSettings(grid_g_per_kwh=0, fossil_g_per_km=200, vehicle_wh_per_km=200, etag=old.etag)
    mask = FieldMask(paths=["grid_g_per_kwh", "fossil_g_per_km", "vehicle_wh_per_km"])
    asked = pb.UpdateStatisticsSettingsRequest(settings=change, update_mask=mask)
    assert (await call("statistics.UpdateStatisticsSettings", asked)).settings.saved_kg_per_kwh == 1.0
    charged(world, await world.add_station("CP-1"), 5_000)
    assert (await call("statistics.QueryChart", a_query(pb.CHART_KIND_CO2_SAVED))).total == pytest.approx(5.0)
    with pytest.raises(Refused) as refused:
        await call("statistics.UpdateStatisticsSettings", asked)
    assert refused.value.code is grpc.StatusCode.ABORTED
    asked.settings.etag, asked.settings.vehicle_wh_per_km = "", 0
    with pytest.raises(Refused) as refused:
        await call("statistics.UpdateStatisticsSettings", asked)
    assert refused.value.reason == "INVALID_SETTINGS"


async def test_sizes_say_how_long_what_is_kept(world: ControlWorld) -> None:
    found = await world.client.call("statistics.GetStorageUsage", pb.GetStorageUsageRequest())
    assert [(each.name, each.keep_days, each.partition_count) for each in found.data] == [("meter_values", 90, 1)]
