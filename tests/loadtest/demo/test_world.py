"""The world of the demonstration: repeatable, and nothing in it twice."""

from __future__ import annotations

from collections import Counter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.demo.world import BLOCKED, CARS, SITES, bay, direct_current_w, make_world


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 200))
def test_there_are_as_many_stations_as_asked_for_and_none_twice(seed: int, count: int) -> None:
    world = make_world(seed, count)
    assert len(world.stations) == len({station.identity for station in world.stations}) == count
    for site, plan in ((SITES[plan.site], plan) for plan in world.stations):
        assert plan.model is site.floors[plan.floor].model
        assert 0 < plan.x < 1
        assert 0 < plan.y < 1


def test_the_same_seed_makes_the_same_world_and_another_one_another() -> None:
    assert make_world(7, 30) == make_world(7, 30)
    assert make_world(7, 30) != make_world(8, 30)


def test_few_stations_stand_at_all_sites() -> None:
    assert {plan.site for plan in make_world(1, 3).stations} == {0, 1, 2}


def test_the_usual_world_has_people_of_all_roles_and_tags_that_are_unique() -> None:
    world = make_world(1, 60)
    assert Counter(person.role for person in world.people) == {
        "ROLE_EV_USER": 33,
        "ROLE_SITE_ADMINISTRATOR": 3,
        "ROLE_ADMINISTRATOR": 2,
        "ROLE_SUPPORT": 2,
    }
    assert len({person.email for person in world.people}) == 40
    assert len({tag.id_token for tag in world.tags}) == len(world.tags) > 100
    assert {tag.id_token for tag in world.tags if tag.blocked} == set(BLOCKED)
    assert all(person.email.isascii() for person in world.people)


def test_every_site_is_somewhere() -> None:
    for site in SITES:
        assert ZoneInfo(site.time_zone)
        assert 50 > abs(site.latitude - 40) > 0
        assert site.language in ("sv", "nl", "de")


@pytest.mark.parametrize("count", [1, 2, 5, 12])
def test_no_two_bays_are_at_one_place(count: int) -> None:
    assert len({bay(number, count) for number in range(count)}) == count


def test_cars_know_what_they_draw_of_direct_current() -> None:
    world = make_world(1, 10)
    assert {direct_current_w(tag.car) for tag in world.tags} <= {car[3] for car in CARS}
