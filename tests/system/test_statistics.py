"""Charts and the dashboard on the real product: what a station tells stands in the sums some seconds later."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import trio

from control.v1 import statistics_pb2
from tests.kit.desk import Denied, Desk
from tests.kit.desk import desk as open_desk
from tests.kit.product import Product
from tests.kit.product import product as start_product
from tests.kit.simulators import Simulator, moment, simulator

pytestmark = [pytest.mark.system]


@pytest.fixture(scope="module")
def running() -> Iterator[Product]:
    with start_product() as made:
        yield made


@pytest.fixture(scope="module")
def desk(running: Product) -> Iterator[Desk]:
    with open_desk(running) as made:
        yield made


async def begin(cp: Simulator, tag: str, *, ago: float) -> int:
    """A session that is under way."""
    started = await cp.send(
        cp.calls.StartTransaction(connector_id=1, id_tag=tag, meter_start=1_000, timestamp=moment(-ago))
    )
    value = {"value": "3000", "measurand": "Energy.Active.Import.Register", "unit": "Wh"}
    power = {"value": "7000", "measurand": "Power.Active.Import", "unit": "W"}
    await cp.send(
        cp.calls.MeterValues(
            connector_id=1,
            transaction_id=started["transactionId"],
            meter_value=[{"timestamp": moment(-ago / 2), "sampled_value": [value, power]}],
        )
    )
    return int(started["transactionId"])


async def chart(desk: Desk, kind: str, **more: Any) -> Any:
    return await desk.call(
        "statistics.QueryChart",
        kind=f"CHART_KIND_{kind}",
        start_time=moment(-86_400).replace(".000", ""),
        end_time=moment(60).replace(".000", ""),
        **more,
    )


@pytest.mark.feature("F-SES-7", "F-DASH-1")
async def test_what_a_station_tells_is_in_charts_and_on_the_dashboard(running: Product, desk: Desk) -> None:
    await desk.add_token("04A2B3C4")
    site = {"kind": "PLACE_KIND_SITE", "display_name": "Harbour", "time_zone": "Europe/Stockholm"}
    place = (await desk.call("places.CreatePlace", place=site)).place
    name = await desk.add_station("CP-CHART")
    await desk.call("places.MoveStations", place=place.name, stations=[name])
    async with simulator(running, "CP-CHART", "1.6") as cp:
        await cp.send(cp.calls.BootNotification(charge_point_vendor="Acme", charge_point_model="One"))
        await cp.send(cp.calls.StatusNotification(connector_id=1, error_code="NoError", status="Charging"))
        async with trio.open_nursery() as nursery:
            seen: list[Any] = []
            nursery.start_soon(watch, desk, seen)
            number = await begin(cp, "04A2B3C4", ago=3_600)
            with trio.fail_after(60):
                while not any(each.dashboard.power_w == 7_000 for each in seen):
                    await trio.sleep(0.05)
            nursery.cancel_scope.cancel()
        await cp.send(cp.calls.StopTransaction(transaction_id=number, meter_stop=9_000, timestamp=moment(-60)))
        energy = await desk.until(
            partial(chart, desk, "ENERGY", place=place.name),
            lambda found: found.total == pytest.approx(8_000),
            "reckoned",
        )
        assert (energy.unit, energy.time_zone) == ("Wh", "Europe/Stockholm")
        assert sum(energy.series[0].values) == pytest.approx(8_000)
        by_tag = await chart(desk, "ENERGY", split="CHART_SPLIT_TAG", bucket="CHART_BUCKET_DAY")
        assert [(each.key, each.total) for each in by_tag.series] == [("04A2B3C4", pytest.approx(8_000))]
        by_site = await chart(desk, "SESSIONS", split="CHART_SPLIT_SITE", bucket="CHART_BUCKET_TOTAL")
        assert [(each.key, each.display_name, each.total) for each in by_site.series] == [(place.name, "Harbour", 1)]
        for kind in statistics_pb2.ChartKind.keys()[1:]:
            found = await chart(desk, kind.removeprefix("CHART_KIND_"), place=place.name, compare_with_previous=True)
            assert found.series, kind
        availability = await chart(desk, "AVAILABILITY", split="CHART_SPLIT_STATION", bucket="CHART_BUCKET_TOTAL")
        assert [(each.key, each.total) for each in availability.series] == [(name, pytest.approx(1.0))]
        figures = (await desk.call("statistics.GetDashboard", place=place.name)).dashboard
        assert (figures.online_count, figures.active_session_count, len(figures.days)) == (1, 0, 7)
        assert sum(day.energy_wh for day in figures.days) == pytest.approx(8_000)
    with pytest.raises(Denied) as refused:
        await chart(desk, "ENERGY", place="places/4711")
    assert refused.value.reason == "PLACE_NOT_FOUND"
    sizes = await desk.call("statistics.GetStorageUsage")
    assert {"sessions", "statistics"} <= {each.name for each in sizes.data}


async def watch(desk: Desk, seen: list[Any]) -> None:
    """The dashboard, as often as it is told."""
    stub, request = desk._prepare("statistics.WatchDashboard", {})

    def follow() -> None:
        for message in stub(request, timeout=60, metadata=desk._metadata):
            seen.append(message)
            if message.dashboard.power_w == 7_000:
                return

    await trio.to_thread.run_sync(follow, abandon_on_cancel=True)
