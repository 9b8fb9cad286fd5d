"""Smart charging on the real product: profiles in each version, vehicles that tell their needs, dynamic profiles."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest

from control.v1 import inventory_pb2
from tests.kit.desk import Denied, Desk
from tests.kit.desk import desk as open_desk
from tests.kit.product import Product
from tests.kit.product import product as start_product
from tests.kit.simulators import Simulator, moment, simulator

pytestmark = [pytest.mark.system]
ALL = pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
NEWER = pytest.mark.parametrize("version", ["2.0.1", "2.1"])


@pytest.fixture(scope="module")
def running() -> Iterator[Product]:
    with start_product(vehicle_schedules="propose") as made:
        yield made


@pytest.fixture(scope="module")
def desk(running: Product) -> Iterator[Desk]:
    with open_desk(running) as made:
        yield made


async def boot(cp: Simulator) -> None:
    cp.on("GetBaseReport", {"status": "NotSupported"})
    if cp.version == "1.6":
        await cp.send(cp.calls.BootNotification(charge_point_vendor="Acme", charge_point_model="One"))
    else:
        station = {"model": "One", "vendor_name": "Acme"}
        await cp.send(cp.calls.BootNotification(charging_station=station, reason="PowerUp"))


def a_profile(purpose: str, amperes: float, *, number: int = 1, **more: Any) -> dict[str, Any]:
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return {
        "id": number,
        "charging_profile_purpose": purpose,
        "charging_profile_kind": "Absolute",
        "charging_schedule": [
            {
                "id": 1,
                "charging_rate_unit": "A",
                "start_schedule": midnight.isoformat().replace("+00:00", "Z"),
                "charging_schedule_period": [{"start_period": 0, "limit": amperes}],
            }
        ],
        **more,
    }


async def held(desk: Desk, station: str) -> list[Any]:
    return list((await desk.call("smart_charging.ListChargingProfiles", station=station)).profiles)


async def start(cp: Simulator, transaction: str) -> None:
    """Of EVSE 1 on the tag TAG (2.x)."""
    await cp.send(
        cp.calls.TransactionEvent(
            event_type="Started",
            timestamp=moment(),
            trigger_reason="Authorized",
            seq_no=0,
            transaction_info={"transaction_id": transaction},
            evse={"id": 1, "connector_id": 1},
            id_token={"id_token": "TAG", "type": "ISO14443"},
        )
    )


@ALL
@pytest.mark.feature("F-OCPP-1", "F-OCPP-4", "F-OCPP-5")
async def test_profile_is_set_computed_and_cleared(running: Product, desk: Desk, version: str) -> None:
    name = await desk.add_station(f"SMART-{version}")
    async with simulator(running, f"SMART-{version}", version) as cp:
        await boot(cp)
        target = {"station": name}
        profile = a_profile("ChargingStationMaxProfile", 32)
        done = await desk.call("smart_charging.SetChargingProfile", target=target, profile=profile)
        assert done.result.status == "Accepted"
        sent = await cp.asked("SetChargingProfile")
        wire = sent["csChargingProfiles" if version == "1.6" else "chargingProfile"]
        assert wire["chargingProfilePurpose"] == (
            "ChargePointMaxProfile" if version == "1.6" else "ChargingStationMaxProfile"
        )
        profile = a_profile("TxDefaultProfile", 16, number=2)
        await desk.call("smart_charging.SetChargingProfile", target=target, evse_id=1, profile=profile)
        assert [each.profile.id for each in await held(desk, name)] == [1, 2]
        cp.on("GetCompositeSchedule", {"status": "Rejected"})
        schedule = await desk.call(
            "smart_charging.GetCompositeSchedule", target=target, evse_id=1, duration="60s", include_computed=True
        )
        assert schedule.result.status == "Rejected"
        assert [period.limit for period in schedule.computed.charging_schedule_period] == [16]
        await desk.call("smart_charging.ClearChargingProfile", target=target, charging_profile_id=2)
        assert [each.profile.id for each in await held(desk, name)] == [1]


@ALL
@pytest.mark.feature("F-OCPP-1", "F-OCPP-4", "F-OCPP-5")
async def test_what_a_version_lacks_is_said_in_its_name(running: Product, desk: Desk, version: str) -> None:
    name = await desk.add_station(f"LACKS-{version}")
    async with simulator(running, f"LACKS-{version}", version) as cp:
        await boot(cp)
        newest = a_profile("TxDefaultProfile", 16, max_offline_duration=60)
        setting = desk.call("smart_charging.SetChargingProfile", target={"station": name}, evse_id=1, profile=newest)
        priority = {"target": {"station": name}, "transaction_id": "7", "activate": True}
        if version == "2.1":
            assert (await setting).result.accepted
            assert (await desk.call("smart_charging.UsePriorityCharging", **priority)).result.accepted
            return
        with pytest.raises(Denied, match=f"OCPP {version} .*maxOfflineDuration") as denied:
            await setting
        assert (denied.value.code, denied.value.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "NOT_IN_THIS_VERSION")
        with pytest.raises(Denied, match=f"OCPP {version} knows no UsePriorityCharging") as denied:
            await desk.call("smart_charging.UsePriorityCharging", **priority)
        assert denied.value.reason == "NOT_SUPPORTED"


@NEWER
@pytest.mark.feature("F-OCPP-4", "F-OCPP-5")
async def test_vehicle_tells_its_needs_and_gets_schedules(running: Product, desk: Desk, version: str) -> None:
    name = await desk.add_station(f"NEEDS-{version}")
    await desk.add_token("TAG")
    async with simulator(running, f"NEEDS-{version}", version) as cp:
        await boot(cp)
        profile = a_profile("ChargingStationMaxProfile", 10)
        await desk.call("smart_charging.SetChargingProfile", target={"station": name}, profile=profile)
        await cp.asked("SetChargingProfile")
        needs = {
            "requested_energy_transfer": "AC_three_phase",
            "ac_charging_parameters": {
                "energy_amount": 5000,
                "ev_min_current": 6,
                "ev_max_current": 32,
                "ev_max_voltage": 400,
            },
            "departure_time": moment(timedelta(hours=8).total_seconds()),
        }
        told = await cp.send(cp.calls.NotifyEVChargingNeeds(charging_needs=needs, evse_id=1))
        assert told["status"] == ("Rejected" if version == "2.0.1" else "NoChargingProfile")  # no transaction yet
        await start(cp, "t-1")
        told = await cp.send(cp.calls.NotifyEVChargingNeeds(charging_needs=needs, evse_id=1, max_schedule_tuples=5))
        assert told["status"] == "Accepted"
        proposed = (await cp.asked("SetChargingProfile"))["chargingProfile"]
        assert (proposed["chargingProfilePurpose"], proposed["transactionId"]) == ("TxProfile", "t-1")
        fastest, *slower = proposed["chargingSchedule"]
        assert [period["limit"] for period in fastest["chargingSchedulePeriod"]] == [10.0]
        assert slower
        plan = {**profile["charging_schedule"][0], "id": 1}
        told = await cp.send(cp.calls.NotifyEVChargingSchedule(time_base=moment(), evse_id=1, charging_schedule=plan))
        assert told["status"] == "Accepted"
        await desk.until(lambda: held(desk, name), lambda found: len(found) == 2)
        await cp.send(
            cp.calls.TransactionEvent(
                event_type="Ended",
                timestamp=moment(),
                trigger_reason="EVDeparted",
                seq_no=1,
                transaction_info={"transaction_id": "t-1", "stopped_reason": "EVDisconnected"},
            )
        )
        await desk.until(lambda: held(desk, name), lambda found: len(found) == 1, "without the TxProfile")
    events = await desk.call("inventory.ListStationEvents", filter={"station": name})
    assert {event.kind for event in events.events} >= {"NotifyEVChargingNeeds", "NotifyEVChargingSchedule"}


@NEWER
@pytest.mark.feature("F-OCPP-4", "F-OCPP-5")
async def test_report_of_profiles_ends_its_job(running: Product, desk: Desk, version: str) -> None:
    name = await desk.add_station(f"REPORT-{version}")
    async with simulator(running, f"REPORT-{version}", version) as cp:
        await boot(cp)
        lost = a_profile("TxDefaultProfile", 16, number=9)
        await desk.call("smart_charging.SetChargingProfile", target={"station": name}, evse_id=1, profile=lost)
        ordered = await desk.call("smart_charging.GetChargingProfiles", target={"station": name})
        request_id = (await cp.asked("GetChargingProfiles"))["requestId"]
        for number, more in ((1, True), (2, False)):
            await cp.send(
                cp.calls.ReportChargingProfiles(
                    request_id=request_id,
                    charging_limit_source="CSO",
                    charging_profile=[a_profile("TxDefaultProfile", 8, number=number, stack_level=number)],
                    evse_id=1,
                    tbc=more,
                )
            )
        found = await desk.until(lambda: held(desk, name), lambda found: len(found) == 2)
        assert [(each.source, each.profile.id) for each in found] == [("CSO", 1), ("CSO", 2)]
        job = (await desk.call("inventory.GetJob", name=ordered.job.name)).job
        assert job.state == inventory_pb2.JOB_STATE_SUCCEEDED


@pytest.mark.feature("F-OCPP-5")
async def test_dynamic_profile_and_der_control(running: Product, desk: Desk) -> None:
    name = await desk.add_station("DYNAMIC")
    async with simulator(running, "DYNAMIC", "2.1") as cp:
        await boot(cp)
        target = {"station": name}
        dynamic = a_profile("TxDefaultProfile", 16, charging_profile_kind="Dynamic", dyn_update_interval=60)
        await desk.call("smart_charging.SetChargingProfile", target=target, evse_id=1, profile=dynamic)
        update = {"limit": 7}
        await desk.call(
            "smart_charging.UpdateDynamicSchedule", target=target, charging_profile_id=1, schedule_update=update
        )
        assert (await cp.asked("UpdateDynamicSchedule"))["scheduleUpdate"] == {"limit": 7.0}
        pulled = await cp.send(cp.calls.PullDynamicScheduleUpdate(charging_profile_id=1))
        assert (pulled["status"], pulled["scheduleUpdate"]) == ("Accepted", {"limit": 7.0})
        assert (await cp.send(cp.calls.PullDynamicScheduleUpdate(charging_profile_id=2)))["status"] == "Rejected"
        curve = {"curve_data": [{"x": 94, "y": 30}, {"x": 106, "y": -30}], "priority": 1, "y_unit": "PctMaxVar"}
        control = {
            "control_id": "c1",
            "control_type": "VoltVar",
            "is_default": True,
            "setting": {"curve": curve},
        }
        assert (await desk.call("der.SetDerControl", target=target, control=control)).result.accepted
        assert (await cp.asked("SetDERControl"))["curve"]["yUnit"] == "PctMaxVar"
        await cp.send(
            cp.calls.NotifyDERAlarm(control_type="VoltVar", timestamp=moment(), grid_event_fault="OverVoltage")
        )
        (listed,) = (await desk.call("der.ListDerControls", station=name)).controls
        assert listed.control.control_id == "c1"
    events = await desk.call("inventory.ListStationEvents", filter={"station": name, "kinds": ["NotifyDERAlarm"]})
    assert events.events[0].summary == "DER alarm of VoltVar: OverVoltage began."
