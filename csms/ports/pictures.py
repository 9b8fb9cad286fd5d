"""Where pictures of stations, plans of floors and positions on them are kept, and who draws pictures anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from csms.domain.access import Scope
from csms.domain.transfers import StoredFile


class Picture(msgspec.Struct, frozen=True):
    """The large file, the small one, and the large one's size in pixels. `slot`: 1 or 2 of a station's, 0 of a plan."""

    file: StoredFile
    thumbnail: StoredFile
    width: int
    height: int
    slot: int = 0


class Position(msgspec.Struct, frozen=True):
    """On a plan: from the left (0 to 1), from above (0 to 1)."""

    station_id: int
    x: float
    y: float


class PictureStore(Protocol):
    """Rows. What is replaced or deleted is given back, so that its bytes can be removed. All methods raise Unavailable
    while the database is away."""

    async def put_picture(self, station_id: int, picture: Picture) -> tuple[Picture, Picture | None]:
        """In the place of the one that was there, which is given too. Raises NotFound when the station is gone."""

    async def pictures(self, station_id: int) -> Sequence[Picture]:
        """At most two, by slot."""

    async def delete_picture(self, station_id: int, slot: int) -> Picture | None:
        """The one that was."""

    async def put_plan(self, place_id: int, picture: Picture) -> tuple[Picture, Picture | None]:
        """In the place of the one that was there, which is given too. Raises NotFound when the place is gone."""

    async def find_plan(self, place_id: int) -> Picture | None:
        """Of that very place."""

    async def delete_plan(self, place_id: int) -> Picture | None:
        """The one that was."""

    async def positions(self, place_id: int, scope: Scope | None) -> Sequence[Position]:
        """Of the stations that stand right in the place now, in the scope."""

    async def set_position(self, position: Position) -> None:
        """On the plan of the place that it stands in now. Raises NotFound when there is no such station."""

    async def remove_position(self, station_id: int) -> None:
        """It may have none."""


class Drawn(msgspec.Struct, frozen=True):
    """A picture drawn anew: two files of the same media type, and the size of the large one in pixels."""

    content_type: str
    content: bytes
    thumbnail: bytes
    width: int
    height: int


class Draughtsman(Protocol):
    """Makes of what somebody sent a picture that is harmless."""

    async def draw(self, content: bytes) -> Drawn:
        """Raises InvalidArgument/INVALID_PICTURE for what is no picture, or is one of absurd size."""
