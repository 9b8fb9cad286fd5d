"""A car charges end to end, as a station, an operator's client and PostgreSQL see it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import grpc
import pytest
import trio

from control.v1 import remote_pb2, sessions_pb2, stations_pb2, watch_pb2
from tests.kit.product import Api, HandshakeError, Product, api, product, station

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def running() -> Iterator[Product]:
    with product(from_nothing=True) as made:
        yield made


@pytest.fixture(scope="module")
def control(running: Product) -> Iterator[Api]:
    with api(running) as made:
        made.add_token("DEADBEEF")
        yield made


async def ask(method: Any, request: Any) -> Any:
    return await trio.to_thread.run_sync(partial(method, request, timeout=60))


async def pending_name(control: Api, identity: str) -> str:
    wanted = stations_pb2.StationFilter(query=identity)
    with trio.fail_after(60):
        while True:
            listed = await ask(control.stations.ListStations, stations_pb2.ListStationsRequest(filter=wanted))
            if listed.stations:
                return str(listed.stations[0].name)
            await trio.sleep(0.05)


async def accepted(control: Api, identity: str) -> str:
    made = await ask(
        control.stations.CreateStation,
        stations_pb2.CreateStationRequest(station=stations_pb2.Station(identity=identity)),
    )
    return str(made.station.name)


def meter(at: str, energy: float) -> list[dict[str, Any]]:
    return [
        {
            "timestamp": at,
            "sampledValue": [
                {"value": str(energy / 1000), "measurand": "Energy.Active.Import.Register", "unit": "kWh"},
                {"value": "7.2", "measurand": "Power.Active.Import", "unit": "kW"},
            ],
        }
    ]


@pytest.mark.feature("F-OCPP-1", "F-OCPP-6", "F-SES-1", "F-SYS-4", "F-OPS-1")
async def test_the_first_charger_and_its_first_session(running: Product, control: Api) -> None:
    async with station(running, "FIRST") as charger:
        assert (await charger.boot())["status"] == "Pending"
        name = await pending_name(control, "FIRST")
        await ask(control.stations.AcceptStation, stations_pb2.AcceptStationRequest(name=name))
        with trio.fail_after(60):
            while not any(action == "TriggerMessage" for action, _ in charger.asked):
                await trio.sleep(0.02)
        assert (await charger.boot())["status"] == "Accepted"
        for connector in (0, 1):
            await charger.call("StatusNotification", connectorId=connector, errorCode="NoError", status="Available")
        allowed = await charger.call("Authorize", idTag="deadbeef")
        assert allowed["idTagInfo"]["status"] == "Accepted"
        target = remote_pb2.CommandTarget(station=name)
        start = remote_pb2.RequestStartTransactionRequest(target=target, id_token="DEADBEEF", evse_id=1)
        told = await ask(control.remote.RequestStartTransaction, start)
        assert (told.result.accepted, told.result.status) == (True, "Accepted")
        assert ("RemoteStartTransaction", {"connectorId": 1, "idTag": "DEADBEEF"}) in charger.asked
        begun = await charger.call(
            "StartTransaction", connectorId=1, idTag="DEADBEEF", meterStart=1000, timestamp="2026-03-01T10:00:00Z"
        )
        number = begun["transactionId"]
        await charger.call(
            "MeterValues", connectorId=1, transactionId=number, meterValue=meter("2026-03-01T10:05:00Z", 1600)
        )
        session_name = f"sessions/{number}"
        live = (await ask(control.sessions.GetSession, sessions_pb2.GetSessionRequest(name=session_name))).session
        assert live.state == sessions_pb2.SESSION_STATE_ACTIVE
        assert (live.energy_wh, live.power_w) == (600.0, 7200.0)
        stop = remote_pb2.RequestStopTransactionRequest(session=session_name)
        assert (await ask(control.remote.RequestStopTransaction, stop)).result.accepted
        assert ("RemoteStopTransaction", {"transactionId": number}) in charger.asked
        await charger.call(
            "StopTransaction", transactionId=number, meterStop=2500, timestamp="2026-03-01T10:15:00Z", reason="Remote"
        )
        ended = (await ask(control.sessions.GetSession, sessions_pb2.GetSessionRequest(name=session_name))).session
    assert ended.state == sessions_pb2.SESSION_STATE_ENDED
    assert (ended.energy_wh, ended.id_token, ended.stop_reason) == (1500.0, "DEADBEEF", "Remote")
    assert ended.authentication == sessions_pb2.AUTHENTICATION_REMOTE
    assert not ended.flags
    values = await ask(control.sessions.ListMeterValues, sessions_pb2.ListMeterValuesRequest(session=session_name))
    assert len(values.meter_values) == 1


@pytest.mark.feature("F-OCPP-9")
async def test_a_start_and_a_stop_told_twice(running: Product, control: Api) -> None:
    await accepted(control, "TWICE")
    begin = {"connectorId": 1, "idTag": "DEADBEEF", "meterStart": 5, "timestamp": "2026-03-02T10:00:00Z"}
    async with station(running, "TWICE") as charger:
        await charger.boot()
        first = await charger.call("StartTransaction", **begin)
    async with station(running, "TWICE") as charger:
        again = await charger.call("StartTransaction", **begin)
        assert again["transactionId"] == first["transactionId"]
        end = {"transactionId": again["transactionId"], "meterStop": 105, "timestamp": "2026-03-02T11:00:00Z"}
        await charger.call("StopTransaction", **end)
        await charger.call("StopTransaction", **end)
        after = await charger.call("StartTransaction", **begin)
        assert after["transactionId"] == first["transactionId"]
    wanted = sessions_pb2.SessionFilter(query="TWICE")
    listed = await ask(control.sessions.ListSessions, sessions_pb2.ListSessionsRequest(filter=wanted))
    assert [(s.energy_wh, list(s.flags)) for s in listed.sessions] == [(100.0, [])]


@pytest.mark.feature("F-OCPP-6")
async def test_the_newer_connection_wins(running: Product, control: Api) -> None:
    await accepted(control, "TWIN")
    async with station(running, "TWIN") as older, station(running, "TWIN", path="/Ocpp/websocket") as newer:
        with trio.fail_after(60):
            await older.closed.wait()
        assert (await newer.boot())["status"] == "Accepted"


@pytest.mark.feature("F-OCPP-7")
async def test_a_password_that_was_set_must_be_sent(running: Product, control: Api) -> None:
    name = await accepted(control, "LOCKED")
    request = stations_pb2.SetStationPasswordRequest(name=name)
    secret = (await ask(control.stations.SetStationPassword, request)).password
    assert len(secret) >= 16
    for wrong in (None, "no-no-no-no-no-no"):
        with pytest.RaisesGroup(HandshakeError, flatten_subgroups=True, allow_unwrapped=True):
            async with station(running, "LOCKED", password=wrong):
                pass
    async with station(running, "LOCKED", password=secret) as charger:
        assert (await charger.boot())["status"] == "Accepted"


@pytest.mark.feature("F-OCPP-11")
async def test_a_command_to_a_station_that_is_away(running: Product, control: Api) -> None:
    name = await accepted(control, "AWAY")
    with pytest.raises(grpc.RpcError) as caught:
        await ask(
            control.remote.Reset,
            remote_pb2.ResetRequest(
                target=remote_pb2.CommandTarget(station=name), type=remote_pb2.RESET_TYPE_IMMEDIATE
            ),
        )
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION  # type: ignore[attr-defined]


@pytest.mark.feature("F-SYS-4")
async def test_a_watcher_sees_it_live(running: Product, control: Api) -> None:
    name = await accepted(control, "LIVE")
    revision = (await ask(control.stations.ListStations, stations_pb2.ListStationsRequest())).revision
    stream = control.watch.Watch(watch_pb2.WatchRequest(start_revision=revision, stations=[name]), timeout=60)
    async with station(running, "LIVE") as charger:
        await charger.boot()
        await charger.call("StatusNotification", connectorId=1, errorCode="NoError", status="Faulted")

        def wait_for_fault() -> bool:
            for change in stream:
                for evse in change.station.evses:
                    if evse.connectors[0].status == stations_pb2.CONNECTOR_STATUS_FAULTED:
                        return True
            return False

        assert await trio.to_thread.run_sync(wait_for_fault)
    stream.cancel()
