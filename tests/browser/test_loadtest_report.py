"""The load tester's page of charts in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from loadtest.ledger import Discrepancy
from loadtest.report_html import write_html
from tests.kit.looks import faults_in_light_and_dark
from tests.kit.reports import rich_report

pytestmark = pytest.mark.browser
WRONG = Discrepancy("altered", "LT-00044", "3f1b2c7e-9d1a-4c2b-8e55-12ab34cd56ef", "energy in Wh is 8413, not 8412")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    file: Path = tmp_path_factory.mktemp("report") / "report.html"
    write_html(rich_report(wrong=[WRONG]), file)
    return file.as_uri()


@pytest.mark.parametrize("width", [390, 1440])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(chromium: Browser, address: str, width: int) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(address)
    page.locator("details").evaluate("d => { d.open = true }")
    assert faults_in_light_and_dark(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    context.close()
    assert said == []


def test_a_pointer_reads_the_figures_off_a_chart(chromium: Browser, address: str) -> None:
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(address)
    plot = page.get_by_role("img", name="Latency of all messages")
    plot.hover()
    reading = plot.locator(".reading")
    expect(reading).to_contain_text("1:00")
    for name in ("longest", "p99", "p50"):
        expect(reading).to_contain_text(name)
    page.mouse.move(1, 1)
    expect(reading).to_be_hidden()
    context.close()
