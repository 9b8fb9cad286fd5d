"""Load balancing in the portal: a fuse is given to a site, and the page shows how its outlets share it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.kit.charging import Car
from tests.kit.house import House
from tests.kit.looks import faults_on_a_phone
from tests.kit.online import online
from tests.kit.patience import until
from tests.kit.pressing import press, yes

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(600), pytest.mark.feature("F-SYS-8")]


def a_site(house: House, name: str, *identities: str) -> str:
    """With these stations; its number."""
    site = house.ask(
        "places.CreatePlace", place={"kind": "PLACE_KIND_SITE", "parent": "places/1", "display_name": name}
    ).place.name
    for identity in identities:
        house.ask("stations.CreateStation", station={"identity": identity, "place": site})
    return str(site).partition("/")[2]


def fill(page: Page, name: str, limit: str) -> None:
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Limit", exact=True).fill(limit)


def test_a_site_gets_a_fuse_and_its_outlets_share_it(house: House, chromium: Browser) -> None:
    site = a_site(house, "Fuse site", "FUSE-1", "FUSE-2")
    visit = house.page(chromium, "admin")
    page = visit.page
    with online(house.product, "FUSE-1") as first, online(house.product, "FUSE-2") as second:
        page.goto(f"/places/{site}")
        page.get_by_role("main").get_by_role("link", name="Load balancing").click()
        page.get_by_role("link", name="Add load group").click()
        fill(page, "Fuse of the site", "20")
        page.get_by_label("Fail-safe current").fill("8")
        press(page.get_by_role("button", name="Add", exact=True))
        expect(page.get_by_text("The load group is added.")).to_be_visible()
        name = "loadGroups/" + page.url.partition("?")[0].rpartition("/")[2]
        row = page.get_by_role("row", name="FUSE-1")
        expect(row).to_contain_text("6.0 A")
        car = Car(first, "AB12", datetime.now(UTC))
        car.start()
        expect(row).to_contain_text("Charging")
        expect(row).to_contain_text("20.0 A")
        expect(page.get_by_role("row", name="FUSE-2")).to_contain_text("0.0 A")
        expect(page.get_by_text("Of 20 A, outlets may draw 20 A at most; 0 A of it")).to_be_visible()
        asked = [each for each in second.station.asked if each[0] == "SetChargingProfile"]
        assert asked
        car.stop(5)
        expect(row).to_contain_text("Free")
        page.get_by_text("Particulars of FUSE-2").click()
        page.get_by_label("Priority").last.fill("7")
        page.get_by_label("Limit", exact=True).fill("25")
        press(page.get_by_role("button", name="Save"))
        expect(page.get_by_text("The load group is saved.")).to_be_visible()
        kept = house.ask("load_balancing.GetLoadGroup", name=name).load_group
        assert (kept.limit, kept.fail_safe_current_a, [each.priority for each in kept.shares]) == (25, 8, [7])
    expect(page.get_by_role("row", name="FUSE-1")).to_contain_text("Offline")
    expect(page.get_by_text("16 A of it is kept free")).to_be_visible()
    page.get_by_role("button", name="Delete load group").click()
    yes(page)
    expect(page.get_by_text("The load group is deleted.")).to_be_visible()
    assert name not in [each.name for each in house.ask("load_balancing.ListLoadGroups").load_groups]
    assert visit.complaints == []
    visit.close()


def test_what_cannot_be_is_told_beside_the_form_with_what_was_typed(house: House, chromium: Browser) -> None:
    site = a_site(house, "Wrong fuse site", "WRONG-FUSE-1")
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto(f"/load/add?place={site}")
    fill(page, "Odd fuse", "many")
    press(page.get_by_role("button", name="Add", exact=True))
    expect(page.get_by_role("alert")).to_contain_text("many is no number.")
    fill(page, "Odd fuse", "63")
    page.get_by_label("WRONG-FUSE-1", exact=True).uncheck()
    press(page.get_by_role("button", name="Add", exact=True))
    expect(page.get_by_role("alert")).to_contain_text("at least one")
    page.get_by_label("WRONG-FUSE-1", exact=True).check()
    page.get_by_label("Fail-safe current").fill("3")
    press(page.get_by_role("button", name="Add", exact=True))
    expect(page.get_by_role("alert")).to_contain_text("fail-safe")
    expect(page.get_by_label("Limit", exact=True)).to_have_value("63")
    visit.close()


def test_the_meter_is_shown_and_its_silence_too(house: House, chromium: Browser) -> None:
    site = a_site(house, "Metered site")
    group = {"place": f"places/{site}", "display_name": "Metered", "limit": 50, "meter": True, "fallback_limit": 16}
    name = house.ask("load_balancing.CreateLoadGroup", load_group={**group, "meter_max_age_s": 3600}).load_group.name
    visit = house.page(chromium, "support")
    page = visit.page
    page.goto(f"/load/{name.partition('/')[2]}")
    expect(page.get_by_text("The grid meter is silent.")).to_be_visible()
    house.ask("load_balancing.ReportGridMeter", name=name, reading={"l1_a": 30, "l2_a": 10, "l3_a": 10})
    expect(page.get_by_text("Of 20 A, outlets may draw")).to_be_visible()
    expect(page.get_by_text("The grid meter is silent.")).to_have_count(0)
    expect(page.get_by_role("button", name="Save")).to_have_count(0)  # support looks only
    visit.close()


def test_drivers_are_not_shown_it(house: House) -> None:
    with house.visitor("driver") as client:
        assert client.get("/load").status_code == 403
        assert "/load" not in client.get("/stations").text


def test_axe_finds_nothing_and_nothing_is_wider_than_a_phone(house: House, chromium: Browser) -> None:
    site = a_site(house, "Fuse to look at", "LOOK-FUSE-1")
    group = {"place": f"places/{site}", "display_name": "To look at", "limit": 50, "fail_safe_current_a": 6}
    name = house.ask("load_balancing.CreateLoadGroup", load_group=group).load_group.name
    until(lambda: bool(house.ask("load_balancing.GetLoadState", name=name).state.outlets))
    visit = house.page(chromium, "admin")
    pages = ("/load", "/load/add", f"/load/add?place={site}", f"/load/{name.partition('/')[2]}")
    assert faults_on_a_phone(visit.page, *pages) == []
    visit.close()
