"""Who owns a station and is no member of staff: all that the manual for owners describes, in their own language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.kit.desk import Desk
from tests.kit.house import PASSWORD, ROLES, House
from tests.kit.looks import faults
from tests.kit.online import online
from tests.kit.patience import until
from tests.kit.pressing import press

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(600)]


@contextmanager
def owner(house: House, chromium: Browser, who: str, language: str = "nl") -> Iterator[Page]:
    """A driver with a station of their own, `WHO-1`, and a tag, signed in."""
    email = f"{who}@example.org"
    user = {"email": email, "first_name": who.title(), "role": "ROLE_EV_USER", "language": language}
    made = house.ask("users.CreateUser", user=user, invite=True)
    token = re.search(r"token=([\w-]+)", made.invitation_link)
    assert token is not None
    nobody = Desk(house.product, key="")
    nobody.ask("auth.SetPassword", token=token[1], new_password=PASSWORD)
    nobody.close()
    identity = f"{who.upper()}-1"
    station = {"identity": identity, "display_name": f"{who.title()} 1", "place": house.names["South Yard"]}
    house.names[identity] = house.ask("stations.CreateStation", station=station).station.name
    house.ask("sharing.SetOwner", station=house.names[identity], email=email)
    tag = {"id_token": f"{who.upper()}-TAG", "user": made.user.name, "kind": "ID_TOKEN_KIND_VIRTUAL"}
    house.names[tag["id_token"]] = house.ask("id_tokens.CreateIdToken", id_token=tag).id_token.name
    house.names[who] = made.user.name
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, locale="nl-NL", base_url=house.address)
    page = context.new_page()
    page.goto("/signin")
    page.locator("input[name=email]").fill(email)
    page.locator("input[name=password]").fill(PASSWORD)
    press(page.locator("main form button.primary").first)
    page.wait_for_url(lambda url: "/signin" not in url)
    yield page
    context.close()


@pytest.mark.feature("F-OPS-1", "F-USR-1")
def test_an_owner_starts_and_stops_a_charge_from_the_menu_of_operations(house: House, chromium: Browser) -> None:
    """The manual's 5.1 and 5.2: the operation first, then the station, then connector and tag."""
    accepted = {"status": "Accepted"}
    with (
        owner(house, chromium, "olga") as page,
        online(house.product, "OLGA-1", RemoteStartTransaction=accepted, RemoteStopTransaction=accepted) as link,
    ):
        menu = page.get_by_role("navigation", name="Hoofdmenu")
        menu.get_by_role("link", name="Acties").click()
        page.get_by_role("link", name="Nieuwe actie").click()
        page.get_by_role("link", name="Laden starten").click()
        expect(page.locator("table tbody tr")).to_have_count(1)
        assert faults(page) == []
        page.get_by_label("Stations zoeken").fill("nowhere")
        expect(page.get_by_text("Geen station komt overeen.")).to_be_visible()
        page.get_by_label("Stations zoeken").fill("olga")
        page.get_by_role("link", name="Olga 1").click()
        form = page.locator("#operation-start form")
        form.get_by_label("Laadpas").fill("OLGA-TAG")
        form.get_by_label("EVSE").select_option("1")
        form.get_by_role("button", name="Starten").click()
        expect(form.locator("output")).to_contain_text("Accepted")
        link.call("StartTransaction", connectorId=1, idTag="OLGA-TAG", meterStart=0, timestamp="2026-01-01T10:00:00Z")
        (session,) = until(lambda: house.ask("sessions.ListSessions", filter={"id_token": "OLGA-TAG"}).sessions)
        page.goto("/operations/new")
        page.get_by_role("link", name="Laden stoppen").click()
        page.get_by_role("link", name="Olga 1").click()
        form = page.locator("#operation-stop form")
        expect(form.get_by_role("radio")).to_be_checked()
        form.get_by_role("button", name="Stoppen").click()
        expect(form.locator("output")).to_contain_text("Accepted")
        assert session.station == house.names["OLGA-1"]


@pytest.mark.feature("F-STA-12", "F-USR-1")
def test_an_owner_finds_their_stations_in_the_inventory_and_others_have_no_such_line(
    house: House, chromium: Browser
) -> None:
    with owner(house, chromium, "otto") as page:
        page.get_by_role("navigation", name="Hoofdmenu").get_by_role("link", name="Inventaris").click()
        expect(page.get_by_role("link", name="Otto 1")).to_be_visible()
        expect(page.locator("table tbody tr")).to_have_count(1)
    with house.visitor("driver") as http:
        assert 'href="/inventory"' not in http.get("/dashboard").text


@pytest.mark.feature("F-SES-2", "F-USR-1")
def test_an_owner_finds_the_sessions_of_one_tag_and_is_not_offered_to_delete_the_station(
    house: House, chromium: Browser
) -> None:
    with owner(house, chromium, "odile") as page, online(house.product, "ODILE-1") as link:
        for tag in ("ODILE-TAG", "DEADBEEF"):
            start = {"connectorId": 1, "idTag": tag, "meterStart": 0, "timestamp": "2026-01-01T10:00:00Z"}
            number = link.call("StartTransaction", **start)["transactionId"]
            link.call("StopTransaction", transactionId=number, meterStop=5000, timestamp="2026-01-01T11:00:00Z")
        ended = {"station": house.names["ODILE-1"]}
        until(lambda: len(house.ask("sessions.ListSessions", filter=ended).sessions) == 2)
        page.goto("/sessions")
        expect(page.get_by_role("heading", name="Sessies")).to_be_visible()
        rows = page.locator("#list table tbody tr")
        expect(rows).to_have_count(2)
        page.locator("#filter-tag").fill("ODILE-TAG")
        expect(rows).to_have_count(1)
        page.goto(f"/{house.names['ODILE-1']}/settings")
        expect(page.get_by_role("button", name="Verbinding verbreken")).to_be_visible()
        expect(page.get_by_role("button", name="Station verwijderen")).to_have_count(0)


@pytest.mark.feature("F-USR-5", "F-TAG-2")
def test_an_owner_keeps_their_own_particulars_and_finds_their_tags_beside_them(house: House, chromium: Browser) -> None:
    """The manual's 1.5."""
    with owner(house, chromium, "oscar") as page:
        page.goto("/settings")
        page.get_by_label("Achternaam").fill("Oom")
        page.get_by_label("Personeelsnummer").fill("E-4711")
        press(page.get_by_role("button", name="Profiel opslaan"))
        user = house.ask("users.GetUser", name=house.names["oscar"]).user
        assert (user.last_name, user.employee_number) == ("Oom", "E-4711")
        tags = page.locator("#tags")
        expect(tags).to_contain_text("OSCAR-TAG")
        assert faults(page) == []
        tags.get_by_role("link", name="OSCAR-TAG").click()
        expect(page.locator("table.tags tbody tr")).to_have_count(1)


@pytest.mark.feature("F-STA-1", "F-USR-1")
def test_an_owner_takes_ticked_stations_out_of_service(house: House, chromium: Browser) -> None:
    """The manual's 3.2, Actief and Deactief."""
    accepted = {"status": "Accepted"}
    with owner(house, chromium, "opal") as page, online(house.product, "OPAL-1", ChangeAvailability=accepted):
        page.goto("/stations")
        page.get_by_label("Opal 1 aanvinken").check()
        page.locator("#bulk select[name=do]").select_option("deactivate")
        page.locator("#bulk button.primary").click()
        press(page.get_by_role("dialog").get_by_role("button", name="Ja"))
        expect(page.locator("#operation-head .course")).to_contain_text("Klaar")
        expect(page.get_by_role("row", name="Opal 1")).to_be_visible()


CLIPPED = """() => [...document.querySelectorAll("nav.side a:not(.later) span, nav.side .more span")].filter(
  e => e.checkVisibility() && !e.matches(".whole") && e.scrollWidth > e.clientWidth + 1).map(e => e.textContent)"""


@pytest.mark.feature("F-USR-5")
@pytest.mark.parametrize("language", ["de", "nl", "sv"])
def test_the_bar_of_a_telephone_cuts_no_word_off(house: House, chromium: Browser, language: str) -> None:
    context = chromium.new_context(viewport={"width": 390, "height": 800}, base_url=house.address)
    context.add_cookies([{"name": "language", "value": language, "url": house.address}])
    page = context.new_page()
    page.goto("/signin")
    page.locator("input[name=email]").fill(ROLES["driver"][0])
    page.locator("input[name=password]").fill(PASSWORD)
    press(page.locator("main form button.primary").first)
    page.goto("/drive")
    expect(page.locator("nav.side .more")).to_be_visible()
    assert page.evaluate(CLIPPED) == []
    context.close()
