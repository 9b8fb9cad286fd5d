"""Tolerance rules and certificates in the portal."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from control.v1 import tolerance_pb2
from tests.kit.house import House
from tests.kit.looks import faults_on_a_phone
from tests.kit.pressing import press, yes

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(600)]


def odd_meters(house: House) -> list[tolerance_pb2.RuleSet]:
    """There are others from the beginning."""
    return [one for one in house.ask("tolerance.ListRuleSets").rule_sets if one.title == "Odd meters"]


def test_an_administrator_adds_changes_and_deletes_rules(house: House, chromium: Browser) -> None:
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto("/settings/tolerance")
    page.get_by_text("Add rules").click()
    new = page.locator("details.site").last
    new.get_by_label("Title").fill("Odd meters")
    new.get_by_label("Maker").fill("Odd*")
    new.locator("input[value='numbers-as-texts']").check()
    press(new.get_by_role("button", name="Add"))
    expect(page.get_by_text("The rules are saved.")).to_be_visible()
    (made,) = odd_meters(house)
    assert (made.title, made.vendor_pattern, list(made.rule_ids), made.enabled) == (
        "Odd meters",
        "Odd*",
        ["numbers-as-texts"],
        True,
    )
    card = page.locator("details.site", has_text="Odd meters")
    card.locator("summary").click()
    card.get_by_label("Switched on").uncheck()
    press(card.get_by_role("button", name="Save"))
    expect(page.get_by_text("The rules are saved.")).to_be_visible()
    assert [one.enabled for one in odd_meters(house)] == [False]
    card.locator("summary").click()
    card.get_by_role("button", name="Delete").click()
    yes(page)
    expect(page.get_by_text("The rules are deleted.")).to_be_visible()
    assert not odd_meters(house)
    visit.close()


def test_rules_without_a_rule_are_told_beside_the_form(house: House) -> None:
    with house.visitor("admin") as client:
        answer = client.post("/settings/tolerance", data={"title": "Nothing in it", "enabled": "1"})
        assert (answer.status_code, 'role="alert"' in answer.text, "Nothing in it" in answer.text) == (422, True, True)


def test_the_root_is_there_and_drivers_see_neither(house: House) -> None:
    with house.visitor("admin") as client:
        assert "No certificate was signed yet." in client.get("/settings/certificates").text
        assert client.get("/settings/certificates/root.pem").text.startswith("-----BEGIN CERTIFICATE-----")
    with house.visitor("driver") as client:
        assert client.get("/settings/tolerance").status_code == 403
        assert client.get("/settings/certificates").status_code == 403


def test_axe_finds_nothing_and_nothing_is_wider_than_a_phone(house: House, chromium: Browser) -> None:
    visit = house.page(chromium, "admin")
    assert faults_on_a_phone(visit.page, "/settings/tolerance", "/settings/certificates") == []
    visit.close()
