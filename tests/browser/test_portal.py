"""What an operator does in the portal, done in a browser."""

from __future__ import annotations

import re
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import Browser, Page, expect

from control.v1 import remote_pb2, stations_pb2
from tests.browser.conftest import Site, context_for, sign_in
from tests.kit.fake_control import FakeControl
from tests.kit.pressing import press, yes

pytestmark = pytest.mark.browser


def live(page: Page) -> None:
    """Wait until the page's stream is up."""
    expect(page.locator("#lamp")).to_have_text("Live")


def test_a_wrong_password_is_told_and_the_right_one_opens_the_portal(chromium: Browser, site: Site):
    context = context_for(chromium, site)
    page = context.new_page()
    page.goto(f"{site.address}/sessions")
    page.get_by_label("E-mail").fill("admin@example.org")
    page.get_by_label("Password").fill("nope")
    press(page.get_by_role("button", name="Sign in"))
    expect(page.get_by_role("alert")).to_have_text("E-mail or password is wrong.")
    page.get_by_label("Password").fill("charge-2-go")
    press(page.get_by_role("button", name="Sign in"))
    expect(page.get_by_role("heading", name="Sessions")).to_be_visible()
    context.close()


def test_a_station_that_goes_offline_turns_grey_without_a_reload_and_focus_stays(page: Page, site: Site):
    live(page)
    row = page.locator("#station-104")
    expect(row).to_contain_text("Free")
    page.evaluate("window.same = true")
    page.locator("#station-105 a").focus()

    def cut(fake: FakeControl) -> None:
        for key in ("104", "105"):
            station = fake.world.stations[key]
            station.connection_state = stations_pb2.CONNECTION_STATE_OFFLINE
            fake.publish_station(station)

    site.do(cut)
    expect(row).to_contain_text("Offline")
    expect(page.locator("#station-105 a")).to_be_focused()
    expect(page.locator("#tiles")).to_contain_text("19")
    assert page.evaluate("window.same")


def test_what_is_typed_into_the_search_box_survives_live_changes(page: Page, site: Site):
    live(page)
    box = page.get_by_role("searchbox", name="Search stations")
    box.fill("Harbour")
    expect(page.locator("#station-rows tr")).to_have_count(4)
    expect(page).to_have_url(re.compile("q=Harbour"))
    live(page)
    site.do(lambda fake: fake.publish_station(fake.world.stations["106"]))
    expect(box).to_have_value("Harbour")
    expect(box).to_be_focused()
    page.reload()
    expect(page.locator("#station-rows tr")).to_have_count(4)


def test_a_station_that_knocks_appears_by_itself_and_is_accepted(page: Page, site: Site):
    page.get_by_role("link", name="Pending").first.click()
    live(page)
    site.do(lambda fake: fake.publish_station(fake.world.add_pending("CP-NEW-7")))
    card = page.locator("article", has_text="CP-NEW-7")
    expect(card).to_be_visible()
    expect(page.locator("#pending-badge")).to_contain_text("3")
    press(card.get_by_role("button", name="Accept"))
    expect(page.get_by_text("The station is accepted")).to_be_visible()
    expect(page.locator("article", has_text="CP-NEW-7")).to_have_count(0)


def test_the_first_charger_appears_on_the_start_page_with_its_button(chromium: Browser, empty_site: Site):
    context = context_for(chromium, empty_site)
    page = sign_in(context, empty_site)
    expect(page.get_by_role("heading", name="Connect your first station")).to_be_visible()
    expect(page.locator("[data-copy='ws://10.0.0.5:9000/ocpp/']")).to_be_visible()
    live(page)
    empty_site.do(lambda fake: fake.publish_station(fake.world.add_pending("FIRST-1")))
    press(page.locator("article", has_text="FIRST-1").get_by_role("button", name="Accept"))
    page.goto(f"{empty_site.address}/stations")
    expect(page.locator("#station-rows tr")).to_have_count(1)
    context.close()
    assert empty_site.complaints == []


@pytest.mark.feature("F-OPS-1")
def test_a_remote_start_shows_the_stations_answer_and_then_the_session(page: Page, site: Site):
    page.goto(f"{site.address}/stations/104")
    live(page)
    panel = page.locator("#operation-start")
    panel.locator("summary").click()
    panel.get_by_label("Tag").fill("04")
    expect(page.locator("#tag-options option").first).to_be_attached()
    panel.get_by_label("Tag").fill(next(iter(site.fake.world.tags.values())).id_token)
    panel.get_by_label("EVSE").select_option("2")
    panel.get_by_role("button", name="Start").click()
    expect(panel.locator("output")).to_contain_text("The station agreed.")
    expect(panel.locator("output")).to_contain_text("Accepted")
    expect(page.locator("#evse-2")).to_contain_text("Charging")
    expect(page.locator("#evse-2")).to_contain_text("kW")
    expect(panel.locator("output")).to_contain_text("The station agreed.")  # and it stays


@pytest.mark.feature("F-OPS-1")
def test_a_refused_reset_is_asked_once_and_the_refusal_shown(page: Page, site: Site):
    refused = remote_pb2.CommandResult(accepted=False, status="Rejected")
    site.do(lambda fake: fake.answers.update(Reset=refused))
    page.goto(f"{site.address}/stations/104")
    panel = page.locator("#operation-reset")
    panel.locator("summary").click()
    panel.get_by_role("button", name="Restart").click()
    expect(page.get_by_role("dialog")).to_contain_text("Restart this station?")
    page.get_by_role("button", name="Cancel").click()
    expect(panel.locator("output")).to_be_empty()
    assert not [method for method, _ in site.fake.calls if method == "Reset"]
    panel.get_by_role("button", name="Restart").click()
    yes(page, stays=True)
    expect(panel.locator("output")).to_contain_text("The station refused.")
    assert [method for method, _ in site.fake.calls].count("Reset") == 1


def test_when_a_station_goes_offline_its_operations_are_disabled_with_the_reason(page: Page, site: Site):
    page.goto(f"{site.address}/stations/104")
    live(page)
    panel = page.locator("#operation-start")
    panel.locator("summary").click()
    panel.get_by_label("Tag").fill("half-typed")

    def cut(fake: FakeControl) -> None:
        station = fake.world.stations["104"]
        station.connection_state = stations_pb2.CONNECTION_STATE_OFFLINE
        fake.publish_station(station)

    site.do(cut)
    expect(page.locator("#refusal")).to_contain_text("The station is offline")
    expect(panel.get_by_role("button", name="Start")).to_be_disabled()
    expect(panel.get_by_label("Tag")).to_have_value("half-typed")


def test_a_session_is_drawn_goes_on_live_and_is_stopped(page: Page, site: Site):
    session = next(s for s in site.fake.world.sessions.values() if s.power_w)
    page.goto(f"{site.address}/{session.name}")
    live(page)
    chart = page.locator("session-chart")
    expect(chart).to_have_attribute("data-ready", "1")
    drawn = chart.locator("canvas").first.evaluate(
        "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v, i) => i % 4 == 3 && v > 0)"
    )
    assert drawn

    def on(fake: FakeControl) -> None:
        session.energy_wh, session.power_w = 77_700, 6_500
        session.last_meter_time.FromSeconds(session.last_meter_time.seconds + 60)
        fake.publish_session(session)

    site.do(on)
    expect(page.locator("#session-head")).to_contain_text("77.70 kWh")
    expect(page.locator("#session-head")).to_contain_text("6.5 kW")
    expect(chart).to_have_attribute("data-points", "2" if session.meter_value_count == 1 else _any_number())
    page.get_by_role("button", name="Stop charging").click()
    yes(page, stays=True)
    expect(page.locator("#stop-outcome")).to_contain_text("The station agreed.")
    expect(page.get_by_role("button", name="Stop charging")).to_have_count(0)


def _any_number():
    return re.compile(r"\d+")


def test_the_message_log_follows_pauses_and_pairs(page: Page, site: Site):
    page.goto(f"{site.address}/stations/104/messages")
    live(page)

    def talk(action: str):
        def change(fake: FakeControl) -> None:
            station = fake.world.stations["104"]
            for entry in fake.world.exchange(station, action, "{}", "{}", fake.world.now):
                fake.publish_message("stations/104", entry)

        return change

    site.do(talk("Authorize"))
    first = page.locator("#log-rows tr").first
    expect(first).to_contain_text("Authorize")
    first.hover()
    expect(page.locator("#log-rows tr.twin")).to_have_count(2)
    page.get_by_role("button", name="Pause").click()
    site.do(talk("DataTransfer"))
    page.wait_for_timeout(1200)
    expect(first).to_contain_text("Authorize")
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("#log-rows tr").first).to_contain_text("DataTransfer")


def test_sessions_are_filtered_and_exactly_those_exported(page: Page, site: Site, tmp_path: Path):
    with page.expect_navigation():  # its scripts, too: a filter that is chosen before them is not heard
        page.get_by_role("link", name="Sessions", exact=True).click()
    page.locator("#filter-state").select_option("ACTIVE")
    expect(page.locator("#session-rows tr")).to_have_count(6)
    expect(page).to_have_url(re.compile("state=ACTIVE"))
    page.locator("#export-menu summary").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="XLSX").click()
    download.value.save_as(tmp_path / "sessions.xlsx")
    assert openpyxl.load_workbook(tmp_path / "sessions.xlsx").active.max_row == 7


def test_after_a_restart_of_the_control_plane_the_page_recovers_by_itself(page: Page, site: Site):
    live(page)
    address = site.fake.address
    site.run(site.fake.stop())
    expect(page.locator("#lamp")).to_have_text("Reconnecting…")
    page.goto(f"{site.address}/sessions")
    expect(page.get_by_text("does not answer at the moment")).to_be_visible()
    site.run(site.fake.start(address))
    expect(page.get_by_role("heading", name="Sessions")).to_be_visible()
    live(page)


def test_an_ended_session_leads_to_the_sign_in_page(page: Page, site: Site):
    live(page)
    site.do(lambda fake: fake.tokens.clear())
    page.reload()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_it_works_without_scripts(chromium: Browser, site: Site):
    context = chromium.new_context(java_script_enabled=False)
    page = sign_in(context, site)
    expect(page.locator("#station-rows tr")).to_have_count(24)
    page.goto(f"{site.address}/stations/104")
    panel = page.locator("#operation-clear-cache")
    panel.locator("summary").click()
    press(panel.get_by_role("button", name="Clear"))
    expect(page.locator("#operation-clear-cache output")).to_contain_text("The station agreed.")
    page.goto(f"{site.address}/account")
    page.locator("#account-menu summary").click()
    press(page.get_by_role("button", name="Dark"))
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    context.close()


def test_a_hidden_tab_gives_its_stream_back(page: Page, site: Site):
    live(page)
    page.evaluate(
        "() => { Object.defineProperty(document, 'hidden', {get: () => window.away ?? true, configurable: true});"
        " document.dispatchEvent(new Event('visibilitychange')) }"
    )
    expect(page.locator("#lamp")).to_have_text("Paused")
    page.evaluate("() => { window.away = false; document.dispatchEvent(new Event('visibilitychange')) }")
    live(page)
