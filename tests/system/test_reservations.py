"""Reservations, local lists, displays and vendors' messages on the real product, in each version that has them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from control.v1 import inventory_pb2, local_lists_pb2, reservations_pb2
from tests.kit.desk import Denied, Desk
from tests.kit.desk import desk as open_desk
from tests.kit.product import Product
from tests.kit.product import product as start_product
from tests.kit.simulators import Simulator, moment, simulator

pytestmark = [pytest.mark.system]
ALL = pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
NEWER = pytest.mark.parametrize("version", ["2.0.1", "2.1"])
PLUGIN = Path(__file__).parents[1] / "kit" / "vendor_plugin"


@pytest.fixture(scope="module")
def running() -> Iterator[Product]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(PLUGIN), *filter(None, [os.environ.get("PYTHONPATH")])]))
        with start_product() as made:
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


def to(name: str) -> dict[str, Any]:
    return {"station": name, "timeout": "10s"}


async def reserve(desk: Desk, name: str, **more: Any) -> Any:
    return await desk.call(
        "reservations.CreateReservation",
        target=to(name),
        id_token="04A2B3C4",
        evse_id=1,
        expire_time=moment(more.pop("seconds", 600)),
        **more,
    )


async def start(cp: Simulator, reservation_id: int) -> None:
    if cp.version == "1.6":
        await cp.send(
            cp.calls.StartTransaction(
                connector_id=1, id_tag="04A2B3C4", meter_start=0, timestamp=moment(), reservation_id=reservation_id
            )
        )
        return
    await cp.send(
        cp.calls.TransactionEvent(
            event_type="Started",
            timestamp=moment(),
            trigger_reason="Authorized",
            seq_no=0,
            transaction_info={"transaction_id": f"TX-{reservation_id}"},
            id_token={"id_token": "04A2B3C4", "type": "ISO14443"},
            evse={"id": 1, "connector_id": 1},
            reservation_id=reservation_id,
        )
    )


async def in_state(desk: Desk, name: str, state: int) -> Any:
    async def look() -> Any:
        return (await desk.call("reservations.GetReservation", name=name)).reservation

    return await desk.until(look, lambda seen: seen.state == state, f"in state {state}")


@ALL
@pytest.mark.feature("F-OPS-5")
async def test_a_reservation_is_used_by_the_session_that_names_it(running: Product, desk: Desk, version: str) -> None:
    await desk.add_token("04A2B3C4", parent_id_token="FAMILY")
    name = await desk.add_station(f"RES-{version}")
    async with simulator(running, f"RES-{version}", version) as cp:
        await boot(cp)
        made = await reserve(desk, name, group_id_token="FAMILY")
        asked = await cp.asked("ReserveNow")
        number = asked["reservationId" if version == "1.6" else "id"]
        assert made.reservation.name == f"reservations/{number}"
        assert made.reservation.state == reservations_pb2.RESERVATION_STATE_ACTIVE
        assert asked.get("parentIdTag", asked.get("groupIdToken", {})) in (
            "FAMILY",
            {"idToken": "FAMILY", "type": "Central"},
        )
        await start(cp, number)
        await in_state(desk, made.reservation.name, reservations_pb2.RESERVATION_STATE_USED)


@ALL
async def test_a_reservation_is_refused_taken_back_or_runs_out(running: Product, desk: Desk, version: str) -> None:
    name = await desk.add_station(f"END-{version}")
    async with simulator(running, f"END-{version}", version) as cp:
        await boot(cp)
        cp.on("ReserveNow", {"status": "Occupied"}, {"status": "Accepted"})
        refused = await reserve(desk, name)
        assert (refused.result.status, refused.reservation.state) == (
            "Occupied",
            reservations_pb2.RESERVATION_STATE_REFUSED,
        )
        made = await reserve(desk, name)
        cp.on("CancelReservation", {"status": "Rejected"})
        back = await desk.call("reservations.CancelReservation", name=made.reservation.name)
        assert back.reservation.state == reservations_pb2.RESERVATION_STATE_CANCELED
        assert back.reservation.note.startswith("The station did not know")
        short = await reserve(desk, name, seconds=1.5)
        await in_state(desk, short.reservation.name, reservations_pb2.RESERVATION_STATE_EXPIRED)
        if version != "1.6":
            held = await reserve(desk, name)
            number = int(held.reservation.name.rpartition("/")[2])
            told = cp.calls.ReservationStatusUpdate(reservation_id=number, reservation_update_status="Removed")
            await cp.send(told)
            await in_state(desk, held.reservation.name, reservations_pb2.RESERVATION_STATE_REMOVED)


@ALL
@pytest.mark.feature("F-OPS-4")
async def test_tags_are_brought_to_the_station(running: Product, desk: Desk, version: str) -> None:
    await desk.add_token("LIST-A")
    name = await desk.add_station(f"LIST-{version}")
    old = version == "1.6"
    held = {"version": 0}

    def tell_version(_payload: dict[str, Any]) -> dict[str, Any]:
        return {"listVersion" if old else "versionNumber": held["version"]}

    def take(payload: dict[str, Any]) -> dict[str, Any]:
        held["version"] = payload["listVersion" if old else "versionNumber"]
        return {"status": "Accepted"}

    async with simulator(running, f"LIST-{version}", version) as cp:
        await boot(cp)
        cp.on("GetLocalListVersion", tell_version)
        cp.on("SendLocalList", take)
        first = await desk.call("local_lists.SyncLocalList", target=to(name))
        assert (first.state, first.full) == (local_lists_pb2.LOCAL_LIST_SYNC_STATE_UPDATED, True)
        assert (await cp.asked("SendLocalList"))["updateType"] == "Full"
        tag = await desk.add_token(f"LIST-{version}")
        second = await desk.call("local_lists.SyncLocalList", target=to(name))
        assert (second.state, second.full, second.version) == (
            local_lists_pb2.LOCAL_LIST_SYNC_STATE_UPDATED,
            False,
            first.version + 1,
        )
        (entry,) = (await cp.asked("SendLocalList"))["localAuthorizationList"]
        assert (entry["idTag"] if old else entry["idToken"]["idToken"]) == f"LIST-{version}"
        third = await desk.call("local_lists.SyncLocalList", target=to(name))
        assert third.state == local_lists_pb2.LOCAL_LIST_SYNC_STATE_UNCHANGED
        await desk.call("id_tokens.DeleteIdToken", name=tag)


@NEWER
async def test_messages_are_shown_and_asked_for(running: Product, desk: Desk, version: str) -> None:
    name = await desk.add_station(f"SHOW-{version}")
    text = {"format": "UTF8", "content": "Hello", "language": "en"}
    async with simulator(running, f"SHOW-{version}", version) as cp:
        await boot(cp)
        shown = await desk.call(
            "display.SetDisplayMessage", target=to(name), message={"priority": "InFront", "message": text}
        )
        assert (await cp.asked("SetDisplayMessage"))["message"]["message"] == text
        report = await desk.call("display.GetDisplayMessages", target=to(name))
        number = (await cp.asked("GetDisplayMessages"))["requestId"]
        other = {"id": 77, "priority": "NormalCycle", "message": text}
        await cp.send(cp.calls.NotifyDisplayMessages(request_id=number, message_info=[other]))

        async def look() -> Any:
            listed = await desk.call("inventory.ListStationItems", station=name, kind="display_message")
            return [item.key for item in listed.items]

        await desk.until(look, lambda keys: keys == ["77"], f"without {shown.message.id}")
        job = (await desk.call("inventory.GetJob", name=report.job.name)).job
        assert job.state == inventory_pb2.JOB_STATE_SUCCEEDED


@ALL
async def test_a_vendors_message_is_answered_by_its_plug_in_and_kept(
    running: Product, desk: Desk, version: str
) -> None:
    name = await desk.add_station(f"VENDOR-{version}")
    async with simulator(running, f"VENDOR-{version}", version) as cp:
        await boot(cp)

        async def ask(vendor: str, message: str, data: str | None = None) -> dict[str, Any]:
            return await cp.send(cp.calls.DataTransfer(vendor_id=vendor, message_id=message, data=data))

        answer = await ask("com.example.acme", "ParkingPrice", '{"hours": 2}')
        price = '{"price": 5.0, "currency": "EUR"}'  # 2.x has room for more than text
        assert answer == {"status": "Accepted", "data": price if version == "1.6" else json.loads(price)}
        assert await ask("com.example.acme", "Fail") == {"status": "Rejected"}
        assert await ask("com.example.acme", "Else") == {"status": "UnknownMessageId"}
        assert await ask("org.example.other", "ParkingPrice") == {"status": "UnknownVendorId"}
        wanted = {"station": name, "kinds": ["DataTransfer"]}
        events = (await desk.call("inventory.ListStationEvents", filter=wanted)).events
        assert [event.body["status"] for event in events] == [
            "UnknownVendorId",
            "UnknownMessageId",
            "Rejected",
            "Accepted",
        ]


async def test_a_version_that_lacks_it_says_so(running: Product, desk: Desk) -> None:
    name = await desk.add_station("LACKS-1.6")
    async with simulator(running, "LACKS-1.6", "1.6") as cp:
        await boot(cp)
        for method, fields in (
            ("display.ClearDisplayMessage", {"message_id": 1}),
            ("payment.GetTariffs", {}),
            ("battery_swap.RequestBatterySwap", {"id_token": "A"}),
        ):
            with pytest.raises(Denied) as denied:
                await desk.call(method, target=to(name), **fields)
            assert (denied.value.code, denied.value.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NOT_SUPPORTED")


@pytest.mark.feature("F-OCPP-5")
async def test_2_1_swaps_batteries_settles_payments_and_has_tariffs(running: Product, desk: Desk) -> None:
    name = await desk.add_station("PAY-2.1")
    tariff = {"tariff_id": "night", "currency": "EUR", "energy": {"prices": [{"price_kwh": 0.25}]}}
    async with simulator(running, "PAY-2.1", "2.1") as cp:
        await boot(cp)
        await desk.call("payment.SetDefaultTariff", target=to(name), tariff=tariff)
        assert (await cp.asked("SetDefaultTariff"))["tariff"]["energy"] == {"prices": [{"priceKwh": 0.25}]}
        settled = cp.calls.NotifySettlement(
            psp_ref="P-1", status="Settled", settlement_amount=12.5, settlement_time=moment()
        )
        assert await cp.send(settled) == {}
        vat = await cp.send(cp.calls.VatNumberValidation(vat_number="NL1"))
        assert (vat["status"], vat["statusInfo"]["reasonCode"]) == ("Rejected", "NoVatRegister")
        ordered = await desk.call("battery_swap.RequestBatterySwap", target=to(name), id_token="04A2B3C4")
        number = (await cp.asked("RequestBatterySwap"))["requestId"]
        token = {"idToken": "04A2B3C4", "type": "ISO14443"}
        battery = {"evseId": 1, "serialNumber": "SN-1", "soC": 20, "soH": 99}
        for what in ("BatteryIn", "BatteryOut"):
            await cp.say(
                "BatterySwap",
                {"requestId": number, "eventType": what, "idToken": token, "batteryData": [battery]},
            )
        job = (await desk.call("inventory.GetJob", name=ordered.job.name)).job
        assert (job.state, job.status) == (inventory_pb2.JOB_STATE_SUCCEEDED, "BatteryOut")


@pytest.mark.feature("F-RES-1")
@ALL
async def test_a_start_by_the_wrong_tag_is_refused_and_by_the_right_one_uses_the_reservation(
    running: Product, desk: Desk, version: str
) -> None:
    """Also where the station does not keep others away by itself."""
    name = await desk.add_station(f"CP-KEPT-{version}")
    right, wrong = f"04C0DE{ord(version[0]):02X}{ord(version[-1]):02X}", "04FFFFFF"
    for tag in (right, wrong):
        await desk.add_token(tag, allow_concurrent=True)
    async with simulator(running, f"CP-KEPT-{version}", version) as cp:
        await boot(cp)
        cp.on("ReserveNow", {"status": "Accepted"})
        order = {"id_token": right, "evse_id": 1, "expire_time": moment(600)}
        made = (await desk.call("reservations.CreateReservation", target=to(name), **order)).reservation
        assert await present(cp, wrong, "one") != "Accepted"
        assert await present(cp, right, "two", int(made.name.rpartition("/")[2])) == "Accepted"
        wanted = reservations_pb2.RESERVATION_STATE_USED

        async def state() -> int:
            found = await desk.call("reservations.GetReservation", name=made.name)
            return int(found.reservation.state)

        await desk.until(state, lambda seen: seen == wanted)


async def present(cp: Simulator, tag: str, transaction: str, reservation: int | None = None) -> str:
    """What the station is told about the tag."""
    if cp.version == "1.6":
        more = {} if reservation is None else {"reservation_id": reservation}
        told = await cp.send(
            cp.calls.StartTransaction(connector_id=1, id_tag=tag, meter_start=0, timestamp=moment(), **more)
        )
        await cp.send(cp.calls.StopTransaction(meter_stop=0, timestamp=moment(), transaction_id=told["transactionId"]))
        return str(told["idTagInfo"]["status"])
    more = {} if reservation is None else {"reservation_id": reservation}
    told = await cp.send(
        cp.calls.TransactionEvent(
            event_type="Started",
            timestamp=moment(),
            trigger_reason="Authorized",
            seq_no=0,
            transaction_info={"transaction_id": transaction},
            id_token={"id_token": tag, "type": "ISO14443"},
            evse={"id": 1, "connector_id": 1},
            **more,
        )
    )
    return str(told["idTokenInfo"]["status"])
