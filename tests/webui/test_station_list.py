"""The address of the list of stations."""

from __future__ import annotations

from starlette.datastructures import QueryParams

from webui.station_list import ORDERS, StationList
from webui.values_stations import Place, Places


def parse(query: str) -> StationList:
    return StationList.parse(QueryParams(query))


def test_nonsense_counts_as_not_given():
    wanted = parse("state=flying&registration=maybe&place=x&size=7&sort=colour&since=never&protocol=ocpp9&whose=theirs")
    assert wanted == StationList()
    assert not wanted.filtered


def test_what_is_asked_for_comes_back_as_the_same_address():
    query = "q=a&state=fault&registration=any&place=3&vendor=Acme&since=2026-01-01&sort=-model&size=25"
    assert parse(parse(query).url().partition("?")[2]) == parse(query)


def test_a_heading_turns_the_order_and_begins_at_the_first_page():
    wanted = parse("sort=model&after=token")
    assert (wanted.sorted_by("model"), wanted.direction("model")) == ("/stations?sort=-model", "ascending")
    assert parse("sort=-model").sorted_by("model") == "/stations?sort=model"
    assert parse("").sorted_by("identity") == "/stations?sort=-identity"
    assert parse("").direction("identity") == "ascending"
    assert {parse(f"sort=-{key}").direction(key) for key in ORDERS} == {"descending"}


def test_only_accepted_stations_are_listed_unless_others_are_wished():
    assert parse("").filter["registration_states"] == ("ACCEPTED",)
    assert parse("registration=pending").filter["registration_states"] == ("PENDING",)
    assert parse("registration=any").filter["registration_states"] == ()


def test_a_place_is_told_with_what_it_stands_in():
    places = Places(
        (
            Place("places/1", "", "SYSTEM", "All of it"),
            Place("places/2", "places/1", "SITE", "Harbour"),
            Place("places/3", "places/2", "FLOOR", "Level 1"),
        )
    )
    assert places.labels["places/3"] == "Harbour › Level 1"
    assert places.options == [("1", "All of it"), ("2", "Harbour"), ("3", "Harbour › Level 1")]
