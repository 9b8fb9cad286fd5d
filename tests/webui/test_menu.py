"""What each role sees in the menu."""

from __future__ import annotations

from webui.menu import MENU, menu_of
from webui.values import Role


def test_drivers_are_not_shown_what_they_may_not_use():
    assert "/pending" not in [entry.href for entry in menu_of(Role.EV_USER)]
    assert "/sessions" in [entry.href for entry in menu_of(Role.EV_USER)]
    assert {entry.href for entry in MENU} - {entry.href for entry in menu_of(Role.ADMINISTRATOR)} == {"/drive"}


def test_no_address_belongs_to_two_entries():
    for path in ("/", "/stations/1", "/sessions/7", "/tags/add", "/pending"):
        assert [entry.is_present(path) for entry in MENU].count(True) == 1, path


def test_somebody_of_a_role_that_is_not_known_sees_nothing():
    assert menu_of(Role.UNSPECIFIED) == ()
