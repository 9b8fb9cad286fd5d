"""What each role sees in the menu."""

from __future__ import annotations

from webui.menu import MENU, groups_of, menu_of
from webui.values import Role


def test_drivers_are_not_shown_what_they_may_not_use():
    assert "/pending" not in [entry.href for entry in menu_of(Role.EV_USER)]
    assert "/sessions" in [entry.href for entry in menu_of(Role.EV_USER)]
    assert {entry.href for entry in MENU} - {entry.href for entry in menu_of(Role.ADMINISTRATOR)} == {"/drive"}


def test_a_driver_who_keeps_stations_gets_what_is_done_with_them():
    keeper = {entry.href for entry in menu_of(Role.EV_USER, keeper=True)}
    assert keeper - {entry.href for entry in menu_of(Role.EV_USER)} == {"/operations", "/inventory"}
    assert menu_of(Role.ADMINISTRATOR, keeper=True) == menu_of(Role.ADMINISTRATOR)
    assert menu_of(Role.UNSPECIFIED, keeper=True) == ()


def test_a_telephone_shows_the_four_that_are_looked_at_on_the_way():
    for role in (Role.ADMINISTRATOR, Role.SITE_ADMINISTRATOR, Role.SUPPORT):
        assert [entry.href for entry in menu_of(role) if entry.on_bar(role)] == [
            "/dashboard",
            "/stations",
            "/sessions",
            "/alarms",
        ]
    driver = [entry.href for entry in menu_of(Role.EV_USER) if entry.on_bar(Role.EV_USER)]
    assert driver == ["/drive", "/stations", "/reservations", "/sessions"]


def test_no_address_belongs_to_two_entries():
    for path in ("/", "/stations", "/stations/1", "/configuration/templates/1", "/sessions/7", "/tags/add", "/pending"):
        assert [entry.is_present(path) for entry in MENU].count(True) == 1, path


def test_somebody_of_a_role_that_is_not_known_sees_nothing():
    assert menu_of(Role.UNSPECIFIED) == ()


def test_groups_that_a_role_sees_nothing_of_have_no_heading():
    for role in Role:
        groups = groups_of(role)
        assert all(entries for _heading, entries in groups)
        assert [entry for _heading, entries in groups for entry in entries] == list(menu_of(role))
    assert [heading for heading, _entries in groups_of(Role.ADMINISTRATOR)][:2] == ["", "Operate"]
