"""Tariffs as administrators and site administrators keep them, on the real product."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.kit.charging import a_tariff
from tests.kit.house import House
from tests.kit.looks import complaints
from tests.kit.pressing import press, yes

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(600)]


@pytest.mark.feature("F-SES-6")
def test_a_tariff_is_made_tried_out_assigned_changed_and_retired(house: House, chromium: Browser) -> None:
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto("/tariffs")
    page.get_by_role("link", name="New tariff").click()
    page.get_by_label("Name").fill("Night owls")
    page.get_by_label("VAT (percent)").fill("25")
    first = page.get_by_role("group", name="Price 1")
    first.get_by_label("Price", exact=True).fill("0,40")
    preview = page.locator("#preview")
    expect(preview).to_contain_text("20 kWh × €0.40/kWh")
    expect(preview).to_contain_text("€8.00")
    press(page.get_by_role("button", name="Another price"))
    expect(page.get_by_label("Name")).to_have_value("Night owls")
    second = page.get_by_role("group", name="Price 2")
    second.locator("select").select_option("PARKING_TIME")
    second.get_by_label("Price", exact=True).fill("0.10")
    second.get_by_text("Hours, days, steps").click()
    second.get_by_label("Free minutes (parked)").fill("10")
    expect(preview).to_contain_text("Time parked")
    expect(preview).to_contain_text("€10.00")
    press(page.get_by_role("button", name="Save").last)
    expect(page.get_by_text("The tariff is there.")).to_be_visible()
    expect(page.get_by_role("region", name="Versions of the prices")).to_contain_text("after 10 free minutes")
    page.get_by_label("It shall hold for").select_option("place")
    press(page.get_by_role("button", name="Assign"))
    expect(page.get_by_text("Choose where, or for whom")).to_be_visible()
    page.locator("select[name=place]").select_option(house.names["Level 1"])
    press(page.get_by_role("button", name="Assign"))
    expect(page.get_by_text("The tariff is assigned.")).to_be_visible()
    name = "tariffs/" + page.url.rpartition("/")[2]
    assert house.ask("tariffs.GetTariffFor", station=house.names["CP-1"]).tariff_display_name == "Night owls"
    page.get_by_role("link", name="Change", exact=True).click()
    page.get_by_role("group", name="Price 1").get_by_label("Price", exact=True).fill("0.45")
    press(page.get_by_role("button", name="Save").last)
    expect(page.get_by_text("The new prices are saved.")).to_be_visible()
    versions = house.ask("tariffs.GetTariff", name=name).versions
    assert [v.terms.elements[0].price for v in versions] == ["0.45", "0.40"]
    page.get_by_role("button", name="Retire").click()
    yes(page)
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_role("button", name="End", exact=True).click()
    yes(page)
    expect(page.get_by_text("The tariff no longer holds there.")).to_be_visible()
    page.get_by_role("button", name="Retire").click()
    yes(page)
    expect(page.get_by_text("The tariff is retired.")).to_be_visible()
    visit.close()
    assert house.ask("tariffs.GetTariff", name=name).tariff.retired


@pytest.mark.feature("F-SES-6")
def test_prices_that_make_no_sense_are_refused_beside_what_was_typed_without_scripts_too(house: House) -> None:
    form = {"display_name": "Typo", "currency": "EUR", "kind-0": "ENERGY", "price-0": "cheap", "do": "save"}
    with house.visitor("admin") as client:
        answer = client.post("/tariffs/add", data=form)
        assert (answer.status_code, "Price 1 is no number." in answer.text) == (422, True)
        assert 'value="cheap"' in answer.text
        window = {"begin-0": "22:00", "end-0": "06:00", "day-0": ["5", "6"], "price-0": "0.2"}
        answer = client.post("/tariffs/add", data=form | window | {"display_name": "Weekend nights"})
        assert "Sat, Sun 22:00–06:00" in answer.text
        answer = client.post(f"{answer.url.path}/delete")
        assert "The tariff is deleted." in answer.text


@pytest.mark.feature("F-SES-6")
def test_site_administrators_assign_at_their_sites_support_reads_and_drivers_see_no_tariffs(house: House) -> None:
    name = a_tariff(house, "Harbour rates", "")
    with house.visitor("site") as client:
        page = client.get(f"/{name}").text
        assert ("Assign</button>" in page, "Delete tariff" in page) == (True, False)
        own = {"level": "place", "place": house.names["North Harbour"]}
        assert "The tariff is assigned." in client.post(f"/{name}/assign", data=own).text
        other = client.post(f"/{name}/assign", data={"level": "place", "place": house.names["South Yard"]})
        assert other.status_code in (403, 404)
        draft = {"display_name": "X", "kind-0": "ENERGY", "price-0": "1", "do": "save", "currency": "EUR"}
        assert client.post("/tariffs/add", data=draft).status_code == 403
    with house.visitor("support") as client:
        assert "Assign</button>" not in client.get(f"/{name}").text
    with house.visitor("driver") as client:
        assert client.get("/tariffs").status_code == 403
        assert not re.search(r'href="/tariffs"', client.get("/account").text)
    house.ask("tariffs.UnassignTariff", target=house.names["North Harbour"])


def test_nothing_is_wrong_with_the_pages(house: House, chromium: Browser) -> None:
    name = a_tariff(house, "Looks", "")
    assert complaints(house, chromium, "admin", "/tariffs", f"/{name}", f"/{name}/edit", "/tariffs/add") == []
