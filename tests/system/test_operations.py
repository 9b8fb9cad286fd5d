"""Operations on the real product: killed in the middle, it goes on, and restarts no station twice."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import grpc
import httpx
import pytest
import trio
from google.protobuf.json_format import ParseDict

from control.v1 import firmware_images_pb2, firmware_images_pb2_grpc
from tests.kit.desk import Desk
from tests.kit.desk import desk as open_desk
from tests.kit.product import Product, product
from tests.kit.simulators import Simulator, simulator

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

STATIONS = 12
FIRMWARE = bytes(range(256)) * 400


class Fleet:
    """Simple 1.6 stations that count their resets, and connect again when they are cut off."""

    def __init__(self, running: Product, count: int) -> None:
        self.running = running
        self.names = [f"OP-{number}" for number in range(count)]
        self.resets: dict[str, int] = dict.fromkeys(self.names, 0)
        self.silent: set[str] = set()
        self.firmware = dict.fromkeys(self.names, "1.0")
        self.installs = False
        self.fetched: dict[str, bytes] = {}

    def _reset(self, name: str) -> Any:
        def answer(_: dict[str, Any]) -> dict[str, Any] | None:
            self.resets[name] += 1
            return None if name in self.silent else {"status": "Accepted"}

        return answer

    async def keep(self, name: str) -> None:
        """For ever."""
        while True:
            with suppress(Exception):  # the server is being killed: any way of failing is fine
                async with simulator(self.running, name, "1.6") as cp:
                    await self._talk(cp, name)
            await trio.sleep(0.3)

    async def _talk(self, cp: Simulator, name: str) -> None:
        cp.on("Reset", self._reset(name))
        cp.on("UpdateFirmware", {})
        await self._boot(cp, name)
        while not cp.closed.is_set():
            with trio.move_on_after(0.2):
                await cp.closed.wait()
            orders = [payload for action, payload in cp.received if action == "UpdateFirmware"]
            if self.installs and orders:
                cp.received.clear()
                await cp.send(cp.calls.FirmwareStatusNotification(status="Downloading"))
                async with httpx.AsyncClient() as client:
                    self.fetched[name] = (await client.get(orders[-1]["location"])).content
                self.firmware[name] = "2.0"
                await self._boot(cp, name)

    async def _boot(self, cp: Simulator, name: str) -> None:
        await cp.send(
            cp.calls.BootNotification(
                charge_point_vendor="Acme", charge_point_model="One", firmware_version=self.firmware[name]
            )
        )


async def all_online(desk: Desk) -> None:
    async def online() -> int:
        return int((await desk.call("stations.SummarizeStations")).online)

    await desk.until(online, lambda count: count == STATIONS, "not all stations are online")


async def until_ended(desk: Desk, name: str) -> Any:
    async def look() -> Any:
        return (await desk.call("operations.GetOperation", name=name)).operation

    return await desk.until(look, lambda operation: operation.HasField("end_time"), "it does not end")


@pytest.mark.feature("F-OPS-2", "F-OPS-6")
async def test_a_killed_operation_goes_on_and_resets_nobody_twice() -> None:
    with product(unknown_stations="accept") as running:
        fleet = Fleet(running, STATIONS)
        fleet.silent = {fleet.names[1], fleet.names[4]}
        async with trio.open_nursery() as nursery:
            for name in fleet.names:
                nursery.start_soon(fleet.keep, name)
            with open_desk(running) as desk:
                await all_online(desk)
                draft: dict[str, Any] = {
                    "title": "Night",
                    "order": {"reset": {"type": "RESET_TYPE_IMMEDIATE"}},
                    "filter": {},
                }
                draft |= {"concurrency": 2, "offline_wait": "120s"}
                told = await desk.call("operations.CreateOperation", operation=draft, dry_run=True)
                assert told.target_count == STATIONS
                assert len(told.targets) == STATIONS
                made = await desk.call("operations.CreateOperation", operation=draft)
                name = made.operation.name
                with trio.fail_after(60):  # two that are silent fill both places
                    while not (fleet.resets[fleet.names[1]] and fleet.resets[fleet.names[4]]):
                        await trio.sleep(0.1)

                def violence() -> None:
                    running.kill()
                    running.start()

            await trio.to_thread.run_sync(violence)
            with open_desk(running) as desk:
                operation = await until_ended(desk, name)
                listed = await desk.call("operations.ListOperationSteps", operation=name)
                assert set(fleet.resets.values()) == {1}, fleet.resets
                states = {step.station_identity: step.state for step in listed.steps}
                assert states.pop(fleet.names[1]) == 6, "it may have happened"
                assert states.pop(fleet.names[4]) == 6
                assert set(states.values()) == {3}
                assert operation.state == 8
                assert (operation.counts.succeeded, operation.counts.unknown) == (STATIONS - 2, 2)
                image = await trio.to_thread.run_sync(upload_image, running)
                await _update_all(desk, fleet, image)
            nursery.cancel_scope.cancel()


def upload_image(running: Product) -> str:
    described = {"vendor": "Acme", "version": "2.0", "filename": "fw.bin"}
    kind = firmware_images_pb2.UploadFirmwareImageRequest
    pieces = [ParseDict({"firmware_image": described}, kind()), kind(data=FIRMWARE)]
    with grpc.insecure_channel(f"127.0.0.1:{running.control_port}") as channel:
        stub = firmware_images_pb2_grpc.FirmwareImageServiceStub(channel)
        metadata = (("authorization", f"Bearer {running.key}"),)
        return str(stub.UploadFirmwareImage(iter(pieces), timeout=60, metadata=metadata).firmware_image.name)


async def _update_all(desk: Desk, fleet: Fleet, image: str) -> None:
    """Then all fetch new firmware in waves, each by an address of its own; those who boot with it have succeeded,
    whatever else they tell."""
    fleet.silent, fleet.installs = set(), True
    await all_online(desk)
    checked = await desk.call("operations.CheckForUpdates", filter={"models": ["One"]})
    assert {each.image_version for each in checked.updates} == {"2.0"}, checked
    order = {"update_firmware": {"image": image}}
    made = await desk.call(
        "operations.CreateRollout", operation={"order": order, "filter": {"models": ["One"]}, "offline_wait": "60s"}
    )
    news = await desk.collect("operations.WatchOperation", name=made.operation.name, timeout=90.0)
    last = news[-1].operation
    assert (last.state, last.counts.succeeded, last.current_wave) == (7, STATIONS, 3), last
    assert fleet.fetched == dict.fromkeys(fleet.names, FIRMWARE)
    waves = [step.wave for step in (await desk.call("operations.ListOperationSteps", operation=last.name)).steps]
    assert [waves.count(wave) for wave in (1, 2, 3)] == [1, 2, STATIONS - 3]
    assert {step.number for each in news for step in each.steps} == set(range(1, STATIONS + 1))
    audit = await desk.call("audit.ListAuditEntries", filter={"resource": last.name})
    assert {entry.outcome for entry in audit.audit_entries} == {"OK", "SUCCEEDED"}
