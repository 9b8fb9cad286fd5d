"""A small town on the real product, for pages: two sites, stations, tags, somebody of each role; signed-in visitors.

One product serves a whole test session: a test adds what it needs under names of its own and leaves the rest alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
from playwright.sync_api import Browser, BrowserContext, Page

from tests.kit.desk import Desk
from tests.kit.patience import PAGE_PATIENCE_MS, PATIENCE_S
from tests.kit.pressing import press
from tests.kit.product import ADMIN, Product, product

PASSWORD: Final = "charge-2-go"
ROLES: Final = {
    "admin": (ADMIN[0], "ROLE_ADMINISTRATOR"),
    "site": ("site@example.org", "ROLE_SITE_ADMINISTRATOR"),
    "support": ("support@example.org", "ROLE_SUPPORT"),
    "driver": ("driver@example.org", "ROLE_EV_USER"),
}
"""Whom to sign in as: e-mail and role."""


@dataclass
class House:
    """The running town. `names` has what was made: `names["CP-1"]` is `stations/…`, `names["North Harbour"]` a place,
    `names["driver"]` a user."""

    product: Product
    desk: Desk
    names: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.product.portal_port}"

    def ask(self, method: str, **fields: Any) -> Any:
        """`house.ask("places.CreatePlace", place={…})` with the administrator's key."""
        return self.desk.ask(method, **fields)

    @contextmanager
    def visitor(self, who: str) -> Iterator[httpx.Client]:
        """A client without a browser, signed in; redirects are followed."""
        # The portal ends a connection that is idle for some seconds, perhaps while the next request is on its way.
        limits = httpx.Limits(max_keepalive_connections=0)
        with httpx.Client(base_url=self.address, follow_redirects=True, timeout=PATIENCE_S, limits=limits) as client:
            client.headers["origin"] = self.address
            client.post("/signin", data={"email": ROLES[who][0], "password": password_of(who)})
            assert client.cookies, f"{who} could not sign in"
            yield client

    def page(self, chromium: Browser, who: str, *, width: int = 1440, scheme: str = "light") -> Visit:
        """A browser's page of somebody who is signed in. Close it."""
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,  # type: ignore[arg-type]
            reduced_motion="reduce",
            locale="en-GB",
            base_url=self.address,
        )
        context.set_default_timeout(PAGE_PATIENCE_MS)
        visit = Visit(context, context.new_page())
        context.on("request", lambda request: visit.requested(request.url, self.address))
        context.on("console", lambda message: visit.said(message.type, message.text))
        context.on("weberror", lambda error: visit.said("error", str(error.error)))
        visit.page.goto("/signin")
        visit.page.get_by_label("E-mail").fill(ROLES[who][0])
        visit.page.get_by_label("Password").fill(password_of(who))
        press(visit.page.get_by_role("button", name="Sign in"))
        visit.page.wait_for_url(lambda url: "/signin" not in url)
        return visit


@dataclass
class Visit:
    """A page and what it did. `close` says whether it behaved."""

    context: BrowserContext
    page: Page
    foreign: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def requested(self, url: str, address: str) -> None:
        if not url.startswith((address, "data:", "blob:")):
            self.foreign.append(url)

    def said(self, kind: str, text: str) -> None:
        if kind == "error" and "Failed to load resource" not in text:
            self.complaints.append(text)

    def close(self) -> None:
        self.context.close()
        assert self.foreign == [], "the page asked somebody else"
        assert self.complaints == [], "the browser complained"


def password_of(who: str) -> str:
    return ADMIN[1] if who == "admin" else PASSWORD


@contextmanager
def open_house(**settings: str) -> Iterator[House]:
    with product(portal=True, **settings) as made:
        house = House(made, Desk(made))
        try:
            _furnish(house)
            yield house
        finally:
            house.desk.close()


def _furnish(house: House) -> None:
    names = house.names
    for site in ("North Harbour", "South Yard"):
        place = {"kind": "PLACE_KIND_SITE", "display_name": site, "time_zone": "Europe/Stockholm"}
        names[site] = house.ask("places.CreatePlace", place=place).place.name
    floor = {"kind": "PLACE_KIND_FLOOR", "display_name": "Level 1", "parent": names["North Harbour"]}
    names["Level 1"] = house.ask("places.CreatePlace", place=floor).place.name
    for number, place in enumerate(("Level 1", "Level 1", "North Harbour", "South Yard"), 1):
        station = {"identity": f"CP-{number}", "display_name": f"Bay {number}", "place": names[place]}
        names[f"CP-{number}"] = house.ask("stations.CreateStation", station=station).station.name
    for who, (email, role) in ROLES.items():
        if who != "admin":
            sites = [names["North Harbour"]] if who == "site" else []
            names[who] = sign_up(house, email, role, sites)
    for tag, fields in (("04AA11BB22CC80", {"user": names["driver"]}), ("DEADBEEF", {})):
        names[tag] = house.ask("id_tokens.CreateIdToken", id_token={"id_token": tag, **fields}).id_token.name


def sign_up(house: House, email: str, role: str, sites: list[str]) -> str:
    """Somebody new, whose password is PASSWORD."""
    user = {"email": email, "first_name": email.partition("@")[0].title(), "role": role, "sites": sites}
    made = house.ask("users.CreateUser", user=user, invite=True)
    token = re.search(r"token=([\w-]+)", made.invitation_link)
    assert token is not None, made
    nobody = Desk(house.product, key="")
    nobody.ask("auth.SetPassword", token=token[1], new_password=PASSWORD)
    nobody.close()
    return str(made.user.name)
