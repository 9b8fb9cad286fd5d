"""OCPP 2.1: what it adds to 2.0.1. Event streams, DER control, bidirectional and priority charging, dynamic schedules,
tariffs at the station, settlement, battery swap. Named after the use cases of the specification."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio

from control.v1 import inventory_pb2
from tests.kit.desk import Denied, Desk
from tests.kit.product import Product
from tests.kit.simulators import moment
from tests.system.certification import steps_16
from tests.system.certification.steps import events, target
from tests.system.certification.steps_2x import Charging, charging_station, ongoing

pytestmark = [pytest.mark.system, pytest.mark.feature("F-OCPP-5")]

JOB = inventory_pb2.JobState


# -- frames ---------------------------------------------------------------------------------------------


async def test_an_answer_that_is_not_valid_gets_a_callresulterror(running: Product, desk: Desk) -> None:
    async with charging_station(running, desk, "FRAME-5", "2.1") as (cs, name):
        cs.on("ClearCache", {"status": "Perhaps"})
        answer = await desk.call("remote.ClearCache", target=target(name))
        assert not answer.result.accepted
        assert answer.result.error_code
        with trio.fail_after(60):
            while not cs.result_errors:
                await trio.sleep(0.02)
        assert cs.result_errors[0][0] == 5


async def test_a_send_is_taken_in_without_an_answer(running: Product, desk: Desk) -> None:
    async with charging_station(running, desk, "FRAME-6", "2.1") as (cs, name):
        stream = {"id": 1, "params": {"interval": 5, "values": 10}, "variableMonitoringId": 3}
        assert (await cs.say("OpenPeriodicEventStream", {"constantStreamData": stream}))["status"] == "Accepted"
        told = {"id": 1, "pending": 0, "basetime": moment(), "data": [{"t": 0, "v": "231.5"}, {"t": 5, "v": "231.9"}]}
        await cs.raw(json.dumps([6, "send-1", "NotifyPeriodicEventStream", told]))
        assert await cs.send(cs.calls.Heartbeat())  # the link lives on, and nothing else was said
        listed = await desk.call("device_model.ListPeriodicEventStreams", station=name)
        assert [(entry.id, entry.variable_monitoring_id) for entry in listed.streams] == [(1, 3)]
        log = await desk.until(
            lambda: desk.messages(name, action="NotifyPeriodicEventStream"), lambda found: len(found) == 1
        )
        assert log[0].message_type == "SEND"
        await cs.say("ClosePeriodicEventStream", {"id": 1})
        assert not (await desk.call("device_model.ListPeriodicEventStreams", station=name)).streams


async def test_n12_an_event_stream_is_adjusted(running: Product, desk: Desk) -> None:
    async with charging_station(running, desk, "N12", "2.1") as (cs, name):
        answer = await desk.call(
            "device_model.AdjustPeriodicEventStream", target=target(name), id=1, params={"interval_seconds": 60}
        )
        assert answer.result.accepted
        assert await cs.asked("AdjustPeriodicEventStream") == {"id": 1, "params": {"interval": 60}}


# -- R: DER control -------------------------------------------------------------------------------------


async def test_r01_to_r04_der_control_is_set_reported_and_cleared(running: Product, desk: Desk) -> None:
    async with charging_station(running, desk, "R01", "2.1") as (cs, name):
        cs.on("SetDERControl", {"status": "Accepted"})
        curve = {
            "curve_data": [{"x": 50.2, "y": 100.0}, {"x": 51.5, "y": 0.0}],
            "priority": 1,
            "y_unit": "PctMaxW",
        }
        control = {"control_id": "c-1", "control_type": "FreqWatt", "is_default": True, "setting": {"curve": curve}}
        answer = await desk.call("der.SetDerControl", target=target(name), control=control)
        assert answer.result.accepted
        asked = await cs.asked("SetDERControl")
        assert (asked["controlType"], asked["curve"]["curveData"][0]) == ("FreqWatt", {"x": 50.2, "y": 100.0})
        held = await desk.call("der.ListDerControls", station=name)
        assert [entry.control.control_id for entry in held.controls] == ["c-1"]
        cs.on("GetDERControl", {"status": "Accepted"})
        order = await desk.call("der.GetDerControl", target=target(name), control_type="FreqWatt", is_default=True)
        request = await cs.asked("GetDERControl")
        entry = {
            "id": "c-1",
            "isDefault": True,
            "isSuperseded": False,
            "curveType": "FreqWatt",
            "curve": asked["curve"],
        }
        await cs.say("ReportDERControl", {"requestId": request["requestId"], "tbc": False, "curve": [entry]})
        assert (await desk.call("inventory.GetJob", name=order.job.name)).job.state == JOB.JOB_STATE_SUCCEEDED
        cs.on("ClearDERControl", {"status": "Accepted"})
        cleared = await desk.call("der.ClearDerControl", target=target(name), is_default=True, control_id="c-1")
        assert cleared.result.accepted
        assert not (await desk.call("der.ListDerControls", station=name)).controls


async def test_r05_alarms_and_starts_of_der_controls_are_kept(running: Product, desk: Desk) -> None:
    async with charging_station(running, desk, "R05", "2.1") as (cs, name):
        alarm = {"controlType": "FreqWatt", "timestamp": moment(), "gridEventFault": "OverFrequency"}
        assert await cs.say("NotifyDERAlarm", alarm) == {}
        started = {"controlId": "c-1", "started": True, "timestamp": moment()}
        assert await cs.say("NotifyDERStartStop", started) == {}
        for kind in ("NotifyDERAlarm", "NotifyDERStartStop"):
            assert len(await events(desk, name, kind)) == 1


# -- K, Q: charging -------------------------------------------------------------------------------------


async def test_k20_priority_charging(running: Product, desk: Desk) -> None:
    await desk.add_token("TCK20")
    async with charging_station(running, desk, "K20", "2.1") as (cs, name):
        charging = Charging(cs, "TCK20")
        await charging.start()
        cs.on("UsePriorityCharging", {"status": "Accepted"})
        answer = await desk.call(
            "smart_charging.UsePriorityCharging",
            target=target(name),
            transaction_id=charging.transaction_id,
            activate=True,
        )
        assert answer.result.accepted
        told = {"transactionId": charging.transaction_id, "activated": True}
        assert await cs.say("NotifyPriorityCharging", told) == {}
        assert len(await events(desk, name, "NotifyPriorityCharging")) == 1


async def test_k28_a_dynamic_schedule_is_pushed_and_pulled(running: Product, desk: Desk) -> None:
    async with charging_station(running, desk, "K28", "2.1") as (cs, name):
        period = {"start_period": 0, "limit": 10_000.0}
        profile = {
            "id": 5,
            "stack_level": 0,
            "charging_profile_purpose": "TxDefaultProfile",
            "charging_profile_kind": "Dynamic",
            "charging_schedule": [{"id": 1, "charging_rate_unit": "W", "charging_schedule_period": [period]}],
        }
        answer = await desk.call("smart_charging.SetChargingProfile", target=target(name), evse_id=1, profile=profile)
        assert answer.result.accepted
        assert (await cs.asked("SetChargingProfile"))["chargingProfile"]["chargingProfileKind"] == "Dynamic"
        cs.on("UpdateDynamicSchedule", {"status": "Accepted"})
        answer = await desk.call(
            "smart_charging.UpdateDynamicSchedule",
            target=target(name),
            charging_profile_id=5,
            schedule_update={"limit": 7000.0},
        )
        assert answer.result.accepted
        assert (await cs.asked("UpdateDynamicSchedule"))["scheduleUpdate"] == {"limit": 7000.0}
        pulled = await cs.say("PullDynamicScheduleUpdate", {"chargingProfileId": 5})
        assert (pulled["status"], pulled["scheduleUpdate"]["limit"]) == ("Accepted", 7000.0)


async def test_q07_a_signal_of_the_grid_and_what_a_vehicle_may_do(running: Product, desk: Desk) -> None:
    await desk.add_token("TCQ07")
    async with charging_station(running, desk, "Q07", "2.1") as (cs, name):
        cs.on("AFRRSignal", {"status": "Accepted"})
        answer = await desk.call("smart_charging.SendAfrrSignal", target=target(name), signal=-3, signal_time=moment())
        assert answer.result.accepted
        assert (await cs.asked("AFRRSignal"))["signal"] == -3
        charging = Charging(cs, "TCQ07")
        await charging.start()
        answer = await desk.call(
            "smart_charging.NotifyAllowedEnergyTransfer",
            target=target(name),
            transaction_id=charging.transaction_id,
            allowed_energy_transfer=["DC", "DC_BPT"],
        )
        assert answer.result.accepted
        assert (await cs.asked("NotifyAllowedEnergyTransfer"))["allowedEnergyTransfer"] == ["DC", "DC_BPT"]


# -- I, C: tariffs and payment --------------------------------------------------------------------------


def a_tariff(tariff_id: str = "day") -> dict[str, Any]:
    return {
        "tariff_id": tariff_id,
        "currency": "EUR",
        "energy": {"prices": [{"price_kwh": 0.4}], "tax_rates": [{"type": "VAT", "tax": 21.0}]},
    }


async def test_i07_to_i12_tariffs_at_the_station(running: Product, desk: Desk) -> None:
    await desk.add_token("TCI07")
    async with charging_station(running, desk, "I07", "2.1") as (cs, name):
        answer = await desk.call("payment.SetDefaultTariff", target=target(name), evse_id=1, tariff=a_tariff())
        assert answer.result.accepted
        asked = await cs.asked("SetDefaultTariff")
        assert (asked["evseId"], asked["tariff"]["energy"]["prices"]) == (1, [{"priceKwh": 0.4}])
        cs.on(
            "GetTariffs",
            {"status": "Accepted", "tariffAssignments": [{"tariffId": "day", "tariffKind": "DefaultTariff"}]},
        )
        listed = await desk.call("payment.GetTariffs", target=target(name), evse_id=0)
        assert [entry.tariff_id for entry in listed.assignments] == ["day"]
        charging = Charging(cs, "TCI07")
        await charging.start()
        answer = await desk.call(
            "payment.ChangeTransactionTariff",
            target=target(name),
            session=(await ongoing(desk, name)).name,
            tariff=a_tariff("night"),
        )
        assert answer.result.accepted
        assert (await cs.asked("ChangeTransactionTariff"))["transactionId"] == charging.transaction_id
        cs.on("ClearTariffs", {"clearTariffsResult": [{"tariffId": "day", "status": "Accepted"}]})
        cleared = await desk.call("payment.ClearTariffs", target=target(name), tariff_ids=["day"])
        assert [(entry.tariff_id, entry.status) for entry in cleared.results] == [("day", "Accepted")]


async def test_c20_settlement_and_vat(running: Product, desk: Desk) -> None:
    async with charging_station(running, desk, "C20", "2.1") as (cs, name):
        settled = {
            "pspRef": "psp-1",
            "status": "Settled",
            "settlementAmount": 12.5,
            "settlementTime": moment(),
            "transactionId": "tx-1",
        }
        await cs.say("NotifySettlement", settled)
        (told,) = await events(desk, name, "NotifySettlement")
        assert "12.5" in told.summary
        answer = await cs.say("VatNumberValidation", {"vatNumber": "NL123456789B01"})
        assert (answer["status"], answer["vatNumber"]) == ("Rejected", "NL123456789B01")


async def test_c25_a_payment_in_the_browser_has_begun(running: Product, desk: Desk) -> None:
    async with charging_station(running, desk, "C25", "2.1") as (cs, name):
        cs.on("NotifyWebPaymentStarted", {})
        answer = await desk.call("payment.NotifyWebPaymentStarted", target=target(name), evse_id=1, wait="120s")
        assert answer.result.accepted
        assert await cs.asked("NotifyWebPaymentStarted") == {"evseId": 1, "timeout": 120}


async def test_s01_s02_a_battery_is_swapped(running: Product, desk: Desk) -> None:
    await desk.add_token("TCS01")
    async with charging_station(running, desk, "S01", "2.1") as (cs, name):
        cs.on("RequestBatterySwap", {"status": "Accepted"})
        order = await desk.call("battery_swap.RequestBatterySwap", target=target(name), id_token="TCS01")
        asked = await cs.asked("RequestBatterySwap")
        battery = {"evseId": 1, "serialNumber": "B-1", "soC": 12, "soH": 98}
        for kind in ("BatteryIn", "BatteryOut"):
            swapped = {
                "eventType": kind,
                "requestId": asked["requestId"],
                "idToken": {"idToken": "TCS01", "type": "ISO14443"},
                "batteryData": [battery],
            }
            assert await cs.say("BatterySwap", swapped) == {}
        assert (await desk.call("inventory.GetJob", name=order.job.name)).job.state == JOB.JOB_STATE_SUCCEEDED
        assert len(await events(desk, name, "BatterySwap")) == 2


async def test_what_an_older_version_lacks_is_refused_by_name(running: Product, desk: Desk) -> None:
    async with steps_16.charging_station(running, desk, "OLD-16") as (cp, name):
        with pytest.raises(Denied) as denied:
            await desk.call("battery_swap.RequestBatterySwap", target=target(name), id_token="TCS01")
        assert denied.value.reason == "NOT_SUPPORTED"
        assert "1.6" in denied.value.message
        assert cp.received == []
    async with charging_station(running, desk, "OLD-201", "2.0.1") as (_, name):
        with pytest.raises(Denied) as denied:
            await desk.call("payment.SetDefaultTariff", target=target(name), tariff=a_tariff())
        assert denied.value.reason == "NOT_SUPPORTED"
        assert "2.0.1" in denied.value.message
