"""Pictures, plans and positions."""

from __future__ import annotations

from control.convert.common import timestamp
from control.convert.names import print_name, read_name
from control.v1 import pictures_pb2
from csms.domain.errors import InvalidArgument
from csms.ports.pictures import Picture, Position


def picture(found: Picture) -> pictures_pb2.Picture:
    """To a message."""
    file = found.file
    if file.place_id is not None:
        name = f"{print_name('places', file.place_id)}/plan"
    else:
        name = f"{print_name('stations', file.station_id or 0)}/pictures/{found.slot}"
    return pictures_pb2.Picture(
        name=name,
        etag=file.sha256[:16],
        width_px=found.width,
        height_px=found.height,
        content_type=file.content_type,
        size_bytes=file.size_bytes,
        create_time=timestamp(file.created_at),
    )


def read_picture_name(name: str) -> tuple[str, int, int]:
    """`stations/3/pictures/1` → ("stations", 3, 1); `places/5/plan` → ("places", 5, 0). Raises InvalidArgument."""
    parts = name.split("/")
    if len(parts) == 4 and parts[0] == "stations" and parts[2] == "pictures" and parts[3] in ("1", "2"):
        return "stations", read_name("/".join(parts[:2]), "stations"), int(parts[3])
    if len(parts) == 3 and parts[0] == "places" and parts[2] == "plan":
        return "places", read_name("/".join(parts[:2]), "places"), 0
    raise InvalidArgument(
        f"{name[:100]!r} is no picture; pictures are called stations/17/pictures/1 or places/5/plan.",
        reason="INVALID_NAME",
    )


def position(found: Position) -> pictures_pb2.StationPosition:
    """To a message."""
    return pictures_pb2.StationPosition(station=print_name("stations", found.station_id), x=found.x, y=found.y)


def read_position(message: pictures_pb2.StationPosition) -> Position:
    """From a message. Raises InvalidArgument."""
    return Position(read_name(message.station, "stations"), message.x, message.y)
