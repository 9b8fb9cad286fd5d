"""The sessions table and a session's page as an operator and a driver use them, on the real product."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.kit.charging import Car, a_charge, a_tariff
from tests.kit.house import House
from tests.kit.looks import complaints
from tests.kit.online import Online, online
from tests.kit.pressing import press, yes

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(600)]
OWN, FOREIGN = "04AA11BB22CC80", "DEADBEEF"


@pytest.fixture(scope="module")
def street(house: House) -> Iterator[tuple[Online, list[int]]]:
    """A station of this chapter's own where three cars charged; its sessions, oldest first."""
    made = {"identity": "SES-1", "display_name": "Mill Street", "place": house.names["South Yard"]}
    house.names["SES-1"] = house.ask("stations.CreateStation", station=made).station.name
    now = datetime.now(tz=UTC)
    with online(house.product, "SES-1", RemoteStopTransaction={"status": "Accepted"}) as link:
        done = [
            a_charge(link, FOREIGN, now - timedelta(hours=9), watts=22_000),
            a_charge(link, OWN, now - timedelta(hours=6), watts=11_000),
            a_charge(link, FOREIGN, now - timedelta(hours=3), watts=7_000),
        ]
        yield link, done


@pytest.fixture
def lane(house: House) -> Iterator[Online]:
    """Another one, where nobody has charged yet."""
    made = {"identity": "SES-2", "display_name": "Mill Lane", "place": house.names["South Yard"]}
    house.names["SES-2"] = house.ask("stations.CreateStation", station=made).station.name
    with online(house.product, "SES-2", RemoteStopTransaction={"status": "Accepted"}) as link:
        yield link


@pytest.fixture
def usual_columns_again(house: House) -> Iterator[None]:
    """What the administrator chooses stays with the account: afterwards there are the usual columns."""
    yield
    with house.visitor("admin") as client:
        client.post("/sessions/columns", data={"reset": "1"})


def here(house: House, rest: str = "", station: str = "SES-1") -> str:
    return f"/sessions?station={house.names[station].partition('/')[2]}{rest}"


def numbers(page: Page) -> list[int]:
    return [int(each) for each in page.locator("#session-rows .row-link").all_inner_texts()]


@pytest.mark.feature("F-SES-2")
@pytest.mark.usefixtures("usual_columns_again")
def test_an_operator_filters_sorts_chooses_columns_and_keeps_the_view(
    house: House, chromium: Browser, street: tuple[Online, list[int]]
) -> None:
    first, second, third = street[1]
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto(here(house))
    rows = page.locator("#session-rows .row-link")
    expect(page.locator("#totals")).to_contain_text("3 sessions")
    expect(rows).to_have_text([str(each) for each in (third, second, first)])
    page.get_by_role("link", name="Energy", exact=True).click()
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("Energy")
    expect(rows).to_have_text([str(each) for each in (first, second, third)])
    page.get_by_role("link", name="Energy", exact=True).click()
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("Energy")
    expect(rows).to_have_text([str(each) for each in (third, second, first)])
    expect(page).to_have_url(re.compile("order=energy"))
    page.get_by_text("More filters").click()
    page.get_by_label("Energy from (kWh)").fill("6")
    expect(page.locator("#session-rows tr")).to_have_count(2)
    expect(page.locator("#totals")).to_contain_text("2 sessions")
    expect(page).to_have_url(re.compile("energy_min=6"))
    page.locator("#views-menu summary").click()
    page.get_by_label("Name of this view").fill("Big ones")
    press(page.get_by_role("button", name="Save this view"))
    page.goto("/sessions")
    page.locator("#views-menu summary").click()
    press(page.get_by_role("link", name="Big ones"))
    expect(page.locator("#session-rows tr")).to_have_count(2)
    page.locator("#columns-menu summary").click()
    page.get_by_label("Highest power", exact=True).check()
    page.get_by_role("button", name="Energy earlier").click()
    press(page.get_by_role("button", name="Show these"))
    heads = page.locator("table.sessions thead th > a:first-child").all_inner_texts()
    assert "Highest power" in " ".join(heads)
    assert [h.strip("↕↑↓ ") for h in heads].index("Energy") < [h.strip("↕↑↓ ") for h in heads].index("Highest power")
    page.get_by_role("link", name="Remove the filter Energy from (kWh)").click()
    expect(page.locator("#session-rows tr")).to_have_count(3)
    visit.close()


@pytest.mark.feature("F-SES-2")
@pytest.mark.usefixtures("usual_columns_again")
def test_sessions_are_found_by_what_the_meter_showed_at_their_end(
    house: House, chromium: Browser, street: tuple[Online, list[int]]
) -> None:
    shown = {each.name: each.meter_stop_wh / 1000 for each in _sessions(house)}
    most = max(shown, key=lambda name: shown[name])
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto(here(house))
    page.get_by_text("More filters").click()
    page.get_by_label("Meter at stop from (kWh)").fill(f"{shown[most] - 0.001:.3f}")
    rows = page.locator("#session-rows .row-link")
    expect(rows).to_have_text([most.partition("/")[2]])
    expect(page).to_have_url(re.compile("meter_stop_min="))
    visit.close()


def _sessions(house: House) -> list[Any]:
    found = house.ask("sessions.ListSessions", filter={"station": house.names["SES-1"]}).sessions
    return [each for each in found if each.HasField("meter_stop_wh")]


def test_pages_follow_one_another_and_come_back(
    house: House, chromium: Browser, street: tuple[Online, list[int]]
) -> None:
    with house.visitor("admin") as client:
        found: list[str] = []
        target = here(house, "&size=10")
        for _ in range(2):
            text = client.get(target).text
            found += re.findall(r'id="session-(\d+)"', text)
            following = re.search(r'rel="next" href="([^"]+)"', text)
            if following is None:
                break
            target = following[1].replace("&amp;", "&")
    assert len(found) == len(set(found)) == 3


@pytest.mark.feature("F-SES-2")
def test_the_menu_of_a_row_opens_by_right_click_and_by_keys(
    house: House, chromium: Browser, street: tuple[Online, list[int]]
) -> None:
    newest = street[1][-1]
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto(here(house))
    page.locator(f"#session-{newest}").click(button="right", position={"x": 300, "y": 10})
    menu = page.get_by_role("menu", name="Session")
    expect(menu.get_by_role("menuitem", name="Correct…")).to_be_visible()
    expect(menu.get_by_role("menuitem", name="Stop…")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(menu).to_have_count(0)
    page.get_by_role("link", name=f"Actions for session {newest}").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(rf"/sessions/{newest}#correct-form"))
    expect(page.get_by_role("textbox", name="Energy (kWh)")).to_be_focused()
    visit.close()


@pytest.mark.feature("F-SES-3")
def test_what_is_filtered_is_exported_in_three_formats_with_the_columns_shown(
    house: House, chromium: Browser, street: tuple[Online, list[int]], tmp_path: Path
) -> None:
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto(here(house, "&energy_min=6"))
    for ending, words in (("xlsx", "XLSX"), ("csv", "CSV"), ("pdf", "PDF")):
        page.locator("#export-menu").evaluate("d => { d.open = true }")
        with page.expect_download() as download:
            page.get_by_role("link", name=words).click()
        download.value.save_as(tmp_path / f"sessions.{ending}")
    sheet = list(openpyxl.load_workbook(tmp_path / "sessions.xlsx").active.iter_rows(values_only=True))
    table = list(csv.reader(io.StringIO((tmp_path / "sessions.csv").read_text("utf-8-sig"))))
    assert [len(sheet), len(table)] == [3, 3]
    assert list(sheet[0]) == table[0]
    assert {row[0] for row in sheet[1:]} == {*street[1][:2]}
    assert (tmp_path / "sessions.pdf").read_bytes().startswith(b"%PDF-1.5")
    visit.close()


@pytest.mark.feature("F-SES-4")
def test_a_session_is_drawn_zoomed_by_keys_and_told_from_plug_in_to_plug_out(
    house: House, chromium: Browser, street: tuple[Online, list[int]]
) -> None:
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto(f"/sessions/{street[1][1]}")
    chart = page.locator("session-chart")
    expect(chart).to_have_attribute("data-ready", "1")
    titles = chart.locator("figcaption").all_inner_texts()
    assert titles == ["Power (kW)", "Energy (kWh)", "Current (A)", "Voltage (V)", "Battery (%)", "Temperature (°C)"]
    chart.locator("figure").first.focus()
    page.keyboard.press("+")
    near = int(chart.get_attribute("data-to") or 0) - int(chart.get_attribute("data-from") or 0)
    page.keyboard.press("0")
    far = int(chart.get_attribute("data-to") or 0) - int(chart.get_attribute("data-from") or 0)
    assert 0 < near < far
    page.locator("#values-fold summary").click()
    expect(page.get_by_role("columnheader", name="Power.Active.Import [W]")).to_be_visible()
    expect(page.locator("#meter-values tbody tr")).to_have_count(12)
    expect(page.get_by_text("The cable was plugged in")).to_be_visible()
    expect(page.get_by_text("The session ended")).to_be_visible()
    visit.close()


@pytest.mark.feature("F-SES-4", "F-SES-6")
def test_the_cost_is_told_line_by_line_and_worked_out_anew_for_a_reason(
    house: House, chromium: Browser, street: tuple[Online, list[int]]
) -> None:
    number = street[1][0]
    tariff = a_tariff(house, "Mill Street rates", "")
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto(f"/sessions/{number}")
    page.get_by_text("Work the cost out anew").click()
    page.get_by_label("Tariff number").fill(tariff.partition("/")[2])
    page.locator("#cost-form").get_by_label("Reason").fill("The tariff came late")
    press(page.get_by_role("button", name="Work it out"))
    expect(page.get_by_text("The cost is worked out anew. The earlier one is kept.")).to_be_visible()
    told = house.ask("tariffs.GetSessionCost", session=f"sessions/{number}").session_cost
    bill = page.locator(".bill")
    expect(bill).to_contain_text("€0.35/kWh")
    expect(bill).to_contain_text(f"€{told.cost.total_incl}")
    expect(page.get_by_text("The tariff came late")).to_be_visible()
    visit.close()


@pytest.mark.feature("F-SES-8")
def test_a_correction_needs_a_reason_and_leaves_both_values_on_the_page(
    house: House, chromium: Browser, street: tuple[Online, list[int]]
) -> None:
    number = street[1][2]
    before = house.ask("sessions.GetSession", name=f"sessions/{number}").session.energy_wh
    visit = house.page(chromium, "site")
    assert visit.page.goto(f"/sessions/{number}").status == 404  # type: ignore[union-attr]  not at their site
    visit.close()
    with house.visitor("admin") as client:
        answer = client.post(f"/sessions/{number}/correct", data={"energy": "5", "reason": "", "id_token": FOREIGN})
        assert (answer.status_code, "Say why it is corrected." in answer.text) == (422, True)
        assert 'value="5"' in answer.text
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto(f"/sessions/{number}#correct-form")
    page.get_by_role("textbox", name="Energy (kWh)").fill("4.5")
    page.locator("#correct-form").get_by_label("Reason").fill("The meter was read by hand")
    press(page.get_by_role("button", name="Correct", exact=True))
    expect(page.get_by_text("The session is corrected.")).to_be_visible()
    expect(page.locator("#session-head")).to_contain_text("4.50 kWh")
    expect(page.locator("#session-head")).to_contain_text(f"The station told {before / 1000:.3f} kWh")
    expect(page.get_by_role("region", name="Changes by people")).to_contain_text("The meter was read by hand")
    visit.close()
    after = house.ask("sessions.GetSession", name=f"sessions/{number}").session
    assert (after.energy_wh, list(after.corrected_fields)) == (4500, ["energy_wh"])


@pytest.mark.feature("F-SES-5", "F-SES-8")
def test_a_session_is_followed_live_logged_and_closed_when_its_end_never_comes(
    house: House, chromium: Browser, lane: Online
) -> None:
    car = Car(lane, OWN, datetime.now(tz=UTC) - timedelta(minutes=20))
    number = car.start()
    car.charge([7000, 7000])
    listed = house.page(chromium, "admin")
    listed.page.goto(here(house, station="SES-2"))
    row = listed.page.locator(f"#session-{number}")
    expect(row).to_contain_text("Charging")
    driver = house.page(chromium, "driver", width=390)
    driver.page.goto(f"/sessions/{number}")
    expect(driver.page.locator("#lamp")).to_have_attribute("data-state", "live")
    driver.page.locator("details:has(#logbook-form) summary").click()
    driver.page.get_by_label("Vehicle").fill("ABC 123")
    driver.page.get_by_label("Mileage (km)").fill("a lot")
    press(driver.page.get_by_role("button", name="Save logbook"))
    expect(driver.page.get_by_text("The mileage is a number of kilometres.")).to_be_visible()
    driver.page.get_by_label("Mileage (km)").fill("45678")
    press(driver.page.get_by_role("button", name="Save logbook"))
    expect(driver.page.get_by_text("The logbook is saved.")).to_be_visible()
    car.draw(9900, 12, 40)
    expect(driver.page.locator("#session-head")).to_contain_text("9.9 kW")
    expect(driver.page.locator("#close-form")).to_have_count(0)
    driver.close()
    page = listed.page
    page.goto(f"/sessions/{number}#close-form")
    page.locator("#close-form").get_by_label("Reason").fill("The station was taken away")
    page.get_by_role("button", name="Close session").click()
    yes(page)
    expect(page.get_by_text("The session is closed.")).to_be_visible()
    expect(page.locator("#session-head")).to_contain_text("The station was taken away")
    listed.close()
    session = house.ask("sessions.GetSession", name=f"sessions/{number}").session
    assert (session.logbook.vehicle_id, session.logbook.mileage_km) == ("ABC 123", 45678)
    assert "CLOSED_BY_SERVER" in session.flags


@pytest.mark.feature("F-SES-2")
def test_a_driver_sees_own_sessions_as_cards_and_is_not_offered_corrections(
    house: House, chromium: Browser, street: tuple[Online, list[int]]
) -> None:
    first, second, _third = street[1]
    visit = house.page(chromium, "driver", width=390)
    page = visit.page
    page.goto(here(house))
    expect(page.get_by_role("heading", name="My sessions")).to_be_visible()
    assert second in numbers(page)
    assert first not in numbers(page)
    expect(page.locator(f"#session-{second}")).to_have_css("display", "grid")
    expect(page.get_by_text("More filters")).to_have_count(0)
    page.locator(f"#session-{second} .row-link").click()
    expect(page.get_by_role("heading", name=f"Session {second}")).to_be_visible()
    expect(page.get_by_text("Correct this session")).to_have_count(0)
    visit.close()
    with house.visitor("driver") as client:
        assert client.get(f"/sessions/{first}").status_code == 404
        refused = client.post(f"/sessions/{second}/correct", data={"energy": "1", "reason": "cheaper", "id_token": OWN})
        assert refused.status_code == 403


@pytest.mark.usefixtures("usual_columns_again")
def test_it_works_without_scripts(house: House, street: tuple[Online, list[int]]) -> None:
    with house.visitor("admin") as client:
        page = client.get(here(house, "&count=1")).text
        assert "sessions</span>" in page
        assert client.get(f"/sessions/{street[1][0]}/meter-values").status_code == 200
        moved = client.post(
            "/sessions/columns", data={"column": ["start", "energy"], "up": "energy", "next": "/sessions"}
        )
        assert moved.text.index('data-label="Energy"') < moved.text.index('data-label="Start"')


def test_nothing_is_wrong_with_the_pages(house: House, chromium: Browser, street: tuple[Online, list[int]]) -> None:
    number = street[1][1]
    assert (
        complaints(house, chromium, "admin", here(house), f"/sessions/{number}", f"/sessions/{number}/meter-values")
        == []
    )
    assert complaints(house, chromium, "driver", "/sessions", f"/sessions/{number}") == []
