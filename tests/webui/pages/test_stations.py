"""The list of stations, pending ones, adding one, connecting the first."""

from __future__ import annotations

from control.v1 import stations_pb2
from tests.kit.portal_client import Browser, Portal, World, running_portal


def test_the_list_shows_every_station_with_its_state_in_words(admin: Browser):
    page = admin.get("/stations").text
    assert page.count('<tr id="station-') == 24
    for word in ("Charging", "Offline", "Fault", "Available"):
        assert word in page


def test_search_and_state_are_in_the_address(admin: Browser):
    page = admin.get("/stations?q=Harbour&state=offline").text
    assert 'value="Harbour"' in page
    assert page.count('<tr id="station-') == 1
    assert 'src="/live/stations?q=Harbour&amp;state=offline"' in page


def test_nonsense_in_the_address_counts_as_not_given(admin: Browser):
    assert admin.get("/stations?state=%3Cscript%3E&size=-3").text.count('<tr id="station-') == 24


def test_a_big_list_is_turned_page_by_page(admin: Browser):
    first = admin.get("/stations?size=25&q=").text
    assert 'rel="next"' not in first
    with running_portal(World(stations=60, sessions=0)) as portal:
        browser = portal.browser(signed_in="admin@example.org")
        page = browser.get("/stations?size=25").text
        assert page.count('<tr id="station-') == 25
        assert 'href="/stations?after=25&amp;size=25"' in page
        assert browser.get("/stations?size=25&after=50").text.count('<tr id="station-') == 10


def test_before_the_first_station_the_start_page_explains_how_to_connect_one():
    with running_portal(World(stations=0)) as portal:
        page = portal.browser(signed_in="admin@example.org").get("/stations").text
        assert "Connect your first station" in page
        assert 'data-copy="ws://10.0.0.5:9000/ocpp/"' in page
        assert "ocpp1.6" in page
        portal.fake.world.add_pending("CP-0001")
        assert "CP-0001" in portal.browser(signed_in="admin@example.org").get("/stations").text


def test_a_pending_station_shows_who_knocks_and_can_be_accepted(portal: Portal, admin: Browser):
    page = admin.get("/pending").text
    assert "WB-22-00871" in page
    assert "3 attempts" in page
    assert "10.20.1.77" in page
    station = next(s for s in portal.fake.world.stations.values() if s.identity == "WB-22-00871")
    key = station.name.partition("/")[2]
    answer = admin.post(f"/stations/{key}/decide", {"decision": "accept"})
    assert station.registration_state == stations_pb2.REGISTRATION_STATE_ACCEPTED
    assert "The station is accepted" in admin.follow(answer).text
    assert "The station is accepted" not in admin.get("/pending").text


def test_a_refused_station_can_be_accepted_after_all(portal: Portal, admin: Browser):
    station = next(s for s in portal.fake.world.stations.values() if s.identity == "WB-22-00915")
    key = station.name.partition("/")[2]
    admin.post(f"/stations/{key}/decide", {"decision": "reject"})
    assert station.registration_state == stations_pb2.REGISTRATION_STATE_REJECTED
    assert "Accept after all" in admin.get("/pending").text


def test_a_new_station_gets_its_password_shown_once(admin: Browser):
    answer = admin.post("/stations/add", {"identity": "NEW-1", "display_name": "New one", "make_password": "1"})
    assert "K7w2-Pq9x-Zt4m-Rb6n" in answer.text
    assert "ws://10.0.0.5:9000/ocpp/NEW-1" in answer.text
    found = admin.get("/stations?q=NEW-1").text
    assert "New one" in found
    assert "K7w2" not in found


def test_a_taken_identity_is_told_and_the_form_keeps_what_was_typed(admin: Browser):
    answer = admin.post("/stations/add", {"identity": "VO-22-0003", "display_name": "Twice"})
    assert answer.status == 422
    assert "Another station has this identity." in answer.text
    assert 'value="Twice"' in answer.text


def test_names_with_markup_are_shown_as_text(admin: Browser):
    admin.post("/stations/add", {"identity": "XSS-1", "display_name": "<script>alert(1)</script>"})
    page = admin.get("/stations?q=XSS-1").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
