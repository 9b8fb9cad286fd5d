"""News: written for some, seen by them and by nobody else."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.kit.house import House
from tests.kit.looks import complaints
from tests.kit.pressing import press, yes

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(600)]


@pytest.mark.feature("F-NEWS-1")
def test_a_message_is_written_for_drivers_changed_and_removed(house: House, chromium: Browser) -> None:
    visit = house.page(chromium, "admin")
    page = visit.page
    page.goto("/news")
    page.get_by_role("link", name="Write a message").click()
    page.get_by_label("Title").fill("Level 1 is closed on Sunday")
    page.get_by_label("Text").fill("The floor is painted.\nPlease use Level 2.")
    page.get_by_label("Priority").select_option(label="Important")
    page.get_by_label("EV drivers").check()
    press(page.get_by_role("button", name="Publish"))
    expect(page.get_by_text("The message is saved.")).to_be_visible()
    with house.visitor("driver") as http:
        assert "Level 1 is closed on Sunday" in http.get("/news").text
        assert http.get("/news/add").status_code == 403
        assert "Write a message" not in http.get("/news").text
    with house.visitor("support") as http:
        assert "Level 1 is closed on Sunday" not in http.get("/news").text
    page.get_by_role("link", name="Level 1 is closed on Sunday").click()
    page.get_by_label("Until").fill("2026-01-01T10:00")
    page.get_by_label("Shown from").fill("2026-01-02T10:00")
    press(page.get_by_role("button", name="Save"))
    expect(page.get_by_role("alert")).to_be_visible()  # it would end before it begins
    page.get_by_label("Shown from").fill("2025-12-31T10:00")
    press(page.get_by_role("button", name="Save"))
    expect(page.get_by_role("row", name="Level 1 is closed on Sunday")).to_contain_text("Over")
    with house.visitor("driver") as http:
        assert "Level 1 is closed on Sunday" not in http.get("/news").text
    page.get_by_role("link", name="Level 1 is closed on Sunday").click()
    page.get_by_role("button", name="Delete message").click()
    yes(page)
    expect(page.get_by_text("The message is deleted.")).to_be_visible()
    expect(page.get_by_role("link", name="Level 1 is closed on Sunday")).to_have_count(0)
    visit.close()


def test_nothing_is_wrong_with_the_looks(house: House, chromium: Browser) -> None:
    made = house.ask(
        "news.CreateNews", news={"title": "Painted", "text": "Twice", "priority": "NEWS_PRIORITY_IMPORTANT"}
    )
    assert complaints(house, chromium, "admin", "/news", "/news/add", f"/{made.news.name}") == []
    house.ask("news.DeleteNews", name=made.news.name)
