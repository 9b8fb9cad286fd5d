"""Stations, users and tags from a file, as an administrator brings them in."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.kit.house import House
from tests.kit.looks import complaints, faults
from tests.kit.pressing import press

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(600)]


@pytest.mark.feature("F-STA-13")
def test_a_file_is_looked_through_first_and_every_wrong_line_is_told(
    house: House, chromium: Browser, tmp_path: Path
) -> None:
    file = tmp_path / "stations.csv"
    header = "identity;display_name;place;fuse_amperes\n"
    file.write_text(header + "IMP-1;First;North Harbour;63\nCP-1;Taken;;\nIMP-2;;;many\n")
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto("/import")
    page.get_by_label("File").set_input_files(file)
    press(page.get_by_role("button", name="Look through it"))
    expect(page.get_by_role("alert")).to_contain_text("Nothing was made")
    rows = page.get_by_role("region", name="Table of wrong lines").get_by_role("row")
    expect(rows).to_have_count(3)
    expect(rows.nth(1)).to_contain_text("CP-1")
    expect(rows.nth(2)).to_contain_text("This is no number.")
    assert faults(page) == []
    assert house.ask("stations.ListStations", filter={"identity": "IMP-"}).total_size == 0

    file.write_text(header + "IMP-1;First;North Harbour;63\nIMP-2;;;\n")
    page.get_by_label("File").set_input_files(file)
    press(page.get_by_role("button", name="Look through it"))
    expect(page.locator("#outcome-title + .notice")).to_contain_text("2 lines are fine")
    assert house.ask("stations.ListStations", filter={"identity": "IMP-"}).total_size == 0
    page.get_by_label("File").set_input_files(file)
    press(page.get_by_role("button", name="Import", exact=True))
    expect(page.locator("#outcome-title + .notice")).to_contain_text("2 lines were brought in")
    (first, _) = house.ask("stations.ListStations", filter={"identity": "IMP-"}).stations
    assert (first.display_name, first.place) == ("First", house.names["North Harbour"])
    visit.close()


@pytest.mark.feature("F-STA-13")
def test_tags_and_users_come_in_by_the_same_page(house: House) -> None:
    with house.visitor("admin") as http:
        for kind, content, told in (
            ("tags", "id_token,alias\n04IMPORT1,Van\n", "1 line was brought in"),
            ("users", "email,first_name\nimported@example.org,Imke\n", "token="),
        ):
            answer = http.post("/import", data={"kind": kind, "make": "1"}, files={"file": ("list.csv", content)})
            assert told in answer.text, answer.text
        empty = http.post("/import", data={"kind": "tags"}, files={"file": ("list.csv", "")})
        assert (empty.status_code, "Choose a file first" in empty.text) == (422, True)
        header = http.get("/import/stations.csv")
        assert "identity" in header.text
    assert house.ask("users.ListUsers", filter={"query": "imported@"}).total_size == 1


def test_the_page_is_fit_for_everybody(house: House, chromium: Browser) -> None:
    assert complaints(house, chromium, "admin", "/import?kind=users") == []


def test_a_driver_has_no_business_here(house: House) -> None:
    with house.visitor("driver") as http:
        assert 'href="/import"' not in http.get("/account").text
        refused = http.post("/import", data={"kind": "stations"}, files={"file": ("a.csv", "identity\nIMP-9\n")})
        assert refused.status_code in (403, 422)
    assert house.ask("stations.ListStations", filter={"identity": "IMP-9"}).total_size == 0
