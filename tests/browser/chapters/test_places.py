"""Places as an administrator and a site administrator keep them: the tree, the map, plans of floors."""

from __future__ import annotations

import re
from io import BytesIO

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.kit.house import House
from tests.kit.looks import complaints, faults
from tests.kit.online import online
from tests.kit.patience import until
from tests.kit.pressing import press, yes

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(600)]


def picture() -> bytes:
    """A plan."""
    out = BytesIO()
    Image.new("RGB", (1200, 700), "#e8e4da").save(out, "PNG")
    return out.getvalue()


def floor(house: House, name: str, *stations: str) -> str:
    """A floor of one's own with stations of one's own; gives its key."""
    place = {"kind": "PLACE_KIND_FLOOR", "display_name": name, "parent": house.names["North Harbour"]}
    made = house.ask("places.CreatePlace", place=place).place.name
    for identity in stations:
        station = {"identity": identity, "display_name": identity.title(), "place": made}
        house.names[identity] = house.ask("stations.CreateStation", station=station).station.name
    return str(made.partition("/")[2])


def positions(house: House, key: str) -> dict[str, tuple[float, float]]:
    found = house.ask("pictures.GetFloorPlan", place=f"places/{key}").positions
    return {each.station: (each.x, each.y) for each in found}


@pytest.mark.feature("F-STA-1", "F-STA-8")
def test_a_site_is_made_on_the_map_gets_a_floor_and_goes_only_when_it_is_empty(house: House, chromium: Browser) -> None:
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto("/places")
    page.get_by_role("link", name="Site in Chargehouse").click()
    page.get_by_label("Name").fill("West Quay")
    page.get_by_label("Static id").fill("SE-77")
    page.get_by_label("Address").fill("Quay 7\nGothenburg")
    page.locator("site-map svg.world").click(position={"x": 200, "y": 120})
    expect(page.get_by_label("Latitude")).to_have_value(re.compile(r"^[4-8]\d"))
    page.get_by_label("Latitude").fill("57.7")  # typed is as good as clicked
    page.get_by_label("Longitude").fill("11.95")
    page.get_by_role("combobox", name="Time zone").fill("Europe/Stockholm")
    press(page.get_by_role("button", name="Add", exact=True))
    expect(page.get_by_role("heading", name="West Quay")).to_be_visible()
    press(page.get_by_role("link", name="Floor", exact=True))  # where a name is asked for too
    page.get_by_label("Name").fill("Roof")
    press(page.get_by_role("button", name="Add", exact=True))
    expect(page.get_by_text("The place is added.")).to_be_visible()
    found = {each.display_name: each for each in house.ask("places.ListPlaces").places}
    site = found["West Quay"]
    assert (site.static_id, site.address, site.time_zone) == ("SE-77", "Quay 7\nGothenburg", "Europe/Stockholm")
    assert (site.position.latitude, site.position.longitude) == (57.7, 11.95)
    assert found["Roof"].parent == site.name

    page.goto("/places")
    search = page.get_by_label("Find a site, address or station")
    for words in ("quay 7", "roof"):
        search.fill(words)
        expect(page.locator("site-map output")).to_have_text("West Quay")
    search.fill("nowhere-at-all")
    expect(page.locator("site-map output")).to_have_text("Nothing on the map is called that.")
    assert faults(page) == []
    search.fill("gothenburg")
    search.press("Enter")
    expect(page.get_by_role("heading", name="West Quay")).to_be_visible()
    page.get_by_role("button", name="Delete place").click()
    yes(page)
    expect(page.get_by_role("alert")).to_be_visible()  # it is not empty
    page.get_by_role("main").get_by_role("link", name="Roof").click()
    for heading in ("Roof", "West Quay"):
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        page.get_by_role("button", name="Delete place").click()
        yes(page)
        expect(page.get_by_text("The place is deleted.")).to_be_visible()
        page.goto(f"/{site.name}")
    assert site.name not in {each.name for each in house.ask("places.ListPlaces").places}
    visit.close()


def test_a_site_is_not_saved_with_half_a_position_and_keeps_what_was_typed(house: House) -> None:
    with house.visitor("admin") as http:
        path = f"/{house.names['South Yard']}"
        typed = {"display_name": "South Yard", "address": "Typed", "latitude": "57", "longitude": "east", "etag": ""}
        answer = http.post(path, data={**typed, "parent": "places/1"})
        assert (answer.status_code, "Enter both coordinates" in answer.text) == (422, True)
        assert "Typed" in answer.text


@pytest.mark.feature("F-STA-1")
def test_stations_are_moved_to_another_floor(house: House, chromium: Browser) -> None:
    one, two = floor(house, "Moving from", "MOVE-1", "MOVE-2"), floor(house, "Moving to")
    visit = house.page(chromium, "site")
    visit.page.goto(f"/places/{one}")
    visit.page.get_by_label("Choose Move-1").check()
    visit.page.get_by_label("Move the chosen ones to").select_option(label="Moving to (Floor)")
    press(visit.page.get_by_role("button", name="Move stations"))
    expect(visit.page.get_by_text("The stations are moved.")).to_be_visible()
    assert house.ask("stations.GetStation", name=house.names["MOVE-1"]).station.place == f"places/{two}"
    assert house.ask("stations.GetStation", name=house.names["MOVE-2"]).station.place == f"places/{one}"
    visit.close()


def drag(page: Page, name: str, x: float, y: float) -> None:
    """To a part of the plan."""
    spot, area = page.locator(f'.spot[data-name="{name}"]'), page.locator(".plan").bounding_box()
    assert area is not None
    begin = spot.locator(".spot-disc").bounding_box()
    assert begin is not None
    page.mouse.move(begin["x"] + begin["width"] / 2, begin["y"] + begin["height"] / 2)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] * 0.4, area["y"] + area["height"] * 0.4)
    page.mouse.move(area["x"] + area["width"] * x, area["y"] + area["height"] * y)
    page.mouse.up()


@pytest.mark.feature("F-STA-9")
def test_a_plan_is_uploaded_and_stations_put_on_it_by_mouse_and_keys(house: House, chromium: Browser) -> None:
    key = floor(house, "Planned", "PLAN-1")
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto(f"/places/{key}")
    page.get_by_label("Picture").set_input_files({"name": "p.png", "mimeType": "image/png", "buffer": picture()})
    press(page.get_by_role("button", name="Upload plan"))
    press(page.get_by_role("button", name="Put on the plan"))
    expect(page.locator(".spot")).to_have_count(1)
    drag(page, "Plan-1", 0.25, 0.75)
    expect(page.locator("#plan-said")).to_contain_text("Saved: Plan-1")
    x, y = positions(house, key)[house.names["PLAN-1"]]
    assert (x, y) == (pytest.approx(0.25, abs=0.01), pytest.approx(0.75, abs=0.01))
    page.locator(".spot").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowUp")
    expect(page.get_by_label("Plan-1: from the top, in percent")).to_have_value("70.0")
    wanted = (pytest.approx(0.26, abs=0.01), pytest.approx(0.70, abs=0.01))
    until(lambda: positions(house, key)[house.names["PLAN-1"]] == wanted)
    press(page.get_by_role("button", name="Take off"))
    expect(page.locator(".spot")).to_have_count(0)
    visit.close()


@pytest.mark.feature("F-STA-9")
def test_the_plan_shows_green_blue_red_and_grey_as_it_happens(house: House, chromium: Browser) -> None:
    key = floor(house, "Live floor", "LIVE-1")
    with house.visitor("admin") as http:
        http.post(f"/places/{key}/plan", files={"plan": ("p.png", picture(), "image/png")})
        http.post(
            f"/places/{key}/positions", data={"station": house.names["LIVE-1"].partition("/")[2], "x": 50, "y": 50}
        )
    visit = house.page(chromium, "support")
    visit.page.goto(f"/places/{key}")
    spot = visit.page.locator(".spot")
    expect(spot).to_have_accessible_name("Live-1: Offline")
    with online(house.product, "LIVE-1") as link:
        expect(spot).to_have_accessible_name("Live-1: Free")
        link.status("Charging")
        expect(spot).to_have_accessible_name("Live-1: In use")
        link.status("Faulted", error="GroundFailure")
        expect(spot).to_have_accessible_name("Live-1: Fault")
    expect(spot).to_have_accessible_name("Live-1: Offline")
    assert visit.page.get_by_role("button", name="Save").count() == 0, "support only looks"
    visit.close()


def test_a_site_administrator_keeps_to_the_own_sites(house: House) -> None:
    with house.visitor("site") as http:
        page = http.get("/places").text
        assert "North Harbour" in page
        assert "South Yard" not in page
        assert http.get(f"/{house.names['South Yard']}").status_code == 404
    with house.visitor("support") as http:
        refused = http.post("/places/add", data={"kind": "SITE", "display_name": "Mine"})
        assert (refused.status_code, "Not allowed" in refused.text) == (403, True)


def test_axe_finds_nothing_at_places(house: House, chromium: Browser) -> None:
    key = floor(house, "Looked at", "LOOK-1")
    with house.visitor("admin") as http:
        http.post(f"/places/{key}/plan", files={"plan": ("p.png", picture(), "image/png")})
        http.post(
            f"/places/{key}/positions", data={"station": house.names["LOOK-1"].partition("/")[2], "x": 50, "y": 50}
        )
    site = f"/{house.names['North Harbour']}"
    paths = ("/places", site, f"/places/{key}", "/places/add?kind=SITE", "/places/1")
    assert complaints(house, chromium, "admin", *paths) == []
