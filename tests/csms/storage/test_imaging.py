"""Pictures are drawn anew; what is none, or a bomb, is refused by the process that opens it."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image

from csms.domain.errors import InvalidArgument
from csms.storage.imaging import PictureProcess, draw

pytestmark = pytest.mark.feature("F-STA-5", "F-STA-9")


def saved(picture: Image.Image, kind: str, **more: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **more)
    return out.getvalue()


def test_what_the_camera_noted_is_gone_and_the_picture_stands_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90°
    exif[0x010F] = "SECRET CAMERA"
    exif.get_ifd(0x8825)[1] = "N"
    kind, large, small, width, height = draw(saved(Image.new("RGB", (400, 200), "red"), "JPEG", exif=exif))
    assert (kind, width, height) == ("image/jpeg", 200, 400)
    assert b"SECRET" not in large + small
    with Image.open(io.BytesIO(large)) as shown, Image.open(io.BytesIO(small)) as thumbnail:
        assert (dict(shown.getexif()), shown.size, thumbnail.size) == ({}, (200, 400), (160, 320))


def test_large_ones_are_made_smaller_and_see_through_ones_stay_so() -> None:
    kind, large, _, width, height = draw(saved(Image.new("RGBA", (4_000, 1_000), (1, 2, 3, 0)), "PNG"))
    assert (kind, width, height) == ("image/png", 2_000, 500)
    with Image.open(io.BytesIO(large)) as shown:
        assert shown.mode == "RGBA"
    assert draw(saved(Image.new("CMYK", (10, 10)), "JPEG"))[0] == "image/jpeg"
    assert draw(saved(Image.new("P", (10, 10)), "PNG"))[0] == "image/png"


def a_bomb() -> bytes:
    """A PNG of 60000 × 60000 pixels in a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(100_000))) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", id="svg"),
        pytest.param(saved(Image.new("RGB", (9, 9)), "GIF"), id="gif"),
        pytest.param(saved(Image.new("RGB", (900, 900)), "JPEG")[:500], id="cut-off"),
        pytest.param(a_bomb(), id="bomb"),
    ],
)
async def test_what_is_no_picture_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidArgument, match="JPEG or PNG"):
        await PictureProcess().draw(content)


async def test_the_other_process_draws() -> None:
    drawn = await PictureProcess().draw(saved(Image.new("RGB", (640, 480), "blue"), "JPEG"))
    assert (drawn.content_type, drawn.width, drawn.height) == ("image/jpeg", 640, 480)
    with Image.open(io.BytesIO(drawn.thumbnail)) as small:
        assert small.size == (320, 240)
