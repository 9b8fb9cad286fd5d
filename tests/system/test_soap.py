"""OCPP 1.5 over SOAP on the real product: a hand-written box from boot to stop, all that it can be asked, and zeep."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
import trio
import zeep
import zeep.exceptions

from control.v1 import stations_pb2
from tests.kit.desk import Denied, Desk
from tests.kit.desk import desk as open_desk
from tests.kit.product import Product
from tests.kit.product import product as start_product
from tests.kit.product import station as websocket_station
from tests.kit.soap_station import PATH, SoapStation, http, moment, soap_station

pytestmark = [pytest.mark.system, pytest.mark.feature("F-OCPP-3")]


@pytest.fixture(scope="module")
def running() -> Iterator[Product]:
    with start_product() as made:
        yield made


@pytest.fixture(scope="module")
def desk(running: Product) -> Iterator[Desk]:
    with open_desk(running) as made:
        yield made


async def booted(desk: Desk, box: SoapStation) -> str:
    """The name of a box that has booted."""
    name = await desk.add_station(box.identity)
    assert (await box.boot()).find("status") == "Accepted"
    return name


def field(name: str, value: object) -> str:
    return f"<cs:{name}>{value}</cs:{name}>"


def meter(seconds: float, wh: int) -> str:
    return (
        f"<cs:values>{field('timestamp', moment(seconds))}"
        f'<cs:value unit="Wh" measurand="Energy.Active.Import.Register">{wh}</cs:value>'
        '<cs:value unit="kW" measurand="Power.Active.Import">7.2</cs:value></cs:values>'
    )


async def test_a_car_charges_at_a_box_that_speaks_soap(running: Product, desk: Desk) -> None:
    await desk.add_token("SOAPTAG1")
    async with soap_station(running.ocpp_port, "BOX-STORY") as box:
        name = await booted(desk, box)
        found = await desk.station(name)
        assert found.connection_state == stations_pb2.CONNECTION_STATE_ONLINE
        assert (found.protocol, found.boot_info.vendor) == ("ocpp1.5", "Acme")
        assert (await box.call("Heartbeat")).find("currentTime") is not None
        status = field("connectorId", 1) + field("status", "Occupied") + field("errorCode", "NoError")
        assert (await box.call("StatusNotification", status)).element == "statusNotificationResponse"
        assert (await box.call("Authorize", field("idTag", "soaptag1"))).find("status") == "Accepted"
        start = field("connectorId", 1) + field("idTag", "SOAPTAG1") + field("timestamp", moment(-60))
        started = await box.call("StartTransaction", start + field("meterStart", 1000))
        assert started.find("status") == "Accepted"
        transaction = started.find("transactionId")
        values = field("connectorId", 1) + field("transactionId", transaction) + meter(-30, 1500)
        assert (await box.call("MeterValues", values)).element == "meterValuesResponse"
        stop = field("transactionId", transaction) + field("timestamp", moment()) + field("meterStop", 3000)
        data = f"<cs:transactionData>{meter(-1, 2900)}</cs:transactionData>"
        assert (await box.call("StopTransaction", stop + data)).element == "stopTransactionResponse"
        (session,) = await desk.sessions(name)
        assert (session.energy_wh, session.id_token) == (2000, "SOAPTAG1")


async def test_everything_that_a_box_can_be_asked(running: Product, desk: Desk) -> None:
    async with soap_station(running.ocpp_port, "BOX-ORDERS") as box:
        name = await booted(desk, box)
        target = {"station": name}

        async def order(method: str, action: str, **fields: Any) -> dict[str, list[str]]:
            await desk.call(method, target=target, **fields)
            return (await box.asked(action)).fields

        started = await order("remote.RequestStartTransaction", "RemoteStartTransaction", id_token="T1", evse_id=2)
        assert started == {"idTag": ["T1"], "connectorId": ["2"]}
        assert await order("remote.Reset", "Reset", type="RESET_TYPE_IMMEDIATE") == {"type": ["Hard"]}
        assert await order("remote.UnlockConnector", "UnlockConnector", evse_id=1, connector_id=1) == {
            "connectorId": ["1"]
        }
        assert await order("remote.ClearCache", "ClearCache") == {}
        changed = await order("remote.SetVariables", "ChangeConfiguration", variables=[{"name": "A", "value": "<&>"}])
        assert changed == {"key": ["A"], "value": ["<&>"]}
        assert await order("remote.DataTransfer", "DataTransfer", vendor_id="V", message_id="M", data="d") == {
            "vendorId": ["V"],
            "messageId": ["M"],
            "data": ["d"],
        }
        read = await desk.call("remote.GetVariables", target=target)
        assert [(v.name, v.value) for v in read.variables] == [("HeartBeatInterval", "300")]
        with pytest.raises(Denied) as denied:  # 1.5 knows no such thing
            await desk.call("remote.TriggerMessage", target=target, requested_message="Heartbeat")
        assert denied.value.code is grpc.StatusCode.FAILED_PRECONDITION
        assert "OCPP 1.5" in denied.value.message
        firmware = await order("maintenance.UpdateFirmware", "UpdateFirmware", location="ftp://h/f.bin", retries=2)
        assert (firmware["location"], firmware["retries"]) == (["ftp://h/f.bin"], ["2"])
        upload = {"location": "ftp://h/logs/", "log_type": "LOG_TYPE_DIAGNOSTICS"}
        logs = await order("maintenance.GetLog", "GetDiagnostics", **upload)
        assert logs == {"location": ["ftp://h/logs/"]}
        assert (await box.call("DiagnosticsStatusNotification", field("status", "Uploaded"))).status == 200
        assert (await box.call("FirmwareStatusNotification", field("status", "Installed"))).status == 200
        jobs = (await desk.call("inventory.ListJobs", station=name)).jobs
        assert {(job.kind, job.status) for job in jobs} == {(1, "Installed"), (3, "Uploaded")}
        order_of_reset = next(o for o in box.orders if o.action == "Reset")
        assert order_of_reset.headers["chargeBoxIdentity"] == "BOX-ORDERS"
        assert order_of_reset.headers["Action"] == "/Reset"
        assert order_of_reset.headers["To"] == box.own_address
        assert order_of_reset.headers["ReplyTo"].endswith("/anonymous")
        log = [(entry.action, entry.message_type) for entry in await desk.messages(name)]
        assert ("Reset", "CALL") in log
        assert ("Reset", "CALLRESULT") in log


async def test_a_box_that_refuses_and_one_that_fails_are_told_apart(running: Product, desk: Desk) -> None:
    async with soap_station(running.ocpp_port, "BOX-REFUSES") as box:
        target = {"station": await booted(desk, box)}
        box.on("ClearCache", "<cs:status>Rejected</cs:status>")
        rejected = await desk.call("remote.ClearCache", target=target)
        assert (rejected.result.status, rejected.result.accepted) == ("Rejected", False)
        box.on("ClearCache", "!NotSupported: no cache here")
        faulted = await desk.call("remote.ClearCache", target=target)
        assert (faulted.result.error_code, faulted.result.error_description) == ("NotSupported", "no cache here")


async def test_a_box_that_moved_away_was_not_reached_and_a_silent_one_may_have_heard(
    running: Product, desk: Desk
) -> None:
    async with soap_station(running.ocpp_port, "BOX-GONE") as box:
        name = await booted(desk, box)
        box.silent = True
        with pytest.raises(Denied) as silent:
            await desk.call("remote.ClearCache", timeout=3, target={"station": name, "timeout": "1s"})
        assert silent.value.reason == "NO_ANSWER"
    with pytest.raises(Denied) as gone:
        await desk.call("remote.ClearCache", target={"station": name})
    assert gone.value.reason == "STATION_UNREACHABLE"


async def test_commands_do_not_go_where_a_stranger_says(running: Product, desk: Desk) -> None:
    async with soap_station(running.ocpp_port, "BOX-LIAR") as box:
        name = await desk.add_station("BOX-LIAR")
        real = box.own_address
        box.own_address = real.replace("127.0.0.1", "localhost")  # another host than the one it comes from
        await box.boot()
        with pytest.raises(Denied) as denied:
            await desk.call("remote.ClearCache", target={"station": name})
        assert denied.value.reason == "SOAP_ADDRESS_MISSING"
        told = (await desk.call("soap.GetSoapAddress", name=name)).soap_address
        assert (told.address, told.seen_address) == ("", box.own_address)
        await desk.call("soap.ConfirmSoapAddress", name=name, seen_address=told.seen_address)
        await desk.call("remote.ClearCache", target={"station": name})
        assert (await box.asked("ClearCache")).headers["To"] == box.own_address


async def test_a_websocket_of_the_same_station_wins_and_the_next_message_wins_back(
    running: Product, desk: Desk
) -> None:
    async with soap_station(running.ocpp_port, "BOX-BOTH") as box:
        name = await booted(desk, box)
        async with websocket_station(running, "BOX-BOTH") as other:
            await other.boot()
            assert (await desk.station(name)).protocol == "ocpp1.6"
            assert (await box.call("Heartbeat")).status == 200
            with trio.fail_after(60):
                await other.closed.wait()
            assert (await desk.station(name)).protocol == "ocpp1.5"


async def test_a_box_with_a_password_must_send_it(running: Product, desk: Desk) -> None:
    async with soap_station(running.ocpp_port, "BOX-SECRET") as box:
        name = await desk.add_station("BOX-SECRET")
        await desk.call("stations.SetStationPassword", name=name, password="0123456789abcdef")
        refused = await box.boot()
        assert (refused.status, refused.fault) == (401, ["Sender", "SecurityError"])
        box.password = "0123456789abcdeg"
        assert (await box.boot()).status == 401
        box.password = "0123456789abcdef"
        assert (await box.boot()).find("status") == "Accepted"


async def test_an_unknown_box_waits_until_it_is_accepted(running: Product, desk: Desk) -> None:
    async with soap_station(running.ocpp_port, "BOX-NEW") as box:
        first = await box.boot()
        assert (first.find("status"), first.find("heartbeatInterval")) == ("Rejected", "30")
        early = await box.call("Heartbeat")
        assert early.fault == ["Sender", "SecurityError"]
        listed = await desk.call("stations.ListStations", filter={"query": "BOX-NEW"})
        await desk.call("stations.AcceptStation", name=listed.stations[0].name)
        assert (await box.boot()).find("status") == "Accepted"
        await desk.call("stations.RejectStation", name=listed.stations[0].name)
        again = await box.boot()
        assert (again.status, again.fault) == (403, ["Sender", "SecurityError"])


async def test_bad_messages_of_a_known_box_stand_in_its_log(running: Product, desk: Desk) -> None:
    async with soap_station(running.ocpp_port, "BOX-SLOPPY") as box:
        name = await booted(desk, box)
        bad = await box.call("Authorize", field("idTag", "x" * 21))
        assert (bad.status, bad.fault) == (400, ["Sender", "ProtocolError"])
        seen = [entry.content for entry in await desk.messages(name)]
        assert any("x" * 21 in content for content in seen)
        assert any("was refused" in content for content in seen)


async def test_zeep_reads_the_wsdl_and_calls_every_operation(running: Product, desk: Desk) -> None:
    await desk.add_station("ZEEP-1")
    await desk.add_token("ZEEPTAG")
    now = datetime.now(UTC).replace(microsecond=0)

    def calls() -> dict[str, Any]:
        url = f"http://127.0.0.1:{running.ocpp_port}{PATH}"
        client = zeep.Client(f"{url}?wsdl")
        assert client.service._binding_options["address"] == url
        header = {"ChargeBoxIdentity": "ZEEP-1"}
        found: dict[str, Any] = {}

        def call(operation: str, **fields: Any) -> Any:
            found[operation] = client.service[operation](**fields, _soapheaders=header)
            return found[operation]

        call("BootNotification", chargePointVendor="Zeep", chargePointModel="One", meterSerialNumber="m")
        call("Heartbeat")
        call("Authorize", idTag="ZEEPTAG")
        call("StatusNotification", connectorId=0, status="Available", errorCode="NoError", timestamp=now)
        started = call("StartTransaction", connectorId=1, idTag="ZEEPTAG", timestamp=now, meterStart=10)
        value = {"_value_1": "12.5", "context": "Sample.Periodic", "unit": "kWh"}
        values = [{"timestamp": now + timedelta(seconds=1), "value": [value]}]
        call("MeterValues", connectorId=1, transactionId=started.transactionId, values=values)
        call(
            "StopTransaction",
            transactionId=started.transactionId,
            idTag="ZEEPTAG",
            timestamp=now + timedelta(seconds=2),
            meterStop=20,
            transactionData=[{"values": values}],
        )
        call("DataTransfer", vendorId="nobody", data="<x/>")
        call("DiagnosticsStatusNotification", status="Uploaded")
        call("FirmwareStatusNotification", status="Downloaded")
        with pytest.raises(zeep.exceptions.Fault):
            client.service.Authorize(idTag="ZEEPTAG", _soapheaders={"ChargeBoxIdentity": ""})
        assert set(client.service._operations) == set(found)
        return found

    found = await trio.to_thread.run_sync(calls)
    assert found["BootNotification"].status == "Accepted"
    assert found["Authorize"].status == "Accepted"
    assert found["StartTransaction"].idTagInfo.status == "Accepted"
    assert found["DataTransfer"].status == "UnknownVendorId"


async def test_the_port_serves_wsdl_health_and_websockets_alike(running: Product) -> None:
    wsdl = await http(running.ocpp_port, "GET", f"{PATH}?wsdl")
    assert wsdl.status == 200
    assert f"http://127.0.0.1:{running.ocpp_port}{PATH}".encode() in wsdl.body
    assert (await http(running.ocpp_port, "GET", PATH)).status == 405
    assert (await http(running.ocpp_port, "GET", "/healthz")).status == 200
    assert (await http(running.ocpp_port, "GET", "/Ocpp/CentralSystemService12")).status == 404
    assert json.dumps(wsdl.headers)  # plain text all through
