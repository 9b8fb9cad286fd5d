"""Firmware images as messages."""

from __future__ import annotations

from control.convert import firmware_images as convert
from control.v1 import firmware_images_pb2 as pb


def test_what_people_say_survives_and_what_the_server_says_does_not() -> None:
    told = pb.FirmwareImage(vendor="A", models=["x"], version="1", min_version="0", notes="n", filename="f")
    made = convert.image(convert.read_image(pb.FirmwareImage(name="firmwareImages/9", size_bytes=9, **_fields(told))))
    assert _fields(made) == _fields(told)
    assert (made.name, made.size_bytes) == ("firmwareImages/0", 0)


def _fields(message: pb.FirmwareImage) -> dict[str, object]:
    names = ("vendor", "models", "version", "min_version", "notes", "filename")
    return {name: getattr(message, name) for name in names}
