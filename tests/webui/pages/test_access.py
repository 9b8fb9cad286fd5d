"""Signing in and out."""

from __future__ import annotations

import pytest

from tests.kit.portal_client import Portal, running_portal
from webui.settings import Settings


def test_a_stranger_is_sent_to_the_sign_in_page_and_back_to_where_they_wanted(portal: Portal):
    browser = portal.browser()
    answer = browser.get("/sessions?state=ACTIVE")
    assert answer.status == 303
    assert answer.header("location") == "/signin?next=/sessions%3Fstate%3DACTIVE"
    assert 'value="/sessions?state=ACTIVE"' in browser.follow(answer).text


def test_the_right_password_opens_the_portal(portal: Portal):
    browser = portal.browser()
    answer = browser.sign_in()
    assert answer.status == 303
    start = browser.follow(answer)
    assert start.header("location") == "/dashboard"
    assert "Astrid Nilsson" in browser.get("/stations").text


def test_a_wrong_password_is_told_without_saying_which_half_was_wrong(portal: Portal):
    answer = portal.browser().sign_in(password="nope")
    assert answer.status == 401
    assert "E-mail or password is wrong." in answer.text
    assert not answer.cookies


def test_too_many_attempts_are_told_to_wait():
    with running_portal(settings=Settings(captcha="never")) as portal:
        browser = portal.browser()
        for _ in range(5):
            browser.sign_in(password="nope")
        answer = browser.sign_in(password="nope")
        assert answer.status == 429
        assert "Wait a minute" in answer.text


def test_on_plain_http_the_cookie_is_out_of_reach_for_scripts_and_other_sites(portal: Portal):
    [cookie] = portal.browser().sign_in().cookies
    assert cookie.startswith("chargehouse=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie


def test_on_https_the_cookie_is_bound_to_the_host(portal: Portal):
    [cookie] = portal.browser(scheme="https").sign_in().cookies
    assert cookie.startswith("__Host-chargehouse=")
    assert "Secure" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie


def test_behind_a_proxy_the_public_address_decides_about_the_cookie():
    with running_portal(settings=Settings(public_url="https://charge.example.org")) as portal:
        browser = portal.browser()
        answer = browser.post(
            "/signin",
            {"email": "admin@example.org", "password": "charge-2-go"},
            {"origin": "https://charge.example.org"},
        )
        assert answer.cookies[0].startswith("__Host-chargehouse=")


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "/x\ty", "evil"])
def test_signing_in_never_leads_to_another_site(portal: Portal, target: str):
    form = {"email": "admin@example.org", "password": "charge-2-go", "next": target}
    assert portal.browser().post("/signin", form).header("location") == "/"


def test_signing_out_ends_the_token_in_the_control_plane_too(portal: Portal):
    browser = portal.browser(signed_in="admin@example.org")
    token = browser.cookies["chargehouse"]
    answer = browser.post("/signout")
    assert answer.header("location") == "/signin"
    assert "chargehouse" not in browser.cookies
    assert token not in portal.fake.tokens


def test_an_ended_token_leads_to_the_sign_in_page(portal: Portal):
    browser = portal.browser(signed_in="admin@example.org")
    portal.fake.tokens.clear()
    assert browser.get("/").header("location") == "/signin"


def test_only_the_callers_own_token_reaches_the_control_plane(portal: Portal):
    browser = portal.browser(signed_in="admin@example.org")
    portal.fake.calls.clear()
    browser.get("/")
    browser.get("/sessions")
    assert portal.fake.calls
    assert {token for _method, token in portal.fake.calls} == {browser.cookies["chargehouse"]}
