"""Signing in at an identity provider, in a browser: who is let in, as whom, and what the others read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.kit.desk import Desk
from tests.kit.house import House
from tests.kit.identity_provider import CLIENT, SECRET, Provider, identity_provider
from tests.kit.patience import PAGE_PATIENCE_MS
from tests.kit.pressing import press
from tests.kit.product import ADMIN, free_port, product

pytestmark = [
    pytest.mark.browser,
    pytest.mark.system,
    pytest.mark.timeout(600),
    pytest.mark.feature("F-USR-3"),
]
BUTTON = "Company account"


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with identity_provider() as made:
        yield made


@pytest.fixture(scope="module")
def office(provider: Provider) -> Iterator[House]:
    """A system that people enter by the provider."""
    port = free_port()
    settings = {
        "portal_listen": f"127.0.0.1:{port}",
        "portal_public_url": f"http://127.0.0.1:{port}",
        "oidc_issuer": provider.address,
        "oidc_client_id": CLIENT,
        "oidc_client_secret": SECRET,
        "oidc_name": BUTTON,
        "oidc_role_claim": "realm.roles",
        "oidc_roles": "helpdesk=support,fleet=ev-user",
    }
    with product(portal=True, **settings) as made:
        made.portal_port = port
        house = House(made, Desk(made))
        yield house
        house.desk.close()


def claims(subject: str, email: str, *roles: str, **more: Any) -> dict[str, Any]:
    """Of somebody."""
    names = {"given_name": email.partition("@")[0].title(), "family_name": "Berg"}
    return {"sub": subject, "email": email, "email_verified": True, "realm": {"roles": list(roles)}, **names, **more}


@pytest.fixture
def page(chromium: Browser, office: House, provider: Provider) -> Iterator[Page]:
    """Of nobody yet. It asks nothing of anybody but the portal and, on the way in, the provider."""
    context = chromium.new_context(base_url=office.address, locale="en-GB")
    context.set_default_timeout(PAGE_PATIENCE_MS)
    foreign: list[str] = []
    homes = (office.address, provider.address, "data:", "blob:")
    context.on("request", lambda request: None if request.url.startswith(homes) else foreign.append(request.url))
    yield context.new_page()
    context.close()
    assert foreign == []


def go(page: Page, who: str, start: str = "/signin") -> None:
    """From a page that asks to sign in, by the provider, as somebody."""
    page.goto(start)
    press(page.get_by_role("link", name=BUTTON))
    expect(page.get_by_role("heading", name="Who are you?")).to_be_visible()
    press(page.get_by_role("button", name=who, exact=True))


def sign_out(page: Page) -> None:
    page.locator("#account-menu summary").click()
    press(page.get_by_role("button", name="Sign out"))


def user_of(office: House, email: str) -> Any:
    users = office.ask("users.ListUsers", page_size=100).users
    return next((user for user in users if user.email == email), None)


def test_who_was_invited_is_linked_by_the_address_and_then_known_by_the_subject(
    page: Page, office: House, provider: Provider
) -> None:
    invited = {"email": "ann@example.org", "first_name": "Ann", "role": "ROLE_SUPPORT"}
    name = office.ask("users.CreateUser", user=invited, invite=True).user.name
    provider.people["Ann"] = claims("17", "Ann@Example.org", "helpdesk")
    go(page, "Ann", "/sessions?sort=energy")
    expect(page).to_have_url(f"{office.address}/sessions?sort=energy")
    expect(page.get_by_role("heading", name="Sessions", level=1)).to_be_visible()
    query = provider.asked[-1]
    assert query["code_challenge_method"] == "S256"
    assert query["redirect_uri"] == f"{office.address}/sign-in/return"
    linked = user_of(office, "ann@example.org")
    assert (linked.name, linked.has_single_sign_on, linked.has_password) == (name, True, False)
    sign_out(page)
    provider.people["Ann"] = claims("17", "ann.berg@example.org", "helpdesk")  # a new name at the provider
    go(page, "Ann")
    page.locator("#account-menu summary").click()
    expect(page.locator("#account-menu")).to_contain_text("ann@example.org")
    assert user_of(office, "ann.berg@example.org") is None


def test_an_administrator_sees_who_comes_by_single_sign_on(page: Page, office: House, provider: Provider) -> None:
    provider.people["Eve"] = claims("18", "eve@example.org", "fleet")
    go(page, "Eve")
    sign_out(page)
    page.get_by_label("E-mail").fill(ADMIN[0])
    page.get_by_label("Password").fill(ADMIN[1])
    press(page.get_by_role("button", name="Sign in", exact=True))
    page.goto(f"/{user_of(office, 'eve@example.org').name}")
    expect(page.locator("dt", has_text="Single sign-on").locator("xpath=following-sibling::dd[1]")).to_have_text("Yes")


def test_somebody_new_comes_in_with_the_role_that_the_provider_gives(
    page: Page, office: House, provider: Provider
) -> None:
    provider.people["Dan"] = claims("19", "dan@example.org", "fleet", "choir")
    go(page, "Dan")
    expect(page).to_have_url(f"{office.address}/drive")
    expect(page.get_by_role("link", name="Users")).to_have_count(0)
    sign_out(page)
    provider.people["Dan"] = claims("19", "dan@example.org", "helpdesk")
    go(page, "Dan")
    expect(page.get_by_role("link", name="Operations").first).to_be_visible()
    sign_out(page)
    provider.people["Dan"] = claims("19", "dan@example.org", "choir")  # has left the house
    go(page, "Dan")
    expect(page.get_by_role("alert")).to_contain_text("The identity provider knows you, but you have no role here.")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"realm": {"roles": []}}, "The identity provider knows you, but you have no role here."),
        ({"email_verified": False}, "The identity provider does not vouch for your e-mail address."),
        ({"email": "root@example.org"}, "This e-mail address belongs to another account"),
        ({"aud": "another-portal"}, "The identity provider did not confirm who you are. Begin again."),
    ],
    ids=["without a role", "address not verified", "another's address", "a token for somebody else"],
)
def test_who_is_not_let_in_reads_why_and_may_try_otherwise(
    page: Page, office: House, provider: Provider, changes: dict[str, Any], sentence: str
) -> None:
    provider.people = {"Root": claims("20", "root@example.org", "fleet")}
    go(page, "Root")
    expect(page).to_have_url(f"{office.address}/drive")
    sign_out(page)
    provider.people = {"Mallory": claims("21", "mallory@example.org", "fleet") | changes}
    go(page, "Mallory")
    expect(page.get_by_role("alert")).to_contain_text(sentence)
    assert user_of(office, "mallory@example.org") is None
    page.goto("/sessions")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_label("E-mail").fill(ADMIN[0])
    page.get_by_label("Password").fill(ADMIN[1])
    press(page.get_by_role("button", name="Sign in", exact=True))
    expect(page.get_by_role("heading", name="Sessions", level=1)).to_be_visible()


def test_who_changes_their_mind_at_the_provider_is_told_where_they_are(page: Page) -> None:
    go(page, "Nobody")
    expect(page.get_by_role("alert")).to_contain_text("The identity provider did not let you in: access_denied.")
    expect(page.get_by_role("link", name=BUTTON)).to_be_visible()


def test_a_provider_that_is_ill_locks_nobody_out(page: Page, provider: Provider) -> None:
    provider.people = {"Ida": claims("22", "ida@example.org", "helpdesk")}
    provider.broken = True
    go(page, "Ida")
    expect(page.get_by_role("alert")).to_contain_text("The identity provider does not answer at the moment.")
    provider.broken = False
    go(page, "Ida")
    page.locator("#account-menu summary").click()
    expect(page.locator("#account-menu")).to_contain_text("ida@example.org")


def test_an_answer_that_this_browser_did_not_ask_for_lets_nobody_in(page: Page, provider: Provider) -> None:
    provider.people = {"Joe": claims("23", "joe@example.org", "helpdesk")}
    code = provider.chosen({"redirect_uri": "", "state": "theirs", "code_challenge": "", "nonce": ""}, "Joe")
    page.goto(f"/sign-in/return{code}")
    expect(page.get_by_role("alert")).to_contain_text("This sign-in was not begun in this browser")
    go(page, "Joe")
    sign_out(page)
    page.go_back()  # the browser remembers the page, and nobody is signed in any more
    page.reload()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
