"""Places as the portal shows them: the tree, what stands where, and plans of floors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

import msgspec

from webui.values import ConnectorStatus
from webui.view import State
from webui.words import _

IN_USE = frozenset(
    {
        ConnectorStatus.PREPARING,
        ConnectorStatus.CHARGING,
        ConnectorStatus.SUSPENDED_EV,
        ConnectorStatus.SUSPENDED_EVSE,
        ConnectorStatus.FINISHING,
        ConnectorStatus.RESERVED,
    }
)


class PlaceKind(StrEnum):
    """What a place is."""

    UNSPECIFIED = "UNSPECIFIED"
    SYSTEM = "SYSTEM"
    SITE = "SITE"
    FLOOR = "FLOOR"
    GRID_CONTROLLER = "GRID_CONTROLLER"


class Position(msgspec.Struct, frozen=True, gc=False):
    """Degrees north and east."""

    latitude: float
    longitude: float


class Place(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A member of the tree."""

    name: str = ""
    parent: str = ""
    kind: PlaceKind = PlaceKind.UNSPECIFIED
    display_name: str = ""
    description: str = ""
    static_id: str = ""
    address: str = ""
    position: Position | None = None
    time_zone: str = ""
    etag: str = ""

    @property
    def key(self) -> str:
        """The id of ``places/{id}``."""
        return self.name.partition("/")[2]

    @property
    def takes_stations(self) -> bool:
        """Can stations stand in it?"""
        return self.kind in (PlaceKind.SYSTEM, PlaceKind.SITE, PlaceKind.FLOOR)


class PlaceList(msgspec.Struct, frozen=True):
    """Places, each before those below it."""

    places: tuple[Place, ...]


class PlaceAnswer(msgspec.Struct, frozen=True):
    """One place."""

    place: Place


class SpotConnector(msgspec.Struct, frozen=True, gc=False):
    """What a connector does."""

    status: ConnectorStatus


class SpotEvse(msgspec.Struct, frozen=True):
    """Its connectors."""

    connectors: tuple[SpotConnector, ...]


class Spot(msgspec.Struct, frozen=True):
    """As much of a station as a tree or a plan shows."""

    name: str
    identity: str
    display_name: str
    place: str
    connection_state: str
    status: ConnectorStatus
    evses: tuple[SpotEvse, ...]

    @property
    def key(self) -> str:
        """The id of ``stations/{id}``."""
        return self.name.partition("/")[2]

    @property
    def label(self) -> str:
        """What people call it."""
        return self.display_name or self.identity

    @property
    def state(self) -> State:
        """Green free, blue in use, red fault, grey offline (or out of service)."""
        if self.connection_state != "ONLINE":
            return State("offline", _("Offline"))
        connectors = [connector.status for evse in self.evses for connector in evse.connectors]
        if ConnectorStatus.FAULTED in (self.status, *connectors):
            return State("fault", _("Fault"))
        if IN_USE.intersection(connectors):
            return State("charging", _("In use"))
        if self.status is ConnectorStatus.UNAVAILABLE:
            return State("unavailable", _("Out of service"))
        return State("free", _("Free"))


class SpotPage(msgspec.Struct, frozen=True):
    """A page of stations."""

    stations: tuple[Spot, ...]
    next_page_token: str
    total_size: int


class Plan(msgspec.Struct, frozen=True):
    """The picture of a floor."""

    etag: str
    width_px: int
    height_px: int
    create_time: datetime | None


class SpotPosition(msgspec.Struct, frozen=True, gc=False):
    """Where a station stands on a plan: parts of width and height, 0 to 1."""

    station: str
    x: float
    y: float


class FloorPlan(msgspec.Struct, frozen=True):
    """A plan, if there is one, and who stands where on it."""

    plan: Plan | None
    positions: tuple[SpotPosition, ...]


class PictureContent(msgspec.Struct, frozen=True):
    """A picture's bytes."""

    content: bytes
    content_type: str


class Branch(msgspec.Struct, frozen=True):
    """A place of the tree with what stands in it and below it. `counts`: state → how many stations."""

    place: Place
    children: tuple[Branch, ...]
    total: int
    counts: dict[str, int]


def tree(places: Iterable[Place], stations: Iterable[Spot]) -> tuple[Branch, ...]:
    """The roots of what somebody sees: the system for most, their sites for others."""
    known = {place.name: place for place in places}
    below: dict[str, list[Place]] = {}
    for place in known.values():
        below.setdefault(place.parent if place.parent in known else "", []).append(place)
    here: dict[str, Counter[str]] = {}
    for station in stations:
        here.setdefault(station.place, Counter())[station.state.key] += 1

    def grow(place: Place) -> Branch:
        children = tuple(grow(child) for child in below.get(place.name, ()))
        counts = sum((Counter(child.counts) for child in children), here.get(place.name, Counter()))
        return Branch(place, children, counts.total(), dict(counts))

    return tuple(grow(place) for place in below.get("", ()))


def way_to(places: Iterable[Place], place: Place) -> tuple[Place, ...]:
    """The places above, the topmost first, as far as they are seen."""
    known = {each.name: each for each in places}
    way: list[Place] = []
    above = known.get(place.parent)
    while above is not None:
        way.append(above)
        above = known.get(above.parent)
    return tuple(reversed(way))


def state_word(key: str) -> str:
    """What a state of the tree is called."""
    return {
        "free": _("free"),
        "charging": _("in use"),
        "fault": _("fault"),
        "offline": _("offline"),
        "unavailable": _("out of service"),
    }[key]


def kind_word(kind: PlaceKind) -> str:
    """What a kind of place is called."""
    return {
        PlaceKind.SYSTEM: _("System"),
        PlaceKind.SITE: _("Site"),
        PlaceKind.FLOOR: _("Floor"),
        PlaceKind.GRID_CONTROLLER: _("Grid controller"),
    }.get(kind, "")
