"""Settings on the real product: read at the first connection, templates, uploads with an answer for each, drift."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from tests.kit.desk import Denied, Desk
from tests.kit.desk import desk as open_desk
from tests.kit.product import product
from tests.kit.simulators import Simulator, moment, simulator

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]


class Keys:
    """The configuration keys of a 1.6 station. `answers`: what it says to changes, where it is not Accepted."""

    def __init__(self, cp: Simulator) -> None:
        self.values = {"HeartbeatInterval": "900", "MeterValueSampleInterval": "60", "LightIntensity": "50"}
        self.answers: dict[str, str] = {}
        cp.on("GetConfiguration", self.tell)
        cp.on("ChangeConfiguration", self.change)

    def tell(self, payload: dict[str, Any]) -> dict[str, Any]:
        wanted = payload.get("key") or [*self.values, "Firmware.Fixed", "AuthorizationKey"]
        values = {**self.values, "Firmware.Fixed": "2", "AuthorizationKey": "very-secret"}
        fixed = ("Firmware.Fixed",)
        return {
            "configurationKey": [
                {"key": key, "readonly": key in fixed, "value": values[key]} for key in wanted if key in values
            ]
        }

    def change(self, payload: dict[str, Any]) -> dict[str, Any]:
        word = self.answers.get(payload["key"], "Accepted")
        if word == "Accepted":
            self.values[payload["key"]] = payload["value"]
        return {"status": word}


async def boot_16(cp: Simulator) -> None:
    await cp.send(
        cp.calls.BootNotification(charge_point_vendor="Acme", charge_point_model="One", firmware_version="1.0")
    )


async def station_of(desk: Desk, identity: str) -> str:
    found = (await desk.call("stations.ListStations", filter={"query": identity})).stations
    return str(found[0].name)


async def settings_of(desk: Desk, station: str, **filters: Any) -> dict[str, Any]:
    told = await desk.call("configuration.ListConfiguration", station=station, filter=filters)
    return {each.name: each for each in told.settings}


TEMPLATE: dict[str, Any] = {
    "display_name": "Acme",
    "vendor": "acme*",
    "enabled": True,
    "variables": [{"name": "HeartbeatInterval", "value": "300"}, {"name": "Firmware.Fixed", "value": "9"}],
}


@pytest.mark.feature("F-STA-6")
async def test_a_16_station_is_read_set_by_template_uploaded_to_and_caught_drifting() -> None:
    with product(unknown_stations="accept", configuration_delay="0.2") as running, open_desk(running) as desk:
        await desk.call("configuration.CreateConfigurationTemplate", template=TEMPLATE)
        async with simulator(running, "CFG-1", "1.6") as cp:
            keys = Keys(cp)
            await boot_16(cp)
            station = await station_of(desk, "CFG-1")
            await _gets_its_template(desk, station, keys)
            await _answers_key_by_key(desk, station, cp, keys)
            await _drifts(desk, station, keys)
        await _waits_for_it(desk, station)
        async with simulator(running, "CFG-1", "1.6") as cp:
            keys = Keys(cp)
            await boot_16(cp)
            with trio.fail_after(60):
                while keys.values["MeterValueSampleInterval"] != "15":
                    await trio.sleep(0.1)


async def _gets_its_template(desk: Desk, station: str, keys: Keys) -> None:
    """By itself: all is read, and what the template wants is set as far as the station lets it."""
    await desk.until(
        lambda: settings_of(desk, station),
        lambda found: "HeartbeatInterval" in found and found["HeartbeatInterval"].state == 3,
        "the template is not applied",
    )
    assert keys.values["HeartbeatInterval"] == "300"
    found = await settings_of(desk, station)
    assert found["HeartbeatInterval"].set_by.startswith("configurationTemplates/")
    assert found["HeartbeatInterval"].warning
    assert found["Firmware.Fixed"].read_only
    assert not found["Firmware.Fixed"].HasField("desired_value")
    assert "very-secret" not in str(found)


async def _answers_key_by_key(desk: Desk, station: str, cp: Simulator, keys: Keys) -> None:
    """Wishes are sent by the upload and not before, and only what differs."""
    secret = [{"name": "AuthorizationKey", "value": "x" * 20}]
    with pytest.raises(Denied, match="RotateStationPassword"):
        await desk.call("configuration.SetDesired", station=station, values=secret)
    keys.answers = {"LightIntensity": "Rejected", "SecurityProfile": "RebootRequired", "Vendor.X": "NotSupported"}
    wanted = {"LightIntensity": "70", "SecurityProfile": "2", "Vendor.X": "1", "MeterValueSampleInterval": "30"}
    values = [{"name": name, "value": value} for name, value in wanted.items()]
    await desk.call("configuration.SetDesired", station=station, values=values)
    assert cp.count("ChangeConfiguration") == 1
    done = await desk.call("configuration.UploadConfiguration", target={"station": station})
    assert {each.name: each.answer for each in done.settings} == {
        "LightIntensity": "Rejected",
        "MeterValueSampleInterval": "Accepted",
        "SecurityProfile": "RebootRequired",
        "Vendor.X": "NotSupported",
    }
    assert done.reboot_required
    again = await desk.call("configuration.UploadConfiguration", target={"station": station})
    assert [each.name for each in again.settings] == ["LightIntensity", "Vendor.X"]


async def _waits_for_it(desk: Desk, station: str) -> None:
    """Offline: nothing is sent, unless it may wait."""
    values = [{"name": "MeterValueSampleInterval", "value": "15"}]
    await desk.call("configuration.SetDesired", station=station, values=values)
    with pytest.raises(Denied) as refused:
        await desk.call("configuration.UploadConfiguration", target={"station": station})
    assert refused.value.reason == "STATION_OFFLINE"
    queued = await desk.call("configuration.UploadConfiguration", target={"station": station}, when_connected=True)
    assert queued.queued


async def _drifts(desk: Desk, station: str, keys: Keys) -> None:
    """The station changes a value: the next report tells, there is an alarm, and putting it right ends it."""
    keys.values["HeartbeatInterval"] = "86400"
    told = await desk.call("configuration.RefreshConfiguration", target={"station": station})
    assert told.complete
    found = await settings_of(desk, station, only_differences=True)
    assert found["HeartbeatInterval"].HasField("drift_time")
    listed = await desk.call("configuration.ListDrift", filter={"drifted_only": True})
    assert [(each.station, list(each.drifted_names)) for each in listed.stations] == [(station, ["HeartbeatInterval"])]

    async def alarms() -> list[int]:
        active = await desk.call("alarms.ListAlarms", filter={"state": "ALARM_STATE_ACTIVE", "station": station})
        return [each.kind for each in active.alarms]

    await desk.until(alarms, lambda kinds: 10 in kinds, "no alarm tells of the drift")
    await desk.call("configuration.UploadConfiguration", target={"station": station}, names=["HeartbeatInterval"])
    assert keys.values["HeartbeatInterval"] == "300"
    await desk.until(alarms, lambda kinds: 10 not in kinds, "the alarm goes on")


def report(request_id: int, heartbeat: str) -> dict[str, Any]:
    """All that a small 2.0.1 station is made of."""

    def variable(component: str, name: str, value: str, kind: str, mutability: str = "ReadWrite") -> dict[str, Any]:
        return {
            "component": {"name": component},
            "variable": {"name": name},
            "variableAttribute": [{"value": value, "mutability": mutability}],
            "variableCharacteristics": {"dataType": kind, "supportsMonitoring": False, "minLimit": 1, "maxLimit": 3600}
            if kind == "integer"
            else {"dataType": kind, "supportsMonitoring": False},
        }

    return {
        "requestId": request_id,
        "generatedAt": moment(),
        "seqNo": 0,
        "tbc": False,
        "reportData": [
            variable("OCPPCommCtrlr", "HeartbeatInterval", heartbeat, "integer"),
            variable("AuthCtrlr", "Enabled", "true", "boolean"),
            variable("ChargingStation", "Model", "Two", "string", "ReadOnly"),
        ],
    }


@pytest.mark.feature("F-STA-6")
async def test_a_201_station_brings_its_report_and_answers_key_by_key() -> None:
    with product(unknown_stations="accept", configuration_delay="0.2") as running, open_desk(running) as desk:
        async with simulator(running, "CFG-2", "2.0.1") as cs:
            cs.on("SetVariables", _answer_variables)
            await cs.send(
                cs.calls.BootNotification(charging_station={"vendorName": "Acme", "model": "Two"}, reason="PowerUp")
            )
            asked = await cs.asked("GetBaseReport")
            assert asked["reportBase"] == "FullInventory"
            await cs.say("NotifyReport", report(asked["requestId"], "900"))
            station = await station_of(desk, "CFG-2")
            found = await settings_of(desk, station)
            assert found["ChargingStation.Model"].read_only
            assert found["OCPPCommCtrlr.HeartbeatInterval"].max_limit == 3600
            for name, value in (("ChargingStation.Model", "x"), ("OCPPCommCtrlr.HeartbeatInterval", "9999")):
                with pytest.raises(Denied):
                    await desk.call(
                        "configuration.SetDesired", station=station, values=[{"name": name, "value": value}]
                    )
            values = [
                {"name": "OCPPCommCtrlr.heartbeatInterval", "value": "300"},
                {"name": "AuthCtrlr.Enabled", "value": "false"},
                {"name": "Nothing.Here", "value": "1"},
            ]
            await desk.call("configuration.SetDesired", station=station, values=values)
            done = await desk.call("configuration.UploadConfiguration", target={"station": station})
            assert {each.name: each.answer for each in done.settings} == {
                "AuthCtrlr.Enabled": "Rejected",
                "Nothing.Here": "UnknownComponent",
                "OCPPCommCtrlr.HeartbeatInterval": "Accepted",
            }

            async def tell_again() -> None:
                again = await cs.asked("GetBaseReport")
                await cs.say("NotifyReport", report(again["requestId"], "900"))

            async with trio.open_nursery() as nursery:
                nursery.start_soon(tell_again)
                told = await desk.call("configuration.RefreshConfiguration", target={"station": station})
            assert told.complete
            found = await settings_of(desk, station, only_differences=True)
            assert found["OCPPCommCtrlr.HeartbeatInterval"].HasField("drift_time")
            assert cs.count("GetBaseReport") == 2


def _answer_variables(payload: dict[str, Any]) -> dict[str, Any]:
    words = {"AuthCtrlr": "Rejected", "Nothing": "UnknownComponent"}
    return {
        "setVariableResult": [
            {
                "attributeStatus": words.get(each["component"]["name"], "Accepted"),
                "component": each["component"],
                "variable": each["variable"],
            }
            for each in payload["setVariableData"]
        ]
    }
