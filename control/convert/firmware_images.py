"""Firmware images."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from control.convert.common import timestamp
from control.convert.names import print_name
from control.v1 import firmware_images_pb2
from csms.domain.firmware_image import FirmwareImage
from csms.domain.transfers import FileKind, StoredFile

_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


def image(found: FirmwareImage) -> firmware_images_pb2.FirmwareImage:
    """To a message."""
    return firmware_images_pb2.FirmwareImage(
        name=print_name("firmwareImages", found.id),
        vendor=found.vendor,
        models=found.models,
        version=found.version,
        min_version=found.min_version,
        notes=found.notes,
        signature=found.signature,
        signing_certificate=found.signing_certificate,
        filename=found.file.filename,
        size_bytes=found.file.size_bytes,
        sha256=found.file.sha256,
        create_time=timestamp(found.file.created_at),
    )


def read_image(message: firmware_images_pb2.FirmwareImage) -> FirmwareImage:
    """A new one; of its file only the name and the kind are known yet."""
    file = StoredFile(0, FileKind.FIRMWARE, "", message.filename, _TYPE, 0, "", None, None, None, "", _NEVER)
    return FirmwareImage(
        0,
        file,
        message.vendor,
        tuple(message.models),
        message.version,
        message.min_version,
        message.notes,
        message.signature,
        message.signing_certificate,
    )


_TYPE: Final = "application/octet-stream"
