"""A station's page with its tabs, as administrators, support and drivers use it with connected stations."""

from __future__ import annotations

import urllib.request
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from tests.kit.house import House
from tests.kit.live_stations import live_station
from tests.kit.looks import complaints
from tests.kit.online import online
from tests.kit.pressing import press, yes

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(600)]


def known(house: House, identity: str) -> str:
    """A station of one's own; its key."""
    station = {"identity": identity, "place": house.names["South Yard"]}
    name: str = house.ask("stations.CreateStation", station=station).station.name
    return name.partition("/")[2]


@pytest.mark.feature("F-STA-5", "F-OPS-1")
def test_a_start_is_followed_from_the_answer_to_the_session(house: House, chromium: Browser) -> None:
    key = known(house, "COURSE-1")
    tag = house.ask("id_tokens.CreateIdToken", id_token={"id_token": "C0FFEE31"}).id_token.id_token
    with live_station(house.product, "COURSE-1") as station:
        visit = house.page(chromium, "support")
        page = visit.page
        page.goto(f"/stations/{key}")
        panel = page.locator("#operation-start")
        panel.locator("summary").click()
        panel.get_by_label("Tag").fill(tag)
        panel.get_by_label("EVSE").select_option("2")
        panel.get_by_role("button", name="Start").click()
        expect(panel.locator("output")).to_contain_text("The station agreed.")
        expect(panel.locator(".followed")).to_contain_text("What followed")
        expect(panel.locator(".followed")).to_contain_text("StartTransaction")
        expect(page.locator("#evse-2")).to_contain_text("Charging")
        assert station.was_asked("RemoteStartTransaction")[0]["connectorId"] == 2
        stop = page.locator("#operation-stop")
        stop.locator("summary").click()
        expect(stop.locator("fieldset")).to_be_enabled()
        stop.get_by_role("button", name="Stop").click()
        expect(stop.locator("output")).to_contain_text("The station agreed.")
        expect(page.locator("#evse-2")).to_contain_text("Available")
        page.get_by_role("navigation", name="Station").get_by_role("link", name="Sessions").click()
        expect(page.locator("#recent tbody tr")).to_have_count(1)
        visit.close()


@pytest.mark.feature("F-STA-5", "F-OPS-5")
def test_what_cannot_work_is_disabled_and_says_why(house: House) -> None:
    key = known(house, "CANNOT-1")
    with house.visitor("support") as http:
        page = http.get(f"/stations/{key}").text
        assert page.count("<fieldset disabled>") >= 15
        assert "The station is offline: nothing can be sent." in page
        with live_station(house.product, "CANNOT-1"):
            page = http.get(f"/stations/{key}").text
    assert "OCPP 1.6 does not have this." in page
    assert "No session is under way." in page


@pytest.mark.feature("F-OPS-4")
def test_the_local_tag_list_is_sent_and_its_version_read(house: House, chromium: Browser) -> None:
    key = known(house, "LIST-1")
    answers = {
        "SendLocalList": {"status": "Accepted"},
        "GetLocalListVersion": {"listVersion": 0},
        "GetConfiguration": {"configurationKey": [], "unknownKey": []},
    }
    with online(house.product, "LIST-1", **answers) as station:
        visit = house.page(chromium, "admin")
        page = visit.page
        page.goto(f"/stations/{key}")
        panel = page.locator("#operation-sync-list")
        panel.locator("summary").click()
        panel.get_by_label("Send the whole list anew").check()
        panel.get_by_role("button", name="Send").click()
        expect(panel.locator("output")).to_contain_text("Version 1 with")
        station.station.answers["GetLocalListVersion"] = {"listVersion": 1}
        version = page.locator("#operation-list-version")
        version.locator("summary").click()
        version.get_by_role("button", name="Ask").click()
        expect(version.locator("output")).to_contain_text("Version 1.")
        page.goto(f"/stations/{key}/charging")
        expect(page.get_by_text("Version 1 with")).to_be_visible()
        visit.close()


@pytest.mark.feature("F-OPS-5")
def test_a_charging_profile_is_set_shown_and_cleared(house: House, chromium: Browser) -> None:
    key = known(house, "PROFILE-1")
    answers = {"SetChargingProfile": {"status": "Accepted"}, "ClearChargingProfile": {"status": "Accepted"}}
    with online(house.product, "PROFILE-1", **answers) as station:
        visit = house.page(chromium, "support")
        page = visit.page
        page.goto(f"/stations/{key}/charging")
        page.get_by_role("combobox", name="Limits", exact=True).select_option("TxDefaultProfile")
        page.get_by_label("Periods").fill("5: 16")
        press(page.get_by_role("button", name="Set it"))
        expect(page.get_by_text("The first one begins at 0")).to_be_visible()
        expect(page.get_by_label("Periods")).to_have_value("5: 16")
        page.get_by_label("Periods").fill("0: 16\n60: 8.5")
        press(page.get_by_role("button", name="Set it"))
        expect(page.get_by_text("The station agreed.")).to_be_visible()
        (asked,) = [payload for action, payload in station.station.asked if action == "SetChargingProfile"]
        schedule = asked["csChargingProfiles"]["chargingSchedule"]
        assert [each["limit"] for each in schedule["chargingSchedulePeriod"]] == [16, 8.5]
        row = page.locator("tr", has_text="TxDefaultProfile")
        expect(row).to_contain_text("60 min: 8.5 A")
        row.get_by_role("button", name="Clear").click()
        yes(page)
        expect(page.get_by_text("No charging profile is known")).to_be_visible()
        visit.close()


@pytest.mark.feature("F-STA-10")
def test_an_outlet_gets_its_type_ids_parking_and_mode(house: House, chromium: Browser) -> None:
    key = known(house, "OUTLET-1")
    with live_station(house.product, "OUTLET-1", outlets=1):
        visit = house.page(chromium, "admin")
        page = visit.page
        page.goto(f"/stations/{key}/outlets")
        page.get_by_label("Outlet id").fill("P1-07")
        page.get_by_label("Connector type").fill("IEC_62196_T2")
        page.get_by_label("Mode").select_option("OPEN")
        page.get_by_label("Parking").fill("Level 1, left of the lift")
        page.get_by_label("External ids").fill("not an id")
        press(page.get_by_role("button", name="Save"))
        expect(page.get_by_role("alert")).to_contain_text("as service: id")
        expect(page.get_by_label("Outlet id")).to_have_value("P1-07")
        page.get_by_label("External ids").fill("roaming: SE*CHH*E1")
        press(page.get_by_role("button", name="Save"))
        expect(page.get_by_text("Saved.")).to_be_visible()
        page.get_by_role("button", name="Switch free vend on").click()
        yes(page)
        expect(page.get_by_text("On: anyone may charge")).to_be_visible()
        press(page.get_by_role("button", name="Switch reservations off"))
        expect(page.get_by_text("Off: nobody can reserve here.")).to_be_visible()
        visit.close()
    (outlet,) = house.ask("outlets.ListOutlets", station=f"stations/{key}").outlets
    assert (outlet.outlet_id, outlet.connector_type, outlet.mode) == ("P1-07", "IEC_62196_T2", 1)
    assert [(each.service, each.external_id) for each in outlet.external_ids] == [("roaming", "SE*CHH*E1")]
    assert outlet.free_vend
    assert not house.ask("reservations.GetReservable", station=f"stations/{key}").reservable


@pytest.mark.feature("F-STA-12")
def test_secrets_are_shown_by_a_button_and_each_showing_is_written_down(house: House, chromium: Browser) -> None:
    key = known(house, "SECRET-1")
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto(f"/stations/{key}/installation")
    page.get_by_label("Installed by").fill("Elkraft AB")
    page.get_by_label("Fuse (A per phase)").fill("63")
    page.get_by_label("Made on").fill("2025-03-01")
    press(page.get_by_role("button", name="Save"))
    expect(page.get_by_label("Installed by")).to_have_value("Elkraft AB")
    expect(page.get_by_label("Made on")).to_have_value("2025-03-01")
    page.get_by_text("Keep others").click()
    page.get_by_label("Master password").fill("tr0ub4dor")
    press(page.get_by_role("button", name="Keep", exact=True))
    expect(page.get_by_text("Kept encrypted.")).to_be_visible()
    assert "tr0ub4dor" not in page.content()
    page.get_by_role("button", name="Show them").click()
    yes(page, stays=True)
    expect(page.locator(".secrets")).to_contain_text("tr0ub4dor")
    visit.close()
    log = house.ask("audit.ListAuditEntries", page_size=50)
    assert "tr0ub4dor" not in str(log)
    assert "ecrets" in str(log)
    with house.visitor("support") as http:
        assert "Show them" not in http.get(f"/stations/{key}/installation").text
        assert http.post(f"/stations/{key}/installation/reveal").status_code == 403


@pytest.mark.feature("F-OPS-3", "F-STA-5")
def test_a_log_is_ordered_followed_and_downloaded(house: House, chromium: Browser, tmp_path: Path) -> None:
    key = known(house, "LOG-1")
    with online(house.product, "LOG-1", GetDiagnostics={"fileName": "diag.log"}) as station:
        visit = house.page(chromium, "support")
        page = visit.page
        page.goto(f"/stations/{key}/diagnostics")
        press(page.get_by_role("button", name="Order it"))
        expect(page.get_by_text("The station agreed.")).to_be_visible()
        (asked,) = [payload for action, payload in station.station.asked if action == "GetDiagnostics"]
        address = asked["location"].rstrip("/") + "/diag.log"
        station.call("DiagnosticsStatusNotification", status="Uploading")
        request = urllib.request.Request(address, b"all is well\n", method="PUT")
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.status < 300
        station.call("DiagnosticsStatusNotification", status="Uploaded")
        expect(page.locator("#progress")).to_contain_text("done")
        with page.expect_download() as download:
            page.get_by_role("link", name="diag.log").click()
        download.value.save_as(tmp_path / "diag.log")
        assert (tmp_path / "diag.log").read_bytes() == b"all is well\n"
        visit.close()


def picture(colour: str) -> bytes:
    out = BytesIO()
    Image.new("RGB", (400, 300), colour).save(out, "JPEG")
    return out.getvalue()


@pytest.mark.feature("F-STA-5")
def test_two_pictures_are_uploaded_with_a_preview_and_removed(house: House, chromium: Browser) -> None:
    key = known(house, "PICTURE-1")
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto(f"/stations/{key}/pictures")
    field = page.get_by_label("Choose a picture").first
    field.set_input_files({"name": "front.jpg", "mimeType": "image/jpeg", "buffer": picture("#aa3344")})
    expect(page.locator("#preview-1")).to_be_visible()
    press(page.get_by_role("button", name="Upload Picture 1"))
    shown = page.get_by_role("img", name="Picture 1 of")
    expect(shown).to_be_visible()
    expect(shown).to_have_js_property("naturalWidth", 400)
    field = page.get_by_label("Choose a picture").first
    field.set_input_files({"name": "no.jpg", "mimeType": "image/jpeg", "buffer": b"not a picture"})
    press(page.get_by_role("button", name="Upload Picture 2"))
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_role("button", name="Remove Picture 1").click()
    yes(page)
    expect(page.get_by_role("img", name="Picture 1 of")).to_have_count(0)
    visit.close()


@pytest.mark.feature("F-STA-11")
def test_a_station_is_assigned_shared_by_its_owner_and_released(house: House, chromium: Browser) -> None:
    key = known(house, "SHARE-1")
    with house.visitor("admin") as http:
        answer = http.post(f"/stations/{key}/sharing/owner", data={"email": "nobody@example.net"})
        assert (answer.status_code, 'value="nobody@example.net"' in answer.text) == (422, True)
        http.post(f"/stations/{key}/sharing/owner", data={"email": "driver@example.org"})
    visit = house.page(chromium, "driver")
    page = visit.page
    page.goto(f"/stations/{key}")
    expect(page.locator("#about")).to_contain_text("Driver")
    page.get_by_role("link", name="Sharing").click()
    page.get_by_label("E-mail of the user").fill("support@example.org")
    page.get_by_role("combobox", name="They may", exact=True).select_option("OPERATE")
    press(page.get_by_role("button", name="Share", exact=True))
    expect(page.locator("tbody tr")).to_contain_text("support@example.org")
    page.locator("tbody").get_by_role("button", name="Remove").click()
    yes(page)
    expect(page.get_by_text("This station is shared with nobody.")).to_be_visible()
    page.get_by_role("button", name="Release").click()
    yes(page)
    visit.close()
    assert house.ask("stations.GetStation", name=f"stations/{key}").station.owner == ""


@pytest.mark.feature("F-STA-5")
def test_how_to_connect_is_told_with_every_address_and_the_password_once(house: House, chromium: Browser) -> None:
    key = known(house, "HELP-1")
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto(f"/stations/{key}/settings")
    help_card = page.get_by_role("region", name="How this station connects")
    expect(help_card).to_contain_text("/ocpp/HELP-1")
    expect(help_card).to_contain_text("OCPP 1.5 by SOAP")
    help_card.get_by_text("What the security profiles mean").click()
    expect(help_card).to_contain_text("both sides show a certificate")
    press(page.get_by_role("button", name="Make one"))
    expect(page.get_by_text("This password is shown only now.")).to_be_visible()
    visit.close()


@pytest.mark.feature("F-STA-5")
def test_its_alarms_are_acknowledged_on_its_page(house: House, chromium: Browser) -> None:
    key = known(house, "ALARM-1")
    with online(house.product, "ALARM-1") as station:
        station.status("Faulted", error="GroundFailure")
        visit = house.page(chromium, "support")
        page = visit.page
        page.goto(f"/stations/{key}/alarms")
        press(page.get_by_role("button", name="Acknowledge"))  # it appears by itself
        expect(page.locator("tbody")).to_contain_text("Acknowledged")
        visit.close()


def test_who_may_not_is_not_offered_it_and_is_refused_in_words(house: House) -> None:
    key = known(house, "REFUSE-1")
    name = f"stations/{key}"
    house.ask("sharing.ShareStation", station=name, email="driver@example.org", level="SHARE_LEVEL_VIEW")
    with house.visitor("driver") as http:
        page = http.get(f"/stations/{key}").text
        for path in ("messages", "configuration", "settings", "sharing", "diagnostics"):
            assert f'href="/stations/{key}/{path}"' not in page, path
            answer = http.get(f"/stations/{key}/{path}")
            assert (answer.status_code, "Not allowed" in answer.text) == (403, True), path
    house.ask("sharing.ReleaseStation", station=name)
    with house.visitor("support") as http:
        assert http.get(f"/stations/{key}/sharing").status_code == 403


def test_every_tab_is_accessible_and_fits_a_phone(house: House, chromium: Browser) -> None:
    key = known(house, "TABS-1")
    with live_station(house.product, "TABS-1"):
        tabs = ("", "/sessions", "/outlets", "/installation", "/diagnostics", "/configuration", "/charging")
        more = ("/pictures", "/messages", "/alarms", "/sharing", "/settings")
        assert complaints(house, chromium, "admin", *(f"/stations/{key}{tab}" for tab in (*tabs, *more))) == []
