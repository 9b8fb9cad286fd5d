"""Places: what may stand where, and who stands where."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.domain.errors import FailedPrecondition, InvalidArgument, NotFound
from csms.domain.topology import (
    SYSTEM_ID,
    Place,
    PlaceKind,
    Tree,
    check_holds_stations,
    check_place,
    check_removal,
)

pytestmark = pytest.mark.feature("F-STA-1")

SYSTEM = Place(SYSTEM_ID, None, PlaceKind.SYSTEM, "All")
SITE = Place(2, SYSTEM_ID, PlaceKind.SITE, "Harbour", time_zone="Europe/Stockholm")
FLOOR = Place(3, 2, PlaceKind.FLOOR, "Level 1")
METER = Place(4, 2, PlaceKind.GRID_CONTROLLER, "Main meter")
OTHER = Place(5, SYSTEM_ID, PlaceKind.SITE, "airport")
TREE = Tree([FLOOR, OTHER, SITE, METER, SYSTEM])


def test_the_tree_is_read_from_the_top_siblings_by_name() -> None:
    assert [place.id for place in TREE.in_order()] == [1, 5, 2, 3, 4]
    assert [place.id for place in TREE.children(2)] == [3, 4]
    assert [place.id for place in TREE.upwards(3)] == [3, 2, 1]
    assert len(TREE) == 5


def test_within_is_the_place_and_all_below() -> None:
    assert TREE.within([1]) == {1, 2, 3, 4, 5}
    assert TREE.within([2]) == {2, 3, 4}
    assert TREE.within([3, 5, 99]) == {3, 5}


def test_a_time_zone_counts_downwards() -> None:
    assert TREE.time_zone_of(3) == "Europe/Stockholm"
    assert TREE.time_zone_of(5) == "UTC"
    assert TREE.site_of(4) == SITE
    assert TREE.site_of(1) is None


def test_a_place_that_is_gone_is_not_found() -> None:
    with pytest.raises(NotFound, match="no place 99"):
        TREE.get(99)


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (Place(0, 1, PlaceKind.FLOOR, "Level"), "INVALID_PARENT"),
        (Place(0, 3, PlaceKind.SITE, "Site"), "INVALID_PARENT"),
        (Place(0, 3, PlaceKind.GRID_CONTROLLER, "Meter"), "INVALID_PARENT"),
        (Place(0, None, PlaceKind.SYSTEM, "Second"), "INVALID_KIND"),
        (Place(0, 1, PlaceKind.SITE, ""), "INVALID_NAME"),
        (Place(0, 1, PlaceKind.SITE, "x" * 201), "INVALID_NAME"),
        (Place(0, 1, PlaceKind.SITE, "a\nb"), "INVALID_NAME"),
        (Place(0, 1, PlaceKind.SITE, "Site", "x" * 4001), "TEXT_TOO_LONG"),
        (Place(0, 1, PlaceKind.SITE, "Site", latitude=1.0), "INVALID_POSITION"),
        (Place(0, 1, PlaceKind.SITE, "Site", latitude=91.0, longitude=0.0), "INVALID_POSITION"),
        (Place(0, 1, PlaceKind.SITE, "Site", latitude=float("nan"), longitude=0.0), "INVALID_POSITION"),
    ],
)
def test_what_makes_no_sense_is_refused(place: Place, reason: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        check_place(place, TREE)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "place", [SYSTEM, SITE, FLOOR, METER, msgspec.structs.replace(FLOOR, latitude=1.0, longitude=2.0)]
)
def test_what_stands_right_is_let_be(place: Place) -> None:
    check_place(place, TREE)


def test_a_place_that_holds_something_stays() -> None:
    for place, stations, words in (
        (SITE, 0, "2 places"),
        (FLOOR, 1, "1 station"),
        (SITE, 3, "2 places and 3 stations"),
    ):
        with pytest.raises(FailedPrecondition, match=words):
            check_removal(place, TREE, stations)
    with pytest.raises(FailedPrecondition, match="system itself"):
        check_removal(SYSTEM, Tree([SYSTEM]), 0)
    check_removal(FLOOR, TREE, 0)


def test_no_station_stands_in_a_meter() -> None:
    with pytest.raises(InvalidArgument, match="grid controller"):
        check_holds_stations(METER)
    for place in (SYSTEM, SITE, FLOOR):
        check_holds_stations(place)


@given(st.lists(st.integers(0, 8), max_size=8))
def test_within_agrees_with_looking_upwards(parents: list[int]) -> None:
    places = [SYSTEM]
    for index, above in enumerate(parents):
        places.append(Place(index + 2, min(above, index) + 1, PlaceKind.SITE, f"P{index}"))
    tree = Tree(places)
    for place in places:
        inside = {other.id for other in places if place in tree.upwards(other.id)}
        assert tree.within([place.id]) == inside
