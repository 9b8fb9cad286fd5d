"""Operations on many stations, schedules and firmware, as operators and support use them."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.kit.house import House
from tests.kit.looks import complaints
from tests.kit.online import online
from tests.kit.pressing import press, yes

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(600)]


def stations(house: House, *identities: str) -> None:
    for identity in identities:
        station = {"identity": identity, "display_name": identity.title(), "place": house.names["South Yard"]}
        house.names[identity] = house.ask("stations.CreateStation", station=station).station.name


@pytest.mark.feature("F-OPS-6")
def test_a_restart_of_two_shows_whom_it_concerns_and_what_became_of_each(house: House, chromium: Browser) -> None:
    stations(house, "OPS-1", "OPS-2")
    visit = house.page(chromium, "support")
    page = visit.page
    with online(house.product, "OPS-1"):
        page.goto("/operations")
        page.get_by_role("link", name="New operation").click()
        page.locator('a.card[href="/operations/new?kind=RESET"]').click()
        page.get_by_label("Title").fill("Monday restart")
        page.get_by_label("Those that match").check()
        page.get_by_label("Identity or name has").fill("OPS-")
        press(page.get_by_role("button", name="Show the stations"))
        expect(page.get_by_text("It concerns 2 stations.")).to_be_visible()
        expect(page.get_by_role("row", name="Ops-2")).to_contain_text("Offline")
        assert house.ask("operations.ListOperations", filter={"query": "Monday restart"}).total_size == 0
        expect(page.get_by_label("Title")).to_have_value("Monday restart")
        page.get_by_role("button", name="Begin").click()
        yes(page)
        expect(page.get_by_role("heading", name="Monday restart")).to_be_visible()
        expect(page.locator("#operation-head .course")).to_contain_text("Ended, not all well")  # live
        expect(page.get_by_role("row", name="Ops-1")).to_contain_text("Accepted")
        expect(page.get_by_role("row", name="Ops-2")).to_contain_text("Failed")
        with online(house.product, "OPS-2"):
            page.get_by_role("button", name="Retry what failed").click()
            yes(page)
            expect(page.locator("#operation-head .course")).to_contain_text("Done")
    (made,) = house.ask("operations.ListOperations", filter={"query": "Monday restart"}).operations
    assert (made.counts.total, made.counts.succeeded) == (2, 2)
    page.goto("/operations?q=Monday")
    expect(page.locator("table.ops tbody tr")).to_have_count(1)
    visit.close()


@pytest.mark.feature("F-OPS-6")
def test_an_operation_that_waits_is_paused_goes_on_and_is_cancelled(house: House, chromium: Browser) -> None:
    stations(house, "WAIT-1")
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto(f"/operations/new?stations={house.names['WAIT-1'].partition('/')[2]}")
    page.get_by_role("link", name="Clear the authorisation cache").click()
    expect(page.get_by_label("Wait-1")).to_be_checked()
    page.get_by_label("Wait for offline ones, in hours").fill("2")
    page.get_by_role("button", name="Begin").click()
    yes(page)
    press(page.get_by_role("button", name="Pause"))
    expect(page.locator("#operation-head .course")).to_contain_text("Paused")
    press(page.get_by_role("button", name="Go on"))
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.get_by_role("button", name="Cancel operation").click()
    yes(page)
    expect(page.locator("#operation-head .course")).to_contain_text("Cancelled")
    expect(page.get_by_role("row", name="Wait-1")).to_contain_text("Left out")
    visit.close()


@pytest.mark.feature("F-OPS-6")
def test_a_schedule_is_saved_switched_off_and_deleted(house: House, chromium: Browser) -> None:
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto("/operations/new?kind=SYNC_LOCAL_LIST")
    page.get_by_label("Title").fill("Nightly lists")
    page.get_by_text("By the clock instead").click()
    page.get_by_label("Time of day").fill("03:15")
    page.get_by_label("Sun").check()
    press(page.get_by_role("button", name="Save as a schedule"))
    expect(page.get_by_role("row", name="Nightly lists")).to_contain_text("03:15")
    (made,) = [s for s in house.ask("operations.ListSchedules").schedules if s.title == "Nightly lists"]
    assert (list(made.days_of_week), made.enabled) == ([7], True)
    press(page.get_by_role("button", name="Switch off Nightly lists"))
    expect(page.get_by_role("button", name="Switch on Nightly lists")).to_be_visible()
    page.get_by_role("button", name="Delete Nightly lists").click()
    yes(page)
    expect(page.get_by_text("The schedule is deleted.")).to_be_visible()
    visit.close()


@pytest.mark.feature("F-OPS-2")
def test_an_image_is_uploaded_an_update_found_and_rolled_out(house: House, chromium: Browser) -> None:
    stations(house, "FIRM-1")
    visit = house.page(chromium, "admin")
    page = visit.page
    with online(house.product, "FIRM-1", UpdateFirmware={}) as link:
        link.call("BootNotification", chargePointVendor="Rollcorp", chargePointModel="R1", firmwareVersion="1.2.9")
        page.goto("/firmware")
        page.get_by_label("Vendor").fill("Rollcorp")
        page.get_by_label("Version", exact=True).fill("1.2.10")
        page.get_by_label("File", exact=True).set_input_files(
            {"name": "r1.bin", "mimeType": "application/octet-stream", "buffer": b"firmware" * 200_000}
        )
        press(page.get_by_role("button", name="Upload"))
        expect(page.get_by_text("The image is kept.")).to_be_visible()
        (image,) = house.ask("firmware_images.ListFirmwareImages", vendor="Rollcorp").firmware_images
        assert (image.version, image.size_bytes, image.filename) == ("1.2.10", 1_600_000, "r1.bin")
        page.get_by_role("link", name="Updates").click()
        expect(page.get_by_role("row", name="Firm-1")).to_contain_text("An update is there")
        page.get_by_role("link", name="Roll it out").click()
        expect(page.get_by_label("Firm-1")).to_be_checked()
        page.get_by_role("button", name="Begin").click()
        yes(page)
        expect(page.get_by_role("row", name="Firm-1")).to_contain_text("Under way")
        link.call("FirmwareStatusNotification", status="Downloading")
        expect(page.get_by_role("row", name="Firm-1")).to_contain_text("Downloading")
        link.call("FirmwareStatusNotification", status="Installed")
        expect(page.locator("#operation-head .course")).to_contain_text("Done")
    visit.close()


def test_nothing_begins_without_stations_and_what_was_typed_is_kept(house: House) -> None:
    with house.visitor("admin") as http:
        answer = http.post("/operations/new?kind=RESET", data={"title": "Typed", "by": "chosen", "do": "begin"})
        assert (answer.status_code, "Tick the stations" in answer.text) == (422, True)
        assert 'value="Typed"' in answer.text


def test_drivers_operate_nothing_and_support_keeps_its_hands_off_images(house: House) -> None:
    with house.visitor("driver") as http:
        elsewhere = house.names["CP-4"].rpartition("/")[2]
        answer = http.post("/operations/new?kind=RESET", data={"by": "chosen", "station": elsewhere, "do": "begin"})
        assert answer.status_code in (403, 404, 422), "no station of theirs"
        assert house.ask("operations.ListOperations", filter={"creator": house.names["driver"]}).total_size == 0
    with house.visitor("support") as http:
        assert "Upload an image" not in http.get("/firmware").text


def test_axe_finds_nothing_at_operations(house: House, chromium: Browser) -> None:
    draft = {"order": {"clear_cache": {}}, "stations": [house.names["CP-4"]], "title": "Looked at"}
    made = house.ask("operations.CreateOperation", operation=draft).operation.name
    form = "/operations/new?kind=UPDATE_FIRMWARE"
    paths = ("/operations", "/operations/new", form, f"/{made}", "/operations/schedules", "/firmware")
    assert complaints(house, chromium, "admin", *paths, "/firmware/updates?all=1", "/files") == []
