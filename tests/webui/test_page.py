"""How pages are made."""

from __future__ import annotations

import pytest

from tests.kit.portal_client import Browser, Portal
from webui import page
from webui.values import ApiError


def test_a_static_address_changes_with_the_content(portal: Portal):
    address = page.static("base.css")
    assert address.startswith("/static/base.css?v=")
    assert portal.browser().get(address).status == 200


def test_every_icon_that_a_template_names_is_in_the_sprite():
    sprite = (page.STATIC / "icons.svg").read_text()
    states = {"free", "charging", "occupied", "fault", "offline", "unavailable", "unknown", "pending", "ended"}
    for name in states | {"bolt", "copy", "check", "cross", "search", "plus", "plug", "download", "in", "out", "note"}:
        assert f'id="{name}"' in sprite


def test_empty_parameters_are_not_in_the_address():
    assert page.with_query("/sessions", {"q": "", "state": "ACTIVE"}) == "/sessions?state=ACTIVE"
    assert page.with_query("/", {"q": ""}) == "/"


def test_a_wrong_form_is_refused_as_the_control_plane_would():
    page.demand("x", "fine")
    with pytest.raises(ApiError, match="Enter it"):
        page.demand("", "Enter it.")


def test_a_notice_that_nobody_here_wrote_is_not_shown(admin: Browser):
    admin.cookies["notice"] = "<b>pwned</b>"
    assert "pwned" not in admin.get("/stations").text


def test_a_script_whose_session_ended_is_led_to_the_sign_in_page_and_back(portal: Portal):
    headers = {"hx-request": "true", "hx-current-url": "http://portal.test:8080/sessions?q=x"}
    assert portal.browser().get("/sessions", headers).header("hx-redirect") == "/signin?next=/sessions%3Fq%3Dx"


def _asked(portal: Portal, browser: Browser, target: str, headers: dict[str, str] | None = None) -> list[str]:
    before = len(portal.fake.calls)
    assert browser.get(target, headers).status == 200
    return [method for method, _token in portal.fake.calls[before:]]


def test_the_frame_of_a_page_is_read_once_and_beside_what_the_page_reads(portal: Portal, admin: Browser):
    asked = _asked(portal, admin, "/sessions")
    assert asked.count("GetCaller") == 1
    assert asked.count("SummarizeStations") == 1
    admin.get("/stations/117/messages")
    assert _asked(portal, admin, "/stations/117/messages").count("GetCaller") == 1


def test_what_a_script_or_a_download_asks_for_needs_no_frame(portal: Portal, admin: Browser):
    assert "SummarizeStations" not in _asked(portal, admin, "/sessions/totals", {"hx-request": "true"})
    assert "SummarizeStations" not in _asked(portal, admin, "/sessions.csv")


def test_a_page_whose_frame_cannot_be_read_says_so_and_one_without_a_frame_does_not_care(portal: Portal):
    ended = portal.browser()
    ended.cookies["chargehouse"] = "no such token"
    assert ended.get("/imprint").status in (200, 303)
    assert ended.get("/sessions").header("location").startswith("/signin")


def test_nothing_of_the_frame_is_kept_for_the_next_page(portal: Portal):
    browser = portal.browser(signed_in="support@example.org")
    assert "Sam Okafor" in browser.get("/stations").text
    before = portal.fake.people["support@example.org"]
    portal.fake.people["support@example.org"] = (before[0], "Sam Renamed", before[2])
    try:
        assert "Sam Renamed" in browser.get("/stations").text
    finally:
        portal.fake.people["support@example.org"] = before
