"""Health, and what is shown when something is wrong."""

from __future__ import annotations

import time

import pytest

from tests.kit.portal_client import Browser, Portal, running_portal


def test_alive_needs_nobody(portal: Portal):
    assert portal.browser().get("/healthz").status == 200


def test_ready_says_whether_the_control_plane_serves():
    with running_portal() as portal:
        browser = portal.browser()
        assert browser.get("/readyz").status == 200
        from grpc_health.v1 import health_pb2

        portal.run(portal.fake.health.set("", health_pb2.HealthCheckResponse.NOT_SERVING))
        assert browser.get("/readyz").status == 503
        portal.run(portal.fake.stop())
        assert browser.get("/readyz").status == 503
        assert browser.get("/healthz").status == 200


def test_while_the_control_plane_is_away_pages_say_so_and_recover():
    with running_portal() as portal:
        browser = portal.browser(signed_in="admin@example.org")
        address = portal.fake.address
        portal.run(portal.fake.stop())
        answer = browser.get("/sessions")
        assert answer.status == 503
        assert "does not answer at the moment" in answer.text
        assert "data-retry" in answer.text
        assert browser.cookies["chargehouse"]  # nobody is signed out by an outage
        portal.run(portal.fake.start(address))
        deadline = time.monotonic() + 60
        while browser.get("/sessions").status != 200:
            assert time.monotonic() < deadline


def test_an_address_without_a_page_is_told(admin: Browser):
    answer = admin.get("/nope")
    assert answer.status == 404
    assert "There is no page at this address" in answer.text


def test_who_is_signed_in_keeps_the_menu_where_nothing_is_found(admin: Browser, portal: Portal):
    assert 'href="/stations"' in admin.get("/stations/nope").text
    assert 'href="/alarms"' in admin.get("/nope").text
    stranger = portal.browser().get("/nope")
    assert stranger.status == 404
    assert "/alarms" not in stranger.text


@pytest.mark.parametrize("target", ["/stations/nope", "/sessions/nope", "/tags/nope"])
def test_a_thing_that_is_gone_is_told(admin: Browser, target: str):
    assert admin.get(target).status == 404


@pytest.mark.parametrize("target", ["/tags", "/keys"])
def test_what_a_role_may_not_see_is_refused_in_words(support: Browser, target: str):
    answer = support.get(target)
    assert answer.status == 403
    assert "Your role may not do this" in answer.text


def test_static_files_with_a_version_are_kept_for_ever(portal: Portal):
    assert "immutable" in portal.browser().get("/static/base.css?v=1").header("cache-control")
    assert "immutable" not in portal.browser().get("/static/base.css").header("cache-control")


def test_pages_are_not_kept(admin: Browser):
    assert admin.get("/").header("cache-control") == "no-store"
