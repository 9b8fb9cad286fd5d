"""Reserving for a user, finding reservations by station and user, and being told of them by the station's name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, expect

from tests.kit.house import House
from tests.kit.live_stations import live_station
from tests.kit.looks import faults
from tests.kit.pressing import press, reload_until

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(600)]


@pytest.mark.feature("F-RES-1", "F-NEWS-1")
def test_an_outlet_is_reserved_for_a_user_and_found_again(house: House, chromium: Browser) -> None:
    station = {"identity": "RES-FOR", "display_name": "Lime Bay", "place": house.names["South Yard"]}
    name: str = house.ask("stations.CreateStation", station=station).station.name
    key = name.partition("/")[2]
    house.ask("sharing.ShareStation", station=name, email="driver@example.org", level="SHARE_LEVEL_OPERATE")
    with live_station(house.product, "RES-FOR") as connected:
        visit = house.page(chromium, "admin")
        page = visit.page
        page.goto(f"/reservations/add?station={key}")
        page.get_by_label("One user").check()
        page.get_by_label("User", exact=True).fill("nobody@example.org")
        page.get_by_label("Until", exact=True).fill(f"{datetime.now(tz=UTC) + timedelta(hours=2):%Y-%m-%dT%H:%M}")
        press(page.get_by_role("button", name="Reserve"))
        expect(page.get_by_role("alert")).to_contain_text("nobody@example.org")
        assert faults(page) == []
        page.get_by_label("User", exact=True).fill("driver@example.org")
        press(page.get_by_role("button", name="Reserve"))
        expect(page.get_by_text("The outlet is reserved.")).to_be_visible()
        assert connected.until_asked("ReserveNow")["idTag"] == "04AA11BB22CC80"
        page.goto("/reservations?view=list&at=RES-FOR&who=driver@example.org")
        expect(page.locator("tbody tr")).to_have_count(1)
        expect(page.locator("tbody")).to_contain_text("Lime Bay")
        assert faults(page) == []
        page.get_by_label("Station", exact=True).fill("no such bay")
        page.get_by_label("Station", exact=True).blur()
        expect(page.get_by_text("No station, or more than one, is called no such bay.")).to_be_visible()
        visit.close()
        told = house.page(chromium, "driver")
        number = house.ask("reservations.ListReservations", filter={"station": name}).reservations[0].name
        house.ask("reservations.CancelReservation", name=number)
        house.ask("reservations.JoinWaitingList", station=name, id_token="04AA11BB22CC80")
        told.page.goto("/notifications")
        reload_until(told.page, told.page.get_by_text("Reservation at Lime Bay"))
        expect(told.page.get_by_text("Reservation at Lime Bay").first).to_be_visible()
        assert "stations/" not in told.page.locator("main").inner_text()
        told.close()
    house.ask("sharing.ReleaseStation", station=name)


def test_users_are_offered_to_those_who_may_list_them_only(house: House) -> None:
    with house.visitor("admin") as http:
        assert "driver@example.org" in http.get("/users/options?who=driver").text
        assert 'value="CP-1"' in http.get("/stations/options?at=CP-1").text
    with house.visitor("support") as http:
        assert "driver@example.org" not in http.get("/users/options?who=driver").text
        assert 'name="who"' not in http.get("/reservations?view=list").text
