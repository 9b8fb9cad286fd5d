"""Palette, refusals and links by role: whatever is offered opens, and what does not is not offered."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.kit.house import PASSWORD, ROLES, House, sign_up
from tests.kit.looks import faults
from tests.kit.patience import PAGE_PATIENCE_MS
from tests.kit.pressing import press
from webui.doors import DOORS
from webui.menu import MENU
from webui.values import Role

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(600)]

LINK = re.compile(r'<a [^>]*href="(/[^"#]*)')


def _role(who: str) -> Role:
    return Role(ROLES[who][1].removeprefix("ROLE_"))


@pytest.mark.feature("F-USR-1")
@pytest.mark.parametrize("who", ROLES)
def test_every_page_and_action_that_a_role_is_offered_opens_for_it(house: House, who: str) -> None:
    with house.visitor(who) as client:
        for each in (*MENU, *DOORS):
            if _role(who) in each.roles:
                answer = client.get(each.href.partition("#")[0])
                assert answer.status_code == 200, (who, each.href, answer.status_code)


@pytest.mark.feature("F-USR-1")
@pytest.mark.parametrize("who", ROLES)
def test_no_page_of_the_menu_has_a_link_that_the_reader_is_refused(house: House, who: str) -> None:
    with house.visitor(who) as client:
        looked: set[str] = set()
        for entry in MENU:
            if _role(who) not in entry.roles:
                continue
            for href in LINK.findall(client.get(entry.href).text):
                path = urlsplit(href).path
                alike = re.sub(r"\d+", "N", path)
                if alike not in looked and "static" not in path and "." not in path:
                    looked.add(alike)
                    answer = client.get(href.replace("&amp;", "&"))
                    assert answer.status_code == 200, (who, entry.href, href, answer.status_code)


@pytest.mark.feature("F-USR-1")
@pytest.mark.parametrize(
    ("who", "path"),
    [
        ("support", "/users/add"),
        ("support", "/places/add"),
        ("support", "/pending"),
        ("site", "/tags/add"),
        ("site", "/settings/system"),
        ("driver", "/stations/add"),
        ("driver", "/operations/new"),
        ("driver", "/import"),
    ],
)
def test_who_types_the_address_of_what_they_may_not_do_reads_so(house: House, who: str, path: str) -> None:
    with house.visitor(who) as client:
        answer = client.get(path)
        assert answer.status_code == 403
        assert "Your role may not do this. Ask an administrator." in answer.text
        client.cookies.set("language", "sv")
        assert "Din roll får inte göra detta." in client.get(path).text


@pytest.fixture
def desk_of_support(house: House, chromium: Browser) -> Iterator[Page]:
    visit = house.page(chromium, "support")
    yield visit.page
    visit.close()


def _ask(page: Page, words: str) -> None:
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Find anything")
    expect(field).to_be_focused()
    field.fill(words)


@pytest.mark.feature("F-OPS-1")
def test_the_palette_leads_to_the_form_of_an_operation_at_a_station(desk_of_support: Page, house: House) -> None:
    page = desk_of_support
    page.goto("/notifications")
    _ask(page, "restart bay 2")
    expect(page.locator("#palette-list").get_by_role("option").first).to_have_text("RestartAction · Bay 2")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{house.names['CP-2']}#operation-reset")
    expect(page.locator("#operation-reset")).to_have_attribute("open", "")
    expect(page.locator("#operation-reset summary")).to_be_focused()  # offline: nothing in its form can be used


def test_the_palette_knows_the_words_of_the_manuals(desk_of_support: Page) -> None:
    page = desk_of_support
    page.goto("/notifications")
    for words, found in (("statistics", "Sessions"), ("maintenance", "Inventory"), ("topology", "Places")):
        _ask(page, words)
        expect(page.locator("#palette-list").get_by_role("option").first).to_contain_text(found)
        page.keyboard.press("Escape")
    _ask(page, "add user")  # not for support
    expect(page.locator("#palette-note")).to_contain_text("Nothing found")


def _choose(page: Page, words: str) -> None:
    """The only thing that is found."""
    _ask(page, words)
    expect(page.locator("#palette-list").get_by_role("option")).to_have_count(1)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def test_the_palette_changes_theme_and_language_where_one_is_and_signs_out(house: House, chromium: Browser) -> None:
    email = f"switch-{uuid.uuid4().hex[:8]}@example.org"  # what is chosen stays with the account
    sign_up(house, email, "ROLE_EV_USER", [])
    context = chromium.new_context(base_url=house.address, locale="en-GB")
    context.set_default_timeout(PAGE_PATIENCE_MS)
    page = context.new_page()
    page.goto("/signin")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    press(page.get_by_role("button", name="Sign in"))
    page.goto("/connectors?q=bay")
    _choose(page, "theme: dark")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.url.endswith("/connectors?q=bay")
    _choose(page, "language: english")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    _choose(page, "sign out")
    page.wait_for_url("**/signin*")
    context.close()


def test_without_scripts_actions_of_the_search_are_buttons(house: House) -> None:
    with house.visitor("support") as client:
        text = client.get("/search?q=theme").text
        assert '<input type="hidden" name="theme" value="dark">' in text
        found = client.get("/search?q=restart+bay+1").text
        assert f'href="/{house.names["CP-1"]}#operation-reset"' in found


@pytest.mark.feature("F-STA-2")
def test_a_station_that_is_picked_narrows_the_lists_and_stays_picked(house: House, chromium: Browser) -> None:
    visit = house.page(chromium, "admin")
    page = visit.page
    key = house.names["CP-1"].partition("/")[2]
    page.goto("/alarms/history")
    tree = page.get_by_role("complementary", name="Navigator")
    tree.get_by_role("link", name="North Harbour").click()
    page.wait_for_url(f"**/alarms/history?place={house.names['North Harbour'].partition('/')[2]}")
    tree.get_by_role("link", name="Bay 1").click()
    page.wait_for_url(f"**/alarms/history?station={key}")
    trail = page.get_by_role("navigation", name="Picked place")
    expect(trail).to_contain_text("Level 1")
    expect(trail.get_by_role("link", name="Bay 1")).to_have_attribute("aria-current", "true")
    expect(tree.get_by_role("link", name="Bay 1")).to_have_attribute("aria-current", "page")
    press(page.get_by_role("navigation", name="Main").get_by_role("link", name="Sessions"))
    page.wait_for_url(f"**/sessions?station={key}")
    expect(trail.get_by_role("link", name="Bay 1")).to_be_visible()
    press(page.get_by_role("navigation", name="Main").get_by_role("link", name="Charts"))
    page.wait_for_url(f"**/charts?station={key}")
    press(trail.get_by_role("link", name="Bay 1"))
    page.wait_for_url(f"**/stations/{key}")
    visit.close()


@pytest.mark.feature("F-STA-2", "F-STA-1")
def test_among_places_the_tree_leads_to_the_settings_of_what_is_picked(house: House, chromium: Browser) -> None:
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto("/places")
    tree = page.get_by_role("complementary", name="Navigator")
    tree.get_by_role("link", name="Level 1").click()
    page.wait_for_url(f"**/{house.names['Level 1']}")
    expect(tree.get_by_role("link", name="Level 1")).to_have_attribute("aria-current", "true")
    tree.get_by_role("link", name="Bay 2").click()
    page.wait_for_url(f"**/{house.names['CP-2']}/settings")
    tree.get_by_role("link", name="Bay 3").click()
    page.wait_for_url(f"**/{house.names['CP-3']}/settings")
    visit.close()


@pytest.mark.feature("F-DASH-1")
def test_each_widget_leads_to_its_list_narrowed_as_the_dashboard_is(house: House, chromium: Browser) -> None:
    visit = house.page(chromium, "admin")
    page = visit.page
    place = house.names["South Yard"].partition("/")[2]
    page.goto(f"/dashboard?place={place}")
    widgets = page.locator("#dashboard")
    expect(widgets.get_by_role("link", name="Offline")).to_have_attribute(
        "href", f"/stations?state=offline&place={place}"
    )
    for text, path in (("All stations", "/stations"), ("All connectors", "/connectors"), ("All alarms", "/alarms")):
        link = widgets.get_by_role("link", name=re.compile(text))
        expect(link).to_have_attribute("href", f"{path}?place={place}")
    press(widgets.get_by_role("link", name=re.compile("These sessions")))
    page.wait_for_url(f"**/sessions?since=*&place={place}")
    visit.close()


@pytest.mark.feature("F-SYS-1", "F-USR-1")
def test_support_reads_how_the_installation_is_set_and_is_offered_to_change_nothing(
    house: House, chromium: Browser
) -> None:
    visit = house.page(chromium, "support")
    page = visit.page
    page.goto("/settings/system")
    kept = page.get_by_role("region", name="Kept", exact=True)
    expect(kept.get_by_role("row", name="Messages of stations")).to_contain_text("30 days")
    expect(kept.get_by_role("row", name="Meter values")).to_contain_text("for ever")
    state = page.get_by_role("region", name="State")
    expect(state).to_contain_text("Least security of stations")
    expect(state).to_contain_text("No identity provider is set.")
    expect(page.get_by_label("Name, on every page")).to_be_disabled()
    expect(page.get_by_text("Administrators change these.")).to_be_visible()
    expect(page.get_by_text("Administrators make and prove backups.")).to_be_visible()
    for button in ("Save the system settings", "Back up now", "Prove it"):
        expect(page.get_by_role("button", name=button)).to_have_count(0)
    assert faults(page) == []
    visit.close()


@pytest.mark.feature("F-SYS-1", "F-OCPP-3")
def test_every_address_for_stations_is_told_where_one_is_connected(house: House, chromium: Browser) -> None:
    visit = house.page(chromium, "support")
    page = visit.page
    page.goto("/connect")
    page.get_by_text("Other addresses: OCPP 1.5, files").click()
    expect(page.get_by_text("/Ocpp/CentralSystemService15")).to_be_visible()
    expect(page.get_by_role("link", name="Add station")).to_have_count(0)
    expect(page.get_by_text("Ask one of them.")).to_be_visible()
    assert faults(page) == []
    visit.close()
