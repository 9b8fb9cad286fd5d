"""A driver's day on a phone: arriving, starting with the logbook, watching, stopping; own use and monthly reports."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from control.v1 import sessions_pb2
from tests.kit.house import House
from tests.kit.live_stations import LiveStation, live_station
from tests.kit.looks import faults_in_light_and_dark
from tests.kit.patience import until
from tests.kit.pressing import press, yes

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(600)]
TAG = "04AA11BB22CC80"


@pytest.fixture(scope="module")
def bay(house: House) -> Iterator[LiveStation]:
    """A connected station that the driver may operate, with a price."""
    station = {"identity": "DRIVE-1", "display_name": "Thumb Bay", "place": house.names["South Yard"]}
    name = house.names["DRIVE-1"] = house.ask("stations.CreateStation", station=station).station.name
    house.ask("sharing.ShareStation", station=name, email="driver@example.org", level="SHARE_LEVEL_OPERATE")
    terms = {"currency": "EUR", "elements": [{"kind": "PRICE_KIND_ENERGY", "price": "0.40"}]}
    made = house.ask("tariffs.CreateTariff", tariff={"display_name": "Thumb tariff", "terms": terms})
    house.ask("tariffs.AssignTariff", target=name, tariff=made.tariff.name)
    with live_station(house.product, "DRIVE-1") as live:
        yield live


def with_logbook(house: House) -> sessions_pb2.Session:
    """The newest session of the station, once it has ended and has what was written down with the start."""

    def newest() -> sessions_pb2.Session | None:
        found = house.ask("sessions.ListSessions", filter={"station": house.names["DRIVE-1"]}).sessions[0]
        return found if found.logbook.vehicle_id and found.HasField("stop_time") else None

    found = until(newest)
    assert found is not None
    return found


@pytest.mark.feature("F-OPS-1", "F-SES-6")
def test_a_driver_starts_with_the_logbook_watches_and_stops(house: House, chromium: Browser, bay: LiveStation) -> None:
    house.ask("sessions.SetStationLogbook", station=house.names["DRIVE-1"], enabled=True)
    visit = house.page(chromium, "driver", width=390)
    page = visit.page
    expect(page).to_have_url(re.compile("/drive$"))
    expect(page.locator(".place").filter(has_text="Thumb Bay")).to_contain_text("2 free")
    page.get_by_role("link", name="Thumb Bay").click()
    expect(page.get_by_text("€0.40")).to_be_visible()
    page.get_by_label("Outlet 2").check(force=True)
    page.get_by_label("Mileage in km").fill("48120")
    page.get_by_label("Vehicle (number or plate)").fill("ABC 123")
    press(page.get_by_role("button", name="Start charging"))
    running = page.locator(".running")
    expect(running).to_contain_text("7.4 kW")
    expect(running).to_contain_text("0.25 kWh")
    expect(running).to_contain_text("€0.10")
    asked = bay.until_asked("RemoteStartTransaction")
    assert (asked["connectorId"], asked["idTag"]) == (2, TAG)
    page.get_by_role("button", name="Stop charging").click()
    yes(page)
    expect(running).to_have_count(0)
    session = with_logbook(house)
    assert (session.user, session.logbook.vehicle_id) == (house.names["driver"], "ABC 123")
    house.ask("sessions.SetStationLogbook", station=house.names["DRIVE-1"], enabled=False)
    visit.close()


def test_what_the_station_refuses_is_said_beside_the_form(house: House, bay: LiveStation) -> None:
    with house.visitor("driver") as client:
        key = house.names["DRIVE-1"].partition("/")[2]
        without = client.post(f"/drive/stations/{key}/start", data={"outlet": "1", "tag": ""})
        assert (without.status_code, "Choose the tag to charge on." in without.text) == (422, True)
        offline = house.names["CP-3"].partition("/")[2]
        assert client.get(f"/drive/stations/{offline}").status_code == 404, "it is not shared with the driver"
        wrong = client.post(f"/drive/stations/{key}/start", data={"outlet": "1", "tag": TAG, "mileage": "far"})
        assert (wrong.status_code, "whole number" in wrong.text) == (422, True)


@pytest.mark.feature("F-SES-9")
def test_a_driver_switches_the_monthly_report_on_and_off(house: House, chromium: Browser, bay: LiveStation) -> None:
    visit = house.page(chromium, "driver", width=390)
    page = visit.page
    page.goto("/drive/use")
    expect(page.get_by_role("heading", name="Energy of the last twelve months")).to_be_visible()
    page.get_by_text("As a table").click()
    expect(page.get_by_role("region", name="Table of months").get_by_role("row")).to_have_count(13)
    press(page.get_by_role("button", name="Send it to me"))
    expect(page.get_by_text("You get a report by mail on the first of each month.")).to_be_visible()
    told = house.ask("cost_reports.ListReportSubscriptions", subject=house.names["driver"]).subscriptions
    assert [one.active for one in told] == [True]
    press(page.get_by_role("button", name="Switch off"))
    expect(page.get_by_text("You get no more monthly reports by mail.")).to_be_visible()
    visit.close()


def test_a_report_that_is_somebody_elses_is_not_there(house: House) -> None:
    with house.visitor("driver") as client:
        assert client.get("/drive/reports/999999.pdf").status_code == 404
        assert client.get("/drive/reports/1.exe").status_code == 404


def test_axe_finds_nothing_and_nothing_is_wider_than_a_phone(house: House, chromium: Browser, bay: LiveStation) -> None:
    visit = house.page(chromium, "driver", width=390)
    found = []
    for path in ("/drive", f"/drive/stations/{house.names['DRIVE-1'].partition('/')[2]}", "/drive/use"):
        visit.page.goto(path)
        found += faults_in_light_and_dark(visit.page)
        wide = visit.page.evaluate("document.documentElement.scrollWidth")
        found += [f"{path} is {wide} wide"] if wide > 390 else []
        small = visit.page.evaluate(
            "[...document.querySelectorAll('.drive :is(button, .button, select)')].filter("
            "e => e.offsetHeight && e.offsetHeight < 44).map(e => e.outerHTML)"
        )
        found += [f"{path} too small for a thumb: {what}" for what in small]
    visit.close()
    assert found == []
