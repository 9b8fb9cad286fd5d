"""OCPP 2.0.1 and 2.1: a CSMS's core cases of blocks B, C, E, F, G and J, named after their ids in the public test plan
where there is one. 2.1 has to pass what 2.0.1 does. The stories are told in our own words."""

from __future__ import annotations

from typing import Any

import pytest

from control.v1 import sessions_pb2, stations_pb2
from tests.kit.desk import Desk
from tests.kit.product import Product
from tests.kit.simulators import moment, simulator
from tests.system.certification.steps import named, target
from tests.system.certification.steps_2x import (
    Charging,
    authorize,
    charging_station,
    cold_boot,
    ended,
    energy,
    ongoing,
    status,
)

pytestmark = [
    pytest.mark.system,
    pytest.mark.feature("F-OCPP-4", "F-OCPP-5"),
    pytest.mark.parametrize("version", ["2.0.1", "2.1"]),
]

ENDED = sessions_pb2.SESSION_STATE_ENDED
REMOTE = sessions_pb2.AUTHENTICATION_REMOTE


async def connectors(desk: Desk, name: str) -> list[str]:
    station = await desk.station(name)
    word = stations_pb2.ConnectorStatus.Name
    return [word(c.status).removeprefix("CONNECTOR_STATUS_") for evse in station.evses for c in evse.connectors]


# -- B: booting -----------------------------------------------------------------------------------------


async def test_tc_b_01_csms_cold_boot_accepted(running: Product, desk: Desk, version: str) -> None:
    identity = named("TC-B-01", version)
    name = await desk.add_station(identity)
    async with simulator(running, identity, version) as cs:
        cs.on("GetBaseReport", {"status": "NotSupported"})
        boot = await cold_boot(cs)
        assert boot["status"] == "Accepted"
        assert boot["interval"] > 0
        assert (await cs.send(cs.calls.Heartbeat()))["currentTime"].endswith("Z")
        station = await desk.station(name)
        assert (station.boot_info.vendor, station.boot_info.firmware_version) == ("Acme", "1.0")
        assert station.protocol == f"ocpp{version}"
        assert await connectors(desk, name) == ["AVAILABLE"]


async def test_tc_b_02_csms_cold_boot_pending(running: Product, desk: Desk, version: str) -> None:
    identity = named("TC-B-02", version)
    async with simulator(running, identity, version) as cs:
        cs.on("GetBaseReport", {"status": "NotSupported"})
        unit = {"model": "One", "vendor_name": "Acme"}
        boot = await cs.send(cs.calls.BootNotification(charging_station=unit, reason="PowerUp"))
        assert boot["status"] == "Pending"
        listed = await desk.call("stations.ListStations", filter={"query": identity})
        await desk.call("stations.AcceptStation", name=listed.stations[0].name)
        assert (await cs.asked("TriggerMessage"))["requestedMessage"] == "BootNotification"
        assert (await cold_boot(cs, "Triggered"))["status"] == "Accepted"


@pytest.mark.parametrize(
    ("case", "kind", "word"),
    [("B-20", "RESET_TYPE_ON_IDLE", "OnIdle"), ("B-22", "RESET_TYPE_IMMEDIATE", "Immediate")],
)
async def test_tc_b_20_22_csms_reset_charging_station(
    running: Product, desk: Desk, version: str, case: str, kind: str, word: str
) -> None:
    await desk.add_token("TCB20")
    identity = named(f"TC-{case}", version)
    async with charging_station(running, desk, identity, version) as (cs, name):
        charging = Charging(cs, "TCB20")
        await charging.start()
        answer = await desk.call("remote.Reset", target=target(name), type=kind)
        assert answer.result.accepted
        assert (await cs.asked("Reset"))["type"] == word
        await charging.stop("ResetCommand", "ImmediateReset")
    async with simulator(running, identity, version) as cs:
        cs.on("GetBaseReport", {"status": "NotSupported"})
        assert (await cold_boot(cs, "RemoteReset"))["status"] == "Accepted"
        assert (await ended(desk, name)).stop_reason == "ImmediateReset"


async def test_tc_b_21_csms_reset_on_idle_is_scheduled(running: Product, desk: Desk, version: str) -> None:
    async with charging_station(running, desk, named("TC-B-21", version), version) as (cs, name):
        cs.on("Reset", {"status": "Scheduled"})
        answer = await desk.call("remote.Reset", target=target(name), type="RESET_TYPE_ON_IDLE")
        assert (answer.result.status, answer.result.accepted) == ("Scheduled", True)


async def test_tc_b_25_csms_reset_of_an_evse(running: Product, desk: Desk, version: str) -> None:
    async with charging_station(running, desk, named("TC-B-25", version), version) as (cs, name):
        answer = await desk.call("remote.Reset", target=target(name), type="RESET_TYPE_ON_IDLE", evse_id=1)
        assert answer.result.accepted
        assert await cs.asked("Reset") == {"type": "OnIdle", "evseId": 1}


# -- C: authorisation -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "fields", "words"),
    [
        ("C-02", None, {"Invalid", "Unknown"}),
        ("C-06", {"blocked": True}, {"Blocked"}),
        ("C-07", {"expire_time": "2020-01-01T00:00:00Z"}, {"Expired"}),
    ],
)
async def test_tc_c_02_06_07_csms_a_token_that_may_not(
    running: Product, desk: Desk, version: str, case: str, fields: dict[str, Any] | None, words: set[str]
) -> None:
    tag = f"TC{case}{version}".replace("-", "").replace(".", "")
    if fields is not None:
        await desk.add_token(tag, **fields)
    async with charging_station(running, desk, named(f"TC-{case}", version), version) as (cs, name):
        assert (await authorize(cs, tag))["status"] in words
        assert await desk.sessions(name) == []


@pytest.mark.parametrize(("case", "word"), [("C-37", "Accepted"), ("C-38", "Rejected")])
async def test_tc_c_37_38_csms_clear_authorization_cache(
    running: Product, desk: Desk, version: str, case: str, word: str
) -> None:
    async with charging_station(running, desk, named(f"TC-{case}", version), version) as (cs, name):
        cs.on("ClearCache", {"status": word})
        assert (await desk.call("remote.ClearCache", target=target(name))).result.status == word


async def test_tc_c_39_csms_authorization_by_group_id(running: Product, desk: Desk, version: str) -> None:
    for tag in ("TCC39A", "TCC39B"):
        await desk.add_token(tag, parent_id_token="TCC39")
    async with charging_station(running, desk, named("TC-C-39", version), version) as (cs, name):
        charging = Charging(cs, "TCC39A")
        begun = await charging.start()
        assert begun["idTokenInfo"]["groupIdToken"]["idToken"] == "TCC39"
        other = await authorize(cs, "TCC39B")
        assert other["status"] == "Accepted"
        assert other["groupIdToken"]["idToken"] == "TCC39"
        charging.tag = "TCC39B"
        await charging.stop(with_tag=True)
        assert (await ended(desk, name)).id_token == "TCC39A"


async def test_c05_a_session_without_authorisation_is_anonymous(running: Product, desk: Desk, version: str) -> None:
    async with charging_station(running, desk, named("C05", version), version) as (cs, name):
        charging = Charging(cs, "", token_type="NoAuthorization")
        begun = await charging.start("CablePluggedIn")
        assert begun["idTokenInfo"]["status"] == "Accepted"
        await charging.stop("EVDeparted", "EVDisconnected")
        session = await ended(desk, name)
        assert session.id_token == ""
        assert session.authentication == sessions_pb2.AUTHENTICATION_ANONYMOUS


# -- E: transactions ------------------------------------------------------------------------------------


async def test_tc_e_03_csms_cable_plugged_in_first(running: Product, desk: Desk, version: str) -> None:
    await desk.add_token("TCE03")
    async with charging_station(running, desk, named("TC-E-03", version), version) as (cs, name):
        await status(cs, "Occupied")
        charging = Charging(cs, "TCE03")
        await charging.tell("Started", "CablePluggedIn", state="EVConnected", meter=1000, context="Transaction.Begin")
        assert await connectors(desk, name) == ["PREPARING"]
        told = await charging.tell("Updated", "Authorized", state="EVConnected", with_tag=True, at=1)
        assert told["idTokenInfo"]["status"] == "Accepted"
        await charging.tell("Updated", "ChargingStateChanged", state="Charging", at=2)
        assert await connectors(desk, name) == ["CHARGING"]
        await charging.meter(2500, at=60)
        assert (await ongoing(desk, name)).energy_wh == 1500.0
        await charging.stop(meter=3500, at=120, with_tag=True)
        await status(cs, "Available")
        session = await ended(desk, name)
        assert (session.energy_wh, session.id_token, session.stop_reason) == (2500.0, "TCE03", "Local")
        assert await connectors(desk, name) == ["AVAILABLE"]


async def test_tc_e_04_csms_authorization_first(running: Product, desk: Desk, version: str) -> None:
    await desk.add_token("TCE04")
    async with charging_station(running, desk, named("TC-E-04", version), version) as (cs, name):
        assert (await authorize(cs, "TCE04"))["status"] == "Accepted"
        charging = Charging(cs, "TCE04")
        begun = await charging.start("Authorized", state="Idle")
        assert begun["idTokenInfo"]["status"] == "Accepted"
        await charging.tell("Updated", "CablePluggedIn", state="EVConnected", at=1)
        await charging.tell("Updated", "ChargingStateChanged", state="Charging", at=2)
        await charging.stop()
        assert (await ended(desk, name)).energy_wh == 500.0


@pytest.mark.parametrize(
    ("case", "trigger", "reason"),
    [
        ("E-07", "EVCommunicationLost", "EVDisconnected"),
        ("E-15", "EVDeparted", "EVDisconnected"),
        ("E-17", "Deauthorized", "DeAuthorized"),
        ("E-22", "EnergyLimitReached", "EnergyLimitReached"),
        ("E-26", "TimeLimitReached", "TimeLimitReached"),
    ],
)
async def test_tc_e_ways_to_end(
    running: Product, desk: Desk, version: str, case: str, trigger: str, reason: str
) -> None:
    await desk.add_token("TCEEND")
    async with charging_station(running, desk, named(f"TC-{case}", version), version) as (cs, name):
        charging = Charging(cs, "TCEEND")
        await charging.start()
        await charging.stop(trigger, reason)
        assert (await ended(desk, name)).stop_reason == reason


async def test_tc_e_21_csms_suspended_by_the_vehicle(running: Product, desk: Desk, version: str) -> None:
    await desk.add_token("TCE21")
    async with charging_station(running, desk, named("TC-E-21", version), version) as (cs, name):
        await status(cs, "Occupied")
        charging = Charging(cs, "TCE21")
        await charging.start()
        for state, shown in (("SuspendedEV", "SUSPENDED_EV"), ("SuspendedEVSE", "SUSPENDED_EVSE")):
            await charging.tell("Updated", "ChargingStateChanged", state=state)
            assert await connectors(desk, name) == [shown]
        await charging.stop()
        assert await connectors(desk, name) == ["FINISHING"]


@pytest.mark.parametrize(
    ("case", "answer"),
    [
        ("E-29", {"ongoingIndicator": True, "messagesInQueue": True}),
        ("E-30", {"ongoingIndicator": True, "messagesInQueue": False}),
        ("E-31", {"ongoingIndicator": False, "messagesInQueue": True}),
        ("E-33", {"messagesInQueue": False}),
    ],
)
async def test_tc_e_29_33_csms_get_transaction_status(
    running: Product, desk: Desk, version: str, case: str, answer: dict[str, bool]
) -> None:
    await desk.add_token("TCE29")
    async with charging_station(running, desk, named(f"TC-{case}", version), version) as (cs, name):
        charging = Charging(cs, "TCE29")
        await charging.start()
        cs.on("GetTransactionStatus", answer)
        of = {} if case == "E-33" else {"session": (await ongoing(desk, name)).name}
        told = await desk.call("remote.GetTransactionStatus", target=target(name), **of)
        assert told.messages_in_queue == answer["messagesInQueue"]
        asked = await cs.asked("GetTransactionStatus")
        assert asked == ({} if case == "E-33" else {"transactionId": charging.transaction_id})
        if "ongoingIndicator" in answer:
            assert told.ongoing == answer["ongoingIndicator"]


@pytest.mark.feature("F-OCPP-9")
async def test_e04_a_transaction_that_began_offline(running: Product, desk: Desk, version: str) -> None:
    await desk.add_token("TCEOFF")
    async with charging_station(running, desk, named("E04-OFF", version), version) as (cs, name):
        charging = Charging(cs, "TCEOFF")
        await charging.start(at=-600, offline=True)
        await charging.tell("Updated", "MeterValuePeriodic", meter=800, at=-300, offline=True)
        await charging.stop(meter=1200, at=-10, offline=True)
        session = await ended(desk, name)
        assert session.energy_wh == 1200.0


@pytest.mark.feature("F-OCPP-9")
async def test_e12_messages_of_a_transaction_out_of_order_and_twice(running: Product, desk: Desk, version: str) -> None:
    await desk.add_token("TCEORD")
    async with charging_station(running, desk, named("E12-ORDER", version), version) as (cs, name):
        charging = Charging(cs, "TCEORD")
        for kind, trigger, number, meter in (
            ("Updated", "MeterValuePeriodic", 1, 400),
            ("Ended", "StopAuthorized", 2, 900),
            ("Started", "Authorized", 0, 100),
            ("Ended", "StopAuthorized", 2, 900),
            ("Updated", "MeterValuePeriodic", 1, 400),
        ):
            await charging.tell(kind, trigger, seq_no=number, meter=meter, at=number * 60 - 600, with_tag=number == 0)
        session = await ended(desk, name)
        assert (session.energy_wh, session.id_token) == (800.0, "TCEORD")
        assert len(await desk.sessions(name)) == 1


# -- F: remote control ----------------------------------------------------------------------------------


async def test_tc_f_01_csms_remote_start_cable_plugged_in_first(running: Product, desk: Desk, version: str) -> None:
    await desk.add_token("TCF01")
    async with charging_station(running, desk, named("TC-F-01", version), version) as (cs, name):
        charging = Charging(cs, "TCF01")
        await charging.tell("Started", "CablePluggedIn", state="EVConnected", meter=0)
        cs.on("RequestStartTransaction", {"status": "Accepted", "transactionId": charging.transaction_id})
        answer = await desk.call("remote.RequestStartTransaction", target=target(name), id_token="TCF01", evse_id=1)
        assert answer.result.accepted
        asked = await cs.asked("RequestStartTransaction")
        assert asked["idToken"]["idToken"] == "TCF01"
        told = await charging.tell(
            "Updated", "RemoteStart", state="EVConnected", with_tag=True, info={"remoteStartId": asked["remoteStartId"]}
        )
        assert told["idTokenInfo"]["status"] == "Accepted"
        session = await ongoing(desk, name)
        assert (session.id_token, session.authentication) == ("TCF01", REMOTE)


async def test_tc_f_02_csms_remote_start_first(running: Product, desk: Desk, version: str) -> None:
    await desk.add_token("TCF02")
    async with charging_station(running, desk, named("TC-F-02", version), version) as (cs, name):
        answer = await desk.call("remote.RequestStartTransaction", target=target(name), id_token="TCF02", evse_id=1)
        assert answer.result.accepted
        asked = await cs.asked("RequestStartTransaction")
        charging = Charging(cs, "TCF02")
        begun = await charging.start("RemoteStart", info={"remoteStartId": asked["remoteStartId"]})
        assert begun["idTokenInfo"]["status"] == "Accepted"
        assert (await ongoing(desk, name)).authentication == REMOTE


async def test_tc_f_03_csms_remote_stop(running: Product, desk: Desk, version: str) -> None:
    await desk.add_token("TCF03")
    async with charging_station(running, desk, named("TC-F-03", version), version) as (cs, name):
        charging = Charging(cs, "TCF03")
        await charging.start()
        session = await ongoing(desk, name)
        answer = await desk.call("remote.RequestStopTransaction", session=session.name)
        assert answer.result.accepted
        assert await cs.asked("RequestStopTransaction") == {"transactionId": charging.transaction_id}
        await charging.stop("RemoteStop", "Remote")
        assert (await ended(desk, name)).stop_reason == "Remote"


@pytest.mark.parametrize(
    ("word", "accepted"), [("Unlocked", True), ("UnlockFailed", False), ("OngoingAuthorizedTransaction", False)]
)
async def test_tc_f_05_06_csms_unlock_connector(
    running: Product, desk: Desk, version: str, word: str, accepted: bool
) -> None:
    async with charging_station(running, desk, named(f"TC-F-05-{word}", version), version) as (cs, name):
        cs.on("UnlockConnector", {"status": word})
        answer = await desk.call("remote.UnlockConnector", target=target(name), evse_id=1, connector_id=1)
        assert (answer.result.status, answer.result.accepted) == (word, accepted)
        assert await cs.asked("UnlockConnector") == {"evseId": 1, "connectorId": 1}


@pytest.mark.parametrize(
    ("case", "word", "evse"),
    [
        ("F-11", "MeterValues", 1),
        ("F-12", "MeterValues", 0),
        ("F-13", "TransactionEvent", 1),
        ("F-15", "LogStatusNotification", 0),
        ("F-18", "FirmwareStatusNotification", 0),
        ("F-20", "Heartbeat", 0),
        ("F-23", "StatusNotification", 1),
    ],
)
async def test_tc_f_11_23_csms_trigger_message(
    running: Product, desk: Desk, version: str, case: str, word: str, evse: int
) -> None:
    async with charging_station(running, desk, named(f"TC-{case}", version), version) as (cs, name):
        answer = await desk.call("remote.TriggerMessage", target=target(name), requested_message=word, evse_id=evse)
        assert answer.result.accepted
        asked = await cs.asked("TriggerMessage")
        assert asked["requestedMessage"] == word
        assert asked.get("evse", {}).get("id", 0) == evse


async def test_tc_f_27_csms_trigger_message_not_implemented(running: Product, desk: Desk, version: str) -> None:
    async with charging_station(running, desk, named("TC-F-27", version), version) as (cs, name):
        cs.on("TriggerMessage", {"status": "NotImplemented"})
        answer = await desk.call("remote.TriggerMessage", target=target(name), requested_message="Heartbeat")
        assert (answer.result.status, answer.result.accepted) == ("NotImplemented", False)


# -- G: availability ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "fields", "evse", "word"),
    [
        ("G-03", {"evse_id": 1}, {"id": 1}, "Accepted"),
        ("G-05", {}, None, "Accepted"),
        ("G-07", {"evse_id": 1, "connector_id": 1}, {"id": 1, "connectorId": 1}, "Accepted"),
        ("G-11", {"evse_id": 1}, {"id": 1}, "Scheduled"),
    ],
)
async def test_tc_g_03_11_csms_change_availability(
    running: Product, desk: Desk, version: str, case: str, fields: dict[str, int], evse: Any, word: str
) -> None:
    async with charging_station(running, desk, named(f"TC-{case}", version), version) as (cs, name):
        cs.on("ChangeAvailability", {"status": word})
        for wanted, said in (("INOPERATIVE", "Inoperative"), ("OPERATIVE", "Operative")):
            answer = await desk.call(
                "remote.ChangeAvailability",
                target=target(name),
                operational_status=f"OPERATIONAL_STATUS_{wanted}",
                **fields,
            )
            assert (answer.result.status, answer.result.accepted) == (word, True)
            asked = await cs.asked("ChangeAvailability")
            assert (asked["operationalStatus"], asked.get("evse")) == (said, evse)
        await status(cs, "Unavailable")
        assert await connectors(desk, name) == ["UNAVAILABLE"]


# -- J: metering ----------------------------------------------------------------------------------------


async def test_tc_j_01_csms_clock_aligned_values_without_transaction(
    running: Product, desk: Desk, version: str
) -> None:
    async with charging_station(running, desk, named("TC-J-01", version), version) as (cs, name):
        value = energy(12_345, context="Sample.Clock")
        assert await cs.say("MeterValues", {"evseId": 1, "meterValue": [value]}) == {}
        assert await desk.sessions(name) == []


async def test_tc_j_07_csms_sampled_values_in_a_transaction(running: Product, desk: Desk, version: str) -> None:
    await desk.add_token("TCJ07")
    async with charging_station(running, desk, named("TC-J-07", version), version) as (cs, name):
        charging = Charging(cs, "TCJ07")
        await charging.start(meter=0)
        power = {"value": 7.2, "measurand": "Power.Active.Import", "unitOfMeasure": {"unit": "W", "multiplier": 3}}
        for step in (1, 2, 3):
            value = energy(step * 100, at=step)
            value["sampledValue"].append(power)
            await charging.tell("Updated", "MeterValuePeriodic", meterValue=[value], at=step)
        session = await ongoing(desk, name)
        await desk.until(
            lambda: desk.sessions(name), lambda found: (found[0].energy_wh, found[0].max_power_w) == (300.0, 7200.0)
        )
        page = await desk.call("sessions.ListMeterValues", session=session.name)
        kept = [
            sample.value
            for value in page.meter_values
            for sample in value.sampled_values
            if sample.measurand == "Energy.Active.Import.Register"
        ]
        assert kept == [0.0, 100.0, 200.0, 300.0]
        await charging.stop(meter=400, at=4)
        assert (await ended(desk, name)).energy_wh == 400.0


async def test_p01_p02_data_transfer_both_ways(running: Product, desk: Desk, version: str) -> None:
    async with charging_station(running, desk, named("P01", version), version) as (cs, name):
        cs.on("DataTransfer", {"status": "Accepted", "data": {"answer": 42}})
        answer = await desk.call("remote.DataTransfer", target=target(name), vendor_id="org.example", data="hello")
        assert answer.result.accepted
        assert (await cs.asked("DataTransfer"))["vendorId"] == "org.example"
        told = await cs.send(cs.calls.DataTransfer(vendor_id="org.nobody", data={"a": [1, 2]}))
        assert told["status"] == "UnknownVendorId"


async def test_the_clock_of_the_answer_is_utc(running: Product, desk: Desk, version: str) -> None:
    async with charging_station(running, desk, named("B-CLOCK", version), version) as (cs, _):
        assert (await cs.send(cs.calls.Heartbeat()))["currentTime"][:16] in (moment()[:16], moment(-2)[:16])
