"""Places: the tree in which stations stand, and its rules.

    system                the installation; there is one
    └── site              an address; has a time zone (OCPI calls it a location)
        ├── floor         a storey or a row, with a plan to put stations on
        └── grid controller   a meter or controller that reports the site's load

A station stands in the system (nobody has put it anywhere yet), at a site, or on a floor of one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from csms.domain.errors import FailedPrecondition, InvalidArgument, NotFound

SYSTEM_ID: Final = 1
"""The root is there from the beginning and stays."""
MAX_NAME: Final = 200
MAX_TEXT: Final = 4_000


class PlaceKind(StrEnum):
    """What a place is."""

    SYSTEM = "SYSTEM"
    SITE = "SITE"
    FLOOR = "FLOOR"
    GRID_CONTROLLER = "GRID_CONTROLLER"


STANDS_UNDER: Final[Mapping[PlaceKind, PlaceKind]] = MappingProxyType(
    {
        PlaceKind.SITE: PlaceKind.SYSTEM,
        PlaceKind.FLOOR: PlaceKind.SITE,
        PlaceKind.GRID_CONTROLLER: PlaceKind.SITE,
    }
)
_HOLD_STATIONS: Final = frozenset({PlaceKind.SYSTEM, PlaceKind.SITE, PlaceKind.FLOOR})


class Place(msgspec.Struct, frozen=True):
    """A member of the tree. Degrees are WGS 84; both or none. `time_zone` is an IANA name; empty: as in the place
    above."""

    id: int
    parent_id: int | None
    kind: PlaceKind
    name: str
    description: str = ""
    static_id: str = ""
    """The operator's own number for it; unique where it is given."""
    address: str = ""
    latitude: float | None = None
    longitude: float | None = None
    time_zone: str = ""
    version: int = 1
    created_at: datetime | None = None
    updated_at: datetime | None = None


class Tree:
    """All places, for questions about who stands where. Made anew when one changes: there are hundreds, not
    millions."""

    __slots__ = ("_children", "_places")

    def __init__(self, places: Iterable[Place]) -> None:
        self._places = {place.id: place for place in places}
        self._children: dict[int, list[Place]] = {}
        for place in self._places.values():
            if place.parent_id is not None:
                self._children.setdefault(place.parent_id, []).append(place)
        for children in self._children.values():
            children.sort(key=lambda place: (place.name.casefold(), place.id))

    def __len__(self) -> int:
        return len(self._places)

    def get(self, place_id: int) -> Place:
        """Raises NotFound/PLACE_NOT_FOUND."""
        found = self._places.get(place_id)
        if found is None:
            raise NotFound(f"There is no place {place_id} (any more).", reason="PLACE_NOT_FOUND")
        return found

    def children(self, place_id: int) -> tuple[Place, ...]:
        """Right below it, by name."""
        return tuple(self._children.get(place_id, ()))

    def upwards(self, place_id: int) -> tuple[Place, ...]:
        """The place itself, the one above it, and so on to the system. Raises NotFound."""
        way = [self.get(place_id)]
        while (parent := way[-1].parent_id) is not None:
            way.append(self.get(parent))
        return tuple(way)

    def within(self, place_ids: Iterable[int]) -> frozenset[int]:
        """These places and all below them; those that do not exist are left out."""
        found: set[int] = set()
        waiting = [number for number in place_ids if number in self._places]
        while waiting:
            number = waiting.pop()
            if number not in found:
                found.add(number)
                waiting.extend(child.id for child in self._children.get(number, ()))
        return frozenset(found)

    def site_of(self, place_id: int) -> Place | None:
        """The site that a place is or belongs to; None for the system. Raises NotFound."""
        return next((place for place in self.upwards(place_id) if place.kind is PlaceKind.SITE), None)

    def time_zone_of(self, place_id: int, default: str = "UTC") -> str:
        """The IANA name that counts there. Raises NotFound."""
        return next((place.time_zone for place in self.upwards(place_id) if place.time_zone), default)

    def in_order(self) -> tuple[Place, ...]:
        """All of them, each before those below it, siblings by name."""
        ordered: list[Place] = []
        waiting = [place for place in self._places.values() if place.parent_id is None]
        while waiting:
            place = waiting.pop()
            ordered.append(place)
            waiting.extend(reversed(self._children.get(place.id, ())))
        return tuple(ordered)


def check_place(place: Place, tree: Tree) -> None:
    """The rules for one that is made or changed. Raises InvalidArgument, and NotFound for its parent."""
    if not 0 < len(place.name.strip()) <= MAX_NAME or not place.name.isprintable():
        raise InvalidArgument(f"A place has a name of 1 to {MAX_NAME} characters.", reason="INVALID_NAME")
    if max(len(place.description), len(place.address), len(place.static_id)) > MAX_TEXT:
        raise InvalidArgument(f"Texts of a place have at most {MAX_TEXT} characters.", reason="TEXT_TOO_LONG")
    if (place.latitude is None) != (place.longitude is None):
        raise InvalidArgument("Give both degrees, latitude and longitude, or none.", reason="INVALID_POSITION")
    if place.latitude is not None and place.longitude is not None:
        fits = -90.0 <= place.latitude <= 90.0 and -180.0 <= place.longitude <= 180.0
        if not fits:
            raise InvalidArgument("Latitude is -90 to 90 degrees, longitude -180 to 180.", reason="INVALID_POSITION")
    if place.kind is PlaceKind.SYSTEM:
        if place.id != SYSTEM_ID:
            raise InvalidArgument("There is one system, and it is there already.", reason="INVALID_KIND")
        return
    parent = tree.get(place.parent_id or SYSTEM_ID)
    if parent.kind is not STANDS_UNDER[place.kind]:
        raise InvalidArgument(
            f"A {_word(place.kind)} stands in a {_word(STANDS_UNDER[place.kind])}, not in a {_word(parent.kind)}.",
            reason="INVALID_PARENT",
        )


def check_removal(place: Place, tree: Tree, stations: int) -> None:
    """`stations`: how many stand right in it. Raises FailedPrecondition/PLACE_NOT_EMPTY."""
    if place.kind is PlaceKind.SYSTEM:
        raise FailedPrecondition("The system itself cannot be removed.", reason="SYSTEM_STAYS")
    children = len(tree.children(place.id))
    if children or stations:
        held = " and ".join(
            f"{count} {word if count == 1 else word + 's'}"
            for count, word in ((children, "place"), (stations, "station"))
            if count
        )
        raise FailedPrecondition(
            f"{place.name} still holds {held}. Move or remove them first.", reason="PLACE_NOT_EMPTY"
        )


def check_holds_stations(place: Place) -> None:
    """Raises InvalidArgument for a place in which no station can stand."""
    if place.kind not in _HOLD_STATIONS:
        raise InvalidArgument(f"No station stands in a {_word(place.kind)}.", reason="INVALID_PARENT")


def _word(kind: PlaceKind) -> str:
    return kind.value.lower().replace("_", " ")
