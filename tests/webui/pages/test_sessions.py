"""The sessions table: filters, order, columns, totals, saved views, big files."""

from __future__ import annotations

import time

import pytest

from tests.kit.portal_client import Browser, Portal
from webui import exports


def rows(page: str) -> int:
    return page.count('<tr id="session-')


def test_filters_live_in_the_address(admin: Browser):
    assert rows(admin.get("/sessions").text) == 50
    page = admin.get("/sessions?state=ACTIVE").text
    assert rows(page) == 6
    assert 'href="/sessions.xlsx?state=ACTIVE"' in page
    assert rows(admin.get("/sessions?check=1").text) == 5
    assert "No session matches." in admin.get("/sessions?q=zzz").text


def test_totals_of_what_is_filtered_come_after_the_table_or_with_it_when_asked(admin: Browser):
    page = admin.get("/sessions?state=ACTIVE").text
    assert 'hx-get="/sessions/totals?state=ACTIVE"' in page
    assert "<b>6</b> sessions" in admin.get("/sessions/totals?state=ACTIVE").text
    assert "<b>6</b> sessions" in admin.get("/sessions?state=ACTIVE&count=1").text


def test_the_table_does_not_count_what_it_does_not_show(portal: Portal, admin: Browser):
    portal.fake.calls.clear()
    admin.get("/sessions")
    assert "SummarizeSessions" not in [method for method, _ in portal.fake.calls]


def test_days_are_the_readers_days_and_the_last_one_is_included(portal: Portal, admin: Browser):
    one_day = rows(admin.get("/sessions?since=2026-05-11&until=2026-05-11&size=250").text)
    expected = sum(
        s.start_time.ToDatetime().date().isoformat() == "2026-05-11" for s in portal.fake.world.sessions.values()
    )
    assert one_day == expected > 0
    admin.cookies["zone"] = "Pacific/Kiritimati"
    assert admin.get("/sessions?since=2026-05-11&until=2026-05-11").status == 200


def test_older_sessions_are_a_page_away(admin: Browser):
    page = admin.get("/sessions").text
    assert 'rel="next" href="/sessions?after=50"' in page
    assert rows(admin.get("/sessions?after=150").text) == 16
    assert 'rel="next" href="/sessions?size=10&amp;after=10"' in admin.get("/sessions?size=10").text


def test_columns_are_chosen_ordered_and_kept_and_go_back_to_the_usual_ones(admin: Browser):
    same = {"sec-fetch-site": "same-origin"}
    chosen = {"column": ["energy", "session"], "down": "energy", "next": "/sessions?state=ACTIVE"}
    answer = admin.post("/sessions/columns", chosen, same)
    assert (answer.status, answer.header("location")) == (303, "/sessions?state=ACTIVE")
    assert "columns" not in "".join(answer.cookies)
    page = admin.get("/sessions").text
    assert 'data-label="Station"' not in page
    assert page.index('aria-sort="none"><a href="/sessions?order=number"') < page.index("order=energy")
    admin.post("/sessions/columns", {"column": ["energy"], "reset": "1", "next": "/sessions"}, same)
    assert 'data-label="Station"' in admin.get("/sessions").text


def test_a_view_is_saved_under_a_name_found_again_and_deleted(admin: Browser):
    same = {"sec-fetch-site": "same-origin"}
    admin.post("/views/sessions", {"name": "Under way", "next": "/sessions?state=ACTIVE&after=50"}, same)
    assert '<a href="/sessions?state=ACTIVE">Under way</a>' in admin.get("/sessions").text
    admin.post("/views/sessions", {"delete": "Under way", "next": "/sessions"}, same)
    assert "Under way</a>" not in admin.get("/sessions").text


def test_a_big_export_shows_how_far_it_is_and_is_fetched_when_it_is_done(
    admin: Browser, portal: Portal, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(exports, "BIG", 10)
    answer = admin.get("/sessions.csv")
    assert answer.status == 303
    place = answer.header("location")
    for _ in range(100):
        page = admin.get(place).text
        if "Ready:" in page:
            break
        time.sleep(0.05)
    file = admin.get(f"{place}/file")
    assert file.body.count(b"\r\n") == 1 + len(portal.fake.world.sessions)
    assert portal.browser(signed_in="support@example.org").get(place).status == 404
    assert admin.post(place, {}, {"sec-fetch-site": "same-origin"}).status == 303
    assert admin.get(place).status == 404


def test_an_unknown_kind_of_file_is_not_found(admin: Browser):
    assert admin.get("/sessions.exe").status == 404
