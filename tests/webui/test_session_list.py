"""The address of the sessions table: what it means to the control plane, and back."""

from __future__ import annotations

import pytest
from starlette.datastructures import QueryParams

from webui.session_columns import BY_KEY, OF_DRIVERS, USUAL
from webui.session_list import FILTERS, SessionList
from webui.values import Role


def parse(query: str) -> SessionList:
    return SessionList.parse(QueryParams(query), "", Role.ADMINISTRATOR)


def test_nonsense_counts_as_not_given():
    wanted = parse(
        "state=FLYING&since=yesterday&energy_min=much&order=taste&size=7&evse=&reason=Boredom&minutes_max=1e99"
    )
    assert (wanted.fields, wanted.order, wanted.size, wanted.filtered) == ({}, "START_TIME", 50, False)


def test_numbers_are_told_in_the_units_of_the_control_plane():
    fields = parse("energy_min=1,5&energy_max=2&power_min=11&minutes_max=90&evse=2").fields
    assert fields["energy_wh"] == {"from": 1500.0, "to": 2000.0}
    assert fields["max_power_w"] == {"from": 11000.0}
    assert fields["duration_s"] == {"to": 5400.0}
    assert fields["evse_id"] == 2


@pytest.mark.parametrize("place", ["7", "places/7"])
def test_a_place_is_taken_with_and_without_its_collection(place: str):
    assert parse(f"place={place}").fields == {"place": "places/7"}


def test_the_last_day_is_included():
    fields = parse("since=2026-05-11&until=2026-05-11").fields
    assert (fields["start_time_to"] - fields["start_time_from"]).days == 1  # type: ignore[operator]


def test_every_filter_reaches_the_control_plane():
    some = {"choice": "", "number": "3", "day": "2026-05-11", "text": "x"}
    for name, each in FILTERS.items():
        value = next(iter(each.choices), "") or some[each.kind]
        assert parse(f"{name}={value}").fields, name


def test_sorting_by_the_same_column_again_turns_it_round():
    energy = next(c for c in parse("columns=energy").columns)
    assert "order=energy" in parse("").sort_url(energy)
    assert "up=1" in parse("order=energy").sort_url(energy)
    assert "up=1" not in parse("order=energy&up=1").sort_url(energy)
    assert parse("order=energy&up=1").sorted_as(energy) == "ascending"


def test_columns_come_from_the_address_then_from_what_was_chosen_then_from_the_role():
    keys = [c.key for c in parse("columns=energy.nonsense.session.energy").columns]
    assert keys == ["energy", "session"]
    assert [c.key for c in SessionList.parse(QueryParams(""), "start", Role.ADMINISTRATOR).columns] == ["start"]
    assert tuple(c.key for c in parse("").columns) == USUAL
    driver = SessionList.parse(QueryParams(""), "", Role.EV_USER)
    assert tuple(c.key for c in driver.columns) == OF_DRIVERS


def test_any_change_begins_at_the_first_page_and_keeps_the_rest():
    wanted = parse("state=ENDED&order=energy&size=25&after=abc")
    assert wanted.url(state="ACTIVE") == "/sessions?state=ACTIVE&order=energy&size=25"
    assert "after=abc" in wanted.here
    assert parse("state=ENDED").digest != parse("state=ACTIVE").digest


@pytest.mark.feature("F-SES-2")
def test_each_column_of_the_manual_can_be_filtered():
    """Starttid, varaktighet, sluttid, nodidentitet, anläggning, energi, laddstation, autentisering, sessionsidentitet,
    uttags-id, serverloggdatum, e-post, energimätarvärde."""
    keys = "start duration stop identity site energy station authentication_number session outlet log_time user"
    wanted = parse("")
    for key in (*keys.split(), "meter_start", "meter_stop"):
        assert wanted.filter_of(BY_KEY[key]) is not None, key


def test_what_a_meter_showed_is_told_in_watt_hours():
    fields = parse("meter_start_min=1&meter_stop_max=2,5").fields
    assert (fields["meter_start_wh"], fields["meter_stop_wh"]) == ({"from": 1000.0}, {"to": 2500.0})
