"""What somebody chose follows them to another browser, and nobody else."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.kit.house import House
from tests.kit.pressing import press

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(600)]


@pytest.mark.feature("F-SES-2", "F-STA-3", "F-STA-4")
def test_columns_and_views_are_there_in_another_browser(house: House, chromium: Browser) -> None:
    here = house.page(chromium, "site")
    page = here.page
    page.goto("/sessions")
    page.locator("#columns-menu summary").click()
    page.locator("#columns-form").get_by_label("Energy", exact=True).uncheck()
    press(page.get_by_role("button", name="Show these"))
    page.goto("/connectors?connection=offline")
    page.locator("#views-menu summary").click()
    page.get_by_label("Name of this view").fill("Silent plugs")
    press(page.get_by_role("button", name="Save this view"))
    expect(page.locator("#views-menu summary")).to_contain_text("1")
    here.close()
    there = house.page(chromium, "site", width=390, scheme="dark")
    page = there.page
    page.goto("/sessions")
    page.locator("#columns-menu summary").click()
    expect(page.locator("#columns-form").get_by_label("Energy", exact=True)).not_to_be_checked()
    page.goto("/connectors")
    page.locator("#views-menu summary").click()
    page.get_by_role("link", name="Silent plugs").click()
    page.wait_for_url("**/connectors?connection=offline")
    page.locator("#views-menu summary").click()
    press(page.get_by_role("button", name="Delete the view Silent plugs"))
    page.locator("#views-menu summary").click()
    expect(page.get_by_role("link", name="Silent plugs")).to_have_count(0)
    page.goto("/sessions")
    page.locator("#columns-menu summary").click()
    press(page.get_by_role("button", name="The usual ones"))
    page.locator("#columns-menu summary").click()
    expect(page.locator("#columns-form").get_by_label("Energy", exact=True)).to_be_checked()
    there.close()
    with house.visitor("support") as http:
        assert "Silent plugs" not in http.get("/connectors").text
        assert http.post("/views/users", data={"name": "x", "next": "/users"}).status_code == 404
