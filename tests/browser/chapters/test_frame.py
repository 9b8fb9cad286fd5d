"""What stands around every page: navigator, palette, bell, group, language, as people use them."""

from __future__ import annotations

import re
import uuid

import pytest
from playwright.sync_api import Browser, expect

from tests.kit.house import House
from tests.kit.looks import faults, faults_in_light_and_dark
from tests.kit.pressing import press

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(600)]


@pytest.mark.feature("F-STA-2")
def test_the_navigator_narrows_a_page_to_the_place_that_is_picked(house: House, chromium: Browser) -> None:
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto("/connectors?q=bay")
    tree = page.get_by_role("complementary", name="Navigator")
    tree.get_by_role("link", name="North Harbour").click()
    page.wait_for_url(lambda url: f"place={house.names['North Harbour'].partition('/')[2]}" in url and "q=bay" in url)
    trail = page.get_by_role("navigation", name="Picked place")
    expect(trail).to_contain_text("North Harbour")
    menu = page.get_by_role("navigation", name="Main")
    expect(menu.get_by_role("link", name="Stations")).to_have_attribute("href", re.compile("place="))
    trail.get_by_role("link", name="Everywhere").click()
    page.wait_for_url(lambda url: "place=" not in url and "q=bay" in url)
    visit.close()


@pytest.mark.feature("F-STA-2")
def test_the_navigator_finds_a_station_and_tells_its_state_by_colour_and_word(house: House, chromium: Browser) -> None:
    visit = house.page(chromium, "support")
    page = visit.page
    page.goto("/notifications")
    tree = page.get_by_role("complementary", name="Navigator")
    tree.get_by_role("searchbox").fill("Bay 4")
    leaf = tree.get_by_role("link", name="Bay 4")
    expect(leaf).to_have_class("leaf offline")
    expect(leaf).to_contain_text("Offline")
    expect(tree.get_by_role("link", name="Bay 1")).to_have_count(0)
    leaf.click()
    page.wait_for_url(f"**/stations/{house.names['CP-4'].partition('/')[2]}*")
    expect(tree.get_by_role("link", name="Bay 4")).to_have_attribute("aria-current", "page")
    visit.close()


@pytest.mark.feature("F-STA-2")
def test_what_was_folded_and_closed_stays_so_on_the_next_page(house: House, chromium: Browser) -> None:
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto("/notifications")
    tree = page.get_by_role("complementary", name="Navigator")
    expect(tree.get_by_role("link", name="Bay 4")).to_be_visible()
    tree.get_by_text("Unfold South Yard").locator("..").click()
    expect(tree.get_by_role("link", name="Bay 4")).to_be_hidden()
    page.goto("/settings")
    expect(tree.get_by_role("link", name="Bay 1")).to_be_visible()
    expect(tree.get_by_role("link", name="Bay 4")).to_be_hidden()
    page.get_by_role("button", name="Navigator").click()
    expect(page.locator("#tree")).to_be_hidden()
    page.goto("/notifications")
    expect(page.locator("#tree")).to_be_hidden()
    visit.close()


def test_on_a_phone_navigator_and_further_pages_come_over_the_page(house: House, chromium: Browser) -> None:
    visit = house.page(chromium, "admin", width=390)
    page = visit.page
    page.goto("/notifications")
    page.get_by_role("button", name="Navigator").click()
    expect(page.locator("#tree").get_by_role("link", name="Bay 1")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#tree")).to_be_hidden()
    page.get_by_role("button", name="More").click()
    page.get_by_role("navigation", name="More pages").get_by_role("link", name="Tags").click()
    page.wait_for_url("**/tags")
    visit.close()


def test_a_driver_has_no_navigator(house: House) -> None:
    with house.visitor("driver") as client:
        assert 'id="tree"' not in client.get("/settings").text


def test_the_palette_opens_a_station_by_keyboard_alone(house: House, chromium: Browser) -> None:
    visit = house.page(chromium, "support")
    page = visit.page
    page.goto("/notifications")
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Find anything")
    expect(field).to_be_focused()
    page.keyboard.type("bay 3")
    expect(page.locator("#palette-list").get_by_role("option").first).to_contain_text("Bay 3")
    assert [line for line in faults(page) if "palette" in line] == []
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/stations/{house.names['CP-3'].partition('/')[2]}*")
    page.keyboard.press("Control+k")
    expect(field).to_be_focused()
    page.keyboard.type("api keys")
    expect(page.locator("#palette-note")).to_contain_text("Nothing found")
    page.keyboard.press("Escape")
    expect(page.locator("#palette")).to_be_hidden()
    visit.close()


def test_without_scripts_search_and_navigator_are_pages(house: House) -> None:
    with house.visitor("admin") as client:
        assert "Bay 2" in client.get("/search?q=Bay").text
        tree = client.get("/navigator?q=South").text
        assert ("South Yard" in tree, "North Harbour" in tree) == (True, False)


@pytest.mark.feature("F-NEWS-1")
def test_news_is_told_by_the_bell_and_urgent_news_on_every_page(house: House, chromium: Browser) -> None:
    title = f"Garage closed {uuid.uuid4().hex[:6]}"
    news = {"title": title, "text": "From ten to twelve.", "priority": "NEWS_PRIORITY_URGENT", "roles": ["ev-user"]}
    made = house.ask("news.CreateNews", news=news).news
    visit = house.page(chromium, "driver")
    page = visit.page
    page.goto("/settings")
    expect(page.get_by_role("region", name="Urgent message")).to_contain_text(title)
    page.locator("#bell").click()
    expect(page.get_by_role("article").filter(has_text=title)).to_contain_text("From ten to twelve.")
    house.ask("news.DeleteNews", name=made.name)
    visit.close()
    with house.visitor("support") as client:
        assert title not in client.get("/notifications").text


@pytest.mark.feature("F-USR-4")
def test_a_chosen_group_narrows_the_portal_until_it_is_left(house: House, chromium: Browser) -> None:
    visit = house.page(chromium, "site")
    page = visit.page
    name = f"Mine {uuid.uuid4().hex[:6]}"
    page.goto("/groups")
    token = next(cookie["value"] for cookie in visit.context.cookies() if cookie["name"] == "chargehouse")
    desk = type(house.desk)(house.product, key=token)
    group = desk.ask("groups.CreateGroup", group={"display_name": name}).group
    desk.ask("groups.AddStations", name=group.name, stations=[house.names["CP-3"]])
    page.wait_for_timeout(5_500)  # the frame keeps what it read of its reader for five seconds
    page.goto("/notifications")
    page.locator("#account-menu summary").click()
    page.get_by_label("Group").select_option(label=name)
    page.wait_for_url("**/notifications")
    expect(page.locator(".narrowed")).to_contain_text(name)
    tree = page.get_by_role("complementary", name="Navigator")
    expect(tree.get_by_role("link", name="Bay 3")).to_be_visible()
    expect(tree.get_by_role("link", name="Bay 1")).to_have_count(0)
    press(page.get_by_role("button", name="Leave the group"))
    expect(tree.get_by_role("link", name="Bay 1")).to_be_visible()
    desk.ask("groups.DeleteGroup", name=group.name)
    desk.close()
    visit.close()


def test_axe_finds_nothing_around_the_pages(house: House, chromium: Browser) -> None:
    visit = house.page(chromium, "admin")
    page = visit.page
    found: list[str] = []
    for path in ("/notifications", "/settings", "/settings/system", "/keys", "/search?q=bay", "/navigator", "/imprint"):
        page.goto(path)
        page.wait_for_selector("#tree-body:not([data-empty])")
        found += faults_in_light_and_dark(page)
    page.locator("#account-menu summary").click()
    found += faults_in_light_and_dark(page)
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 390, "height": 800})
    for path in ("/notifications", "/settings", "/settings/system", "/keys"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
    page.get_by_role("button", name="More").click()
    found += faults_in_light_and_dark(page)
    assert found == []
    visit.close()


def test_a_page_is_printed_without_its_frame(house: House, chromium: Browser) -> None:
    visit = house.page(chromium, "admin")
    visit.page.goto("/settings/system")
    visit.page.emulate_media(media="print")
    for part in (".top", ".side", "#tree", ".foot"):
        expect(visit.page.locator(part)).to_be_hidden()
    visit.close()


def test_the_site_is_called_as_its_operator_wishes_and_anybody_may_read_its_imprint(
    house: House, chromium: Browser
) -> None:
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto("/settings/system")
    page.get_by_label("Imprint").fill("Charging Ltd\n\nHarbour Street 1")
    page.get_by_label("Operator").fill("Charging Ltd")
    press(page.get_by_role("button", name="Save the system settings"))
    expect(page.get_by_text("They count at once.")).to_be_visible()
    page.context.clear_cookies()
    page.goto("/signin")
    page.get_by_role("link", name="Imprint").click()
    expect(page.get_by_role("article")).to_contain_text("Harbour Street 1")
    house.ask(
        "system.UpdateSystemSettings", settings={"imprint": "", "organization": ""}, update_mask="imprint,organization"
    )
    visit.close()
