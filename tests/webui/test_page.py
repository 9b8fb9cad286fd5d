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
