"""Reading and walking through pages: what is read stays where it is, arrows lead on, a telephone folds what is seldom
needed, and what could not be asked is told and asked again."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.kit.house import House

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(600)]

MESSAGES = "n => addLog([...Array(n)].map((_, k) => `<tr id='m-${performance.now()}-${k}'><td>x</td></tr>`).join(''))"


def _top(of: Locator) -> int:
    place = of.bounding_box()
    assert place is not None
    return round(place["y"])


def test_the_row_that_is_read_stays_where_it_is_when_rows_come_above_it(house: House, chromium: Browser) -> None:
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto(f"/{house.names['CP-3']}/messages")
    expect(page.locator("#lamp")).to_have_text("Live")
    page.evaluate(
        "document.querySelector('#log-rows') ?? document.querySelector('main').insertAdjacentHTML("
        "'beforeend', '<div class=scroll><table><tbody id=log-rows></tbody></table></div>')"
    )
    page.evaluate(MESSAGES, 60)
    row = page.locator("#log-rows tr").nth(40)
    row.evaluate("e => { e.id = 'read'; e.scrollIntoView({ block: 'center' }) }")
    read = page.locator("#read")
    before = _top(read)
    page.evaluate(MESSAGES, 7)
    assert abs(_top(read) - before) <= 1
    page.evaluate("scrollTo(0, 0)")
    page.evaluate(MESSAGES, 3)
    assert page.evaluate("scrollY") == 0  # whoever is at the top sees what is new
    visit.close()


@pytest.mark.feature("F-STA-2")
def test_the_navigator_is_one_stop_of_tab_and_arrows_lead_through_it(house: House, chromium: Browser) -> None:
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto("/notifications")
    tree = page.get_by_role("complementary", name="Navigator")
    expect(tree.get_by_role("link", name="Bay 4")).to_be_visible()
    expect(tree.locator("a[tabindex='0']")).to_have_count(1)
    tree.get_by_role("link", name="Everywhere").focus()
    page.keyboard.press("ArrowDown")
    first = tree.locator("a.node").nth(1)
    expect(first).to_be_focused()
    page.keyboard.press("ArrowLeft")  # folds it
    below = tree.locator(".branch").first.locator("ul a").first
    expect(below).to_be_hidden()
    page.keyboard.press("ArrowRight")
    expect(below).to_be_visible()
    page.keyboard.press("ArrowRight")  # goes in
    expect(below).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("End")
    last = tree.locator("#tree-body a:visible").last
    expect(last).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate("!document.activeElement.closest('#tree')")
    page.keyboard.press("Shift+Tab")
    expect(last).to_be_focused()
    visit.close()


def test_arrows_open_a_menu_and_lead_through_it(house: House, chromium: Browser) -> None:
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto("/notifications")
    account = page.locator("#account-menu summary")
    account.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#account-menu").get_by_role("link", name="Settings")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#account-menu").get_by_role("link", name="API keys")).to_be_focused()
    page.keyboard.press("Escape")
    expect(account).to_be_focused()
    expect(page.locator("#account-menu .menu-body")).to_be_hidden()
    visit.close()


def test_many_filters_are_behind_a_button_of_a_telephone_that_tells_how_many_count(
    house: House, chromium: Browser
) -> None:
    visit = house.page(chromium, "admin", width=390)
    page = visit.page
    page.goto("/alarms/history")
    fold = page.get_by_role("button", name="Filters")
    expect(fold).to_have_attribute("aria-expanded", "false")
    expect(page.get_by_label("Severity")).to_be_hidden()
    fold.click()
    page.get_by_label("Severity").select_option("MAJOR")
    expect(page).to_have_url(re.compile("severity=MAJOR"))
    expect(fold).to_have_text("Filters1")
    fold.click()
    expect(page.get_by_label("Severity")).to_be_hidden()
    page.reload()
    expect(page.get_by_role("button", name="Filters")).to_have_text("Filters1")
    visit.close()


def test_a_telephone_has_the_present_page_marked_also_when_it_is_behind_more(house: House, chromium: Browser) -> None:
    visit = house.page(chromium, "admin", width=390)
    page = visit.page
    page.goto("/places")
    bar = page.get_by_role("navigation", name="Main")
    shown = [each.get_attribute("href") for each in bar.get_by_role("link").all() if each.is_visible()]
    assert shown == ["/dashboard", "/stations", "/sessions", "/alarms"]
    bar.get_by_role("button", name="More").click()
    more = page.get_by_role("navigation", name="More pages")
    expect(more.get_by_role("link", name="Places")).to_have_attribute("aria-current", "page")
    expect(more.get_by_role("link", name="Alarms")).to_have_count(0)
    visit.close()


@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_lies_over_the_sites_of_a_map(house: House, chromium: Browser, width: int) -> None:
    visit = house.page(chromium, "admin", width=width)
    page = visit.page
    page.goto("/places/add")
    world = page.locator("site-map svg.world")
    tools = page.locator(".map-tools").bounding_box()
    assert tools is not None
    assert tools["y"] + tools["height"] <= _top(world) + 1
    page.get_by_role("button", name="Closer").click()
    page.get_by_role("button", name="Farther").click()
    page.get_by_role("button", name="Take the middle").click()
    expect(page.locator(".here-mark")).to_be_visible()
    assert page.get_by_label("Latitude").input_value() != ""
    visit.close()


def test_a_filter_that_could_not_be_asked_is_told_and_asked_again(house: House, chromium: Browser) -> None:
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto("/stations")
    expect(page.locator("#lamp")).to_have_text("Live")
    page.route("**/stations?*", lambda route: route.abort())
    page.get_by_role("searchbox", name="Search stations").fill("Bay 2")
    told = page.get_by_text("The portal does not answer.")
    expect(told).to_be_visible()
    expect(page.locator("#station-rows tr")).not_to_have_count(1)
    page.unroute("**/stations?*")
    page.locator("live-stream").last.evaluate("e => e.open()")  # as after a break
    expect(page.locator("#station-rows tr")).to_have_count(1)
    expect(told).to_be_hidden()
    expect(page).to_have_url(re.compile("q=Bay"))
    assert [each for each in visit.complaints if not each.startswith("htmx:")] == []  # only of what was cut
    visit.complaints.clear()
    visit.close()
