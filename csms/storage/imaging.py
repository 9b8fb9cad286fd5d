"""Pictures are drawn anew by another process, with little memory, little time and nothing to lose.

What people upload is read by decoders that had their share of holes, and may be a bomb (a small file, a picture of
gigapixels). So the process that holds the house's secrets does not open it: `python -m csms.storage.imaging` does,
under limits of the kernel. It reads the file from standard input and writes a line of JSON and two files.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from typing import Final

import trio

from csms.domain.errors import InvalidArgument, Unavailable
from csms.ports.pictures import Drawn

__all__ = ["PictureProcess"]

MAX_PIXELS: Final = 40_000_000
MAX_EDGE: Final = 2_000
THUMBNAIL_EDGE: Final = 320
SECONDS: Final = 20.0
_MEMORY: Final = 1_000_000_000
_AT_ONCE: Final = 2
_FORMATS: Final = ("JPEG", "PNG")


class PictureProcess:
    """csms.ports.pictures.Draughtsman by a process for each picture."""

    def __init__(self) -> None:
        self._turns = trio.CapacityLimiter(_AT_ONCE)

    async def draw(self, content: bytes) -> Drawn:
        """See the port."""
        command = [sys.executable, "-I", "-m", "csms.storage.imaging"]
        async with self._turns:
            with trio.move_on_after(SECONDS) as slow:
                try:
                    done = await trio.run_process(
                        command,
                        stdin=content,
                        capture_stdout=True,
                        stderr=subprocess.DEVNULL,
                        check=False,
                        env={"PATH": os.defpath, "LANG": "C.UTF-8"},
                    )
                except OSError as error:
                    raise Unavailable(f"Pictures cannot be read now: {error.strerror}.") from error
        if slow.cancelled_caught or done.returncode:
            raise _no_picture()
        return _read(done.stdout)


def _no_picture() -> InvalidArgument:
    return InvalidArgument(
        f"This is no JPEG or PNG that can be read, or it has more than {MAX_PIXELS // 1_000_000} megapixels. Save it"
        " anew, or smaller.",
        reason="INVALID_PICTURE",
    )


def _read(out: bytes) -> Drawn:
    """Raises InvalidArgument, as the other process may have been brought to say anything."""
    head, _, rest = out.partition(b"\n")
    try:
        told = json.loads(head)
        size, kind = int(told["size"]), str(told["kind"])
        width, height = int(told["width"]), int(told["height"])
    except (ValueError, KeyError, TypeError) as error:
        raise _no_picture() from error
    fits = 0 < size < len(rest) and 0 < width <= MAX_EDGE and 0 < height <= MAX_EDGE
    if not fits or kind not in ("image/jpeg", "image/png"):
        raise _no_picture()
    return Drawn(kind, rest[:size], rest[size:], width, height)


# -- the other process -------------------------------------------------------------------------------------------------


def draw(content: bytes) -> tuple[str, bytes, bytes, int, int]:
    """Media type, large, small, width, height. Raises what Pillow raises, ValueError."""
    from PIL import Image, ImageOps  # only the other process needs it

    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    with Image.open(io.BytesIO(content), formats=_FORMATS) as opened:
        if opened.width * opened.height > MAX_PIXELS or min(opened.size) < 1:
            raise ValueError("too many pixels")
        if opened.format == "JPEG":
            opened.draft("RGB", (MAX_EDGE, MAX_EDGE))  # large ones are read smaller at once
        upright = ImageOps.exif_transpose(opened)
        clear = upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info
        plain = upright.convert("RGBA" if clear else "RGB")
    large = plain.copy()
    large.thumbnail((MAX_EDGE, MAX_EDGE))
    small = plain
    small.thumbnail((THUMBNAIL_EDGE, THUMBNAIL_EDGE))
    drawing = clear or opened.format == "PNG"
    kind = "PNG" if drawing else "JPEG"
    files = []
    for picture in (large, small):
        bare = Image.new(picture.mode, picture.size)  # nothing comes along but pixels
        bare.paste(picture)
        out = io.BytesIO()
        if drawing:
            bare.save(out, "PNG", optimize=True)
        else:
            bare.save(out, "JPEG", quality=85, optimize=True, progressive=True)
        files.append(out.getvalue())
    return f"image/{kind.lower()}", files[0], files[1], large.width, large.height


def main() -> int:
    """From standard input to standard output; 1 when it cannot be read."""
    import resource  # not there on every system; this one needs POSIX anyway

    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (int(SECONDS), int(SECONDS)))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        kind, large, small, width, height = draw(sys.stdin.buffer.read())
    except Exception:  # noqa: BLE001  whatever a decoder trips over, it is no picture
        return 1
    head = json.dumps({"kind": kind, "size": len(large), "width": width, "height": height})
    sys.stdout.buffer.write(head.encode() + b"\n" + large + small)
    return 0


if __name__ == "__main__":
    sys.exit(main())
