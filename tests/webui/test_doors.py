"""What is offered beside the menu, and who gets in where. That each opens: tests/browser/chapters/test_doors.py."""

from __future__ import annotations

import pytest

from webui.doors import DOORS, OTHER_WORDS, may_open
from webui.menu import MENU
from webui.values import Role


def test_each_address_is_offered_once() -> None:
    offered = [entry.href for entry in MENU] + [door.href for door in DOORS]
    assert len(offered) == len(set(offered))
    assert set(OTHER_WORDS) <= {entry.href for entry in MENU}


@pytest.mark.feature("F-USR-1")
def test_nobody_is_offered_what_the_portal_does_not_open_for_them() -> None:
    for role in Role:
        if role is Role.UNSPECIFIED:
            continue
        for each in (*MENU, *DOORS):
            assert role not in each.roles or may_open(each.href.partition("#")[0], role), (role, each.href)


@pytest.mark.feature("F-USR-1")
@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("/users/add", Role.SUPPORT),
        ("/users", Role.EV_USER),
        ("/places/add", Role.SUPPORT),
        ("/stations/add", Role.EV_USER),
        ("/import", Role.SUPPORT),
        ("/tags/add", Role.SITE_ADMINISTRATOR),
        ("/operations/new", Role.EV_USER),
        ("/alarms/rules/add", Role.SUPPORT),
    ],
)
def test_a_form_that_would_be_sent_in_vain_is_not_opened(path: str, role: Role) -> None:
    assert not may_open(path, role)
    assert may_open(path, Role.ADMINISTRATOR)


def test_a_driver_who_keeps_a_station_operates_it_but_admits_none() -> None:
    assert may_open("/operations/new", Role.EV_USER, keeper=True)
    assert not may_open("/pending", Role.EV_USER, keeper=True)


def test_a_page_below_counts_and_one_that_begins_alike_does_not() -> None:
    assert not may_open("/users/7", Role.SUPPORT)
    assert may_open("/userspace", Role.SUPPORT)
