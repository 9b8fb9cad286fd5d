"""OCPP 1.6J, a Central System's cases of Local Auth List Management, Firmware Management, Reservation and Smart
Charging, named after their numbers in the Open Charge Alliance's certification plan and told in our own words."""

from __future__ import annotations

from typing import Any

import pytest

from control.v1 import inventory_pb2, local_lists_pb2, reservations_pb2
from tests.kit.desk import Denied, Desk
from tests.kit.product import Product
from tests.kit.simulators import moment
from tests.system.certification.steps import job, target
from tests.system.certification.steps_16 import charging_station, ended, ongoing, start, status, stop

pytestmark = [pytest.mark.system, pytest.mark.feature("F-OCPP-1")]

JOB = inventory_pb2.JobState
RESERVATION = reservations_pb2.ReservationState
SYNC = local_lists_pb2.LocalListSyncState


# -- local lists ----------------------------------------------------------------------------------------


async def test_tc_042_1_get_local_list_version_not_supported(running: Product, desk: Desk) -> None:
    async with charging_station(running, desk, "TC-042-1") as (cp, name):
        cp.on("GetLocalListVersion", {"listVersion": -1})
        synced = await desk.call("local_lists.SyncLocalList", target=target(name))
        assert synced.state == SYNC.LOCAL_LIST_SYNC_STATE_NOT_SUPPORTED
        assert synced.note
        assert cp.count("SendLocalList") == 0


async def test_tc_042_2_get_local_list_version_empty(running: Product, desk: Desk) -> None:
    async with charging_station(running, desk, "TC-042-2") as (cp, name):
        cp.on("GetLocalListVersion", {"listVersion": 0})
        told = await desk.call("local_lists.GetLocalListVersion", target=target(name))
        assert told.version == 0


@pytest.mark.parametrize(("case", "word"), [("043-1", "NotSupported"), ("043-3", "Failed")])
async def test_tc_043_1_3_send_local_list_refused(running: Product, desk: Desk, case: str, word: str) -> None:
    await desk.add_token("TC043")
    async with charging_station(running, desk, f"TC-{case}") as (cp, name):
        cp.on("GetLocalListVersion", {"listVersion": 0})
        cp.on("SendLocalList", {"status": word})
        synced = await desk.call("local_lists.SyncLocalList", target=target(name))
        assert synced.state in (SYNC.LOCAL_LIST_SYNC_STATE_NOT_SUPPORTED, SYNC.LOCAL_LIST_SYNC_STATE_FAILED)
        assert synced.result.status == word


async def test_tc_043_4_send_local_list_full(running: Product, desk: Desk) -> None:
    await desk.add_token("TC0434")
    async with charging_station(running, desk, "TC-043-4") as (cp, name):
        cp.on("GetLocalListVersion", {"listVersion": 0})
        synced = await desk.call("local_lists.SyncLocalList", target=target(name), full=True)
        assert (synced.state, synced.full) == (SYNC.LOCAL_LIST_SYNC_STATE_UPDATED, True)
        sent = await cp.asked("SendLocalList")
        assert sent["updateType"] == "Full"
        assert sent["listVersion"] == synced.version
        assert any(entry["idTag"] == "TC0434" for entry in sent["localAuthorizationList"])


async def test_tc_043_5_send_local_list_differential(running: Product, desk: Desk) -> None:
    async with charging_station(running, desk, "TC-043-5") as (cp, name):
        cp.on("GetLocalListVersion", {"listVersion": 0})
        first = await desk.call("local_lists.SyncLocalList", target=target(name), full=True)
        await cp.asked("SendLocalList")
        cp.on("GetLocalListVersion", {"listVersion": first.version})
        await desk.add_token("TC0435NEW")
        second = await desk.call("local_lists.SyncLocalList", target=target(name))
        sent = await cp.asked("SendLocalList")
        assert (sent["updateType"], second.full) == ("Differential", False)
        assert sent["listVersion"] > first.version
        assert "TC0435NEW" in [entry["idTag"] for entry in sent["localAuthorizationList"]]


async def test_tc_043_x_a_version_mismatch_is_healed_by_the_whole_list(running: Product, desk: Desk) -> None:
    async with charging_station(running, desk, "TC-043-X") as (cp, name):
        cp.on("GetLocalListVersion", {"listVersion": 0})
        first = await desk.call("local_lists.SyncLocalList", target=target(name), full=True)
        await cp.asked("SendLocalList")
        await desk.add_token("TC043XNEW")
        cp.on("GetLocalListVersion", {"listVersion": first.version})
        cp.on("SendLocalList", {"status": "VersionMismatch"}, {"status": "Accepted"})
        synced = await desk.call("local_lists.SyncLocalList", target=target(name))
        assert (synced.state, synced.full) == (SYNC.LOCAL_LIST_SYNC_STATE_UPDATED, True)
        assert [payload["updateType"] for action, payload in cp.received if action == "SendLocalList"] == [
            "Full",
            "Differential",
            "Full",
        ]


# -- firmware and diagnostics ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "words", "state"),
    [
        ("044-1", ("Downloading", "Downloaded", "Installing", "Installed"), JOB.JOB_STATE_SUCCEEDED),
        ("044-2", ("Downloading", "DownloadFailed"), JOB.JOB_STATE_FAILED),
        ("044-3", ("Downloading", "Downloaded", "Installing", "InstallationFailed"), JOB.JOB_STATE_FAILED),
    ],
)
async def test_tc_044_firmware_update(
    running: Product, desk: Desk, case: str, words: tuple[str, ...], state: int
) -> None:
    async with charging_station(running, desk, f"TC-{case}") as (cp, name):
        cp.on("UpdateFirmware", {})
        order = await desk.call(
            "maintenance.UpdateFirmware",
            target=target(name),
            location="https://files.example.org/fw.bin",
            retrieve_time=moment(60),
            retries=2,
        )
        assert order.result.accepted
        asked = await cp.asked("UpdateFirmware")
        assert asked["location"] == "https://files.example.org/fw.bin"
        assert asked["retries"] == 2
        for word in words:
            await cp.send(cp.calls.FirmwareStatusNotification(status=word))
            found = await job(desk, order.job.name)
            assert found.status == word
        assert found.state == state
        assert found.HasField("finish_time")


@pytest.mark.parametrize(
    ("case", "words", "state"),
    [
        ("045-1", ("Uploading", "Uploaded"), JOB.JOB_STATE_SUCCEEDED),
        ("045-2", ("Uploading", "UploadFailed"), JOB.JOB_STATE_FAILED),
    ],
)
async def test_tc_045_get_diagnostics(
    running: Product, desk: Desk, case: str, words: tuple[str, ...], state: int
) -> None:
    async with charging_station(running, desk, f"TC-{case}") as (cp, name):
        cp.on("GetDiagnostics", {"fileName": "diagnostics.zip"})
        cp.on("GetLog", {"errorCode": "NotImplemented"})
        order = await desk.call(
            "maintenance.GetLog",
            target=target(name),
            log_type="LOG_TYPE_DIAGNOSTICS",
            location="ftps://files.example.org/up/",
        )
        assert order.filename == "diagnostics.zip"
        assert (await cp.asked("GetDiagnostics"))["location"] == "ftps://files.example.org/up/"
        for word in words:
            await cp.send(cp.calls.DiagnosticsStatusNotification(status=word))
        found = await job(desk, order.job.name)
        assert (found.status.replace("Failure", "Failed"), found.state) == (words[-1], state)


# -- reservations ---------------------------------------------------------------------------------------


async def reserve(desk: Desk, name: str, tag: str, *, evse: int = 1, seconds: float = 600, **more: Any) -> Any:
    return await desk.call(
        "reservations.CreateReservation",
        target=target(name),
        id_token=tag,
        evse_id=evse,
        expire_time=moment(seconds),
        **more,
    )


async def reservation(desk: Desk, name: str) -> Any:
    return (await desk.call("reservations.GetReservation", name=name)).reservation


async def test_tc_046_reservation_of_a_connector_used(running: Product, desk: Desk) -> None:
    await desk.add_token("TC046")
    async with charging_station(running, desk, "TC-046") as (cp, name):
        made = await reserve(desk, name, "TC046")
        assert made.reservation.state == RESERVATION.RESERVATION_STATE_ACTIVE
        asked = await cp.asked("ReserveNow")
        assert (asked["connectorId"], asked["idTag"]) == (1, "TC046")
        await status(cp, "Reserved")
        transaction = await start(cp, "TC046", reservation_id=asked["reservationId"])
        await desk.until(
            lambda: reservation(desk, made.reservation.name),
            lambda found: found.state == RESERVATION.RESERVATION_STATE_USED,
            "used",
        )
        await stop(cp, transaction)
        assert (await ended(desk, name)).reservation == made.reservation.name


async def test_tc_047_reservation_of_a_connector_expires(running: Product, desk: Desk) -> None:
    await desk.add_token("TC047")
    async with charging_station(running, desk, "TC-047") as (cp, name):
        made = await reserve(desk, name, "TC047", seconds=2)
        await status(cp, "Reserved")
        await status(cp, "Available")
        await desk.until(
            lambda: reservation(desk, made.reservation.name),
            lambda found: found.state == RESERVATION.RESERVATION_STATE_EXPIRED,
            "expired",
        )


@pytest.mark.parametrize(
    ("case", "word"), [("048-1", "Faulted"), ("048-2", "Occupied"), ("048-3", "Unavailable"), ("048-4", "Rejected")]
)
async def test_tc_048_reservation_of_a_connector_refused(running: Product, desk: Desk, case: str, word: str) -> None:
    await desk.add_token("TC048")
    async with charging_station(running, desk, f"TC-{case}") as (cp, name):
        cp.on("ReserveNow", {"status": word})
        made = await reserve(desk, name, "TC048")
        assert (made.result.status, made.reservation.state) == (word, RESERVATION.RESERVATION_STATE_REFUSED)


async def test_tc_049_reservation_of_the_charge_point(running: Product, desk: Desk) -> None:
    await desk.add_token("TC049")
    async with charging_station(running, desk, "TC-049") as (cp, name):
        made = await reserve(desk, name, "TC049", evse=0)
        assert made.result.accepted
        asked = await cp.asked("ReserveNow")
        assert asked["connectorId"] == 0
        transaction = await start(cp, "TC049", reservation_id=asked["reservationId"])
        await stop(cp, transaction)


@pytest.mark.parametrize(("case", "word", "accepted"), [("051", "Accepted", True), ("052", "Rejected", False)])
async def test_tc_051_052_cancel_reservation(
    running: Product, desk: Desk, case: str, word: str, accepted: bool
) -> None:
    await desk.add_token("TC051")
    async with charging_station(running, desk, f"TC-{case}") as (cp, name):
        made = await reserve(desk, name, "TC051")
        cp.on("CancelReservation", {"status": word})
        answer = await desk.call("reservations.CancelReservation", name=made.reservation.name)
        assert (answer.result.status, answer.result.accepted) == (word, accepted)
        asked = await cp.asked("CancelReservation")
        assert asked["reservationId"] > 0
        assert answer.reservation.state == RESERVATION.RESERVATION_STATE_CANCELED


async def test_tc_053_use_a_reserved_connector_with_the_parent_id(running: Product, desk: Desk) -> None:
    for tag in ("TC053A", "TC053B"):
        await desk.add_token(tag, parent_id_token="TC053")
    async with charging_station(running, desk, "TC-053") as (cp, name):
        made = await reserve(desk, name, "TC053A", group_id_token="TC053")
        asked = await cp.asked("ReserveNow")
        assert asked["parentIdTag"] == "TC053"
        other = await cp.send(cp.calls.Authorize(id_tag="TC053B"))
        assert other["idTagInfo"]["parentIdTag"] == "TC053"
        await start(cp, "TC053B", reservation_id=asked["reservationId"])
        await desk.until(
            lambda: reservation(desk, made.reservation.name),
            lambda found: found.state == RESERVATION.RESERVATION_STATE_USED,
            "used",
        )


# -- smart charging -------------------------------------------------------------------------------------


def a_profile(purpose: str, kind: str = "Absolute", **more: Any) -> dict[str, Any]:
    schedule: dict[str, Any] = {
        "charging_rate_unit": "A",
        "charging_schedule_period": [{"start_period": 0, "limit": 16.0}, {"start_period": 3600, "limit": 8.1}],
    }
    if kind == "Absolute":
        schedule["start_schedule"] = moment()
    return {
        "id": 7,
        "stack_level": 1,
        "charging_profile_purpose": purpose,
        "charging_profile_kind": kind,
        "charging_schedule": [schedule],
        **more,
    }


async def test_tc_056_central_smart_charging_tx_default_profile(running: Product, desk: Desk) -> None:
    async with charging_station(running, desk, "TC-056") as (cp, name):
        answer = await desk.call(
            "smart_charging.SetChargingProfile", target=target(name), evse_id=1, profile=a_profile("TxDefaultProfile")
        )
        assert answer.result.accepted
        asked = await cp.asked("SetChargingProfile")
        told = asked["csChargingProfiles"]
        assert (asked["connectorId"], told["chargingProfilePurpose"]) == (1, "TxDefaultProfile")
        assert [period["limit"] for period in told["chargingSchedule"]["chargingSchedulePeriod"]] == [16.0, 8.1]
        held = await desk.call("smart_charging.ListChargingProfiles", station=name)
        assert [profile.profile.id for profile in held.profiles] == [7]


async def test_tc_057_central_smart_charging_tx_profile(running: Product, desk: Desk) -> None:
    await desk.add_token("TC057")
    async with charging_station(running, desk, "TC-057") as (cp, name):
        transaction = await start(cp, "TC057")
        session = await ongoing(desk, name)
        profile = a_profile("TxProfile", "Relative", transaction_id=session.transaction_id)
        answer = await desk.call("smart_charging.SetChargingProfile", target=target(name), evse_id=1, profile=profile)
        assert answer.result.accepted
        assert (await cp.asked("SetChargingProfile"))["csChargingProfiles"]["transactionId"] == transaction


async def test_tc_058_a_tx_profile_without_transaction_is_refused_before_it_is_sent(
    running: Product, desk: Desk
) -> None:
    async with charging_station(running, desk, "TC-058") as (cp, name):
        with pytest.raises(Denied):
            await desk.call(
                "smart_charging.SetChargingProfile",
                target=target(name),
                evse_id=1,
                profile=a_profile("TxProfile", "Relative"),
            )
        assert cp.count("SetChargingProfile") == 0


async def test_tc_059_remote_start_with_a_charging_profile(running: Product, desk: Desk) -> None:
    await desk.add_token("TC059")
    async with charging_station(running, desk, "TC-059") as (cp, name):
        answer = await desk.call(
            "remote.RequestStartTransaction",
            target=target(name),
            id_token="TC059",
            evse_id=1,
            charging_profile=a_profile("TxProfile", "Relative"),
        )
        assert answer.result.accepted
        asked = await cp.asked("RemoteStartTransaction")
        assert asked["chargingProfile"]["chargingProfilePurpose"] == "TxProfile"


async def test_tc_066_get_composite_schedule(running: Product, desk: Desk) -> None:
    async with charging_station(running, desk, "TC-066") as (cp, name):
        schedule = {
            "duration": 300,
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10.0}],
        }
        cp.on(
            "GetCompositeSchedule",
            {"status": "Accepted", "connectorId": 1, "scheduleStart": moment(), "chargingSchedule": schedule},
        )
        answer = await desk.call("smart_charging.GetCompositeSchedule", target=target(name), evse_id=1, duration="300s")
        assert [period.limit for period in answer.schedule.charging_schedule_period] == [10.0]
        assert (await cp.asked("GetCompositeSchedule"))["duration"] == 300


@pytest.mark.parametrize("word", ["Accepted", "Unknown"])
async def test_tc_067_clear_charging_profile(running: Product, desk: Desk, word: str) -> None:
    async with charging_station(running, desk, f"TC-067-{word}") as (cp, name):
        await desk.call(
            "smart_charging.SetChargingProfile", target=target(name), evse_id=1, profile=a_profile("TxDefaultProfile")
        )
        cp.on("ClearChargingProfile", {"status": word})
        answer = await desk.call("smart_charging.ClearChargingProfile", target=target(name), charging_profile_id=7)
        assert answer.result.status == word
        assert await cp.asked("ClearChargingProfile") == {"id": 7}
        assert not (await desk.call("smart_charging.ListChargingProfiles", station=name)).profiles
