"""The four roles' menus and refusals, on the real product."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.kit.house import House

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(600)]


@pytest.mark.parametrize(
    ("who", "seen", "hidden"),
    [
        ("admin", ["Stations", "Pending", "Tags"], []),
        ("site", ["Stations", "Pending"], ["Tags"]),
        ("support", ["Stations", "Tags"], ["Pending"]),
        ("driver", ["Stations", "Sessions"], ["Pending"]),
    ],
)
def test_the_menu_shows_each_role_what_it_is_for(
    house: House, chromium: Browser, who: str, seen: list[str], hidden: list[str]
) -> None:
    visit = house.page(chromium, who)
    visit.page.goto("/account")
    menu = visit.page.get_by_role("navigation", name="Main")
    for label in seen:
        expect(menu.get_by_role("link", name=label)).to_have_count(1)
    for label in hidden:
        expect(menu.get_by_role("link", name=label)).to_have_count(0)
    visit.close()


def test_a_driver_who_knows_the_address_is_told_no_in_words(house: House) -> None:
    with house.visitor("driver") as client:
        answer = client.get("/keys")
        assert (answer.status_code, "Not allowed" in answer.text) == (403, True)
