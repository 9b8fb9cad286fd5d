"""The tree of places and stations, its colours and its links."""

from __future__ import annotations

import pytest

from webui.navigator import Leaf, Node, Outlet, Plug, grown, link, picked_station, station_link


def a_node(number: int, parent: int, name: str, kind: str = "SITE") -> Node:
    return Node(name=f"places/{number}", parent=f"places/{parent}" if parent else "", kind=kind, display_name=name)


def a_leaf(number: int, place: int, *statuses: str, online: bool = True, name: str = "") -> Leaf:
    return Leaf(
        name=f"stations/{number}",
        identity=f"CP-{number}",
        display_name=name,
        place=f"places/{place}" if place else "",
        connection_state="ONLINE" if online else "OFFLINE",
        status="AVAILABLE",
        evses=(Outlet(tuple(Plug(status) for status in statuses)),),
    )


NODES = (a_node(1, 0, "All", "SYSTEM"), a_node(2, 1, "North"), a_node(3, 2, "Level 1", "FLOOR"), a_node(4, 1, "South"))


@pytest.mark.parametrize(
    ("leaf", "key"),
    [
        (a_leaf(1, 2, "AVAILABLE", "UNAVAILABLE"), "free"),
        (a_leaf(1, 2, "AVAILABLE", "CHARGING"), "charging"),
        (a_leaf(1, 2, "SUSPENDED_EV"), "charging"),
        (a_leaf(1, 2, "CHARGING", "FAULTED"), "fault"),
        (a_leaf(1, 2, "CHARGING", online=False), "offline"),
        (a_leaf(1, 2), "free"),
    ],
)
@pytest.mark.feature("F-STA-2")
def test_black_is_online_blue_charges_red_is_broken_and_grey_is_away(leaf: Leaf, key: str) -> None:
    assert leaf.state.key == key


def test_the_installation_is_no_line_and_everything_is_counted_where_it_stands() -> None:
    tree = grown(NODES, [a_leaf(10, 3), a_leaf(9, 3), a_leaf(5, 2), a_leaf(6, 1), a_leaf(7, 0)], 5, pruned=False)
    assert [b.node.display_name for b in tree.branches] == ["North", "South"]
    north = tree.branches[0]
    assert (north.count, [leaf.key for leaf in north.leaves]) == (3, ["5"])
    assert [leaf.key for leaf in north.branches[0].leaves] == ["9", "10"]
    assert [leaf.key for leaf in tree.leaves] == ["7", "6"]


def test_a_search_leaves_out_what_neither_matches_nor_holds_anything() -> None:
    tree = grown(NODES, [a_leaf(5, 3)], 1, pruned=True, query="cp")
    assert [b.node.display_name for b in tree.branches] == ["North"]
    assert [b.node.display_name for b in grown(NODES, [], 0, pruned=True, query="SOU").branches] == ["South"]


def test_a_place_whose_parent_the_reader_may_not_see_stands_at_the_top() -> None:
    tree = grown((a_node(3, 2, "Level 1", "FLOOR"),), [a_leaf(5, 3)], 1, pruned=False)
    assert [b.node.display_name for b in tree.branches] == ["Level 1"]


def test_picking_keeps_the_page_and_its_filters_but_not_how_far_it_was_turned() -> None:
    assert link("/connectors?q=bay&after=25&place=1", "2") == "/connectors?q=bay&place=2"
    assert link("/connectors?q=bay&place=2", "") == "/connectors?q=bay"


def test_a_page_that_knows_no_places_leads_to_the_stations_there() -> None:
    assert link("/settings?x=1", "2") == "/stations?place=2"


def test_a_place_is_picked_in_the_tables_of_alarms_too_and_among_places_it_is_opened() -> None:
    assert link("/alarms/history?kind=FUSE&station=5&after=x", "2") == "/alarms/history?kind=FUSE&place=2"
    assert link("/places/7", "2") == "/places/2"
    assert link("/places/7", "") == "/places"


@pytest.mark.parametrize(
    ("current", "leads"),
    [
        ("/sessions?state=ACTIVE&place=2&after=x", "/sessions?state=ACTIVE&station=5"),
        ("/alarms/events", "/alarms/events?station=5"),
        ("/charts?station=1&station=2", "/charts?station=5"),
        ("/stations/1/messages?q=x", "/stations/5/messages"),
        ("/stations/1/unheard-of", "/stations/5"),
        ("/places/3", "/stations/5/settings"),
        ("/configuration", "/stations/5/configuration"),
        ("/dashboard?place=2", "/stations/5"),
        ("", "/stations/5"),
    ],
)
@pytest.mark.feature("F-STA-2")
def test_a_station_narrows_the_lists_that_can_be_and_is_opened_from_elsewhere(current: str, leads: str) -> None:
    assert station_link(current, "5") == leads


@pytest.mark.parametrize(
    ("current", "key"),
    [
        ("/sessions?station=5", "5"),
        ("/sessions?station=stations/5", "5"),
        ("/charts?station=5&station=6", ""),
        ("/sessions?station=x", ""),
        ("/dashboard?station=5", ""),
    ],
)
def test_only_a_list_that_one_station_narrows_has_a_picked_one(current: str, key: str) -> None:
    assert picked_station(current) == key
