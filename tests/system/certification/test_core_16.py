"""OCPP 1.6J, a Central System's core cases, named after their numbers in the Open Charge Alliance's certification plan.

The stories are told in our own words, from what is public about the cases; each brings a station of its own."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
import trio
from trio_websocket import ConnectionRejected

from control.v1 import sessions_pb2, stations_pb2
from tests.kit.desk import Denied, Desk
from tests.kit.product import Product
from tests.kit.simulators import Simulator, moment, simulator
from tests.system.certification.steps import target
from tests.system.certification.steps_16 import (
    charging_station,
    cold_boot,
    ended,
    ongoing,
    plugged_in,
    start,
    status,
    stop,
)

pytestmark = [pytest.mark.system, pytest.mark.feature("F-OCPP-1")]

ENDED = sessions_pb2.SESSION_STATE_ENDED
OFFLINE = stations_pb2.CONNECTION_STATE_OFFLINE
REMOTE = sessions_pb2.AUTHENTICATION_REMOTE


async def connect_and_leave(running: Product, identity: str) -> None:
    async with simulator(running, identity, "1.6"):
        pass


# -- booting --------------------------------------------------------------------------------------------


async def test_tc_001_cold_boot_charge_point(running: Product, desk: Desk) -> None:
    name = await desk.add_station("TC-001")
    async with simulator(running, "TC-001", "1.6") as cp:
        boot = await cold_boot(cp)
        assert boot["status"] == "Accepted"
        assert boot["interval"] > 0
        beat = await cp.send(cp.calls.Heartbeat())
        assert beat["currentTime"].endswith("Z")
        station = await desk.station(name)
        assert station.boot_info.vendor == "Acme"
        assert [connector.status for evse in station.evses for connector in evse.connectors] == [1]


async def test_tc_002_cold_boot_pending(running: Product, desk: Desk) -> None:
    async with simulator(running, "TC-002", "1.6") as cp:
        boot = await cp.send(cp.calls.BootNotification("Acme", "One"))
        assert boot["status"] == "Pending"
        listed = await desk.call("stations.ListStations", filter={"query": "TC-002"})
        name = listed.stations[0].name
        await desk.call("stations.AcceptStation", name=name)
        assert (await cp.asked("TriggerMessage"))["requestedMessage"] == "BootNotification"
        assert (await cold_boot(cp))["status"] == "Accepted"


async def test_tc_002_cold_boot_rejected(running: Product, desk: Desk) -> None:
    name = await desk.add_station("TC-002-R")
    await desk.call("stations.RejectStation", name=name)
    with pytest.raises(ExceptionGroup) as refused:
        await connect_and_leave(running, "TC-002-R")
    (rejection,) = refused.value.exceptions
    assert isinstance(rejection, ConnectionRejected)
    assert rejection.status_code == 403


# -- sessions -------------------------------------------------------------------------------------------


async def test_tc_003_regular_charging_session_plugin_first(running: Product, desk: Desk) -> None:
    await desk.add_token("TC003")
    async with charging_station(running, desk, "TC-003") as (cp, name):
        await plugged_in(cp)
        allowed = await cp.send(cp.calls.Authorize(id_tag="TC003"))
        assert allowed["idTagInfo"]["status"] == "Accepted"
        transaction = await start(cp, "TC003", meter=1000)
        await status(cp, "Charging")
        await stop(cp, transaction, meter=3500, tag="TC003", reason="Local")
        await status(cp, "Finishing")
        await status(cp, "Available")
        session = await ended(desk, name)
        assert (session.energy_wh, session.id_token, session.stop_reason) == (2500.0, "TC003", "Local")


async def test_tc_004_1_regular_charging_session_identification_first(running: Product, desk: Desk) -> None:
    await desk.add_token("TC0041")
    async with charging_station(running, desk, "TC-004-1") as (cp, name):
        allowed = await cp.send(cp.calls.Authorize(id_tag="TC0041"))
        assert allowed["idTagInfo"]["status"] == "Accepted"
        await plugged_in(cp)
        transaction = await start(cp, "TC0041")
        await status(cp, "Charging")
        assert (await ongoing(desk, name)).id_token == "TC0041"
        await stop(cp, transaction, tag="TC0041")
        assert (await ended(desk, name)).energy_wh == 500.0


async def test_tc_004_2_identification_first_connection_timeout(running: Product, desk: Desk) -> None:
    await desk.add_token("TC0042")
    async with charging_station(running, desk, "TC-004-2") as (cp, name):
        assert (await cp.send(cp.calls.Authorize(id_tag="TC0042")))["idTagInfo"]["status"] == "Accepted"
        await status(cp, "Preparing")
        await status(cp, "Available")  # nobody plugged in before ConnectionTimeOut
        assert await desk.sessions(name) == []


@pytest.mark.parametrize("reason", ["EVDisconnected"])
async def test_tc_005_1_ev_side_disconnected(running: Product, desk: Desk, reason: str) -> None:
    await desk.add_token("TC0051")
    async with charging_station(running, desk, "TC-005-1") as (cp, name):
        transaction = await start(cp, "TC0051")
        await status(cp, "SuspendedEV")
        await stop(cp, transaction, reason=reason)
        await status(cp, "Finishing")
        assert (await ended(desk, name)).stop_reason == reason


async def test_tc_007_regular_start_with_cached_id(running: Product, desk: Desk) -> None:
    """The station knows the tag from its cache: it starts without asking; a blocked one is told with the start."""
    await desk.add_token("TC007")
    async with charging_station(running, desk, "TC-007") as (cp, name):
        transaction = await start(cp, "TC007")
        session = await ongoing(desk, name)
        assert session.transaction_id == str(transaction)


async def test_tc_061_clear_authorization_cache(running: Product, desk: Desk) -> None:
    async with charging_station(running, desk, "TC-061") as (cp, name):
        answer = await desk.call("remote.ClearCache", target=target(name))
        assert answer.result.accepted
        assert await cp.asked("ClearCache") == {}


async def test_tc_068_stop_transaction_id_tag_in_parent_group(running: Product, desk: Desk) -> None:
    for tag in ("TC068A", "TC068B"):
        await desk.add_token(tag, parent_id_token="TC068")
    async with charging_station(running, desk, "TC-068") as (cp, name):
        begun = await cp.send(cp.calls.StartTransaction(1, "TC068A", 0, moment()))
        assert begun["idTagInfo"]["parentIdTag"] == "TC068"
        other = await cp.send(cp.calls.Authorize(id_tag="TC068B"))
        assert (other["idTagInfo"]["status"], other["idTagInfo"]["parentIdTag"]) == ("Accepted", "TC068")
        await stop(cp, begun["transactionId"], tag="TC068B", reason="Local")
        assert (await ended(desk, name)).id_token == "TC068A"


async def test_tc_070_sampled_meter_values(running: Product, desk: Desk) -> None:
    await desk.add_token("TC070")
    async with charging_station(running, desk, "TC-070") as (cp, name):
        transaction = await start(cp, "TC070", meter=0)
        for step in (1, 2, 3):
            sample = {"value": str(step * 100), "unit": "Wh", "context": "Sample.Periodic"}
            values = [{"timestamp": moment(step), "sampledValue": [sample]}]
            assert await cp.send(cp.calls.MeterValues(1, values, transaction)) == {}
        await stop(cp, transaction, meter=400, at=4)
        session = await ended(desk, name)
        assert session.energy_wh == 400.0
        page = await desk.call("sessions.ListMeterValues", session=session.name)
        assert [value.sampled_values[0].value for value in page.meter_values] == [100.0, 200.0, 300.0]


async def test_tc_071_clock_aligned_meter_values(running: Product, desk: Desk) -> None:
    """Values without a transaction belong to the connector; they are taken in and change no session."""
    async with charging_station(running, desk, "TC-071") as (cp, name):
        sample = {"value": "12345", "unit": "Wh", "context": "Sample.Clock"}
        values = [{"timestamp": moment(), "sampledValue": [sample]}]
        assert await cp.send(cp.calls.MeterValues(1, values)) == {}
        assert await desk.sessions(name) == []


# -- remote control -------------------------------------------------------------------------------------


async def test_tc_010_remote_start_cable_plugged_in_first(running: Product, desk: Desk) -> None:
    await desk.add_token("TC010")
    async with charging_station(running, desk, "TC-010") as (cp, name):
        await plugged_in(cp)
        answer = await desk.call("remote.RequestStartTransaction", target=target(name), id_token="TC010", evse_id=1)
        assert answer.result.accepted
        assert await cp.asked("RemoteStartTransaction") == {"idTag": "TC010", "connectorId": 1}
        assert (await cp.send(cp.calls.Authorize(id_tag="TC010")))["idTagInfo"]["status"] == "Accepted"
        await start(cp, "TC010")
        assert (await ongoing(desk, name)).authentication == REMOTE


async def test_tc_011_1_remote_start_first(running: Product, desk: Desk) -> None:
    await desk.add_token("TC0111")
    async with charging_station(running, desk, "TC-011-1") as (cp, name):
        answer = await desk.call("remote.RequestStartTransaction", target=target(name), id_token="TC0111", evse_id=1)
        assert answer.result.accepted
        await status(cp, "Preparing")
        await plugged_in(cp)
        await start(cp, "TC0111")
        assert (await ongoing(desk, name)).authentication == REMOTE


async def test_tc_011_2_remote_start_timeout(running: Product, desk: Desk) -> None:
    await desk.add_token("TC0112")
    async with charging_station(running, desk, "TC-011-2") as (cp, name):
        answer = await desk.call("remote.RequestStartTransaction", target=target(name), id_token="TC0112", evse_id=1)
        assert answer.result.accepted
        await status(cp, "Preparing")
        await status(cp, "Available")
        assert await desk.sessions(name) == []


async def test_tc_012_remote_stop_charging_session(running: Product, desk: Desk) -> None:
    await desk.add_token("TC012")
    async with charging_station(running, desk, "TC-012") as (cp, name):
        transaction = await start(cp, "TC012")
        session = await ongoing(desk, name)
        answer = await desk.call("remote.RequestStopTransaction", session=session.name)
        assert answer.result.accepted
        assert await cp.asked("RemoteStopTransaction") == {"transactionId": transaction}
        await stop(cp, transaction, reason="Remote")
        assert (await ended(desk, name)).stop_reason == "Remote"


async def test_tc_026_remote_start_rejected(running: Product, desk: Desk) -> None:
    await desk.add_token("TC026")
    async with charging_station(running, desk, "TC-026") as (cp, name):
        cp.on("RemoteStartTransaction", {"status": "Rejected"})
        answer = await desk.call("remote.RequestStartTransaction", target=target(name), id_token="TC026", evse_id=1)
        assert (answer.result.accepted, answer.result.status) == (False, "Rejected")
        assert await desk.sessions(name) == []


async def test_tc_028_remote_stop_rejected(running: Product, desk: Desk) -> None:
    await desk.add_token("TC028")
    async with charging_station(running, desk, "TC-028") as (cp, name):
        await start(cp, "TC028")
        cp.on("RemoteStopTransaction", {"status": "Rejected"})
        session = await ongoing(desk, name)
        answer = await desk.call("remote.RequestStopTransaction", session=session.name)
        assert not answer.result.accepted
        assert (await desk.sessions(name))[0].state != ENDED


@pytest.mark.parametrize(
    ("case", "kind", "word", "reason"),
    [
        ("013", "RESET_TYPE_IMMEDIATE", "Hard", "HardReset"),
        ("014", "RESET_TYPE_ON_IDLE", "Soft", "SoftReset"),
    ],
)
async def test_tc_013_014_reset_with_a_running_transaction(
    running: Product, desk: Desk, case: str, kind: str, word: str, reason: str
) -> None:
    await desk.add_token(f"TC{case}")
    async with charging_station(running, desk, f"TC-{case}") as (cp, name):
        transaction = await start(cp, f"TC{case}")
        answer = await desk.call("remote.Reset", target=target(name), type=kind)
        assert answer.result.accepted
        assert await cp.asked("Reset") == {"type": word}
        await stop(cp, transaction, reason=reason)
    async with simulator(running, f"TC-{case}", "1.6") as cp:
        await cold_boot(cp)
        assert (await ended(desk, name)).stop_reason == reason


async def test_tc_016_hard_reset_without_transaction(running: Product, desk: Desk) -> None:
    async with charging_station(running, desk, "TC-016") as (cp, name):
        assert (await desk.call("remote.Reset", target=target(name), type="RESET_TYPE_IMMEDIATE")).result.accepted
        assert await cp.asked("Reset") == {"type": "Hard"}
    async with simulator(running, "TC-016", "1.6") as cp:
        assert (await cold_boot(cp))["status"] == "Accepted"


@pytest.mark.parametrize(
    ("case", "word", "accepted"),
    [("017-1", "Unlocked", True), ("030", "UnlockFailed", False), ("031", "NotSupported", False)],
)
async def test_tc_017_030_031_unlock_connector(
    running: Product, desk: Desk, case: str, word: str, accepted: bool
) -> None:
    async with charging_station(running, desk, f"TC-{case}") as (cp, name):
        cp.on("UnlockConnector", {"status": word})
        answer = await desk.call("remote.UnlockConnector", target=target(name), evse_id=1)
        assert (answer.result.status, answer.result.accepted) == (word, accepted)
        assert await cp.asked("UnlockConnector") == {"connectorId": 1}


async def test_tc_017_2_unlock_connector_with_charging_session(running: Product, desk: Desk) -> None:
    await desk.add_token("TC0172")
    async with charging_station(running, desk, "TC-017-2") as (cp, name):
        transaction = await start(cp, "TC0172")
        cp.on("UnlockConnector", {"status": "Unlocked"})
        assert (await desk.call("remote.UnlockConnector", target=target(name), evse_id=1)).result.accepted
        await stop(cp, transaction, reason="UnlockCommand")
        assert (await ended(desk, name)).stop_reason == "UnlockCommand"


# -- configuration --------------------------------------------------------------------------------------


async def test_tc_019_1_retrieve_all_configuration_keys(running: Product, desk: Desk) -> None:
    async with charging_station(running, desk, "TC-019-1") as (cp, name):
        entry = {"key": "HeartbeatInterval", "readonly": False, "value": "300"}
        cp.on("GetConfiguration", {"configurationKey": [entry], "unknownKey": []})
        answer = await desk.call("remote.GetVariables", target=target(name))
        assert [(v.name, v.value) for v in answer.variables] == [("HeartbeatInterval", "300")]
        assert await cp.asked("GetConfiguration") == {}


async def test_tc_019_2_retrieve_specific_configuration_key(running: Product, desk: Desk) -> None:
    async with charging_station(running, desk, "TC-019-2") as (cp, name):
        cp.on("GetConfiguration", {"unknownKey": ["SupportedFeatureProfiles"]})
        answer = await desk.call("remote.GetVariables", target=target(name), names=["SupportedFeatureProfiles"])
        assert list(answer.unknown_names) == ["SupportedFeatureProfiles"]
        assert await cp.asked("GetConfiguration") == {"key": ["SupportedFeatureProfiles"]}


@pytest.mark.parametrize(
    ("case", "word", "accepted"),
    [("021", "Accepted", True), ("040-1", "NotSupported", False), ("040-2", "Rejected", False)],
)
async def test_tc_021_040_change_configuration(
    running: Product, desk: Desk, case: str, word: str, accepted: bool
) -> None:
    async with charging_station(running, desk, f"TC-{case}") as (cp, name):
        cp.on("ChangeConfiguration", {"status": word})
        variable = {"name": "MeterValueSampleInterval", "value": "60"}
        answer = await desk.call("remote.SetVariables", target=target(name), variables=[variable])
        assert (answer.results[0].result.status, answer.results[0].result.accepted) == (word, accepted)
        assert await cp.asked("ChangeConfiguration") == {"key": "MeterValueSampleInterval", "value": "60"}


# -- tags that may not ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "fields", "word"),
    [
        ("023-1", None, "Invalid"),
        ("023-2", {"expire_time": "2020-01-01T00:00:00Z"}, "Expired"),
        ("023-3", {"blocked": True}, "Blocked"),
    ],
)
async def test_tc_023_start_with_a_tag_that_may_not(
    running: Product, desk: Desk, case: str, fields: dict[str, Any] | None, word: str
) -> None:
    tag = f"TC{case}".replace("-", "")
    if fields is not None:
        await desk.add_token(tag, **fields)
    async with charging_station(running, desk, f"TC-{case}") as (cp, name):
        assert (await cp.send(cp.calls.Authorize(id_tag=tag)))["idTagInfo"]["status"] == word
        assert await desk.sessions(name) == []


async def test_tc_024_start_charging_session_lock_failure(running: Product, desk: Desk) -> None:
    await desk.add_token("TC024")
    async with charging_station(running, desk, "TC-024") as (cp, name):
        await cp.send(cp.calls.Authorize(id_tag="TC024"))
        await cp.send(cp.calls.StatusNotification(1, "ConnectorLockFailure", "Faulted"))
        station = await desk.station(name)
        assert station.evses[0].connectors[0].error_code == "ConnectorLockFailure"
        assert await desk.sessions(name) == []


# -- power and network ----------------------------------------------------------------------------------


async def test_tc_032_1_power_failure_stop_transaction(running: Product, desk: Desk) -> None:
    await desk.add_token("TC0321")
    async with charging_station(running, desk, "TC-032-1") as (cp, name):
        transaction = await start(cp, "TC0321")
    async with simulator(running, "TC-032-1", "1.6") as cp:
        await cold_boot(cp)
        await stop(cp, transaction, reason="PowerLoss")
        assert (await ended(desk, name)).stop_reason == "PowerLoss"


@pytest.mark.feature("F-OCPP-9")
async def test_tc_037_1_offline_start_valid_tag(running: Product, desk: Desk) -> None:
    await desk.add_token("TC0371")
    async with charging_station(running, desk, "TC-037-1"):
        pass
    async with simulator(running, "TC-037-1", "1.6") as cp:  # the start happened while it was away
        transaction = await start(cp, "TC0371", at=-600)
        await stop(cp, transaction, at=0)
        name = (await desk.call("stations.ListStations", filter={"query": "TC-037-1"})).stations[0].name
        assert (await ended(desk, name)).energy_wh == 500.0


@pytest.mark.feature("F-OCPP-9")
async def test_tc_037_3_offline_start_invalid_tag(running: Product, desk: Desk) -> None:
    """The energy was given: the session is kept, and says that nobody had the right to it."""
    async with charging_station(running, desk, "TC-037-3") as (cp, name):
        begun = await cp.send(cp.calls.StartTransaction(1, "TC0373", 0, moment(-600)))
        assert begun["idTagInfo"]["status"] == "Invalid"
        await stop(cp, begun["transactionId"], reason="DeAuthorized")
        session = await ended(desk, name)
        assert (session.stop_reason, session.energy_wh) == ("DeAuthorized", 500.0)


@pytest.mark.feature("F-OCPP-9")
async def test_tc_038_offline_stop_transaction(running: Product, desk: Desk) -> None:
    await desk.add_token("TC038")
    async with charging_station(running, desk, "TC-038") as (cp, name):
        transaction = await start(cp, "TC038", at=-900)
    async with simulator(running, "TC-038", "1.6") as cp:
        await stop(cp, transaction, at=-60, tag="TC038", reason="Local")
        assert (await ended(desk, name)).stop_reason == "Local"


@pytest.mark.feature("F-OCPP-9")
async def test_tc_039_offline_transaction(running: Product, desk: Desk) -> None:
    await desk.add_token("TC039")
    async with charging_station(running, desk, "TC-039") as (_, name):
        pass
    async with simulator(running, "TC-039", "1.6") as cp:
        transaction = await start(cp, "TC039", at=-900, meter=0)
        await stop(cp, transaction, at=-300, meter=4200)
        await stop(cp, transaction, at=-300, meter=4200)  # its answer was lost: it comes again
        session = await ended(desk, name)
        assert session.energy_wh == 4200.0
        assert len(await desk.sessions(name)) == 1


# -- vendors' messages, triggers ------------------------------------------------------------------------


async def test_tc_062_data_transfer_to_a_charge_point(running: Product, desk: Desk) -> None:
    async with charging_station(running, desk, "TC-062") as (cp, name):
        cp.on("DataTransfer", {"status": "UnknownVendorId"})
        answer = await desk.call("remote.DataTransfer", target=target(name), vendor_id="org.example", message_id="m")
        assert answer.result.status == "UnknownVendorId"
        assert await cp.asked("DataTransfer") == {"vendorId": "org.example", "messageId": "m"}


async def test_tc_064_data_transfer_to_a_central_system(running: Product, desk: Desk) -> None:
    async with charging_station(running, desk, "TC-064") as (cp, _):
        answer = await cp.send(cp.calls.DataTransfer(vendor_id="org.nobody", message_id="m", data="d"))
        assert answer["status"] in ("UnknownVendorId", "UnknownMessageId")


async def test_tc_054_trigger_message(running: Product, desk: Desk) -> None:
    async with charging_station(running, desk, "TC-054") as (cp, name):
        for word in ("MeterValues", "Heartbeat", "StatusNotification", "DiagnosticsStatusNotification"):
            answer = await desk.call("remote.TriggerMessage", target=target(name), requested_message=word)
            assert answer.result.accepted, word
            assert (await cp.asked("TriggerMessage"))["requestedMessage"] == word


async def test_tc_055_trigger_message_rejected(running: Product, desk: Desk) -> None:
    async with charging_station(running, desk, "TC-055") as (cp, name):
        cp.on("TriggerMessage", {"status": "Rejected"})
        answer = await desk.call("remote.TriggerMessage", target=target(name), requested_message="MeterValues")
        assert (answer.result.accepted, answer.result.status) == (False, "Rejected")


async def test_a_station_that_is_away_is_told_at_once(running: Product, desk: Desk) -> None:
    async with charging_station(running, desk, "TC-OFF") as (cp, name):
        await _left(cp)
    await desk.until(lambda: desk.station(name), lambda found: found.connection_state == OFFLINE)
    with trio.fail_after(20), pytest.raises(Denied) as denied:  # a command to one that is silent takes 30
        await desk.call("remote.ClearCache", target=target(name))
    assert (denied.value.code, denied.value.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "STATION_OFFLINE")


async def _left(cp: Simulator) -> None:
    await cp.send(cp.calls.Heartbeat())
