"""Headers on every answer, and changes only from our own pages."""

from __future__ import annotations

import pytest

from tests.kit.portal_client import Browser, Portal
from webui.middleware import COMPRESSED_TYPES


@pytest.mark.parametrize("target", ["/", "/signin", "/nope", "/healthz", "/static/base.css"])
def test_every_answer_carries_a_strict_content_policy(portal: Portal, target: str):
    policy = portal.browser().get(target).header("content-security-policy")
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_no_page_needs_inline_script_or_style(admin: Browser):
    for target in ("/", "/pending", "/connect", "/stations/104", "/sessions", "/sessions/5161", "/tags", "/keys"):
        page = admin.get(target).text
        assert "<style" not in page
        assert " style=" not in page
        assert " onclick=" not in page
        assert "<script>" not in page


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": "http://portal.test:8080"},
        {"sec-fetch-site": "none"},
    ],
)
def test_a_form_of_another_site_changes_nothing(portal: Portal, admin: Browser, headers: dict[str, str]):
    portal.fake.calls.clear()
    answer = admin.post("/stations/101/settings/delete", {}, headers)
    assert answer.status == 403
    assert portal.fake.calls == []


def test_our_own_form_is_let_through(portal: Portal):
    for headers in ({"sec-fetch-site": "same-origin"}, {"origin": "http://portal.test:8080"}):
        answer = portal.browser().post("/theme", {"theme": "dark"}, headers)
        assert answer.status == 303
        assert "theme=dark" in answer.cookies[0]


def test_times_are_told_in_the_browsers_zone(admin: Browser):
    admin.cookies["zone"] = "America/New_York"
    page = admin.get("/sessions/5161").text
    assert "America/New_York" in page


def test_a_nonsense_zone_or_language_does_no_harm(admin: Browser):
    admin.cookies["zone"] = "../../etc/passwd"
    assert admin.get("/sessions", {"accept-language": "xx-YY, q=%, tlh"}).status == 200


@pytest.mark.parametrize("target", ["/sessions.xlsx", "/stations.xlsx", "/sessions.pdf"])
def test_what_is_compressed_already_is_not_compressed_once_more(admin: Browser, target: str):
    answer = admin.get(target, {"accept-encoding": "gzip"})
    assert (answer.status, answer.header("content-encoding")) == (200, "")
    assert answer.body[:4] in (b"PK\x03\x04", b"%PDF")


@pytest.mark.parametrize("target", ["/sessions.csv", "/stations.csv", "/sessions", "/static/icons.svg"])
def test_text_is_sent_compressed(admin: Browser, target: str):
    answer = admin.get(target, {"accept-encoding": "gzip"})
    assert (answer.status, answer.header("content-encoding")) == (200, "gzip")


@pytest.mark.parametrize("kind", ["application/zip", "font/woff2", "image/png", "text/event-stream", "application/pdf"])
def test_files_that_pages_hand_on_and_live_parts_stay_as_they_are(kind: str):
    assert kind in COMPRESSED_TYPES
