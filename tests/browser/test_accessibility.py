"""axe finds nothing on any page, in light and dark, and no page is wider than a phone."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.conftest import Site, context_for, sign_in

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


def complaints(page: Page) -> list[str]:
    """What axe finds, one line each."""
    found = Axe().run(page).response["violations"]
    return [f"{page.url} {v['id']}: {node['target']} {node['failureSummary']}" for v in found for node in v["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(chromium: Browser, site: Site, scheme: str):
    context = context_for(chromium, site, scheme)
    page = context.new_page()
    page.goto(f"{site.address}/signin")
    found = complaints(page)
    page.close()
    page = sign_in(context, site)
    for target in PAGES:
        page.goto(site.address + target)
        for closed in page.locator("details.operation, details.fold").all():
            closed.evaluate("d => { d.removeAttribute('name'); d.open = true }")
        if page.locator("session-chart").count():
            page.wait_for_selector("session-chart[data-ready]")
        found += complaints(page)
    page.goto(f"{site.address}/stations")
    page.locator("#account-menu summary").click()
    found += complaints(page)
    context.close()
    assert found == []
    assert site.foreign == []
    assert site.complaints == []


def test_no_page_has_to_be_pushed_sideways_on_a_phone(chromium: Browser, site: Site):
    context = context_for(chromium, site, width=390)
    page = sign_in(context, site)
    wide = []
    for target in PAGES:
        page.goto(site.address + target)
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > 390:
            wide.append((target, width))
    context.close()
    assert wide == []
