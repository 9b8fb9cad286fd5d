"""FirmwareImageService over the wire."""

from __future__ import annotations

import hashlib

import grpc
import pytest

from control.v1 import firmware_images_pb2 as pb
from control.v1 import maintenance_pb2
from csms.domain.maintenance import UpdateFirmware
from tests.kit.control_world import ControlWorld, Refused

pytestmark = pytest.mark.feature("F-OPS-2")
Piece = pb.UploadFirmwareImageRequest


async def upload(world: ControlWorld, *data: bytes, **more: object) -> pb.FirmwareImage:
    described = {"vendor": "Acme", "version": "2.0", "models": ["One"], "filename": "../fw.bin", **more}
    world.client.pieces = [Piece(data=each) for each in data]
    request = Piece(firmware_image=pb.FirmwareImage(**described))  # type: ignore[arg-type]
    answer = await world.client.call("firmware_images.UploadFirmwareImage", request)
    made: pb.FirmwareImage = answer.firmware_image
    return made


async def test_an_image_is_taken_in_listed_ordered_and_deleted(world: ControlWorld) -> None:
    call = world.client.call
    digest = hashlib.sha256(b"firmware").hexdigest()
    made = await upload(world, b"firm", b"ware", sha256=digest.upper(), signature="QUJD", signing_certificate=PEM)
    assert (made.size_bytes, made.sha256, made.filename, list(made.models)) == (8, digest, "fw.bin", ["One"])
    listed = await call("firmware_images.ListFirmwareImages", pb.ListFirmwareImagesRequest(vendor="acme", model="one"))
    assert list(listed.firmware_images) == [made]
    got = await call("firmware_images.GetFirmwareImage", pb.GetFirmwareImageRequest(name=made.name))
    assert got.firmware_image == made
    station = await world.add_station("CP-1")
    order = maintenance_pb2.UpdateFirmwareRequest(firmware_image=made.name)
    order.target.station = f"stations/{station}"
    done = await call("maintenance.UpdateFirmware", order)
    (command,) = [each[1] for each in world.directory.sent]
    assert isinstance(command, UpdateFirmware)
    assert (command.signature, command.signing_certificate) == ("QUJD", PEM)
    token = command.location.removeprefix("http://files.test/").removesuffix("/fw.bin")
    assert len(token) == 43
    assert token not in str(done)
    with pytest.raises(Refused) as refused:
        await call("firmware_images.DeleteFirmwareImage", pb.DeleteFirmwareImageRequest(name=made.name))
    assert refused.value.reason == "FIRMWARE_IMAGE_IN_USE"
    await world.transfers.close(world.file_store.transfers[max(world.file_store.transfers)].job_id or 0)
    await call("firmware_images.DeleteFirmwareImage", pb.DeleteFirmwareImageRequest(name=made.name))
    assert world.vault.contents == {}


PEM = "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----"


@pytest.mark.parametrize(
    ("more", "data", "reason"),
    [
        ({"sha256": "0" * 64}, [b"x"], "WRONG_SHA256"),
        ({"sha256": "zz"}, [b"x"], "INVALID_SHA256"),
        ({}, [], "EMPTY_FILE"),
        ({"vendor": " "}, [b"x"], "INCOMPLETE_IMAGE"),
        ({"version": "1" * 51}, [b"x"], "TOO_LONG"),
        ({"signature": "QUJD"}, [b"x"], "INVALID_SIGNATURE"),
        ({"signature": "?", "signing_certificate": PEM}, [b"x"], "INVALID_SIGNATURE"),
        ({"signature": "QUJD", "signing_certificate": "x"}, [b"x"], "INVALID_SIGNATURE"),
    ],
)
async def test_what_is_wrong_is_not_kept(
    world: ControlWorld, more: dict[str, object], data: list[bytes], reason: str
) -> None:
    with pytest.raises(Refused) as refused:
        await upload(world, *data, **more)
    assert refused.value.reason == reason
    assert world.vault.contents == {}


async def test_an_image_is_taken_in_once_and_not_larger_than_allowed(world: ControlWorld) -> None:
    await upload(world, b"x")
    with pytest.raises(Refused) as refused:
        await upload(world, b"y")
    assert refused.value.code is grpc.StatusCode.ALREADY_EXISTS
    await world.file_store.set_limits(type(await world.file_store.limits())(firmware_max_bytes=10))
    with pytest.raises(Refused) as refused:
        await upload(world, b"x" * 6, b"x" * 6, version="3")
    assert refused.value.reason == "FILE_TOO_LARGE"
    assert len(world.vault.contents) == 1


async def test_a_stream_begins_with_what_it_is_and_says_it_once(world: ControlWorld) -> None:
    world.client.pieces = []
    for request, pieces in (
        (Piece(data=b"x"), []),
        (Piece(firmware_image=pb.FirmwareImage(vendor="A", version="1")), [Piece(firmware_image=pb.FirmwareImage())]),
    ):
        world.client.pieces = list(pieces)
        with pytest.raises(Refused) as refused:
            await world.client.call("firmware_images.UploadFirmwareImage", request)
        assert refused.value.reason == "INVALID_PIECES"


async def test_a_station_that_told_nothing_gets_no_update(world: ControlWorld) -> None:
    station = await world.add_station("CP-1")
    await upload(world, b"x")
    found = await world.client.call(
        "firmware_images.CheckFirmware", pb.CheckFirmwareRequest(station=f"stations/{station}")
    )
    assert not found.HasField("firmware_image")
