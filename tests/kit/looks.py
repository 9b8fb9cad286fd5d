"""What must be true of every page: axe finds nothing in light and dark, and a phone need not push it sideways."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.kit.house import House


def complaints(house: House, chromium: Browser, who: str, *paths: str) -> list[str]:
    """One line for each thing that is wrong."""
    found = []
    for width, scheme in ((1440, "light"), (390, "dark")):
        visit = house.page(chromium, who, width=width, scheme=scheme)
        for path in paths:
            visit.page.goto(path)
            for fold in visit.page.locator("main details").all():
                fold.evaluate("d => { d.open = true }")
            for each in Axe().run(visit.page).response["violations"]:
                found += [f"{scheme} {path} {each['id']}: {node['target']}" for node in each["nodes"]]
            if visit.page.evaluate("document.documentElement.scrollWidth") > width:
                found.append(f"{path} is wider than {width} px")
        visit.close()
    return found


def faults(page: Page) -> list[str]:
    """What axe finds on a page as it stands, a line each."""
    found = Axe().run(page).response["violations"]
    return [f"{page.url} {each['id']}: {node['target']}" for each in found for node in each["nodes"]]
