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
    """Where picking a place leads from an address: the same page narrowed to it, or the list of stations there."""
    parts = urlsplit(current)
    path = parts.path or "/stations"
    if not any(entry.takes_place and path == entry.href for entry in MENU):
        path, query = "/stations", ""
    else:
        query = parts.query
    dropped = {"place", "after", "page_token"}  # a page further on in another list would be nowhere
    kept = [(name, value) for name, value in parse_qsl(query) if name not in dropped]
    values = urlencode([*kept, *([("place", place)] if place else [])])
    return f"{path}?{values}" if values else path
