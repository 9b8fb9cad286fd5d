"""FirmwareImageService."""

from __future__ import annotations

from collections.abc import AsyncIterator

from control.convert import firmware_images as convert
from control.convert.names import read_name
from control.guard import Call
from control.v1 import firmware_images_pb2
from csms.domain.errors import InvalidArgument
from csms.services.firmware_images import FirmwareImages


class FirmwareImageServicer:
    """A method is: convert, call one use case, convert."""

    service = firmware_images_pb2.DESCRIPTOR.services_by_name["FirmwareImageService"]

    def __init__(self, images: FirmwareImages) -> None:
        self._images = images

    async def upload_firmware_image(
        self,
        call: Call,
        first: firmware_images_pb2.UploadFirmwareImageRequest,
        rest: AsyncIterator[firmware_images_pb2.UploadFirmwareImageRequest],
    ) -> firmware_images_pb2.UploadFirmwareImageResponse:
        """UploadFirmwareImage."""
        if not first.HasField("firmware_image") or first.data:
            raise InvalidArgument("The first piece says what the image is, and has no data.", reason="INVALID_PIECES")
        made = await self._images.upload(
            call.caller, convert.read_image(first.firmware_image), _data(rest), sha256=first.firmware_image.sha256
        )
        return firmware_images_pb2.UploadFirmwareImageResponse(firmware_image=convert.image(made))

    async def list_firmware_images(
        self, call: Call, request: firmware_images_pb2.ListFirmwareImagesRequest
    ) -> firmware_images_pb2.ListFirmwareImagesResponse:
        """ListFirmwareImages."""
        found = await self._images.list(call.caller, request.vendor, request.model)
        return firmware_images_pb2.ListFirmwareImagesResponse(firmware_images=[convert.image(each) for each in found])

    async def get_firmware_image(
        self, call: Call, request: firmware_images_pb2.GetFirmwareImageRequest
    ) -> firmware_images_pb2.GetFirmwareImageResponse:
        """GetFirmwareImage."""
        found = await self._images.get(call.caller, read_name(request.name, "firmwareImages"))
        return firmware_images_pb2.GetFirmwareImageResponse(firmware_image=convert.image(found))

    async def delete_firmware_image(
        self, call: Call, request: firmware_images_pb2.DeleteFirmwareImageRequest
    ) -> firmware_images_pb2.DeleteFirmwareImageResponse:
        """DeleteFirmwareImage."""
        await self._images.delete(call.caller, read_name(request.name, "firmwareImages"))
        return firmware_images_pb2.DeleteFirmwareImageResponse()

    async def check_firmware(
        self, call: Call, request: firmware_images_pb2.CheckFirmwareRequest
    ) -> firmware_images_pb2.CheckFirmwareResponse:
        """CheckFirmware."""
        found, current = await self._images.check_for(call.caller, read_name(request.station, "stations"))
        return firmware_images_pb2.CheckFirmwareResponse(
            firmware_image=None if found is None else convert.image(found), current_version=current
        )


async def _data(pieces: AsyncIterator[firmware_images_pb2.UploadFirmwareImageRequest]) -> AsyncIterator[bytes]:
    async for piece in pieces:
        if piece.HasField("firmware_image"):
            raise InvalidArgument("Only the first piece says what the image is.", reason="INVALID_PIECES")
        yield piece.data
