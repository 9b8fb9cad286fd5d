"""What must be true of every page: axe finds nothing in light and dark, and a phone need not push it sideways."""

from __future__ import annotations

from typing import Any, Final

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.kit.house import House

PHONE: Final = 390
_COLOURS: Final = ("color-contrast", "link-in-text-block")
"""The rules of axe that look at colours: all others say the same in light and in dark."""
_RUN: Final = "options => axe.run(options).then(found => found.violations)"


def complaints(house: House, chromium: Browser, who: str, *paths: str) -> list[str]:
    """One line for each thing that is wrong."""
    found = []
    visit = house.page(chromium, who)
    for path in paths:
        for width, scheme in ((1440, "light"), (PHONE, "dark")):
            visit.page.set_viewport_size({"width": width, "height": 900})
            visit.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            if scheme == "light":
                visit.page.goto(path)
                unfold(visit.page)
            found += [f"{scheme} {fault}" for fault in faults(visit.page)]
            if visit.page.evaluate("document.documentElement.scrollWidth") > width:
                found.append(f"{path} is wider than {width} px")
    visit.close()
    return found


def unfold(page: Page) -> None:
    """Open all that can be opened."""
    page.locator("main details").evaluate_all("all => all.forEach(d => { d.removeAttribute('name'); d.open = true })")


def faults(page: Page, *rules: str) -> list[str]:
    """What axe finds on a page as it stands, a line each; with `rules`: only by these."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(Axe().axe_script)
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = {"type": "rule", "values": list(rules)}
    found = page.evaluate(_RUN, options)
    return [f"{page.url} {v['id']}: {node['target']} {node['failureSummary']}" for v in found for node in v["nodes"]]


def faults_in_light_and_dark(page: Page) -> list[str]:
    """The same in both schemes; the page is light again afterwards."""
    found = faults(page)
    page.emulate_media(color_scheme="dark")
    found += [f"dark {fault}" for fault in faults(page, *_COLOURS)]
    page.emulate_media(color_scheme="light")
    return found


def faults_on_a_phone(page: Page, *paths: str) -> list[str]:
    """What axe finds in both schemes at a phone's width with everything open, and what is wider than the phone."""
    page.set_viewport_size({"width": PHONE, "height": 900})
    found = []
    for path in paths:
        page.goto(path)
        unfold(page)
        found += faults_in_light_and_dark(page)
        wide = page.evaluate("document.documentElement.scrollWidth")
        found += [f"{path} is {wide} wide"] if wide > PHONE else []
    return found
