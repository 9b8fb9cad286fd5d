"""Account, API keys, theme."""

from __future__ import annotations

from tests.kit.portal_client import Browser, running_portal


def test_a_keys_secret_is_shown_once_and_never_again(admin: Browser):
    page = admin.post("/keys", {"display_name": "billing", "role": "SUPPORT"}).text
    assert 'data-copy="ck_' in page
    later = admin.get("/keys").text
    assert "billing" in later
    assert "data-copy" not in later
    assert "The key is deleted" in admin.follow(admin.post("/keys/1/delete")).text
    assert "No key yet." in admin.get("/keys").text


def test_only_administrators_have_keys_in_their_menu(admin: Browser, support: Browser):
    assert 'href="/keys"' in admin.get("/stations").text
    assert 'href="/keys"' not in support.get("/stations").text


def test_the_password_is_changed_after_the_present_one_was_given():
    with running_portal() as portal:
        browser = portal.browser(signed_in="admin@example.org")
        form = {"current": "wrong", "new": "brand-new-1", "again": "brand-new-1"}
        assert "The present password is not right." in browser.post("/account/password", form).text
        form["current"] = "charge-2-go"
        assert "not the same" in browser.post("/account/password", {**form, "again": "x"}).text
        assert "Your password is changed" in browser.follow(browser.post("/account/password", form)).text
        assert portal.browser().sign_in(password="brand-new-1").status == 303


def test_the_theme_is_kept_and_a_nonsense_one_is_not(admin: Browser):
    admin.post("/theme", {"theme": "dark", "next": "/sessions"})
    assert 'data-theme="dark"' in admin.get("/stations").text
    assert not admin.post("/theme", {"theme": "pink"}).cookies
