"""Sessions on the real product: from the cable's coming to its going, corrected, closed, with a driver's logbook."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

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


async def status(cp: Simulator, word: str, *, ago: float, error: str = "NoError", vendor: str | None = None) -> None:
    await cp.send(
        cp.calls.StatusNotification(
            connector_id=1, error_code=error, status=word, timestamp=moment(-ago), vendor_error_code=vendor
        )
    )


async def the_session(desk: Desk, name: str) -> Any:
    return (await desk.call("sessions.GetSession", name=name)).session


@pytest.mark.feature("F-SES-1", "F-SES-4", "F-SES-8")
async def test_a_session_with_all_its_times_is_corrected(running: Product, desk: Desk) -> None:
    await desk.add_token("04A1B2C3")
    station = await desk.add_station("CP-SES")
    async with simulator(running, "CP-SES", "1.6") as cp:
        await cp.send(cp.calls.BootNotification(charge_point_vendor="Acme", charge_point_model="One"))
        await status(cp, "Available", ago=8_000)
        await status(cp, "Preparing", ago=7_300)
        start = cp.calls.StartTransaction(
            connector_id=1, id_tag="04A1B2C3", meter_start=1_000, timestamp=moment(-7_200)
        )
        number = (await cp.send(start))["transactionId"]
        await status(cp, "Charging", ago=7_190)
        for step in range(20):
            value = {
                "timestamp": moment(-7_000 + 300 * step),
                "sampledValue": [
                    {"value": str(1_000 + 400 * step), "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
                    {"value": str(11_000 - 100 * step), "measurand": "Power.Active.Import", "unit": "W"},
                    {"value": str(20 + 3 * step), "measurand": "SoC", "unit": "Percent"},
                ],
            }
            await cp.send(cp.calls.MeterValues(connector_id=1, transaction_id=number, meter_value=[value]))
        await status(cp, "Faulted", ago=1_000, error="GroundFailure", vendor="E-17")
        await status(cp, "SuspendedEV", ago=900)
        await cp.send(
            cp.calls.StopTransaction(
                transaction_id=number, meter_stop=9_000, timestamp=moment(-600), reason="EVDisconnected"
            )
        )
        await status(cp, "Available", ago=300)
    name = f"sessions/{number}"
    found = await desk.until(lambda: the_session(desk, name), lambda s: s.HasField("plug_out_time"))
    begin = found.start_time.seconds
    assert (found.energy_wh, found.soc_start_percent, found.soc_percent, found.max_power_w) == (8_000, 20, 77, 11_000)
    assert (found.authentication_number, found.stop_reason, found.start_reason) == (1, "EVDisconnected", "Local")
    times = (found.plug_in_time, found.goal_reached_time, found.stop_time, found.plug_out_time)
    assert [round(at.seconds - begin, -1) for at in times] == [-100, 6_300, 6_600, 6_900]
    assert (found.duration_s, found.idle_s) == (pytest.approx(6_600, abs=1), pytest.approx(300, abs=1))
    assert list(found.error_codes) == ["GroundFailure/E-17"]
    detail = await desk.call("sessions.GetSession", name=name)
    words = [event.word for event in detail.events if event.kind in (1, 3)]
    assert words == ["PLUGGED_IN", "STARTED", "Faulted", "GOAL_REACHED", "STOPPED", "PLUGGED_OUT"]
    lines = (await desk.call("sessions.GetSessionSeries", session=name, max_points=10)).series
    assert {line.measurand for line in lines} == {"Energy.Active.Import.Register", "Power.Active.Import", "SoC"}
    assert all(len(line.points) <= 10 and line.original_count == 20 for line in lines)
    await corrected(desk, name, station)


async def corrected(desk: Desk, name: str, station: str) -> None:
    with pytest.raises(Denied, match="Say why"):
        await desk.call("sessions.CorrectSession", name=name, update_mask="energyWh", values={"energy_wh": 1})
    answer = await desk.call(
        "sessions.CorrectSession",
        name=name,
        update_mask="energyWh",
        values={"energy_wh": 7_500},
        reason="meter swapped",
    )
    assert (answer.session.energy_wh, answer.session.station_values.energy_wh) == (7_500, 8_000)
    wanted = {"station": station, "corrected": True, "id_token": str(0x04A1B2C3)}
    totals = await desk.call("sessions.SummarizeSessions", filter=wanted)
    assert (totals.session_count, totals.energy_wh) == (1, 7_500)
    page = await desk.call(
        "sessions.ListSessions", filter=wanted, order="SESSION_ORDER_ENERGY", ascending=True, read_mask="energyWh"
    )
    assert [(s.name, s.energy_wh, s.stop_reason) for s in page.sessions] == [(name, 7_500, "")]
    (change,) = (await desk.call("sessions.GetSession", name=name)).corrections
    assert (change.field, change.before, change.after, change.reason) == ("energy_wh", "8000", "7500", "meter swapped")


@pytest.mark.feature("F-SES-8")
async def test_a_session_that_was_closed_by_hand_is_overruled_by_its_own_end(running: Product, desk: Desk) -> None:
    await desk.add_token("LOST")
    await desk.add_station("CP-LOST")
    async with simulator(running, "CP-LOST", "1.6") as cp:
        await cp.send(cp.calls.BootNotification(charge_point_vendor="Acme", charge_point_model="One"))
        start = cp.calls.StartTransaction(connector_id=1, id_tag="LOST", meter_start=0, timestamp=moment(-3_600))
        number = (await cp.send(start))["transactionId"]
        name = f"sessions/{number}"
        with pytest.raises(Denied, match="going on"):
            await desk.call(
                "sessions.CorrectSession", name=name, update_mask="energyWh", values={"energy_wh": 1}, reason="x"
            )
        closed = (await desk.call("sessions.CloseSession", name=name, reason="The station burnt down.")).session
        assert (closed.closure.reason, list(closed.flags)) == ("The station burnt down.", ["CLOSED_BY_SERVER"])
        again = cp.calls.StartTransaction(connector_id=1, id_tag="LOST", meter_start=900, timestamp=moment(-60))
        assert (await cp.send(again))["idTagInfo"]["status"] == "Accepted"  # the tag is free again
        await cp.send(cp.calls.StopTransaction(transaction_id=number, meter_stop=800, timestamp=moment(-100)))
    found = await the_session(desk, name)
    assert (found.closure.overruled, found.energy_wh, list(found.flags)) == (True, 800, [])


@pytest.mark.feature("F-SES-5")
async def test_a_station_with_a_logbook_starts_for_those_who_write_it(running: Product, desk: Desk) -> None:
    await desk.add_token("FLEET1")
    station = await desk.add_station("CP-BOOK")
    await desk.call("sessions.SetStationLogbook", station=station, enabled=True)
    async with simulator(running, "CP-BOOK", "1.6") as cp:
        await cp.send(cp.calls.BootNotification(charge_point_vendor="Acme", charge_point_model="One"))
        start = {"target": {"station": station}, "id_token": "FLEET1", "evse_id": 1}
        with pytest.raises(Denied, match="mileage") as refused:
            await desk.call("remote.RequestStartTransaction", **start)
        assert refused.value.reason == "LOGBOOK_MISSING"
        book = {"mileage_km": 12_345, "vehicle_id": "AB-12", "purpose": "visit"}
        await desk.call("remote.RequestStartTransaction", **start, logbook=book)
        number = (
            await cp.send(
                cp.calls.StartTransaction(connector_id=1, id_tag="FLEET1", meter_start=0, timestamp=moment(-1))
            )
        )["transactionId"]
        name = f"sessions/{number}"
        found = await desk.until(lambda: the_session(desk, name), lambda s: s.logbook.vehicle_id)
        assert (found.logbook.mileage_km, found.logbook_missing) == (12_345, False)
        await desk.call(
            "sessions.UpdateSessionLogbook", name=name, update_mask="mileageKm", logbook={"mileage_km": 12_354}
        )
        detail = await desk.call("sessions.GetSession", name=name)
        assert detail.session.logbook.mileage_km == 12_354
        assert [c.after for c in detail.corrections if c.field == "mileage_km"] == ["12345", "12354"]
