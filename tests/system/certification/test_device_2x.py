"""OCPP 2.0.1 and 2.1: a CSMS's cases of the device model, monitoring and diagnostics (blocks B and N) and of firmware
and logs (blocks L and N), named after their ids in the public test plan where there is one, told in our own words."""

from __future__ import annotations

from typing import Any

import pytest

from control.v1 import inventory_pb2
from tests.kit.desk import Desk
from tests.kit.product import Product
from tests.kit.simulators import Simulator, moment, simulator
from tests.system.certification.steps import events, job, named, target
from tests.system.certification.steps_2x import charging_station, cold_boot

pytestmark = [
    pytest.mark.system,
    pytest.mark.feature("F-OCPP-4", "F-OCPP-5"),
    pytest.mark.parametrize("version", ["2.0.1", "2.1"]),
]

JOB = inventory_pb2.JobState
MONITORED = {"component": {"name": "EVSE", "evse": {"id": 1}}, "variable": {"name": "Power"}}


def reported(variable: str, value: str, component: str = "OCPPCommCtrlr") -> dict[str, Any]:
    return {
        "component": {"name": component},
        "variable": {"name": variable},
        "variableAttribute": [{"type": "Actual", "value": value, "mutability": "ReadWrite"}],
        "variableCharacteristics": {"dataType": "integer", "supportsMonitoring": True, "unit": "s"},
    }


async def report(cs: Simulator, request_id: int, parts: list[list[dict[str, Any]]]) -> None:
    for number, part in enumerate(parts):
        await cs.say(
            "NotifyReport",
            {
                "requestId": request_id,
                "generatedAt": moment(),
                "seqNo": number,
                "tbc": number < len(parts) - 1,
                "reportData": part,
            },
        )


def request_of(cs: Simulator, order: Any) -> dict[str, Any]:
    """The GetBaseReport of this very job: another one was asked for at the first boot."""
    number = int(order.job.name.rpartition("/")[2])
    (found,) = [payload for _, payload in cs.received if payload.get("requestId") == number]
    return found


async def variables(desk: Desk, name: str, **wanted: Any) -> dict[str, str]:
    listed = await desk.call("device_model.ListVariables", station=name, filter=wanted, page_size=1000)
    return {variable.name: variable.value for variable in listed.variables}


# -- B: variables and reports ---------------------------------------------------------------------------


async def test_tc_b_06_07_csms_get_variables(running: Product, desk: Desk, version: str) -> None:
    async with charging_station(running, desk, named("TC-B-06", version), version) as (cs, name):
        known = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}
        unknown = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "Nothing"}}
        cs.on(
            "GetVariables",
            {
                "getVariableResult": [
                    {"attributeStatus": "Accepted", "attributeValue": "300", **known},
                    {"attributeStatus": "UnknownVariable", **unknown},
                ]
            },
        )
        names = ["OCPPCommCtrlr.HeartbeatInterval", "OCPPCommCtrlr.Nothing"]
        answer = await desk.call("remote.GetVariables", target=target(name), names=names)
        assert [(v.name, v.value) for v in answer.variables][:1] == [(names[0], "300")]
        assert list(answer.unknown_names) == names[1:]
        asked = await cs.asked("GetVariables")
        assert [entry["variable"]["name"] for entry in asked["getVariableData"]] == ["HeartbeatInterval", "Nothing"]
        assert (await variables(desk, name))[names[0]] == "300"


@pytest.mark.parametrize(
    ("case", "word", "accepted"),
    [("B-09", "Accepted", True), ("B-09R", "RebootRequired", True), ("B-11", "Rejected", False)],
)
async def test_tc_b_09_11_csms_set_variables(
    running: Product, desk: Desk, version: str, case: str, word: str, accepted: bool
) -> None:
    async with charging_station(running, desk, named(f"TC-{case}", version), version) as (cs, name):
        place = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}
        cs.on("SetVariables", {"setVariableResult": [{"attributeStatus": word, **place}]})
        variable = {"name": "OCPPCommCtrlr.HeartbeatInterval", "value": "60"}
        answer = await desk.call("remote.SetVariables", target=target(name), variables=[variable])
        assert (answer.results[0].result.status, answer.results[0].result.accepted) == (word, accepted)
        (sent,) = (await cs.asked("SetVariables"))["setVariableData"]
        assert (sent["attributeValue"], sent["variable"]["name"]) == ("60", "HeartbeatInterval")
        assert ((await variables(desk, name)).get(variable["name"]) == "60") == accepted


async def test_b07_the_base_report_is_asked_for_at_the_first_boot(running: Product, desk: Desk, version: str) -> None:
    identity = named("B07-FIRST", version)
    name = await desk.add_station(identity)
    async with simulator(running, identity, version) as cs:
        await cold_boot(cs)
        asked = await cs.asked("GetBaseReport")
        assert asked["reportBase"] == "FullInventory"
        await report(cs, asked["requestId"], [[reported("HeartbeatInterval", "300")], [reported("RetryBackOff", "5")]])
        found = await desk.until(lambda: variables(desk, name), lambda seen: len(seen) == 2)
        assert found == {"OCPPCommCtrlr.HeartbeatInterval": "300", "OCPPCommCtrlr.RetryBackOff": "5"}


@pytest.mark.parametrize(
    ("case", "base"),
    [("B-12", "ConfigurationInventory"), ("B-13", "FullInventory"), ("B-14", "SummaryInventory")],
)
async def test_tc_b_12_14_csms_get_base_report(
    running: Product, desk: Desk, version: str, case: str, base: str
) -> None:
    async with charging_station(running, desk, named(f"TC-{case}", version), version) as (cs, name):
        cs.on("GetBaseReport", {"status": "Accepted"})
        order = await desk.call("device_model.GetBaseReport", target=target(name), report_base=base)
        assert order.result.accepted
        asked = request_of(cs, order)
        assert asked["reportBase"] == base
        await report(cs, asked["requestId"], [[reported("HeartbeatInterval", "300")]])
        assert (await job(desk, order.job.name)).state == JOB.JOB_STATE_SUCCEEDED


async def test_b07_parts_out_of_order_make_one_report(running: Product, desk: Desk, version: str) -> None:
    async with charging_station(running, desk, named("B07-ORDER", version), version) as (cs, name):
        cs.on("GetBaseReport", {"status": "Accepted"})
        order = await desk.call("device_model.GetBaseReport", target=target(name), report_base="FullInventory")
        asked = request_of(cs, order)
        for number in (2, 0, 0):
            part = {
                "requestId": asked["requestId"],
                "generatedAt": moment(),
                "seqNo": number,
                "tbc": number < 2,
                "reportData": [reported(f"V{number}", str(number))],
            }
            await cs.say("NotifyReport", part)
        assert (await job(desk, order.job.name)).state == JOB.JOB_STATE_RUNNING
        await cs.say("NotifyReport", {**part, "seqNo": 1, "tbc": True, "reportData": [reported("V1", "1")]})
        assert (await job(desk, order.job.name)).state == JOB.JOB_STATE_SUCCEEDED
        assert len(await variables(desk, name, component="OCPPCommCtrlr")) == 3


async def test_tc_b_18_csms_get_custom_report(running: Product, desk: Desk, version: str) -> None:
    async with charging_station(running, desk, named("TC-B-18", version), version) as (cs, name):
        cs.on("GetReport", {"status": "EmptyResultSet"})
        order = await desk.call(
            "device_model.GetReport",
            target=target(name),
            component_criteria=["Problem"],
            component_variables=[{"component": {"name": "EVSE", "evse_id": 1}, "variable": "AvailabilityState"}],
        )
        assert order.result.status == "EmptyResultSet"
        asked = await cs.asked("GetReport")
        assert asked["componentCriteria"] == ["Problem"]
        assert asked["componentVariable"] == [
            {"component": {"name": "EVSE", "evse": {"id": 1}}, "variable": {"name": "AvailabilityState"}}
        ]


@pytest.mark.parametrize(("case", "word"), [("B-42", "Accepted"), ("B-43", "Rejected"), ("B-44", "Failed")])
async def test_tc_b_42_44_csms_set_network_profile(
    running: Product, desk: Desk, version: str, case: str, word: str
) -> None:
    async with charging_station(running, desk, named(f"TC-{case}", version), version) as (cs, name):
        cs.on("SetNetworkProfile", {"status": word})
        profile = {
            "ocpp_csms_url": "wss://csms.example.org/ocpp",
            "ocpp_version": "OCPP20",
            "ocpp_transport": "JSON",
            "ocpp_interface": "Wired0",
            "message_timeout_seconds": 30,
            "security_profile": 2,
        }
        answer = await desk.call(
            "device_model.SetNetworkProfile", target=target(name), configuration_slot=1, connection_data=profile
        )
        assert answer.result.status == word
        asked = await cs.asked("SetNetworkProfile")
        assert (asked["configurationSlot"], asked["connectionData"]["securityProfile"]) == (1, 2)


# -- N: monitors, events, customers ---------------------------------------------------------------------


async def test_tc_n_01_to_11_csms_monitors_are_set_reported_and_cleared(
    running: Product, desk: Desk, version: str
) -> None:
    async with charging_station(running, desk, named("TC-N-01", version), version) as (cs, name):
        result = {"id": 17, "status": "Accepted", "type": "UpperThreshold", "severity": 5, **MONITORED}
        cs.on("SetVariableMonitoring", {"setMonitoringResult": [result]})
        monitor = {
            "component": {"name": "EVSE", "evse_id": 1},
            "variable": "Power",
            "type": "UpperThreshold",
            "value": 11000,
            "severity": 5,
        }
        answer = await desk.call("device_model.SetVariableMonitoring", target=target(name), monitors=[monitor])
        assert [(entry.status, entry.id) for entry in answer.results] == [("Accepted", 17)]
        held = (await desk.call("device_model.ListMonitors", station=name)).monitors
        assert [(entry.id, entry.type, entry.value) for entry in held] == [(17, "UpperThreshold", 11000.0)]
        cs.on("GetMonitoringReport", {"status": "Accepted"})
        order = await desk.call("device_model.GetMonitoringReport", target=target(name))
        asked = await cs.asked("GetMonitoringReport")
        told = {"id": 17, "transaction": False, "value": 11000, "type": "UpperThreshold", "severity": 5}
        if version == "2.1":
            told["eventNotificationType"] = "CustomMonitor"
        await cs.say(
            "NotifyMonitoringReport",
            {
                "requestId": asked["requestId"],
                "seqNo": 0,
                "generatedAt": moment(),
                "monitor": [{**MONITORED, "variableMonitoring": [told]}],
            },
        )
        assert (await job(desk, order.job.name)).state == JOB.JOB_STATE_SUCCEEDED
        cs.on("ClearVariableMonitoring", {"clearMonitoringResult": [{"id": 17, "status": "Accepted"}]})
        cleared = await desk.call("device_model.ClearVariableMonitoring", target=target(name), ids=[17])
        assert cleared.results[0].status == "Accepted"
        assert not (await desk.call("device_model.ListMonitors", station=name)).monitors


@pytest.mark.parametrize("base", ["All", "FactoryDefault", "HardWiredOnly"])
async def test_tc_n_05_csms_set_monitoring_base(running: Product, desk: Desk, version: str, base: str) -> None:
    async with charging_station(running, desk, named(f"TC-N-05-{base}", version), version) as (cs, name):
        answer = await desk.call("device_model.SetMonitoringBase", target=target(name), monitoring_base=base)
        assert answer.result.accepted
        assert await cs.asked("SetMonitoringBase") == {"monitoringBase": base}


async def test_tc_n_08_csms_set_monitoring_level(running: Product, desk: Desk, version: str) -> None:
    async with charging_station(running, desk, named("TC-N-08", version), version) as (cs, name):
        answer = await desk.call("device_model.SetMonitoringLevel", target=target(name), severity=4)
        assert answer.result.accepted
        assert await cs.asked("SetMonitoringLevel") == {"severity": 4}


async def test_tc_n_18_csms_an_alert_is_kept_and_changes_the_variable(
    running: Product, desk: Desk, version: str
) -> None:
    async with charging_station(running, desk, named("TC-N-18", version), version) as (cs, name):
        event = {
            "eventId": 1,
            "timestamp": moment(),
            "trigger": "Alerting",
            "actualValue": "12000",
            "eventNotificationType": "CustomMonitor",
            "variableMonitoringId": 17,
            **MONITORED,
        }
        assert await cs.say("NotifyEvent", {"generatedAt": moment(), "seqNo": 0, "eventData": [event]}) == {}
        (told,) = await events(desk, name, "NotifyEvent")
        assert told.summary
        assert "12000" in (await variables(desk, name, component="EVSE")).values()


async def test_tc_n_27_csms_customer_information(running: Product, desk: Desk, version: str) -> None:
    async with charging_station(running, desk, named("TC-N-27", version), version) as (cs, name):
        order = await desk.call(
            "device_model.RequestCustomerInformation",
            target=target(name),
            report=True,
            id_token="TCN27",
            id_token_type="Central",
        )
        assert order.result.accepted
        asked = await cs.asked("CustomerInformation")
        assert (asked["report"], asked["clear"], asked["idToken"]["idToken"]) == (True, False, "TCN27")
        for number, text in enumerate(("Hello ", "customer")):
            await cs.say(
                "NotifyCustomerInformation",
                {
                    "requestId": asked["requestId"],
                    "seqNo": number,
                    "generatedAt": moment(),
                    "tbc": number == 0,
                    "data": text,
                },
            )
        found = await job(desk, order.job.name)
        assert (found.state, found.detail) == (JOB.JOB_STATE_SUCCEEDED, "Hello customer")


# -- L, N: firmware and logs ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "words", "state"),
    [
        (
            "L-01",
            ("Downloading", "Downloaded", "SignatureVerified", "Installing", "Installed"),
            JOB.JOB_STATE_SUCCEEDED,
        ),
        ("L-05", ("Downloading", "DownloadFailed"), JOB.JOB_STATE_FAILED),
        ("L-06", ("Downloading", "Downloaded", "InvalidSignature"), JOB.JOB_STATE_FAILED),
        ("L-07", ("Downloading", "Downloaded", "Installing", "InstallationFailed"), JOB.JOB_STATE_FAILED),
    ],
)
async def test_tc_l_csms_secure_firmware_update(
    running: Product, desk: Desk, version: str, case: str, words: tuple[str, ...], state: int
) -> None:
    async with charging_station(running, desk, named(f"TC-{case}", version), version) as (cs, name):
        order = await desk.call(
            "maintenance.UpdateFirmware",
            target=target(name),
            location="https://files.example.org/fw.bin",
            retrieve_time=moment(60),
            signing_certificate="-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
            signature="c2ln",
        )
        assert order.result.accepted
        asked = await cs.asked("UpdateFirmware")
        assert asked["firmware"]["signature"] == "c2ln"
        for word in words:
            await cs.send(cs.calls.FirmwareStatusNotification(status=word, request_id=asked["requestId"]))
        found = await job(desk, order.job.name)
        assert (found.status, found.state) == (words[-1], state)


async def test_tc_l_13_csms_a_newer_update_takes_the_place_of_the_older(
    running: Product, desk: Desk, version: str
) -> None:
    async with charging_station(running, desk, named("TC-L-13", version), version) as (cs, name):
        orders = []
        cs.on("UpdateFirmware", {"status": "Accepted"}, {"status": "AcceptedCanceled"})
        for number in (1, 2):
            orders.append(
                await desk.call(
                    "maintenance.UpdateFirmware",
                    target=target(name),
                    location=f"https://files.example.org/fw{number}.bin",
                    retrieve_time=moment(60),
                )
            )
        assert orders[1].result.accepted
        assert (await job(desk, orders[0].job.name)).state == JOB.JOB_STATE_CANCELED


async def test_tc_l_18_csms_publish_and_unpublish_firmware(running: Product, desk: Desk, version: str) -> None:
    async with charging_station(running, desk, named("TC-L-18", version), version) as (cs, name):
        order = await desk.call(
            "maintenance.PublishFirmware",
            target=target(name),
            location="https://files.example.org/fw.bin",
            checksum="0123456789abcdef0123456789abcdef",
        )
        asked = await cs.asked("PublishFirmware")
        await cs.say("PublishFirmwareStatusNotification", {"status": "Downloading", "requestId": asked["requestId"]})
        done = {"status": "Published", "requestId": asked["requestId"], "location": ["http://10.0.0.2/fw.bin"]}
        await cs.say("PublishFirmwareStatusNotification", done)
        found = await job(desk, order.job.name)
        assert (found.status, found.state) == ("Published", JOB.JOB_STATE_SUCCEEDED)
        cs.on("UnpublishFirmware", {"status": "Unpublished"})
        answer = await desk.call(
            "maintenance.UnpublishFirmware", target=target(name), checksum="0123456789abcdef0123456789abcdef"
        )
        assert answer.result.status == "Unpublished"


@pytest.mark.parametrize(
    ("case", "kind", "word", "last", "state"),
    [
        ("N-25", "LOG_TYPE_DIAGNOSTICS", "DiagnosticsLog", "Uploaded", JOB.JOB_STATE_SUCCEEDED),
        ("N-26", "LOG_TYPE_SECURITY", "SecurityLog", "Uploaded", JOB.JOB_STATE_SUCCEEDED),
        ("N-34", "LOG_TYPE_DIAGNOSTICS", "DiagnosticsLog", "UploadFailure", JOB.JOB_STATE_FAILED),
    ],
)
async def test_tc_n_25_csms_retrieve_log(
    running: Product, desk: Desk, version: str, case: str, kind: str, word: str, last: str, state: int
) -> None:
    async with charging_station(running, desk, named(f"TC-{case}", version), version) as (cs, name):
        cs.on("GetLog", {"status": "Accepted", "filename": "log.zip"})
        order = await desk.call(
            "maintenance.GetLog", target=target(name), log_type=kind, location="https://files.example.org/up"
        )
        assert order.filename == "log.zip"
        asked = await cs.asked("GetLog")
        assert asked["logType"] == word
        for told in ("Uploading", last):
            await cs.send(cs.calls.LogStatusNotification(status=told, request_id=asked["requestId"]))
        found = await job(desk, order.job.name)
        assert (found.status, found.state) == (last, state)
