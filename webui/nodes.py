"""The tree of places, for fields in which one is picked."""

from __future__ import annotations

from dataclasses import dataclass

from webui.api import Client
from webui.values import ApiError
from webui.values_statistics import Node, NodesAnswer


@dataclass(frozen=True, slots=True)
class Choice:
    """A place to pick: its id (`17` of `places/17`), its name, and how deep it stands."""

    key: str
    label: str
    depth: int

    @property
    def indented(self) -> str:
        """For an option of a select."""
        return "\u2003" * max(0, self.depth - 1) + self.label


async def choices(client: Client) -> list[Choice]:
    """The places that the caller sees, without the system itself; none for those who see none. Raises ApiError."""
    try:
        found = await client.desk.ask("PlaceService/ListPlaces", NodesAnswer)
    except ApiError as error:
        if error.code == "PERMISSION_DENIED":
            return []
        raise
    return arranged(found.places)


def arranged(places: tuple[Node, ...]) -> list[Choice]:
    """The tree from the top, each place before those below it, as it is told."""
    depths: dict[str, int] = {}
    made = []
    for place in places:
        depths[place.name] = depths.get(place.parent, -1) + 1
        if place.kind != "SYSTEM":
            made.append(Choice(place.name.removeprefix("places/"), place.display_name, max(1, depths[place.name])))
    return made
