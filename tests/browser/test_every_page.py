"""Every page that there is, on the data of the demonstration: light enough for a slow telephone, and made for a finger.

The walk is the benchmark's: from page to page along links, as somebody of each role, until each route of the portal has
been found. A page that no link leads to fails here, as does one that grows too heavy.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Browser
from playwright.sync_api import Page as Tab

from benchmarks.portal import Client, Page, sign_ins, walk
from tests.kit.desk import desk
from tests.kit.live_stations import live_station
from tests.kit.product import ADMIN, Product, product

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(900)]

WHOLE = 100_000
"""Of a page with everything that it uses, over the wire, when nothing is kept yet."""
BEFORE_PAINT = 40_000
"""Of the page and its style sheets. A slow telephone (1.6 Mbit/s, 150 ms there and back) has them 0.2 s after it has a
connection (0.3 s), asked for the page (0.15 s) and for its styles (0.15 s): that leaves the server and the painting
0.2 s of a second."""
BLOCKING = 5
"""So many files may have to be there before the first paint; they come side by side over one connection."""
SMALLEST = """() => [...document.querySelectorAll("button, summary, a.button, select, textarea, input")].filter(e => {
  const box = e.getBoundingClientRect();
  if (e.matches("[type=hidden], [type=checkbox], [type=radio]")) return false;
  return e.checkVisibility({visibilityProperty: true}) && box.width > 2 && box.height < 43.5 && box.height > 2;
}).map(e => `${e.tagName.toLowerCase()} "${(e.textContent || e.name).trim().slice(0, 30)}" is ${
  Math.round(e.getBoundingClientRect().height)} px high`)"""


@dataclass
class Found:
    """What the walk found."""

    pages: list[Page]
    missing: list[str]


@pytest.fixture(scope="module")
def found() -> Iterator[Found]:
    with product(portal=True) as running:
        said = _fill(running)
        people = [ADMIN, *sign_ins(said)]
        clients = [Client(f"http://127.0.0.1:{running.portal_port}") for _ in people]
        for client, (email, password) in zip(clients, people, strict=True):
            client.sign_in(email, password)
        yield Found(*walk(clients))
        for client in clients:
            client.close()


def _fill(running: Product) -> str:
    where = ("--ocpp", running.ocpp, "--control", f"127.0.0.1:{running.control_port}")
    done = subprocess.run(
        running.command("demo", *where, "--stations", "8", "--days", "4"),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=running.environment() | {"CHARGEHOUSE_API_KEY": running.key, "COLUMNS": "200"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with desk(running) as operator:
        roaming = {
            "country_code": "SE",
            "party_id": "CHA",
            "business_name": "Demo",
            "public_url": "https://demo.example",
        }
        service = {"name": "services/roaming", "roaming": {**roaming, "currency": "EUR"}}
        mask = "countryCode,partyId,businessName,publicUrl,currency"
        operator.ask("third_party.UpdateService", service=service, update_mask=mask)
        operator.ask("third_party.EnableService", name="services/roaming")
        operator.ask("third_party.InviteRoamingParty", display_name="Example Roaming")
        fuse = {"place": "places/1", "display_name": "Main fuse", "limit": 400, "fail_safe_current_a": 6}
        operator.ask("load_balancing.CreateLoadGroup", load_group=fuse)
        spare_name = operator.ask("stations.CreateStation", station={"identity": "SPARE-1"}).station.name
        with live_station(running, "SPARE-1") as spare:
            spare.occupy(1, "Faulted")
        begin = datetime.now(UTC) + timedelta(days=5)
        operator.ask(
            "reservations.CreateReservation",
            target={"station": spare_name},
            evse_id=2,
            id_token=operator.ask("id_tokens.ListIdTokens", page_size=1).id_tokens[0].id_token,
            start_time=f"{begin:%Y-%m-%dT%H:%M:%SZ}",
            expire_time=f"{begin + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
        )
    return done.stdout


def test_a_link_leads_to_every_page(found: Found) -> None:
    assert "\n".join(found.missing) == ""
    assert len(found.pages) > 100


def test_every_page_is_light(found: Found) -> None:
    assert [f"{page.route}: {page.whole} bytes" for page in found.pages if page.whole >= WHOLE] == []


def test_nothing_but_few_and_small_styles_is_waited_for_before_a_page_is_painted(found: Found) -> None:
    faults: list[str] = []
    sizes: dict[str, int] = {}
    for page in found.pages:
        if "<html" not in page.text:
            continue
        head = page.text.partition("<body")[0]
        styles = re.findall(r'<link rel="stylesheet" href="([^"]+)"', head)
        for style in styles:
            if style not in sizes:
                answer = page.client.ask(urljoin(page.address, style))
                sizes[style] = answer.size
                if "@import" in answer.text or "@font-face" in answer.text:
                    faults.append(f"{style} asks for more files before anything is painted")
        scripts = re.findall(r"<script[^>]*>", page.text)
        faults += [
            f"{page.route}: {each} blocks" for each in scripts if not re.search(r"\b(defer|async)\b|module", each)
        ]
        before = page.html + sum(sizes[style] for style in styles)
        if len(styles) > BLOCKING or before > BEFORE_PAINT:
            faults.append(f"{page.route}: {before} bytes, {len(styles)} style sheets before the first paint")
    assert "\n".join(faults) == ""


def test_every_page_fits_a_telephone_and_a_finger(found: Found, chromium: Browser) -> None:
    faults: list[str] = []
    tabs: dict[Client, Tab] = {}
    for page in found.pages:
        if "<html" not in page.text:
            continue
        if page.client not in tabs:
            tabs[page.client] = _telephone(chromium, page.client)
        tab = tabs[page.client]
        tab.goto(page.address)
        tab.evaluate("document.querySelectorAll('main details:not([name])').forEach(fold => { fold.open = true })")
        width = tab.evaluate("document.documentElement.scrollWidth")
        if width > 390:
            faults.append(f"{page.route} is {width} px wide")
        faults += [f"{page.route}: {each}" for each in tab.evaluate(SMALLEST)]
    for tab in tabs.values():
        tab.context.close()
    assert "\n".join(faults) == ""


def _telephone(chromium: Browser, client: Client) -> Tab:
    size = {"width": 390, "height": 844}
    context = chromium.new_context(viewport=size, reduced_motion="reduce", base_url=client.address)
    context.set_default_timeout(60_000)
    context.add_cookies([{"name": name, "value": value, "url": client.address} for name, value in client.cookies])
    return context.new_page()
