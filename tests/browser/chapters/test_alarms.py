"""Alarms as operators work with them: tables, notice, files, rules, settings, mail and webhooks."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import openpyxl
import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.kit.dock import Dock, open_dock
from tests.kit.house import House
from tests.kit.looks import complaints
from tests.kit.patience import until
from tests.kit.pressing import press, yes

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def dock(house: House) -> Iterator[Dock]:
    with open_dock(house, "Alarm Dock") as made:
        yield made


@pytest.mark.feature("F-ALM-1", "F-ALM-3")
def test_alarms_come_by_themselves_are_looked_at_and_are_over(dock: Dock, chromium: Browser) -> None:
    visit = dock.house.page(chromium, "support")
    page = visit.page
    page.goto(f"/alarms?place={dock.key}")
    expect(page.get_by_text("No alarm matches.")).to_be_visible()
    dock.fault("HighTemperature", 2)
    dock.fault("GroundFailure", 3)
    rows = page.locator("table.alarms tbody tr")
    expect(rows).to_have_count(2)
    expect(page.locator("#alarm-badge .badge")).to_be_visible()
    page.get_by_label("Kind").select_option(label="Temperature")
    expect(rows).to_have_count(1)
    page.wait_for_url("**kind=TEMPERATURE*")
    press(page.get_by_role("link", name="Clear filters"))
    page.goto(f"/alarms?place={dock.key}")
    page.get_by_label("Tick all on this page").check()
    page.get_by_label("Note", exact=True).fill("Fan ordered")
    press(page.get_by_role("button", name="Take notice", exact=True))
    expect(page.get_by_text("Others see now that notice was taken.")).to_be_visible()
    assert [alarm.note for alarm in dock.alarms()] == ["Fan ordered", "Fan ordered"]
    page.goto(f"/alarms?place={dock.key}")
    page.get_by_role("link", name="Temperature").click()
    expect(page.get_by_role("heading", name="Temperature")).to_be_visible()
    expect(page.get_by_text("AlarmRaised").first).to_be_visible()
    page.get_by_label("Note").fill("Fan replaced")
    page.get_by_role("button", name="End by hand").click()
    yes(page)
    expect(page.get_by_text("Ended. What is still wrong comes back")).to_be_visible()
    dock.link.status("Available", 3)
    until(lambda: not dock.alarms())
    page.goto(f"/alarms/history?place={dock.key}&order=OLDEST")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("Fan replaced")
    visit.close()


def number_in(locator: Locator) -> int:
    """What a badge says; 0 when there is none."""
    found = re.search(r"\d+", locator.text_content() or "")
    return int(found.group()) if found else 0


@pytest.mark.feature("F-ALM-1", "F-DASH-1")
def test_all_that_shows_alarms_follows_them_and_leaves_the_reader_alone(dock: Dock, chromium: Browser) -> None:
    first = dock.fault("HighTemperature", 4)
    visit = dock.house.page(chromium, "admin")
    table = visit.page
    pages = {name: visit.context.new_page() for name in ("dashboard", "history", "log", "one", "station")}
    table.goto(f"/alarms?place={dock.key}&order=NEWEST")
    pages["dashboard"].goto(f"/dashboard?place={dock.key}")
    pages["history"].goto(f"/alarms/history?place={dock.key}")
    pages["log"].goto(f"/alarms/events?place={dock.key}&source=ALARM")
    pages["one"].goto(f"/alarms/{first.name.removeprefix('alarms/')}")
    pages["station"].goto(f"/stations/{dock.station_key}/alarms?state=ACTIVE")
    for page in (table, *pages.values()):
        page.evaluate("document.body.dataset.loaded = 'once'")
        expect(page.locator("#lamp")).to_have_text("Live")
    rows = table.locator("table.alarms tbody tr")
    expect(rows).to_have_count(1)
    badge = table.locator("#alarm-badge")
    before = number_in(badge)
    rows.get_by_role("checkbox").check()
    note = table.get_by_label("Note", exact=True)
    note.press_sequentially("Fan ord")
    pages["one"].get_by_label("Note").fill("half a sentence")

    second = dock.fault("GroundFailure", 5)
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("Fuse tripped")  # above the one that is ticked
    expect(table.locator("#alarm-numbers")).to_contain_text("active")
    expect(badge).to_contain_text(str(before + 1))
    expect(pages["dashboard"].locator("#widget-alarms")).to_contain_text("Fuse tripped")
    expect(pages["history"].locator("#alarms-table")).to_contain_text("Fuse tripped")
    expect(pages["log"].locator("#events-table tbody tr").first).to_contain_text("Fuse tripped")
    expect(pages["station"].locator("#station-alarms tbody tr")).to_have_count(2)
    expect(rows.nth(1).get_by_role("checkbox")).to_be_checked()
    expect(rows.first.get_by_role("checkbox")).not_to_be_checked()
    expect(table.get_by_label("Tick all on this page")).not_to_be_checked()
    expect(note).to_have_value("Fan ord")
    expect(note).to_be_focused()

    dock.house.ask("alarms.AcknowledgeAlarms", names=[first.name], note="Mine")  # somebody else
    expect(rows.nth(1).locator(".notice-cell")).to_contain_text("Mine")
    expect(badge).to_contain_text(str(before))
    expect(pages["one"].locator("#alarm-facts")).to_contain_text("Mine")
    expect(pages["one"].get_by_label("Note")).to_have_value("half a sentence")

    dock.house.ask("alarms.ClearAlarms", names=[second.name])
    expect(rows).to_have_count(1)
    expect(rows.get_by_role("checkbox")).to_be_checked()
    expect(pages["dashboard"].locator("#widget-alarms")).not_to_contain_text("Fuse tripped")
    expect(pages["station"].locator("#station-alarms tbody tr")).to_have_count(1)
    dock.link.status("Available", 4)
    dock.link.status("Available", 5)
    until(lambda: not dock.alarms(), 60)
    expect(table.get_by_text("No alarm matches.")).to_be_visible()
    expect(note).to_have_count(0)
    expect(pages["dashboard"].locator("#widget-alarms")).to_contain_text("No alarm is active")
    expect(pages["one"].locator("#alarm-head")).to_contain_text("Over")
    expect(pages["one"].get_by_role("button", name="End by hand")).to_have_count(0)
    for page in (table, *pages.values()):
        assert page.evaluate("document.body.dataset.loaded") == "once"  # nobody loaded a page again
    visit.close()


@pytest.mark.feature("F-ALM-1")
def test_without_a_stream_the_numbers_are_asked_for_now_and_then(dock: Dock, chromium: Browser) -> None:
    visit = dock.house.page(chromium, "support")
    page = visit.page
    page.route("**/live/**", lambda route: route.abort())
    page.clock.install()
    page.goto(f"/alarms?place={dock.key}")
    expect(page.locator("#lamp")).to_have_text("Reconnecting…")
    rows = page.locator("table.alarms tbody tr")
    expect(rows).to_have_count(0)
    dock.fault("HighTemperature", 6)
    page.clock.run_for(61_000)
    expect(rows).to_have_count(1)
    expect(page.locator("#alarm-badge .badge")).to_be_visible()
    expect(page.locator("#alarm-numbers")).to_contain_text("not looked at")
    dock.link.status("Available", 6)
    until(lambda: not dock.alarms())
    visit.close()


@pytest.mark.feature("F-ALM-1")
def test_history_and_event_log_are_filtered_and_written_to_files(dock: Dock, chromium: Browser) -> None:
    dock.fault("OverCurrentFailure", 2)
    dock.link.status("Available", 2)
    until(lambda: not dock.alarms())
    visit = dock.house.page(chromium, "admin")
    page = visit.page
    page.goto(f"/alarms/events?station={dock.station_key}")
    expect(page.get_by_role("rowheader", name="Connected Station")).to_be_visible()
    page.get_by_label("About").select_option(label="Alarm")
    expect(page.get_by_role("rowheader", name="Connected Station")).to_have_count(0)
    page.get_by_role("searchbox", name="Search events").fill("overcurrent")
    page.wait_for_url("**q=overcurrent*")
    expect(page.get_by_text("AlarmRaised")).to_be_visible()
    visit.close()
    with dock.house.visitor("admin") as http:
        lines = http.get(f"/alarms/history.csv?place={dock.key}").text.splitlines()
        assert "Fuse tripped" in lines[1]
        sheet = http.get(f"/alarms/events.xlsx?station={dock.station_key}&source=ALARM")
        rows = list(openpyxl.load_workbook(io.BytesIO(sheet.content)).active.values)
        assert rows[0][:4] == ("Time", "About", "Event", "Text")
        assert {row[2] for row in rows[1:]} >= {"AlarmRaised", "AlarmCleared"}


@pytest.mark.feature("F-ALM-2")
def test_a_rule_makes_a_vendors_code_an_alarm(dock: Dock, chromium: Browser) -> None:
    visit = dock.house.page(chromium, "admin")
    page = visit.page
    page.goto("/alarms/rules")
    page.get_by_role("link", name="Add rule").click()
    page.get_by_label("Code").fill("0x42*")
    page.get_by_label("Vendor").fill("Acme")
    page.locator("select[name=kind]").select_option(label="Fuse tripped")
    page.get_by_label("Severity").select_option(label="Minor")
    page.get_by_label("Text").fill("Fuse F2 ({code})")
    press(page.get_by_role("button", name="Add rule"))
    expect(page.get_by_text("The rule is saved.")).to_be_visible()
    page.get_by_role("link", name="Add rule").click()
    page.get_by_label("Code").fill("0x42*")
    page.get_by_label("Vendor").fill("Acme")
    press(page.get_by_role("button", name="Add rule"))
    expect(page.get_by_role("alert")).to_be_visible()  # there is one already, and what was typed is kept
    expect(page.get_by_label("Vendor")).to_have_value("Acme")
    dock.link.call(
        "StatusNotification", connectorId=2, errorCode="OtherError", status="Faulted", vendorErrorCode="0x4211"
    )
    (alarm,) = until(lambda: [each for each in dock.alarms() if each.code == "0x4211"])
    assert (alarm.kind, alarm.severity, alarm.text) == (6, 3, "Fuse F2 (0x4211)")
    dock.link.status("Available", 2)
    page.goto("/alarms/rules")
    page.get_by_role("link", name="0x42*").click()
    page.get_by_role("button", name="Delete rule").click()
    yes(page)
    expect(page.get_by_text("The rule is deleted.")).to_be_visible()
    visit.close()


@pytest.mark.feature("F-ALM-3")
def test_settings_and_the_daily_mail_are_kept(dock: Dock) -> None:
    with dock.house.visitor("admin") as http:
        form = {"silent_after": "15", "not_registered_after": "48", "network_percent": "75", "hold_off": "5"}
        assert http.post("/alarms/settings", data=form | {"backup_after": "soon"}).status_code == 422
        assert "They count from now on." in http.post("/alarms/settings", data=form | {"backup_after": "36"}).text
        settings = dock.house.ask("alarms.GetAlarmSettings").settings
        assert (settings.silent_after.seconds, settings.network_percent) == (900, 75)
        assert "Saved." in http.post("/alarms/mail", data={"wanted": "1", "hour": "6"}).text
        assert 'value="6" selected' in http.get("/alarms/mail").text


@pytest.mark.feature("F-ALM-3")
def test_a_webhook_is_made_its_secret_shown_once_and_a_test_is_sent(dock: Dock, chromium: Browser) -> None:
    visit = dock.house.page(chromium, "admin")
    page = visit.page
    page.goto("/alarms/webhooks")
    page.get_by_role("link", name="Add webhook").click()
    page.get_by_label("Name").fill("Pager")
    page.get_by_label("Address").fill("http://127.0.0.1:9/alarms")
    page.get_by_label("Fuse tripped").check()
    press(page.get_by_role("button", name="Add webhook"))
    if page.get_by_role("alert").count():  # the address of a private network is refused at once
        expect(page.get_by_label("Name")).to_have_value("Pager")
        page.get_by_label("Address").fill("https://pager.example.invalid/alarms")
        press(page.get_by_role("button", name="Add webhook"))
    secret = page.locator(".secret code").inner_text()
    assert len(secret) > 20
    press(page.get_by_role("button", name="Send a test"))
    expect(page.get_by_text("The test did not arrive:")).to_be_visible(timeout=30_000)
    assert secret not in page.content()
    expect(page.get_by_role("region", name="Table of deliveries")).to_contain_text("test")
    page.get_by_label("Send alarms").uncheck()
    press(page.get_by_role("button", name="Save"))
    expect(page.get_by_text("The webhook is saved.")).to_be_visible()
    (made,) = (each for each in dock.house.ask("webhooks.ListWebhooks").webhooks if each.display_name == "Pager")
    assert (made.enabled, list(made.kinds)) == (False, [6])
    page.get_by_role("button", name="New secret").click()
    yes(page)
    expect(page.locator(".secret code")).not_to_have_text(secret)
    page.get_by_role("button", name="Delete webhook").click()
    yes(page)
    expect(page.get_by_text("The webhook is deleted.")).to_be_visible()
    visit.close()


def test_who_may_not_is_told_so_and_not_offered_it(dock: Dock) -> None:
    with dock.house.visitor("support") as http:
        assert "/alarms/webhooks" not in http.get("/alarms").text
        assert http.get("/alarms/webhooks").status_code == 403
        assert "/alarms/rules/add" not in http.get("/alarms/rules").text
    with dock.house.visitor("site") as http:
        assert "Alarm Dock" not in http.get("/alarms/history").text.partition('id="list"')[2]
    with dock.house.visitor("driver") as http:
        assert 'href="/alarms"' not in http.get("/dashboard").text.partition("<main")[0]
        assert http.get("/alarms/rules").status_code == 403


def test_nothing_is_wrong_with_the_looks(dock: Dock, chromium: Browser) -> None:
    alarm = dock.fault("PowerMeterFailure", 2)
    pages = ["/alarms", "/alarms/history", "/alarms/events", "/alarms/rules", "/alarms/rules/add", "/alarms/settings"]
    pages += ["/alarms/webhooks", "/alarms/webhooks/add", "/alarms/mail", f"/{alarm.name}"]
    assert complaints(dock.house, chromium, "admin", *pages) == []
    dock.link.status("Available", 2)


@pytest.mark.feature("F-ALM-1", "F-USR-5")
def test_alarms_speak_the_readers_language_and_the_stations_own_words_stay(dock: Dock, chromium: Browser) -> None:
    dock.fault("HighTemperature", 6)
    visit = dock.house.page(chromium, "support")
    page = visit.page
    address = {"name": "language", "value": "nl", "url": dock.house.address}
    visit.context.add_cookies([address])
    page.goto(f"/alarms?place={dock.key}&kind=TEMPERATURE")
    row = page.locator("table.alarms tbody tr", has_text="Het is binnenin te heet.")
    expect(row.first).to_be_visible()
    row.first.get_by_role("link", name="Temperatuur").click()
    expect(page.locator("#alarm-text")).to_contain_text("Het is binnenin te heet.")
    page.goto(f"/alarms/events?place={dock.key}&source=ALARM")
    expect(page.locator("table.events tbody")).to_contain_text("Temperatuur. Het is binnenin te heet.")
    assert "too hot" not in page.locator("table.events tbody").inner_text()
    page.goto(f"/stations/{dock.station_key}/alarms")
    expect(page.get_by_text("Het is binnenin te heet.").first).to_be_visible()
    with page.expect_download() as saved:
        page.goto("/alarms")
        page.get_by_role("link", name="CSV").click()
    assert "Het is binnenin te heet." in saved.value.path().read_text("utf-8-sig")
    visit.close()
