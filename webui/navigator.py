"""The tree of places and stations beside every page: what is in it, in which colours, and where its links lead."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec

from webui.api import Client
from webui.menu import MENU
from webui.values import ApiError
from webui.view import State
from webui.words import _

MOST: Final = 300
"""Stations shown at once; with more of them, those of the picked place or of the search."""
OF_ALARMS: Final = ("/alarms/history", "/alarms/events")
"""Pages without a line in the menu that narrow themselves to a place or a station."""
TABS: Final = frozenset(
    {
        "alarms",
        "charging",
        "configuration",
        "diagnostics",
        "installation",
        "messages",
        "outlets",
        "pictures",
        "sessions",
        "settings",
        "sharing",
    }
)
TAB_FOR: Final = {"configuration": "configuration", "inventory": "installation", "places": "settings"}
"""What of a station's page belongs to which page of all stations."""
BUSY: Final = frozenset({"CHARGING", "SUSPENDED_EV", "SUSPENDED_EVSE"})


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A place. `parent` is empty for the installation."""

    name: str
    parent: str
    kind: str
    display_name: str

    @property
    def key(self) -> str:
        """The number of `places/{id}`."""
        return self.name.partition("/")[2]


class Plug(msgspec.Struct, frozen=True):
    """A connector's state."""

    status: str


class Outlet(msgspec.Struct, frozen=True):
    """An EVSE."""

    connectors: tuple[Plug, ...]


class Leaf(msgspec.Struct, frozen=True, kw_only=True):
    """A station."""

    name: str
    identity: str
    display_name: str
    place: str
    connection_state: str
    status: str
    evses: tuple[Outlet, ...]

    @property
    def key(self) -> str:
        """The number of `stations/{id}`."""
        return self.name.partition("/")[2]

    @property
    def label(self) -> str:
        """What people call it."""
        return self.display_name or self.identity

    @property
    def state(self) -> State:
        """Its colour: black free, blue charging, red fault, grey offline."""
        if self.connection_state != "ONLINE":
            return State("offline", _("Offline"))
        found = {plug.status for outlet in self.evses for plug in outlet.connectors}
        if self.status == "FAULTED" or "FAULTED" in found:
            return State("fault", _("Fault"))
        return State("charging", _("Charging")) if found & BUSY else State("free", _("Online"))


class Branch(msgspec.Struct, frozen=True):
    """A place with what is in it. `count`: stations shown below it."""

    node: Node
    branches: tuple[Branch, ...]
    leaves: tuple[Leaf, ...]
    count: int


class Tree(msgspec.Struct, frozen=True):
    """All of it. `total`: stations that match, which may be more than are shown."""

    branches: tuple[Branch, ...]
    leaves: tuple[Leaf, ...]
    total: int
    shown: int


class _Places(msgspec.Struct, frozen=True):
    places: tuple[Node, ...] = ()


class _Stations(msgspec.Struct, frozen=True):
    stations: tuple[Leaf, ...]
    total_size: int


async def places(client: Client) -> tuple[Node, ...]:
    """Every place, each before those below it; none for whoever may not see them."""
    try:
        return (await client.desk.ask("PlaceService/ListPlaces", _Places)).places
    except ApiError:
        return ()


async def trail_to(client: Client, key: str) -> tuple[Node, ...]:
    """A place and those above it, outermost first, without the installation. Empty when there is no such place."""
    if not key:
        return ()
    known = {node.name: node for node in await places(client)}
    found: list[Node] = []
    node = known.get(f"places/{key}")
    while node is not None and node.kind != "SYSTEM" and node not in found:
        found.insert(0, node)
        node = known.get(node.parent)
    return tuple(found)


class _OneStation(msgspec.Struct, frozen=True):
    station: Leaf


async def standing(client: Client, place: str, station: str) -> tuple[tuple[Node, ...], Leaf | None]:
    """The picked place and those above it, outermost first, and the picked station, for which its place counts."""
    leaf = None
    if station:
        try:
            leaf = (await client.desk.ask("StationService/GetStation", _OneStation, name=f"stations/{station}")).station
            place = leaf.place.partition("/")[2]
        except ApiError:
            return (), None
    return await trail_to(client, place), leaf


async def tree(client: Client, query: str = "", place: str = "") -> Tree:
    """What the navigator shows. Raises ApiError."""
    wanted: dict[str, object] = {"query": query, "registration_states": ("ACCEPTED",)}
    nodes, page = await asyncio.gather(places(client), _stations(client, wanted))
    if page.total_size > MOST and not query and place:
        inside = await _stations(client, {**wanted, "place": f"places/{place}"})
        return grown(nodes, inside.stations, page.total_size, pruned=False)
    leaves = page.stations if page.total_size <= MOST or query else ()
    return grown(nodes, leaves, page.total_size, pruned=bool(query), query=query)


async def _stations(client: Client, wanted: dict[str, object]) -> _Stations:
    return await client.desk.ask("StationService/ListStations", _Stations, filter=wanted, page_size=MOST)


def grown(nodes: Iterable[Node], leaves: Iterable[Leaf], total: int, *, pruned: bool, query: str = "") -> Tree:
    """The tree of these. `pruned`: without places that neither match nor hold anything."""
    nodes, leaves = tuple(nodes), tuple(leaves)
    known = {node.name for node in nodes}
    below: dict[str, list[Node]] = defaultdict(list)
    inside: dict[str, list[Leaf]] = defaultdict(list)
    for node in nodes:
        below[node.parent if node.parent in known else ""].append(node)
    for leaf in leaves:
        inside[leaf.place if leaf.place in known else ""].append(leaf)

    def branch(node: Node) -> Branch | None:
        branches = tuple(b for b in map(branch, below[node.name]) if b is not None)
        own = tuple(sorted(inside[node.name], key=_order))
        count = len(own) + sum(b.count for b in branches)
        if pruned and not count and not branches and query.casefold() not in node.display_name.casefold():
            return None
        return Branch(node, branches, own, count)

    tops = [b for b in map(branch, below[""]) if b is not None]
    loose = sorted(inside[""], key=_order)
    branches: list[Branch] = []
    for top in tops:  # the installation itself is no line of its own: everything is in it
        if top.node.kind == "SYSTEM":
            branches += top.branches
            loose += top.leaves
        else:
            branches.append(top)
    return Tree(tuple(branches), tuple(loose), total, len(leaves))


def _order(leaf: Leaf) -> tuple[int, str]:
    return (len(leaf.label), leaf.label.casefold())


def link(current: str, place: str) -> str:
    """Where picking a place leads from an address: the same page narrowed to it, the place's own page from among those
    of places, or the list of stations there."""
    parts = urlsplit(current)
    if parts.path == "/places" or parts.path.startswith("/places/"):
        return f"/places/{place}" if place else "/places"
    narrowed = any(entry.takes_place and parts.path == entry.href for entry in MENU) or parts.path in OF_ALARMS
    path, query = (parts.path, parts.query) if narrowed else ("/stations", "")
    return _narrowed(path, query, "place", place)


def station_link(current: str, key: str) -> str:
    """Where picking a station leads from an address: the same list narrowed to it, or its page, from another station's
    tab the same one."""
    parts = urlsplit(current)
    if _takes_station(parts.path):
        return _narrowed(parts.path, parts.query, "station", key)
    within = (parts.path or "/").split("/")
    if len(within) == 4 and within[1] == "stations" and within[3] in TABS:
        return f"/stations/{key}/{within[3]}"
    tab = TAB_FOR.get(within[1], "")
    return f"/stations/{key}/{tab}" if tab else f"/stations/{key}"


def picked_station(current: str) -> str:
    """The number of the station that a list is narrowed to by its address; empty for none, or several."""
    parts = urlsplit(current)
    if not _takes_station(parts.path):
        return ""
    found = [value for name, value in parse_qsl(parts.query) if name == "station"]
    number = found[0].rpartition("/")[2] if len(found) == 1 else ""
    return number if number.isascii() and number.isdecimal() and len(number) < 19 else ""


def _takes_station(path: str) -> bool:
    return any(entry.takes_station and path == entry.href for entry in MENU) or path in OF_ALARMS


def _narrowed(path: str, query: str, name: str, value: str) -> str:
    dropped = {"place", "station", "after", "page_token"}  # a page further on in another list would be nowhere
    kept = [pair for pair in parse_qsl(query) if pair[0] not in dropped]
    values = urlencode([*kept, *([(name, value)] if value else [])])
    return f"{path}?{values}" if values else path
