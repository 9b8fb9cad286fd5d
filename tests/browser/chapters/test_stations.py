"""The lists of stations and connectors, the inbox of those that wait, and the inventory, as each role uses them."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import openpyxl
import pytest
import trio
from playwright.sync_api import Browser, expect

from tests.kit.house import House
from tests.kit.live_stations import live_station
from tests.kit.looks import complaints
from tests.kit.pressing import press, yes
from tests.kit.product import station

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(600)]


def known(house: House, prefix: str, number: int, place: str = "South Yard") -> list[str]:
    """Stations of one's own; their names."""
    made = []
    for index in range(1, number + 1):
        station = {"identity": f"{prefix}-{index}", "place": house.names[place]}
        made.append(str(house.ask("stations.CreateStation", station=station).station.name))
    return made


@pytest.mark.feature("F-STA-3")
def test_stations_are_found_by_every_filter_sorted_both_ways_and_exported_as_shown(
    house: House, chromium: Browser, tmp_path: Path
) -> None:
    known(house, "FILTER", 3)
    with live_station(house.product, "FILTER-2"):
        visit = house.page(chromium, "admin")
        page = visit.page
        page.goto("/stations")
        page.get_by_role("searchbox", name="Search stations").fill("FILTER-")
        expect(page.locator("#station-rows tr")).to_have_count(3)
        page.get_by_role("radio", name="Offline").check()
        expect(page.locator("#station-rows tr")).to_have_count(2)
        expect(page).to_have_url(re.compile("state=offline"))
        page.goto("/stations?q=FILTER-")
        page.locator("#more-filters summary").click()
        page.get_by_label("Protocol").select_option("ocpp1.6")
        expect(page.locator("#station-rows tr")).to_have_count(1)
        expect(page).to_have_url(re.compile("=ocpp1.6"))
        page.reload()
        expect(page.get_by_label("Protocol")).to_have_value("ocpp1.6")
        page.goto("/stations?identity=filter-")
        rows = page.locator("#station-rows tr th")
        expect(rows.first).to_contain_text("FILTER-1")
        page.get_by_role("columnheader", name="Station").get_by_role("link").click()
        expect(rows.first).to_contain_text("FILTER-3")
        expect(page.get_by_role("columnheader", name="Station")).to_have_attribute("aria-sort", "descending")
        with page.expect_download() as download:
            page.get_by_role("link", name="XLSX").click()
        download.value.save_as(tmp_path / "stations.xlsx")
        sheet = openpyxl.load_workbook(tmp_path / "stations.xlsx").active
        assert [row[0].value for row in sheet.iter_rows()] == ["Identity", "FILTER-3", "FILTER-2", "FILTER-1"]
        visit.close()


@pytest.mark.feature("F-STA-3")
def test_filters_are_kept_as_a_view_under_a_name(house: House, chromium: Browser) -> None:
    visit = house.page(chromium, "support")
    page = visit.page
    page.goto("/stations?state=offline&identity=cp-")
    page.locator(".views-menu summary").click()
    page.get_by_label("Name of this view").fill("Silent ones")
    press(page.locator(".views-menu").get_by_role("button", name="Save"))
    page.goto("/stations")
    page.locator(".views-menu summary").click()
    page.get_by_role("link", name="Silent ones").click()
    page.wait_for_url("**/stations?**state=offline**")
    assert "identity=cp-" in page.url
    visit.close()


@pytest.mark.feature("F-STA-3")
def test_ticked_stations_are_moved_and_all_that_are_filtered_are_shared(house: House, chromium: Browser) -> None:
    first, second = known(house, "BULK", 2)
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto("/stations?identity=bulk-")
    page.get_by_label("Tick BULK-1").check()
    page.get_by_role("combobox", name="Do", exact=True).select_option("move")
    page.get_by_role("combobox", name="To", exact=True).select_option(label="North Harbour")
    page.get_by_role("button", name="Do it").click()
    yes(page)
    expect(page.get_by_text("Done for all of them.")).to_be_visible()
    places = {name: house.ask("stations.GetStation", name=name).station.place for name in (first, second)}
    assert places == {first: house.names["North Harbour"], second: house.names["South Yard"]}
    page.locator("#bulk-fold summary").click()
    page.get_by_role("radio", name="All 2 that are listed").check()
    page.get_by_role("combobox", name="Do", exact=True).select_option("share")
    page.get_by_label("E-mail of the user").fill("driver@example.org")
    page.get_by_label("They may").select_option("OPERATE")
    page.get_by_role("button", name="Do it").click()
    yes(page)
    expect(page.get_by_text("Done for all of them.")).to_be_visible()
    for name in (first, second):
        (share,) = house.ask("sharing.ListShares", station=name).shares
        assert share.person.email == "driver@example.org"
        house.ask("sharing.UnshareStation", station=name, user=share.person.user)
    visit.close()


@pytest.mark.feature("F-STA-3")
def test_what_could_not_be_done_is_told_station_by_station(house: House) -> None:
    (name,) = known(house, "NOBODY", 1)
    key = name.partition("/")[2]
    with house.visitor("admin") as http:
        form = {"scope": "picked", "station": key, "do": "assign", "email": "nobody@example.net"}
        answer = http.post("/stations/bulk?identity=nobody-", data=form)
        assert (answer.status_code, f"Station {key}" in answer.text) == (422, True)
        empty = http.post("/stations/bulk", data={"scope": "picked", "do": "accept"})
        assert (empty.status_code, "Tick the stations first" in empty.text) == (422, True)


@pytest.mark.feature("F-STA-3")
def test_ticked_stations_are_deactivated_by_an_operation(house: House) -> None:
    (name,) = known(house, "SWITCH", 1)
    with live_station(house.product, "SWITCH-1") as station, house.visitor("admin") as http:
        form = {"scope": "picked", "station": name.partition("/")[2], "do": "deactivate"}
        answer = http.post("/stations/bulk", data=form, follow_redirects=False)
        assert answer.headers["location"].startswith("/operations/")
        assert station.until_asked("ChangeAvailability")["type"] == "Inoperative"


@pytest.mark.feature("F-STA-3", "F-STA-11")
def test_a_driver_sees_shared_stations_told_apart_from_own_ones(house: House, chromium: Browser) -> None:
    mine, shared = known(house, "WHOSE", 2)
    house.ask("sharing.SetOwner", station=mine, email="driver@example.org")
    house.ask("sharing.ShareStation", station=shared, email="driver@example.org", level="SHARE_LEVEL_VIEW")
    visit = house.page(chromium, "driver")
    page = visit.page
    page.goto("/stations?identity=whose-")
    expect(page.locator("#station-rows tr")).to_have_count(2)
    expect(page.get_by_role("link", name="Add station")).to_have_count(0)
    page.get_by_role("combobox", name="Whose").select_option("shared")
    expect(page.locator("#station-rows tr")).to_have_count(1)
    expect(page.locator("#station-rows")).to_contain_text("WHOSE-2")
    visit.close()
    house.ask("sharing.ReleaseStation", station=mine)
    house.ask("sharing.ReleaseStation", station=shared)


def test_each_role_gets_the_list_whatever_it_may_read_besides(house: House) -> None:
    for who in ("admin", "site", "support", "driver"):
        with house.visitor(who) as http:
            for path in ("/", "/stations", "/connectors"):
                assert http.get(path).status_code == 200, (who, path)


@pytest.mark.feature("F-STA-4")
def test_connectors_are_listed_with_their_state_live_and_filtered_by_it(house: House, chromium: Browser) -> None:
    known(house, "PLUG", 1)
    with live_station(house.product, "PLUG-1") as station:
        visit = house.page(chromium, "support")
        page = visit.page
        page.goto("/connectors?q=PLUG-1")
        rows = page.locator("#connectors tbody tr")
        expect(rows).to_have_count(2)
        expect(page.locator("#lamp")).to_have_attribute("data-state", "live")
        station.occupy(2, "SuspendedEV")
        expect(rows.nth(1)).to_contain_text("Paused by vehicle")
        page.get_by_role("checkbox", name="Paused by vehicle").check()
        expect(rows).to_have_count(1)
        expect(page).to_have_url(re.compile("status=SUSPENDED_EV"))
        expect(page.locator(".tick")).to_have_count(9)
        visit.close()
    with house.visitor("support") as http:
        lines = list(csv.reader(io.StringIO(http.get("/connectors.csv?q=PLUG-1").text.lstrip("\ufeff"))))
        assert [line[0] for line in lines[1:]] == ["PLUG-1", "PLUG-1"]
        assert lines[2][5] == "Paused by vehicle"


async def knock(house: House, identity: str) -> None:
    """Come as somebody whom nobody knows, and go again."""
    async with station(house.product, identity) as stranger:
        await stranger.call("BootNotification", chargePointVendor="Acme", chargePointModel="One")


@pytest.mark.feature("F-STA-3")
def test_stations_that_wait_tell_why_and_are_accepted_together(house: House, chromium: Browser) -> None:
    for identity in ("KNOCK-1", "KNOCK-2"):
        trio.run(knock, house, identity)
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto("/pending")
    for identity in ("KNOCK-1", "KNOCK-2"):
        card = page.locator("article", has_text=identity)
        expect(card).to_contain_text("attempt")
        expect(card).to_contain_text("Nobody has made this identity known here")
        card.get_by_label(f"Tick {identity}").check()
    press(page.get_by_role("button", name="Accept ticked ones"))
    expect(page.get_by_text("The stations are accepted.")).to_be_visible()
    expect(page.locator("article", has_text="KNOCK-1")).to_have_count(0)
    visit.close()
    found = house.ask("stations.ListStations", filter={"identity": "KNOCK-"}).stations
    assert {each.registration_state for each in found} == {1}


@pytest.mark.feature("F-STA-12")
def test_the_inventory_is_searched_by_what_stands_on_the_label(house: House, chromium: Browser) -> None:
    (name,) = known(house, "EQUIP", 1)
    installation = {"station": name, "material_number": "MAT-77-X", "part_number": "P-1"}
    mask = "materialNumber,partNumber"
    house.ask("installations.UpdateInstallation", installation=installation, update_mask=mask)
    visit = house.page(chromium, "support")
    page = visit.page
    page.goto("/inventory")
    page.get_by_label("Material number").fill("mat-77")
    expect(page.locator("#list tbody tr")).to_have_count(1)
    expect(page.locator("#list tbody")).to_contain_text("EQUIP-1")
    expect(page.get_by_role("columnheader", name="In timeout")).to_be_visible()
    expect(page.locator("#list tbody tr td").first).to_have_text("Yes")
    with live_station(house.product, "EQUIP-1"):
        page.reload()
        expect(page.locator("#list tbody tr td").first).to_have_text("No")
        with page.expect_download() as waiting:
            page.get_by_role("link", name="XLSX").click()
        table = openpyxl.load_workbook(io.BytesIO(waiting.value.path().read_bytes())).active
        headings, *rows = table.iter_rows(values_only=True)
        (told,) = [dict(zip(headings, row, strict=True)) for row in rows]
        assert (told["Identity"], told["In timeout"], told["Modified"] >= told["Added"]) == ("EQUIP-1", "No", True)
    page.get_by_role("link", name="EQUIP-1", exact=True).click()
    expect(page.get_by_role("heading", name="Installation")).to_be_visible()
    visit.close()
    with house.visitor("support") as http:
        assert "MAT-77-X" in http.get("/inventory.csv?material_number=MAT").text


def test_every_list_is_accessible_and_fits_a_phone(house: House, chromium: Browser) -> None:
    with live_station(house.product, "CP-1"):
        paths = ("/stations", "/stations?q=nothing-like-it", "/connectors", "/pending", "/inventory", "/stations/add")
        assert complaints(house, chromium, "admin", *paths) == []
        assert complaints(house, chromium, "driver", "/stations", "/connectors") == []
