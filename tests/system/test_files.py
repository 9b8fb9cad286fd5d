"""Stations leave logs on the real product and fetch firmware from it, with clients that share nothing with it."""

from __future__ import annotations

import base64
import ftplib
import hashlib
import io
import re
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import grpc
import httpx
import pytest
import trio
from google.protobuf.json_format import ParseDict
from PIL import Image

from control.v1 import firmware_images_pb2, firmware_images_pb2_grpc
from tests.kit.desk import Denied, Desk
from tests.kit.desk import desk as open_desk
from tests.kit.product import Product, product
from tests.kit.simulators import Simulator, simulator

pytestmark = [pytest.mark.system, pytest.mark.feature("F-FILE-1", "F-OPS-3", "F-OPS-2", "F-STA-5", "F-STA-9")]
LOG = b"2026-11-21 all is well\n" * 20_000
FIRMWARE = bytes(range(256)) * 8_000


async def boot(cp: Simulator) -> None:
    if cp.version == "1.6":
        await cp.send(cp.calls.BootNotification("One", "Acme", firmware_version="1.0"))
    else:
        station = {"model": "Two", "vendorName": "Acme", "firmwareVersion": "1.0"}
        await cp.send(cp.calls.BootNotification(charging_station=station, reason="PowerUp"))


async def order(desk: Desk, cp: Simulator, action: str, method: str, **fields: Any) -> tuple[Any, dict[str, Any]]:
    """What the operator is told, and what the station is."""
    got: list[Any] = []

    async def ask() -> None:
        got.append(await desk.call(method, **fields))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        payload = await cp.asked(action)
    return got[0], payload


async def content_of(desk: Desk, name: str) -> bytes:
    return b"".join(piece.data for piece in await desk.collect("files.ExportFile", name=name))


async def a_log_of_1_6(made: Product, desk: Desk) -> None:
    station = await desk.add_station("CP-16")
    async with simulator(made, "CP-16", "1.6") as cp, httpx.AsyncClient() as client:
        await boot(cp)
        cp.on("GetDiagnostics", {"fileName": "diag.zip"})
        done, told = await order(desk, cp, "GetDiagnostics", "maintenance.GetLog", target={"station": station})
        assert (await client.put(told["location"] + "diag.zip", content=LOG)).status_code == 201
        await cp.send(cp.calls.DiagnosticsStatusNotification("Uploaded"))
        listed = await desk.call("files.ListFiles", job=done.job.name)
        (file,) = listed.files
        assert (file.filename, file.station, file.sha256) == ("diag.zip", station, hashlib.sha256(LOG).hexdigest())
        assert await content_of(desk, file.name) == LOG
        secret = urlsplit(told["location"]).path.strip("/")
        entries = await desk.messages(station)
        assert entries
        assert all(secret not in entry.content for entry in entries)
        assert secret not in str(done)
        await desk.call("files.DeleteFile", name=file.name)
        with pytest.raises(Denied, match="no file"):
            await desk.call("files.GetFile", name=file.name)


async def a_log_of_2_by_ftp(made: Product, desk: Desk) -> None:
    station = await desk.add_station("CP-20")
    async with simulator(made, "CP-20", "2.0.1") as cp:
        await boot(cp)
        cp.on("GetLog", {"status": "Accepted", "filename": "security.log"})
        done, told = await order(
            desk,
            cp,
            "GetLog",
            "maintenance.GetLog",
            target={"station": station},
            log_type="LOG_TYPE_SECURITY",
            protocol="FILE_PROTOCOL_FTP",
        )
        address = urlsplit(told["log"]["remoteLocation"])

        def send() -> str:
            with ftplib.FTP(timeout=60) as ftp:
                ftp.connect(address.hostname or "", address.port or 0)
                ftp.login(address.username or "", address.password or "")
                ftp.cwd(address.path)
                return ftp.storbinary("STOR security.log", io.BytesIO(LOG))

        assert (await trio.to_thread.run_sync(send)).startswith("226")
        await cp.send(cp.calls.LogStatusNotification("Uploaded", request_id=told["requestId"]))
        (file,) = (await desk.call("files.ListFiles", station=station)).files
        assert (file.filename, file.job) == ("security.log", done.job.name)
        assert await content_of(desk, file.name) == LOG


async def firmware(made: Product, desk: Desk) -> None:
    image = await trio.to_thread.run_sync(upload_image, made)
    with pytest.raises(grpc.RpcError) as again:
        await trio.to_thread.run_sync(upload_image, made)
    assert again.value.code() is grpc.StatusCode.ALREADY_EXISTS
    station = "stations/1"
    async with simulator(made, "CP-16", "1.6") as cp, httpx.AsyncClient() as client:
        await boot(cp)
        newest = await desk.call("firmware_images.CheckFirmware", station=station)
        assert (newest.firmware_image.version, newest.current_version) == ("1.1", "1.0")
        cp.on("UpdateFirmware", {})
        _, told = await order(
            desk, cp, "UpdateFirmware", "maintenance.UpdateFirmware", target={"station": station}, firmware_image=image
        )
        first = await client.get(told["location"], headers={"Range": "bytes=0-999"})
        rest = await client.get(told["location"], headers={"Range": "bytes=1000-"})
        assert first.content + rest.content == FIRMWARE
        with pytest.raises(Denied) as denied:
            await desk.call("firmware_images.DeleteFirmwareImage", name=image)
        assert denied.value.reason == "FIRMWARE_IMAGE_IN_USE"
        for status in ("Downloading", "Downloaded", "Installing", "Installed"):
            await cp.send(cp.calls.FirmwareStatusNotification(status))
        await desk.call("firmware_images.DeleteFirmwareImage", name=image)
        assert (await client.get(told["location"])).status_code == 404


def upload_image(made: Product) -> str:
    described = {
        "vendor": "acme",
        "version": "1.1",
        "filename": "fw.bin",
        "sha256": hashlib.sha256(FIRMWARE).hexdigest(),
    }
    kind = firmware_images_pb2.UploadFirmwareImageRequest
    pieces = [ParseDict({"firmware_image": described}, kind())]
    pieces += [kind(data=FIRMWARE[begin : begin + 500_000]) for begin in range(0, len(FIRMWARE), 500_000)]
    with grpc.insecure_channel(f"127.0.0.1:{made.control_port}") as channel:
        stub = firmware_images_pb2_grpc.FirmwareImageServiceStub(channel)
        metadata = (("authorization", f"Bearer {made.key}"),)
        return str(stub.UploadFirmwareImage(iter(pieces), timeout=60, metadata=metadata).firmware_image.name)


async def pictures(desk: Desk) -> None:
    out = io.BytesIO()
    Image.new("RGB", (3_000, 1_500), "green").save(out, "JPEG", comment=b"secret place")
    content = base64.b64encode(out.getvalue()).decode()
    made = await desk.call("pictures.UploadPicture", station="stations/1", slot=1, content=content)
    assert (made.picture.width_px, made.picture.height_px) == (2_000, 1_000)
    small = await desk.call("pictures.GetPictureContent", name=made.picture.name, thumbnail=True)
    with Image.open(io.BytesIO(small.content)) as shown:
        assert (shown.format, shown.size) == ("JPEG", (320, 160))
    large = await desk.call("pictures.GetPictureContent", name=made.picture.name)
    assert b"secret" not in large.content
    with pytest.raises(Denied) as denied:
        await desk.call("pictures.UploadPicture", station="stations/1", slot=2, content="bm9uZQ==")
    assert denied.value.reason == "INVALID_PICTURE"
    site = (await desk.call("places.CreatePlace", place={"kind": "PLACE_KIND_SITE", "display_name": "Harbour"})).place
    await desk.call("places.MoveStations", place=site.name, stations=["stations/1"])
    await desk.call("pictures.UploadFloorPlan", place=site.name, content=content)
    await desk.call("pictures.SetStationPosition", position={"station": "stations/1", "x": 0.5, "y": 0.25})
    plan = await desk.call("pictures.GetFloorPlan", place=site.name)
    assert plan.plan.name == f"{site.name}/plan"
    assert [(each.station, each.x, each.y) for each in plan.positions] == [("stations/1", 0.5, 0.25)]


async def stories(made: Product) -> None:
    with open_desk(made) as desk:
        server = await desk.call("files.GetFileServer")
        assert [re.sub(r":\d+/", "", each) for each in server.addresses] == ["http://127.0.0.1", "ftp://127.0.0.1"]
        assert f"Files      {server.addresses[0]}" in made.log.read_text()
        await a_log_of_1_6(made, desk)
        await a_log_of_2_by_ftp(made, desk)
        await firmware(made, desk)
        await pictures(desk)


def test_logs_firmware_and_pictures_come_and_go() -> None:
    with product(files_ftp_listen="127.0.0.1:0", files_ftp_security="optional") as made:
        trio.run(partial(stories, made))
