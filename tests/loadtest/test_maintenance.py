"""Firmware updates and log uploads of a simulated station."""

from __future__ import annotations

from datetime import timedelta

import pytest
import trio
import trio.testing

from loadtest import maintenance, plain_http
from loadtest.plain_http import HttpMessage, HttpProblem
from loadtest.speech.speech import FirmwareOrder, stamp
from tests.kit.schemas import check
from tests.kit.stage import DATE, NAME, Stage, visit

LOCATION = "http://127.0.0.1:9001/secret"


class Door:
    """Where files come from and go to."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, int]] = []
        self.status = 200

    async def request(self, method: str, url: str, body: bytes = b"") -> HttpMessage:
        self.asked.append((method, url, len(body)))
        await trio.sleep(0.5)
        if self.status == 0:
            raise HttpProblem("gone")
        return HttpMessage(f"HTTP/1.1 {self.status} X", {}, b"firmware")


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Door:
    door = Door()
    monkeypatch.setattr(maintenance, "request", door.request)
    return door


def update(version: str, number: int = 1, location: str = LOCATION) -> tuple[str, dict[str, object]]:
    when = stamp(DATE + timedelta(seconds=5))
    if version == "1.6":
        return "UpdateFirmware", {"location": location, "retrieveDate": when}
    firmware = {"location": location, "retrieveDateTime": when}
    return "UpdateFirmware", {"requestId": number, "firmware": firmware}


def log(version: str, location: str = LOCATION) -> tuple[str, dict[str, object]]:
    if version == "1.6":
        return "GetDiagnostics", {"location": location}
    return "GetLog", {"requestId": 2, "logType": "DiagnosticsLog", "log": {"remoteLocation": location}}


def statuses(stage: Stage, action: str) -> list[object]:
    return [payload["status"] for payload in stage.csms.payloads(action)]


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
async def test_new_firmware_is_fetched_installed_and_booted_with(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock, door: Door, version: str
) -> None:
    stage = Stage(nursery, [visit(2, 200)], version=version)
    await stage.csms.wait_for("StatusNotification", 3)
    await stage.csms.command(NAME, *update(version))
    await stage.csms.wait_for("FirmwareStatusNotification", 4)
    await stage.until_done()
    assert statuses(stage, "FirmwareStatusNotification") == ["Downloading", "Downloaded", "Installing", "Installed"]
    assert door.asked == [("GET", LOCATION, 0)]
    boot = stage.csms.payloads("BootNotification")[1]
    if version == "1.6":
        assert boot["firmwareVersion"] == "1.1.0"
    else:
        assert boot["reason"] == "FirmwareUpdate"
        assert boot["chargingStation"]["firmwareVersion"] == "1.1.0"  # type: ignore[index]
        assert {payload["requestId"] for payload in stage.csms.payloads("FirmwareStatusNotification")} == {1}
    await stage.csms.wait_for("SecurityEventNotification")
    for call in stage.csms.received:
        check(version, call.action, call.payload)
    stage.check()


@pytest.mark.parametrize("status", [0, 404])
async def test_a_file_that_does_not_come_is_told(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock, door: Door, status: int
) -> None:
    door.status = status
    stage = Stage(nursery, [])
    await stage.csms.wait_for("StatusNotification")
    await stage.csms.command(NAME, *update("1.6"))
    await stage.csms.wait_for("FirmwareStatusNotification", 2)
    await stage.csms.command(NAME, *log("1.6"))
    await stage.csms.wait_for("DiagnosticsStatusNotification", 2)
    await trio.sleep(30)
    assert statuses(stage, "FirmwareStatusNotification") == ["Downloading", "DownloadFailed"]
    assert statuses(stage, "DiagnosticsStatusNotification") == ["Uploading", "UploadFailed"]
    assert stage.csms.actions("BootNotification") == ["BootNotification"]


async def test_signed_firmware_is_verified(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock, door: Door
) -> None:
    stage = Stage(nursery, [])
    await stage.csms.wait_for("StatusNotification")
    stage.station.update_firmware(FirmwareOrder(LOCATION, None, 3, signed=True))
    await stage.csms.wait_for("SignedFirmwareStatusNotification", 5)
    assert "SignatureVerified" in statuses(stage, "SignedFirmwareStatusNotification")


async def test_a_second_update_takes_the_place_of_the_first(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock, door: Door
) -> None:
    stage = Stage(nursery, [], version="2.0.1")
    await stage.csms.wait_for("StatusNotification")
    await stage.csms.command(NAME, *update("2.0.1", 1))
    await trio.sleep(1)
    await stage.csms.command(NAME, *update("2.0.1", 2))
    await stage.csms.wait_for("FirmwareStatusNotification", 4)
    await trio.sleep(30)
    assert {payload["requestId"] for payload in stage.csms.payloads("FirmwareStatusNotification")} == {2}
    assert stage.station.firmware == "1.1.0"


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_a_log_is_sent_below_the_address_given(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock, door: Door, version: str
) -> None:
    stage = Stage(nursery, [visit()], version=version)
    await stage.csms.wait_for("StatusNotification")
    stage.station.send_log_status()
    frame = await stage.csms.command(NAME, *log(version))
    action = "DiagnosticsStatusNotification" if version == "1.6" else "LogStatusNotification"
    await stage.csms.wait_for(action, 3)
    stage.station.send_log_status()
    await stage.csms.wait_for(action, 4)
    assert statuses(stage, action) == ["Idle", "Uploading", "Uploaded", "Idle"]
    answer = frame[2]
    assert isinstance(answer, dict)
    name = answer.get("fileName") or answer.get("filename")
    ((method, url, size),) = door.asked
    assert (method, url) == ("PUT", f"{LOCATION}/{name}")
    assert size > 5000


async def test_strangers_are_never_knocked_at(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock, door: Door
) -> None:
    stage = Stage(nursery, [], version="2.1")
    await stage.csms.wait_for("BootNotification")
    await trio.sleep(1)
    await stage.csms.command(NAME, *log("2.1", "ftp://user@files.example.org/logs"))
    await stage.csms.command(NAME, *update("2.1", location="https://firmware.example.org/a.bin"))
    await stage.csms.wait_for("LogStatusNotification", 2)
    await stage.csms.wait_for("FirmwareStatusNotification", 4)
    assert door.asked == []
    assert not plain_http.is_near("https://firmware.example.org/a.bin")
