"""The tree of places: what stands where, and in which state."""

from __future__ import annotations

from webui.values import ConnectorStatus as C
from webui.values_places import Place, PlaceKind, Spot, SpotConnector, SpotEvse, tree, way_to

PLACES = (
    Place(name="places/1", kind=PlaceKind.SYSTEM, display_name="System"),
    Place(name="places/2", parent="places/1", kind=PlaceKind.SITE, display_name="North"),
    Place(name="places/3", parent="places/2", kind=PlaceKind.FLOOR, display_name="Level 1"),
)


def spot(place: str, *connectors: C, online: bool = True, status: C = C.AVAILABLE) -> Spot:
    evses = tuple(SpotEvse((SpotConnector(each),)) for each in connectors)
    return Spot("stations/7", "CP-7", "", place, "ONLINE" if online else "OFFLINE", status, evses)


def test_a_floor_counts_for_its_site_and_the_system() -> None:
    (system,) = tree(PLACES, [spot("places/3", C.CHARGING), spot("places/2", C.AVAILABLE), spot("places/9")])
    (site,) = system.children
    assert (system.total, site.total, site.children[0].total) == (2, 2, 1)
    assert site.counts == {"charging": 1, "free": 1}


def test_who_sees_only_a_site_has_it_as_the_root() -> None:
    assert [branch.place.display_name for branch in tree(PLACES[1:], [])] == ["North"]
    assert [place.display_name for place in way_to(PLACES[1:], PLACES[2])] == ["North"]


def test_green_free_blue_in_use_red_fault_grey_offline() -> None:
    shown = [
        spot("", C.AVAILABLE, C.AVAILABLE),
        spot("", C.AVAILABLE, C.SUSPENDED_EV),
        spot("", C.CHARGING, C.FAULTED),
        spot("", C.CHARGING, online=False),
        spot("", status=C.UNAVAILABLE),
    ]
    assert [each.state.key for each in shown] == ["free", "charging", "fault", "offline", "unavailable"]
