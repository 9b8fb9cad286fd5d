"""Reservations in the portal: by an operator with the calendar, by a driver with their own tags."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, expect

from control.v1 import reservations_pb2
from tests.kit.house import House
from tests.kit.live_stations import LiveStation, live_station
from tests.kit.looks import faults_on_a_phone
from tests.kit.pressing import press, yes

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(600)]
TAG = "04AA11BB22CC80"


@pytest.fixture(scope="module")
def bay(house: House) -> Iterator[LiveStation]:
    """A connected station that the driver may operate."""
    station = {"identity": "RES-1", "display_name": "Kept Bay", "place": house.names["North Harbour"]}
    house.names["RES-1"] = house.ask("stations.CreateStation", station=station).station.name
    share(house, "RES-1")
    with live_station(house.product, "RES-1") as live:
        yield live


def share(house: House, identity: str) -> None:
    house.ask(
        "sharing.ShareStation",
        station=house.names[identity],
        email="driver@example.org",
        level="SHARE_LEVEL_OPERATE",
    )


def key_of(house: House, identity: str) -> str:
    return house.names[identity].partition("/")[2]


def reservations(house: House) -> list[reservations_pb2.Reservation]:
    """Of the station, newest first."""
    wanted = {"station": house.names["RES-1"]}
    return list(house.ask("reservations.ListReservations", filter=wanted).reservations)


def cancel_all(house: House) -> None:
    for one in reservations(house):
        if not one.HasField("end_time"):
            house.ask("reservations.CancelReservation", name=one.name)


def local(hours: float) -> str:
    """As a field of date and time takes it; the browser of the tests is in the zone of the machine."""
    return (datetime.now().astimezone() + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M")


@pytest.mark.feature("F-RES-1")
def test_an_operator_reserves_sees_it_in_the_calendar_and_cancels(
    house: House, chromium: Browser, bay: LiveStation
) -> None:
    tag = "C0FFEE01"
    house.ask("id_tokens.CreateIdToken", id_token={"id_token": tag})
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto("/reservations/add")
    page.get_by_label("Search stations").fill("Kept")
    page.get_by_role("link", name="Choose Kept Bay").click()
    page.get_by_label("Outlet").first.select_option("2")
    page.get_by_label("Tag", exact=True).first.fill(tag.lower())
    page.get_by_label("Until", exact=True).fill(local(2))
    press(page.get_by_role("button", name="Reserve"))
    expect(page.get_by_text("The outlet is reserved.")).to_be_visible()
    asked = bay.until_asked("ReserveNow")
    assert (asked["connectorId"], asked["idTag"]) == (2, tag)
    number = reservations(house)[0].name.partition("/")[2]
    page.goto(f"/reservations?station={key_of(house, 'RES-1')}")
    shown = page.locator(f".booked[href='/reservations/{number}']")
    expect(shown).to_contain_text(tag)
    shown.focus()
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.getAttribute('href')").startswith("/reservations/add?station=")
    page.goto(f"/reservations?view=week&station={key_of(house, 'RES-1')}")
    page.locator(f".booked[href='/reservations/{number}']").first.click()
    page.get_by_role("button", name="Cancel the reservation").click()
    yes(page)
    expect(page.get_by_text("The reservation is cancelled.")).to_be_visible()
    assert bay.until_asked("CancelReservation") == {"reservationId": int(number)}
    page.goto(f"/reservations?view=list&state=CANCELED&tag={tag}&station={key_of(house, 'RES-1')}")
    expect(page.get_by_role("row")).to_have_count(2)
    visit.close()


@pytest.mark.feature("F-RES-1")
def test_one_for_later_is_booked_and_an_overlap_is_told_beside_the_form(
    house: House, chromium: Browser, bay: LiveStation
) -> None:
    begin = datetime.now(tz=UTC) + timedelta(hours=5)
    house.ask(
        "reservations.CreateReservation",
        target={"station": house.names["RES-1"]},
        id_token="DEADBEEF",
        evse_id=1,
        start_time=begin.isoformat().replace("+00:00", "Z"),
        expire_time=(begin + timedelta(hours=2)).isoformat().replace("+00:00", "Z"),
    )
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto(f"/reservations/add?station={key_of(house, 'RES-1')}&evse=1&tag=DEADBEEF")
    page.get_by_label("From", exact=True).fill(local(6))
    page.get_by_label("Until", exact=True).fill(local(8))
    press(page.get_by_role("button", name="Reserve"))
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("Tag", exact=True).first).to_have_value("DEADBEEF")
    page.get_by_label("Any tag of a group").check()
    page.get_by_label("Group", exact=True).fill("FLEET")
    page.get_by_label("From", exact=True).fill(local(9))
    page.get_by_label("Until", exact=True).fill(local(10))
    press(page.get_by_role("button", name="Reserve"))
    expect(page.get_by_text("It is booked.")).to_be_visible()
    newest = reservations(house)[0]
    assert (newest.id_token, newest.group_id_token, newest.state) == (
        "FLEET",
        "FLEET",
        reservations_pb2.RESERVATION_STATE_BOOKED,
    )
    cancel_all(house)
    visit.close()


@pytest.mark.feature("F-RES-1")
def test_a_station_is_switched_off_and_then_takes_no_reservation(
    house: House, chromium: Browser, bay: LiveStation
) -> None:
    visit = house.page(chromium, "site")
    page = visit.page
    page.goto(f"/reservations?station={key_of(house, 'RES-1')}")
    press(page.get_by_role("button", name="Reservations on Kept Bay"))
    expect(page.get_by_text("can no longer be reserved")).to_be_visible()
    assert not house.ask("reservations.GetReservable", station=house.names["RES-1"]).reservable
    page.goto(f"/reservations/add?station={key_of(house, 'RES-1')}")
    expect(page.get_by_text("Reservations are switched off")).to_be_visible()
    expect(page.get_by_role("button", name="Reserve")).to_be_disabled()
    page.goto(f"/reservations?station={key_of(house, 'RES-1')}")
    press(page.get_by_role("button", name="Reservations off Kept Bay"))
    assert house.ask("reservations.GetReservable", station=house.names["RES-1"]).reservable
    visit.close()


@pytest.mark.feature("F-RES-1")
def test_a_driver_waits_for_an_occupied_outlet_and_leaves_the_list(
    house: House, chromium: Browser, bay: LiveStation
) -> None:
    bay.occupy(1, "Charging")
    bay.occupy(2, "Charging")
    visit = house.page(chromium, "driver", width=390)
    page = visit.page
    page.goto(f"/reservations/add?station={key_of(house, 'RES-1')}&next=/drive")
    press(page.get_by_role("button", name="Wait", exact=True))
    expect(page.get_by_text("Waiting: place 1")).to_be_visible()
    listed = house.ask("reservations.ListWaiting", station=house.names["RES-1"]).waiting
    assert [(one.id_token, one.place) for one in listed] == [(TAG, 1)]
    page.goto("/reservations?view=waiting")
    page.get_by_role("button", name=f"Leave {TAG}").click()
    yes(page)
    expect(page.get_by_text("Off the waiting list.")).to_be_visible()
    assert not house.ask("reservations.ListWaiting", station=house.names["RES-1"]).waiting
    bay.free(1)
    bay.free(2)
    visit.close()


def test_a_driver_sees_and_cancels_their_own_reservation_and_nobody_elses(house: House, bay: LiveStation) -> None:
    until = (datetime.now(tz=UTC) + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    made = {}
    for tag, outlet in ((TAG, 1), ("DEADBEEF", 2)):
        target = {"station": house.names["RES-1"]}
        answer = house.ask(
            "reservations.CreateReservation", target=target, id_token=tag, evse_id=outlet, expire_time=until
        )
        made[tag] = answer.reservation.name.partition("/")[2]
    with house.visitor("driver") as client:
        listed = client.get("/reservations?view=list").text
        assert f"reservation-{made[TAG]}" in listed
        assert f"reservation-{made['DEADBEEF']}" not in listed
        assert client.get(f"/reservations/{made['DEADBEEF']}").status_code == 404
        assert client.post(f"/reservations/{made['DEADBEEF']}/cancel").status_code == 404
        assert "The reservation is cancelled." in client.post(f"/reservations/{made[TAG]}/cancel").text
        refused = client.post(f"/reservations/stations/{key_of(house, 'RES-1')}/switch", data={"reservable": "0"})
        assert (refused.status_code, "Not allowed" in refused.text) == (403, True)
        assert "Reservations on" not in client.get("/reservations").text
    cancel_all(house)


def test_axe_finds_nothing_and_nothing_is_wider_than_a_phone(house: House, chromium: Browser, bay: LiveStation) -> None:
    until = (datetime.now(tz=UTC) + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    target = {"station": house.names["RES-1"]}
    made = house.ask(
        "reservations.CreateReservation", target=target, id_token=TAG, evse_id=1, expire_time=until
    ).reservation.name.partition("/")[2]
    visit = house.page(chromium, "admin")
    found = faults_on_a_phone(
        visit.page,
        "/reservations",
        "/reservations?view=week",
        "/reservations?view=list",
        "/reservations?view=waiting",
        "/reservations/add",
        f"/reservations/add?station={key_of(house, 'RES-1')}",
        f"/reservations/{made}",
    )
    cancel_all(house)
    visit.close()
    assert found == []
