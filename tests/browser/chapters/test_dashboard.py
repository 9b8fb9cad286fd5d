"""The dashboard: live figures, everybody's own widgets in their own order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.kit.dock import Dock, open_dock
from tests.kit.house import House
from tests.kit.looks import complaints
from tests.kit.pressing import press

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def dock(house: House) -> Iterator[Dock]:
    with open_dock(house, "Dash Dock") as made:
        yield made


def order(page: Page) -> list[str]:
    return [str(each.get_attribute("data-key")) for each in page.locator("[data-sortable] > [data-key]").all()]


def widget(page: Page, key: str) -> Page:
    return page.locator(f"#widget-{key}")  # type: ignore[return-value]


@pytest.mark.feature("F-DASH-1")
def test_figures_of_a_place_are_shown_and_change_by_themselves(dock: Dock, chromium: Browser) -> None:
    visit = dock.house.page(chromium, "admin")
    page = visit.page
    page.goto("/dashboard")
    page.get_by_label("Place").select_option(label="Dash Dock")
    page.wait_for_url(f"**/dashboard?**place={dock.key}*")
    expect(widget(page, "power")).to_contain_text("7.2 kW")
    expect(widget(page, "power")).to_contain_text("1 session under way")
    expect(widget(page, "sessions")).to_contain_text("3")
    expect(widget(page, "energy")).to_contain_text("kWh")
    expect(widget(page, "status").get_by_role("link", name="Online 1")).to_be_visible()
    expect(widget(page, "success")).to_contain_text("100.0 %")
    expect(widget(page, "alarms")).to_contain_text("No alarm is active")
    alarm = dock.fault("HighTemperature", 2)
    expect(widget(page, "alarms")).to_contain_text("Temperature")  # nobody loaded the page again
    widget(page, "alarms").get_by_role("link", name="Temperature").click()
    page.wait_for_url(f"**/alarms/{alarm.name.removeprefix('alarms/')}")
    page.go_back()
    page.get_by_role("radio", name="30 days").check()
    page.wait_for_url("**days=30*")
    numbers = widget(page, "sessions").locator("details")
    numbers.locator("summary").click()
    expect(numbers.locator("tbody tr")).to_have_count(30)  # the table behind the chart
    page.locator('[data-key="energy"] footer a').click()
    page.wait_for_url(f"**/charts?kind=ENERGY&since=*&place={dock.key}")
    expect(page.locator("usage-chart[data-ready]")).to_be_visible()
    visit.close()


@pytest.mark.feature("F-DASH-1")
def test_widgets_are_picked_and_put_in_order_by_keys_and_by_mouse_and_stay_so(dock: Dock, chromium: Browser) -> None:
    visit = dock.house.page(chromium, "support")
    page = visit.page
    page.goto("/dashboard")
    press(page.get_by_role("link", name="Choose widgets"))
    boxes = page.get_by_role("checkbox")
    for box in boxes.all():
        box.uncheck()
    for label in ("Stations", "Energy per day", "Reservations per day"):
        page.get_by_role("checkbox", name=label).check()
    press(page.get_by_role("button", name="Save"))
    expect(page.get_by_role("alert")).to_have_text("Pick at least four widgets.")
    page.get_by_role("checkbox", name="Active alarms").check()
    press(page.get_by_role("button", name="Reservations per day up"))  # also without scripts
    expect(page.get_by_role("checkbox", name="Active alarms")).to_be_checked()
    press(page.get_by_role("button", name="Save"))
    expect(page.get_by_text("Your dashboard is saved.")).to_be_visible()
    before = order(page)
    assert sorted(before) == ["alarms", "energy", "reservations", "status"]
    grip = page.get_by_role("button", name="Move Stations")
    grip.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#arranged")).to_have_text("Stations is now number 2 of 4.")
    expect(page.locator("[data-saved='1']")).to_have_count(1)
    assert order(page) == [before[1], before[0], *before[2:]]
    last = page.locator("[data-sortable] > li").nth(3)
    box, grip_box = last.bounding_box(), grip.bounding_box()
    assert box is not None
    assert grip_box is not None
    page.mouse.move(grip_box["x"] + 8, grip_box["y"] + 8)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 20, box["y"] + box["height"] - 20, steps=8)
    page.mouse.up()
    expect(page.locator("[data-saved='1']")).to_have_count(1)
    dragged = order(page)
    assert dragged[-1] == "status"
    page.reload()
    assert order(page) == dragged
    page.goto("/dashboard/widgets")
    press(page.get_by_role("button", name="Back to the usual widgets"))
    expect(page.locator("#widget-power")).to_be_visible()
    visit.close()


@pytest.mark.feature("F-DASH-1")
def test_a_driver_gets_their_own_figures_on_a_phone(dock: Dock, chromium: Browser) -> None:
    visit = dock.house.page(chromium, "driver", width=390)
    visit.page.goto("/dashboard")
    expect(visit.page.locator("#widget-sessions")).to_be_visible()
    expect(visit.page.locator("#widget-status")).to_have_count(0)
    visit.page.goto(f"/dashboard?place={dock.key}")  # a place that is not theirs
    expect(visit.page.locator("main")).not_to_contain_text("7.2 kW")
    visit.close()


def test_nothing_is_wrong_with_the_looks(dock: Dock, chromium: Browser) -> None:
    assert complaints(dock.house, chromium, "admin", f"/dashboard?place={dock.key}&days=92", "/dashboard/widgets") == []
