"""axe finds nothing on any page, in light and dark, and no page is wider than a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import Site, context_for, sign_in
from tests.kit.looks import PHONE, faults_in_light_and_dark, unfold

pytestmark = pytest.mark.browser

PAGES = (
    "/stations",
    "/stations?q=nothing-at-all",
    "/pending",
    "/connect",
    "/stations/add",
    "/stations/104",
    "/stations/108",
    "/stations/104/messages",
    "/stations/104/settings",
    "/sessions",
    "/sessions?station=104&check=1",
    "/sessions/5161",
    "/sessions/5015",
    "/tags",
    "/tags/add",
    "/tags/1",
    "/account",
    "/keys",
    "/nope",
)


def test_axe_finds_nothing(chromium: Browser, site: Site):
    context = context_for(chromium, site)
    page = context.new_page()
    page.goto(f"{site.address}/signin")
    found = faults_in_light_and_dark(page)
    page.close()
    page = sign_in(context, site)
    for target in PAGES:
        page.goto(site.address + target)
        unfold(page)
        if page.locator("session-chart").count():
            page.wait_for_selector("session-chart[data-ready]")
        found += faults_in_light_and_dark(page)
    page.goto(f"{site.address}/stations")
    page.locator("#account-menu summary").click()
    found += faults_in_light_and_dark(page)
    context.close()
    assert found == []
    assert site.foreign == []
    assert site.complaints == []


def test_no_page_has_to_be_pushed_sideways_on_a_phone(chromium: Browser, site: Site):
    context = context_for(chromium, site, width=PHONE)
    page = sign_in(context, site)
    wide = []
    for target in PAGES:
        page.goto(site.address + target)
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > PHONE:
            wide.append((target, width))
    context.close()
    assert wide == []
