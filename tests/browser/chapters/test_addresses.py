"""Addresses of sites, looked for at a geocoder of the operator's: by the server, never by the browser."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, expect

from tests.kit.house import House, open_house
from tests.kit.looks import faults

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(180)]


class Geocoder(BaseHTTPRequestHandler):
    """Knows two quays. Its answers can be made to fail."""

    asked: ClassVar[list[dict[str, str]]] = []
    status: ClassVar[int] = 200

    def log_message(self, *args: Any) -> None:
        """Quietly."""

    def do_GET(self) -> None:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        type(self).asked.append(asked)
        found = [
            {"lat": "57.70887", "lon": "11.97456", "display_name": "Quay 7, 411 01 Gothenburg, Sweden"},
            {"lat": "55.60498", "lon": "13.00382", "display_name": "Quay 7, 211 15 Malmö, Sweden"},
        ]
        body = json.dumps(found if "quay" in asked["q"].lower() else []).encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture(scope="module")
def mapped() -> Iterator[House]:
    """A product that was told of a geocoder."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Geocoder)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        with open_house(geocoder_url=f"http://127.0.0.1:{server.server_port}/search") as made:
            yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.mark.feature("F-STA-8")
def test_a_typed_address_is_found_by_the_keys_and_sets_the_pin(mapped: House, chromium: Browser) -> None:
    visit = mapped.page(chromium, "admin")
    page = visit.page
    page.goto("/places/add?kind=SITE&parent=places/1")
    page.get_by_label("Name").fill("West Quay")
    page.get_by_label("Address").fill("Quay 7\nGothenburg")
    page.get_by_role("button", name="Find on the map").click()
    results = page.locator(".addresses button")
    expect(results).to_have_count(2)
    expect(page.locator("#addresses [role=status]")).to_contain_text("2 addresses found")
    assert Geocoder.asked[-1]["q"] == "Quay 7 Gothenburg"
    assert Geocoder.asked[-1]["accept-language"] == "en"
    expect(results.first).to_be_focused()
    assert faults(page) == []
    page.keyboard.press("ArrowDown")
    expect(results.nth(1)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Latitude")).to_have_value("57.70887")
    expect(page.get_by_label("Longitude")).to_have_value("11.97456")
    expect(page.locator("site-map .here-mark")).to_be_visible()
    expect(page.locator("#addresses [role=status]")).to_have_text("The pin is set. Save to keep it.")
    page.get_by_label("Name").press("Enter")  # saves: it does not look once more
    expect(page.get_by_role("heading", name="West Quay")).to_be_visible()
    (site,) = [each for each in mapped.ask("places.ListPlaces").places if each.display_name == "West Quay"]
    assert (site.address, site.position.latitude, site.position.longitude) == (
        "Quay 7\nGothenburg",
        57.70887,
        11.97456,
    )
    visit.close()  # and the browser asked nobody but us


def test_one_that_fails_is_told_and_own_sites_are_found_all_the_same(mapped: House) -> None:
    place = {"kind": "PLACE_KIND_SITE", "display_name": "Mill", "address": "Mill Lane 3", "parent": "places/1"}
    mapped.ask("places.CreatePlace", place={**place, "position": {"latitude": 51.5, "longitude": -0.1}})
    Geocoder.status = 500
    try:
        with mapped.visitor("site") as http:
            answer = http.get("/places/addresses", params={"address": "quay of nobody"})
            assert "does not answer" in answer.text
        with mapped.visitor("admin") as http:
            answer = http.get("/places/addresses", params={"address": "mill lane"})
            assert "does not answer" in answer.text
            assert 'value="51.5,-0.1"' in answer.text
    finally:
        Geocoder.status = 200


def test_without_scripts_the_form_comes_back_with_the_list_and_then_with_the_pin(mapped: House) -> None:
    path = f"/{mapped.names['South Yard']}"
    typed = {"display_name": "South Yard", "address": "Quay 7", "latitude": "", "longitude": "", "parent": "places/1"}
    with mapped.visitor("admin") as http:
        listed = http.post(path, data={**typed, "find": "1"})
        assert (listed.status_code, 'value="57.70887,11.97456"' in listed.text) == (200, True)
        taken = http.post(path, data={**typed, "take": "57.70887,11.97456"})
        assert 'name="latitude" inputmode="text" value="57.70887"' in taken.text
        assert not mapped.ask("places.GetPlace", name=mapped.names["South Yard"]).place.HasField("position")
        assert (
            http.post(path, data={**typed, "find": "1", "address": "q"}).text.count("Type an address above first") == 1
        )


@pytest.mark.feature("F-STA-8")
def test_without_a_geocoder_own_sites_are_searched_and_it_is_said(house: House, chromium: Browser) -> None:
    place = {
        "kind": "PLACE_KIND_SITE",
        "display_name": "Old Mill",
        "address": "Mill Lane 3\nLund",
        "parent": "places/1",
    }
    made = house.ask("places.CreatePlace", place={**place, "position": {"latitude": 55.7, "longitude": 13.2}}).place
    visit = house.page(chromium, "admin", width=390)
    page = visit.page
    page.goto("/places/add?kind=SITE&parent=places/1")
    page.get_by_label("Address").fill("Mill Lane, Lund")
    page.get_by_role("button", name="Find on the map").click()
    expect(page.locator("#addresses [role=status]")).to_contain_text("No address search is set up")
    page.locator(".addresses button").filter(has_text="Old Mill").click()
    expect(page.get_by_label("Latitude")).to_have_value("55.7")
    page.get_by_label("Address").fill("nowhere at all")
    page.get_by_role("button", name="Find on the map").click()
    expect(page.locator(".addresses")).to_have_count(0)
    assert faults(page) == []
    visit.close()
    with house.visitor("support") as http:
        assert "Find on the map" not in http.get(f"/{house.names['South Yard']}").text
        assert http.get("/places/addresses", params={"address": "mill lane"}).status_code == 403
    house.ask("places.DeletePlace", name=made.name)
