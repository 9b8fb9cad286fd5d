"""An administrator looks at the nodes of an installation, on the real product: two nodes, one of which hangs."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_real_system import charger
from tests.kit.patience import PATIENCE_S
from tests.kit.pressing import press
from tests.kit.product import ADMIN, Product, product

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(600)]

STATIONS = 4


@pytest.fixture(scope="module")
def running() -> Iterator[Product]:
    with product(workers="2", portal=True, unknown_stations="accept") as made:
        yield made


def nodes_of(running: Product) -> list[int]:
    assert running.process is not None
    found = subprocess.run(
        ["ps", "--ppid", str(running.process.pid), "-o", "pid=,args="], capture_output=True, text=True, check=True
    )
    return [int(line.split()[0]) for line in found.stdout.splitlines() if " node " in f"{line} "]


def signed_in(page: Page, running: Product) -> None:
    page.goto(f"http://127.0.0.1:{running.portal_port}/")
    page.get_by_label("E-mail").fill(ADMIN[0])
    page.get_by_label("Password").fill(ADMIN[1])
    press(page.get_by_role("button", name="Sign in"))


@pytest.mark.feature("F-SYS-7")
def test_nodes_are_shown_as_they_are_and_one_that_hangs_is_seen_without_reloading(
    running: Product, chromium: Browser
) -> None:
    page = chromium.new_context(viewport={"width": 1440, "height": 900}).new_page()
    patience = PATIENCE_S * 1000
    with ExitStack() as stations:
        for number in range(STATIONS):
            assert stations.enter_context(charger(running, f"NODES-{number}")).boot() == "Accepted"
        signed_in(page, running)
        page.goto(f"http://127.0.0.1:{running.portal_port}/settings/system")
        table = page.get_by_role("region", name="Table of nodes")
        rows = table.locator("tbody tr")
        expect(rows).to_have_count(3, timeout=patience)
        for name, kind in (("control", "control API, files"), ("node-1", "stations"), ("node-2", "stations")):
            row = rows.filter(has=page.get_by_role("rowheader", name=re.compile(f"^{name}\\b")))
            expect(row).to_contain_text(kind)
            expect(row).to_contain_text("Well", timeout=patience)
        expect(rows.filter(has_text="does the work that is done once")).to_have_count(1, timeout=patience)
        expect(table.get_by_role("row", name=re.compile("All together"))).to_contain_text(
            str(STATIONS), timeout=patience
        )
    expect(table.get_by_role("row", name=re.compile("All together"))).to_contain_text(
        re.compile(r"together\s*0\b"), timeout=patience
    )
    hangs = nodes_of(running)[0]
    os.kill(hangs, signal.SIGSTOP)
    try:
        expect(rows.filter(has_text="Does not answer")).to_have_count(1, timeout=patience)
    finally:
        os.kill(hangs, signal.SIGCONT)
    expect(rows.filter(has_text="Well")).to_have_count(3, timeout=patience)
    page.context.close()
