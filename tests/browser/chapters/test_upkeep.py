"""What operators do now and then with a station, and for other systems: names, messages, passwords, keys."""

from __future__ import annotations

import json

import pytest
import trio
from playwright.sync_api import Browser, expect

from tests.kit.desk import Desk
from tests.kit.house import House
from tests.kit.live_stations import live_station
from tests.kit.looks import faults
from tests.kit.patience import until
from tests.kit.pressing import press, reload_until, yes
from tests.kit.simulated import simulated
from tests.kit.simulators import Simulator

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(600)]


def known(house: House, identity: str) -> str:
    """A station of one's own; its key."""
    station = {"identity": identity, "place": house.names["South Yard"]}
    name: str = house.ask("stations.CreateStation", station=station).station.name
    return name.partition("/")[2]


@pytest.mark.feature("F-STA-7")
def test_a_station_gets_a_name_an_address_and_an_identity_that_nobody_else_has(house: House, chromium: Browser) -> None:
    key = known(house, "NAMED-1")
    known(house, "NAMED-2")
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto(f"/stations/{key}/settings")
    general = page.locator("form[action$='/settings/save']")
    general.get_by_label("Name", exact=True).fill("Gate")
    general.get_by_label("Address").fill("Quay 7, Gothenburg")
    general.get_by_label("Description").fill("Behind the gate")
    general.get_by_label("Identity").fill("NAMED-2")
    press(general.get_by_role("button", name="Save"))
    expect(general.get_by_role("alert")).to_be_visible()
    expect(general.get_by_label("Name", exact=True)).to_have_value("Gate")  # what was typed stays
    general.get_by_label("Identity").fill("NAMED-9")
    press(general.get_by_role("button", name="Save"))
    expect(page.get_by_role("heading", name="Gate")).to_be_visible()
    found = house.ask("stations.GetStation", name=f"stations/{key}").station
    assert (found.display_name, found.identity, found.address, found.description) == (
        "Gate",
        "NAMED-9",
        "Quay 7, Gothenburg",
        "Behind the gate",
    )
    with live_station(house.product, "NAMED-9"):  # the hardware was exchanged: it is this one
        until(lambda: house.ask("stations.GetStation", name=f"stations/{key}").station.connection_state == 1)
    visit.close()


@pytest.mark.feature("F-OCPP-12")
def test_messages_are_followed_filtered_and_taken_home(house: House, chromium: Browser) -> None:
    key = known(house, "TALK-1")
    visit = house.page(chromium, "support")
    page = visit.page
    with live_station(house.product, "TALK-1"):
        page.goto(f"/stations/{key}/messages")
        rows = page.locator("#log-rows tr")
        expect(rows.filter(has_text="BootNotification").first).to_be_visible()
        page.get_by_label("Action").select_option("TriggerMessage")
        expect(page.locator("#log-empty")).to_be_visible()
        for _ in range(60):  # what is said before the page listens is not told to it
            target = {"station": f"stations/{key}"}
            house.ask("remote.TriggerMessage", target=target, requested_message="StatusNotification")
            page.wait_for_timeout(500)
            if rows.filter(has_text="TriggerMessage").count():
                break
        expect(rows.filter(has_text="TriggerMessage").first).to_be_visible()  # by itself
        expect(rows.filter(has_text="BootNotification")).to_have_count(0)
        assert faults(page) == []
        with page.expect_download() as waiting:
            page.get_by_role("link", name="JSON lines").click()
        lines = [json.loads(line) for line in waiting.value.path().read_text().splitlines()]
        assert lines
        assert {line["action"] for line in lines} == {"TriggerMessage"}
    visit.close()


@pytest.mark.feature("F-OCPP-12")
def test_a_message_leads_to_its_answer_and_back_also_when_a_filter_hides_it(house: House, chromium: Browser) -> None:
    key = known(house, "TALK-2")
    visit = house.page(chromium, "support")
    page = visit.page
    with live_station(house.product, "TALK-2"):
        rows = page.locator("#log-rows tr")
        page.goto(f"/stations/{key}/messages?action=BootNotification")
        calls, answers = rows.and_(page.locator("[data-half=call]")), rows.and_(page.locator("[data-half=answer]"))
        reload_until(page, answers.first)
        calls.first.get_by_role("link", name="To its answer").click()
        back = answers.first.get_by_role("link", name="To what it answers")
        expect(back).to_be_focused()
        page.keyboard.press("Enter")
        expect(calls.first.get_by_role("link", name="To its answer")).to_be_focused()
        assert page.url.endswith("?action=BootNotification")
        page.goto(f"/stations/{key}/messages?action=BootNotification&direction=RECEIVED")
        expect(answers).to_have_count(0)
        press(calls.first.get_by_role("link", name="To its answer"))
        page.wait_for_url(f"**/stations/{key}/messages?q=*")
        expect(answers.first).to_be_visible()
        assert faults(page) == []
    visit.close()


def obedient(cp: Simulator, nursery: trio.Nursery) -> Simulator:
    """Takes what it is given to keep."""
    cp.on("ChangeConfiguration", {"status": "Accepted"})
    return cp


@pytest.mark.feature("F-OCPP-7")
def test_a_password_is_exchanged_over_the_connection_and_nobody_sees_it(house: House, chromium: Browser) -> None:
    key = known(house, "PASSWORD-1")
    with simulated(house.product, "PASSWORD-1", "1.6", obedient) as station:
        visit = house.page(chromium, "admin")
        page = visit.page
        page.goto(f"/stations/{key}/settings")
        security = page.locator("#security")
        security.get_by_role("button", name="Exchange the password").click()
        page.get_by_role("dialog").get_by_role("button", name="Yes").click()
        expect(security.locator("output").first).to_contain_text("The station took the new password.")
        asked = [payload for name, payload in station.received if name == "ChangeConfiguration"]
        (new,) = [payload["value"] for payload in asked if payload["key"] == "AuthorizationKey"]
        page.reload()
        expect(page.get_by_text("A new password was sent to the station.")).to_be_visible()
        assert new not in page.content()
        page.goto(f"/stations/{key}/messages?action=ChangeConfiguration")
        expect(page.locator("#log-rows tr").first).to_be_visible()
        assert new not in page.content()  # not even in the log
        visit.close()


@pytest.mark.feature("F-USR-6")
def test_a_key_is_made_shown_once_used_and_ended(house: House, chromium: Browser) -> None:
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto("/keys")
    page.get_by_label("What for").fill("Wall display")
    page.get_by_role("main").get_by_label("Role").select_option(label="Support")
    press(page.get_by_role("button", name="Create key"))
    expect(page.get_by_text("This is the secret of “Wall display”.")).to_be_visible()
    secret = page.locator(".copy code").inner_text()
    assert faults(page) == []
    page.goto("/keys")
    assert secret not in page.content()
    display = Desk(house.product, key=secret)
    assert display.ask("stations.ListStations").stations
    page.reload()
    row = page.get_by_role("row").filter(has_text="Wall display")
    expect(row).to_contain_text(secret[:4])
    row.get_by_role("button", name="Delete").click()
    yes(page)
    expect(page.get_by_role("row").filter(has_text="Wall display")).to_have_count(0)
    display.close()
    assert "Wall display" not in {each.display_name for each in house.ask("auth.ListApiKeys").api_keys}
    visit.close()
