"""Charts: any kind, span and place, a slider, a comparison, a heat map, pictures and files."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from tests.kit.dock import Dock, open_dock
from tests.kit.house import House
from tests.kit.looks import complaints

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def dock(house: House) -> Iterator[Dock]:
    with open_dock(house, "Chart Dock") as made:
        yield made


@pytest.mark.feature("F-SES-7")
def test_a_chart_is_chosen_compared_zoomed_and_its_address_says_it_all(dock: Dock, chromium: Browser) -> None:
    visit = dock.house.page(chromium, "admin")
    page = visit.page
    page.goto(f"/charts?place={dock.key}")
    chart = page.locator("usage-chart[data-ready]")
    expect(chart).to_be_visible()
    told = dock.house.ask("statistics.GetDashboard", place=dock.site, days=30).dashboard
    total = sum(day.energy_wh for day in told.days) / 1000
    expect(page.locator(".chart-total b")).to_have_text(f"{total:,.1f}\u00a0kWh")
    page.locator("select[name=kind]").select_option(label="Sessions")
    expect(page.locator(".chart-total b")).to_have_text("3")
    page.get_by_label("Split by").select_option(label="Station")
    expect(page.get_by_role("heading", name="Sessions by station")).to_be_visible()
    page.get_by_label("Compare with the span before").check()
    expect(page.locator(".chart-total")).to_contain_text("before: 0")
    page.wait_for_url("**compare=1*")
    assert f"place={dock.key}" in page.url
    slider = page.get_by_role("slider", name="Shown from")
    slider.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    expect(page.locator("usage-chart")).to_have_attribute("data-part", "20-29")
    begin = page.locator("usage-chart").evaluate("chart => new Date(chart.times[20] * 1000).toISOString().slice(0, 10)")
    page.wait_for_url(f"**from={begin}*")  # the address comes a little later, and the last one counts
    page.reload()  # the address says which part was shown
    expect(page.locator("usage-chart[data-ready]")).to_have_attribute("data-part", "20-29")
    page.get_by_role("link", name="Look closer").click()
    page.wait_for_url("**since=*")
    assert "span=own" in page.url
    expect(page.locator(".chart-total b")).to_have_text("3")
    page.get_by_text("Numbers", exact=False).first.click()
    expect(page.get_by_role("region", name="Numbers of the chart")).to_be_visible()
    visit.close()


@pytest.mark.feature("F-SES-7")
def test_pictures_and_files_hold_what_is_shown(dock: Dock, chromium: Browser, tmp_path: Path) -> None:
    visit = dock.house.page(chromium, "admin")
    page = visit.page
    for query in (f"kind=ENERGY&place={dock.key}&split=TAG", f"kind=ENERGY&place={dock.key}&split=HOUR_OF_WEEK"):
        page.goto(f"/charts?{query}")
        with page.expect_download() as waiting:
            page.get_by_role("button", name="Picture").click()
        kept = tmp_path / "chart.png"
        waiting.value.save_as(kept)
        assert waiting.value.suggested_filename == "chart-energy.png"
        with Image.open(kept) as picture:
            assert picture.width > 700
            assert len(picture.convert("RGB").getcolors(1 << 20) or []) > 5  # something is drawn
    with dock.house.visitor("admin") as http:
        sheet = http.get(f"/charts.xlsx?kind=ENERGY&place={dock.key}&span=week&bucket=DAY&split=STATION")
        rows = list(openpyxl.load_workbook(io.BytesIO(sheet.content)).active.values)
        assert rows[0][:2] == ("From", "Chart Dock (kWh)")
        lines = http.get(f"/charts.csv?kind=ENERGY&place={dock.key}&span=week&bucket=DAY").text.splitlines()
        assert len(lines) == 1 + 7
        assert sum(float(line.split(",")[1]) for line in lines[1:]) == pytest.approx(
            sum(row[1] for row in rows[1:]), 0.01
        )
    visit.close()


@pytest.mark.feature("F-SES-7")
@pytest.mark.parametrize("who", ["admin", "site", "support", "driver"])
def test_every_chart_answers_everybody_about_what_they_may_see(dock: Dock, who: str) -> None:
    with dock.house.visitor(who) as http:
        for kind in ("ENERGY", "SESSIONS", "OCCUPANCY", "CHARGING", "PEAK_POWER", "COMBINED_POWER", "CO2_SAVED"):
            for split in ("", "STATION", "HOUR_OF_WEEK"):
                answer = http.get(f"/charts?kind={kind}&split={split}&span=week&compare=1")
                assert answer.status_code == 200, (kind, split)
                assert ("Chart Dock" in answer.text.partition('id="chart"')[2]) <= (who in ("admin", "support"))
        for kind in ("SESSION_ENERGY", "SESSION_DURATION", "PLUG_IN_SUCCESS", "RESERVATIONS", "AVAILABILITY"):
            assert http.get(f"/charts?kind={kind}&span=week").status_code == 200, kind


def test_a_span_that_is_too_fine_is_refused_in_words(dock: Dock) -> None:
    with dock.house.visitor("admin") as http:
        answer = http.get("/charts?span=year&bucket=QUARTER_HOUR")
        assert (answer.status_code, 'role="alert"' in answer.text) == (422, True)


@pytest.mark.feature("F-SES-7")
def test_what_co2_is_reckoned_with_is_the_administrators_to_set(dock: Dock) -> None:
    with dock.house.visitor("admin") as http:
        form = {"grid_g_per_kwh": "a lot", "fossil_g_per_km": "170", "vehicle_wh_per_km": "190"}
        assert http.post("/charts/co2", data=form).status_code == 422
        form["grid_g_per_kwh"] = "41"
        assert "Saved." in http.post("/charts/co2", data=form).text
        assert dock.house.ask("statistics.GetStatisticsSettings").settings.grid_g_per_kwh == 41
    with dock.house.visitor("driver") as http:
        assert http.post("/charts/co2", data=form).status_code == 403


def test_nothing_is_wrong_with_the_looks(dock: Dock, chromium: Browser) -> None:
    pages = (f"/charts?place={dock.key}&split=STATION", f"/charts?place={dock.key}&split=HOUR_OF_WEEK", "/charts/co2")
    assert complaints(dock.house, chromium, "admin", *pages) == []
