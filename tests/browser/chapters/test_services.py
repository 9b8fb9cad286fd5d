"""Services of other companies in the portal: settings, switch, published sites, parties of roaming."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.kit.house import House
from tests.kit.looks import faults_on_a_phone
from tests.kit.pressing import press, yes

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(600)]


@pytest.mark.feature("F-SYS-2")
def test_an_administrator_sets_roaming_up_and_invites_a_party(house: House, chromium: Browser) -> None:
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto("/services/roaming")
    page.get_by_label("Our country (two letters)").fill("se")
    page.get_by_label("Our party id (three characters)").fill("cha")
    page.get_by_label("Name, as others show it").fill("Harbour Charging")
    page.get_by_label("Address at which others reach this system").fill("https://csms.example.org/")
    page.get_by_label("Currency of sessions without a tariff").fill("EUR")
    press(page.get_by_role("button", name="Save"))
    expect(page.get_by_text("The settings are saved.")).to_be_visible()
    press(page.get_by_role("button", name="Switch on"))
    expect(page.get_by_text("The service is on.")).to_be_visible()
    expect(page.locator("code", has_text="https://csms.example.org/ocpi/versions")).to_be_visible()
    told = house.ask("third_party.GetService", name="services/roaming").service
    assert (told.enabled, told.roaming.party_id) == (True, "CHA")
    page.goto("/services/parties/add")
    page.get_by_label("What you call the party").fill("Nordic Charge")
    press(page.get_by_role("button", name="Invite"))
    token = page.locator(".copy code").nth(1).inner_text()
    assert len(token) >= 16
    page.get_by_role("link", name="I have kept it").click()
    expect(page.get_by_role("heading", name="Nordic Charge")).to_be_visible()
    assert token not in page.content()
    page.get_by_label("What you call it").fill("Nordic")
    press(page.get_by_role("button", name="Rename"))
    expect(page.get_by_role("heading", name="Nordic", exact=True)).to_be_visible()
    page.get_by_role("button", name="End it").click()
    yes(page)
    expect(page.get_by_text("The party is told and forgotten.")).to_be_visible()
    assert not house.ask("third_party.ListRoamingParties").parties
    page.goto("/services/roaming")
    page.get_by_role("button", name="Switch off").click()
    yes(page)
    expect(page.get_by_text("The service is off")).to_be_visible()
    visit.close()


@pytest.mark.feature("F-SYS-2")
def test_map_data_ask_for_a_key_and_tell_of_published_sites_only(house: House, chromium: Browser) -> None:
    position = {"latitude": 57.7, "longitude": 11.9}
    place = {"kind": "PLACE_KIND_SITE", "display_name": "Map Quay", "position": position}
    quay = house.ask("places.CreatePlace", place=place).place.name
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto("/services/location-data")
    page.get_by_label("Whoever asks must show a key").check()
    page.get_by_label("New key (16 to 200 characters)").fill("a-long-key-for-maps")
    press(page.get_by_role("button", name="Save"))
    expect(page.get_by_text("There is a key.")).to_be_visible()
    page.goto("/services/locations")
    site = page.locator("details.site", has_text="Map Quay")
    site.locator("summary").click()
    site.get_by_label("Others are told of Map Quay").check()
    press(site.get_by_role("button", name="Save"))
    expect(page.get_by_role("alert")).to_be_visible()
    site = page.locator("details.site", has_text="Map Quay")
    site.get_by_label("Street and number").fill("Kajen 1")
    site.get_by_label("City").fill("Malmö")
    site.get_by_label("Country").fill("swe")
    press(site.get_by_role("button", name="Save"))
    expect(page.locator("details.site", has_text="Map Quay")).to_contain_text("Published")
    told = {one.place: one for one in house.ask("third_party.ListServiceLocations").locations}
    assert (told[quay].published, told[quay].country) == (True, "SWE")
    visit.close()


def test_support_may_look_and_drivers_may_not(house: House) -> None:
    with house.visitor("support") as client:
        shown = client.get("/services").text
        assert "Roaming and parking payment" in shown
        assert "Switch on" not in shown
        assert client.post("/services/roaming/switch", data={"enabled": "1"}).status_code == 403
    with house.visitor("driver") as client:
        answer = client.get("/services")
        assert (answer.status_code, "Not allowed" in answer.text) == (403, True)


def test_an_unreachable_party_is_told_beside_the_form(house: House) -> None:
    with house.visitor("admin") as client:
        typed = {"display_name": "Nobody", "versions_url": "https://127.0.0.1:9/ocpi/versions", "token": "x" * 20}
        answer = client.post("/services/parties/register", data=typed)
        assert (answer.status_code, 'role="alert"' in answer.text) == (422, True)
        assert "https://127.0.0.1:9/ocpi/versions" in answer.text
        assert "x" * 20 not in answer.text


def test_axe_finds_nothing_and_nothing_is_wider_than_a_phone(house: House, chromium: Browser) -> None:
    visit = house.page(chromium, "admin")
    found = faults_on_a_phone(
        visit.page,
        "/services",
        "/services/roaming",
        "/services/location-data",
        "/services/locations",
        "/services/records",
        "/services/parties/add",
    )
    visit.close()
    assert found == []
