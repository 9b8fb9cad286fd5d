"""Signing in in all its ways, and the settings of everybody and of the installation."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import struct
import time
import uuid

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.kit.desk import Desk
from tests.kit.house import PASSWORD, ROLES, House, Visit
from tests.kit.looks import faults, faults_in_light_and_dark
from tests.kit.patience import PAGE_PATIENCE_MS, until
from tests.kit.pressing import press, reload_until, yes

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(600)]


def one_time_code(secret: str, step: int = 0) -> str:
    """What an authenticator app shows (RFC 6238)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30 + step), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at : at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"


def somebody(house: House) -> tuple[str, str]:
    """A driver of one's own: e-mail and the link of the invitation."""
    email = f"p{uuid.uuid4().hex[:8]}@example.org"
    made = house.ask("users.CreateUser", user={"email": email, "role": "ROLE_EV_USER"}, invite=True)
    return email, made.invitation_link


def enter(page: Page, email: str, password: str = PASSWORD) -> None:
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    press(page.get_by_role("button", name="Sign in"))


def guest(house: House, chromium: Browser, **options: object) -> Visit:
    context = chromium.new_context(base_url=house.address, **{"locale": "en-GB", "reduced_motion": "reduce", **options})
    context.set_default_timeout(PAGE_PATIENCE_MS)
    visit = Visit(context, context.new_page())
    context.on("console", lambda message: visit.said(message.type, message.text))
    return visit


@pytest.mark.feature("F-USR-3")
def test_an_invited_driver_chooses_a_password_a_second_factor_and_signs_in_with_both(
    house: House, chromium: Browser
) -> None:
    email, link = somebody(house)
    visit = guest(house, chromium)
    page = visit.page
    page.goto("/set-password#" + link.partition("#")[2])
    expect(page.get_by_text(f"Welcome! Choose a password for {email}.")).to_be_visible()
    assert "token" not in page.url, "the token stays neither in the address nor in the history"
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    page.get_by_label("New password again").fill(PASSWORD)
    press(page.get_by_role("button", name="Set the password"))
    expect(page.get_by_text("Your password is set.")).to_be_visible()
    enter(page, email)
    page.wait_for_url(lambda url: "/signin" not in url)

    page.goto("/settings")
    press(page.get_by_role("button", name="Set up a second factor"))
    expect(page.locator(".qr svg")).to_be_visible()
    assert faults(page) == []
    secret = page.locator(".copy code").inner_text()
    page.get_by_label("2. The code").fill("000000")
    press(page.get_by_role("button", name="Turn it on"))
    expect(page.get_by_text("This code is not right.")).to_be_visible()
    assert page.locator(".copy code").inner_text() == secret, "a wrong code asks for no other scan"
    page.get_by_label("2. The code").fill(one_time_code(secret))
    press(page.get_by_role("button", name="Turn it on"))
    recovery = page.locator(".codes li").first.inner_text()

    page.locator("#account-menu summary").click()
    press(page.get_by_role("button", name="Sign out"))
    enter(page, email)
    page.wait_for_url("**/signin/code")
    assert PASSWORD not in page.content()
    carried = next(cookie for cookie in visit.context.cookies() if cookie["name"] == "half-way")
    assert (carried["httpOnly"], PASSWORD in carried["value"]) == (True, False)
    assert faults(page) == []
    page.get_by_label("Code").fill("123456")
    press(page.get_by_role("button", name="Sign in"))
    expect(page.get_by_text("This code is not right.")).to_be_visible()
    page.get_by_label("Code").fill(recovery)
    press(page.get_by_role("button", name="Sign in"))
    page.wait_for_url(lambda url: "/signin" not in url)
    assert "half-way" not in {cookie["name"] for cookie in visit.context.cookies()}

    page.goto("/settings")
    page.get_by_label("Password, to remove it").fill(PASSWORD)
    page.get_by_role("button", name="Remove").click()
    yes(page)
    expect(page.get_by_role("button", name="Set up a second factor")).to_be_visible()
    visit.close()


@pytest.mark.feature("F-USR-3")
def test_after_two_failures_a_question_keeps_programs_out_and_people_answer_it(house: House, chromium: Browser) -> None:
    email, link = somebody(house)
    nobody = Desk(house.product, key="")
    nobody.ask("auth.SetPassword", token=link.partition("token=")[2], new_password=PASSWORD)
    nobody.close()
    visit = guest(house, chromium)
    page = visit.page
    page.goto("/signin")
    for _ in range(2):
        enter(page, email, "wrong-password-1")
        expect(page.get_by_text("E-mail or password is wrong.")).to_be_visible()
    question = page.get_by_label(re.compile("How much is"))
    assert faults(page) == []
    question.fill("99")
    enter(page, email)
    expect(page.get_by_text("answer the question below it")).to_be_visible()
    words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    first, sign, second = re.findall(r"(\w+) (plus|minus) (\d+)", page.content())[0]
    number = words.index(first)
    question.fill(str(number + int(second) if sign == "plus" else number - int(second)))
    enter(page, email)
    page.wait_for_url(lambda url: "/signin" not in url)
    visit.close()


@pytest.mark.feature("F-USR-3")
def test_a_used_link_says_so_and_a_browser_without_scripts_can_copy_the_code(house: House) -> None:
    email, link = somebody(house)
    token = link.partition("token=")[2]
    with httpx.Client(base_url=house.address, headers={"origin": house.address}, follow_redirects=True) as client:
        assert "Code from the link" in client.get("/set-password").text
        form = {"token": f"#token={token}", "new": PASSWORD, "again": PASSWORD}
        assert "not the same" in client.post("/set-password", data={**form, "again": "other"}).text
        assert "Your password is set" in client.post("/set-password", data=form).text
        again = client.post("/set-password", data=form)
        assert (again.status_code, "used already or is too old" in again.text) == (422, True)
        sent = client.post("/forgotten", data={"email": email})
        assert "a letter with a link is on its way" in sent.text


@pytest.mark.feature("F-USR-3")
def test_nobody_comes_back_from_a_provider_whom_this_browser_did_not_send(house: House) -> None:
    with httpx.Client(base_url=house.address, follow_redirects=True) as client:
        answer = client.get("/sign-in/return?state=made-up&code=1")
        assert (answer.status_code, "was not begun in this browser" in answer.text) == (401, True)
        assert client.get("/signin/single").status_code == 422


@pytest.mark.feature("F-USR-3")
def test_the_control_plane_learns_which_browser_signed_in_and_it_can_be_signed_out(
    house: House, chromium: Browser
) -> None:
    email, link = somebody(house)
    nobody = Desk(house.product, key="")
    nobody.ask("auth.SetPassword", token=link.partition("token=")[2], new_password=PASSWORD)
    nobody.close()
    with httpx.Client(base_url=house.address, headers={"origin": house.address, "user-agent": "Other/1"}) as other:
        other.post("/signin", data={"email": email, "password": PASSWORD})
        visit = guest(house, chromium)
        page = visit.page
        page.goto("/signin")
        enter(page, email)
        page.goto("/settings")
        sessions = page.locator("#sessions")
        expect(sessions).to_contain_text("Chrome · Linux · this one")
        expect(sessions).to_contain_text("127.0.0.1")
        press(sessions.get_by_role("listitem").filter(has_text="Other/1").get_by_role("button"))
        expect(page.get_by_text("That browser is signed out.")).to_be_visible()
        until(lambda: other.get("/settings").status_code == 303)
        visit.close()


@pytest.mark.feature("F-USR-5")
def test_settings_are_kept_with_the_account_and_speak_the_readers_language(house: House, chromium: Browser) -> None:
    email, link = somebody(house)
    nobody = Desk(house.product, key="")
    nobody.ask("auth.SetPassword", token=link.partition("token=")[2], new_password=PASSWORD)
    nobody.close()
    visit = guest(house, chromium)
    page = visit.page
    page.goto("/signin")
    enter(page, email)
    page.goto("/settings")
    page.get_by_label("First name").fill("Eva")
    page.get_by_label("Mobile phone").fill("+46 70 123")
    press(page.get_by_role("button", name="Save the profile"))
    expect(page.get_by_text("Your profile is saved.")).to_be_visible()
    page.locator("#display").get_by_label("Colours").select_option("DARK")
    page.locator("#display").get_by_label("Time zone").select_option("Asia/Tokyo")
    press(page.get_by_role("button", name="Save the display"))
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.locator("#notify").get_by_label("My reservations").uncheck()
    press(page.get_by_role("button", name="Save the notifications"))
    expect(page.locator("#notify").get_by_label("My reservations")).not_to_be_checked()
    visit.close()
    second = guest(house, chromium)
    page = second.page
    page.goto("/signin")
    enter(page, email)
    page.goto("/settings")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.get_by_label("Time zone")).to_have_value("Asia/Tokyo")
    expect(page.get_by_label("First name")).to_have_value("Eva")
    second.close()


@pytest.mark.feature("F-USR-3")
def test_a_driver_takes_their_data_and_leaves(house: House, chromium: Browser) -> None:
    email, link = somebody(house)
    nobody = Desk(house.product, key="")
    nobody.ask("auth.SetPassword", token=link.partition("token=")[2], new_password=PASSWORD)
    nobody.close()
    visit = guest(house, chromium)
    page = visit.page
    page.goto("/signin")
    enter(page, email)
    page.goto("/settings")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download my data").click()
    assert email in json.dumps(json.loads(download.value.path().read_text()))
    page.get_by_label("Your e-mail, typed again").fill("other@example.org")
    page.get_by_label("Password, to confirm").fill(PASSWORD)
    page.get_by_role("button", name="Delete my account").click()
    yes(page)
    expect(page.locator("#farewell").get_by_role("alert")).to_be_visible()
    page.get_by_label("Your e-mail, typed again").fill(email)
    page.get_by_label("Password, to confirm").fill(PASSWORD)
    page.get_by_role("button", name="Delete my account").click()
    yes(page)
    expect(page.get_by_text("Your account is deleted.")).to_be_visible()
    enter(page, email)
    expect(page.get_by_text("E-mail or password is wrong.")).to_be_visible()
    visit.close()


@pytest.mark.feature("F-USR-6")
def test_a_narrowed_key_expires_and_is_told_with_what_it_may(house: House) -> None:
    with house.visitor("admin") as client:
        name = f"billing {uuid.uuid4().hex[:6]}"
        form = {"display_name": name, "role": "SUPPORT", "days": "30", "action": ["read-sessions", "read-stations"]}
        page = client.post("/keys", data=form).text
        assert "only: See stations, See sessions" in page or "only: See sessions, See stations" in page
        kept = next(key for key in house.ask("auth.ListApiKeys").api_keys if key.display_name == name)
        assert sorted(kept.actions) == ["read-sessions", "read-stations"]
        assert kept.HasField("expire_time")
        lost = client.post("/keys", data={"display_name": "x", "role": "SITE_ADMINISTRATOR"})
        assert (lost.status_code, "Choose the sites" in lost.text) == (422, True)


@pytest.mark.feature("F-SYS-1", "F-SYS-3")
def test_addresses_are_copied_and_a_backup_is_made_and_proven(house: House, chromium: Browser) -> None:
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto("/settings/system")
    row = page.get_by_role("row").filter(has_text="OCPP 1.6, 2.0.1 and 2.1 (JSON)")
    expect(row).to_contain_text(f"ws://127.0.0.1:{house.product.ocpp_port}/ocpp/")
    row.get_by_role("button").click()
    expect(row.get_by_role("button")).to_contain_text("Copied")
    press(page.get_by_role("button", name="Back up now"))
    page.goto("/settings/system")
    reload_until(page, page.get_by_role("button", name="Prove it"))
    press(page.get_by_role("button", name="Prove it").first, timeout=120_000)
    expect(page.locator("#backups").get_by_text("Proven", exact=True).first).to_be_visible(timeout=120_000)
    visit.close()


@pytest.mark.parametrize("path", ["/settings/system", "/keys"])
@pytest.mark.parametrize("who", ["site", "support", "driver"])
def test_only_administrators_settle_the_installation(house: House, who: str, path: str) -> None:
    with house.visitor(who) as client:
        seen = client.get(path)
        may_look = (who, path) == ("support", "/settings/system")
        assert (seen.status_code, "Save the system settings" in seen.text) == (200 if may_look else 403, False)
        assert client.post(path, data={"title": "Mine", "display_name": "x", "role": "SUPPORT"}).status_code == 403
        assert ROLES[who][0] in client.get("/settings").text


def test_axe_finds_nothing_before_signing_in(house: House, chromium: Browser) -> None:
    visit = guest(house, chromium, viewport={"width": 390, "height": 800})
    found: list[str] = []
    for path in ("/signin", "/forgotten", "/set-password", "/imprint", "/privacy"):
        visit.page.goto(path)
        found += faults_in_light_and_dark(visit.page)
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390, path
    assert found == []
    visit.close()
