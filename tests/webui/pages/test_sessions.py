"""Sessions: filters, exports, one session."""

from __future__ import annotations

import json

from tests.kit.portal_client import Browser, Portal


def rows(page: str) -> int:
    return page.count('<tr id="session-')


def test_filters_live_in_the_address_and_totals_are_of_what_is_filtered(admin: Browser):
    assert rows(admin.get("/sessions").text) == 50
    page = admin.get("/sessions?state=ACTIVE").text
    assert rows(page) == 6
    assert "<b>6</b> sessions" in page
    assert 'href="/sessions.xlsx?state=ACTIVE"' in page
    assert rows(admin.get("/sessions?check=1").text) == 5
    assert "No session matches." in admin.get("/sessions?q=zzz").text


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
    assert 'href="/sessions?after=50"' in page
    assert rows(admin.get("/sessions?after=150").text) == 16


def test_flags_are_explained_with_what_to_do(portal: Portal, admin: Browser):
    odd = next(s for s in portal.fake.world.sessions.values() if s.needs_reconciliation)
    page = admin.get(f"/{odd.name}").text
    assert "The stop was never seen." in page
    assert "Compare it with the station" in page
    assert "STOP_MISSING" in page


def test_the_chart_has_power_in_kilowatts_and_energy_of_the_session(admin: Browser):
    data = json.loads(admin.get("/sessions/5161/chart.json").body)
    assert len(data["time"]) == len(data["power"]) == len(data["energy"]) > 2
    assert max(data["power"]) < 12
    assert data["energy"][0] == 0


def test_the_table_behind_the_chart_has_every_measurand(admin: Browser):
    page = admin.get("/sessions/5161").text
    assert "Power.Active.Import [W]" in page
    assert "Current.Import L1 [A]" in page
    lines = admin.get("/sessions/5161/meter-values.csv").body.decode("utf-8-sig").splitlines()
    assert lines[0] == "time,measurand,phase,value,unit,context,location"
    assert len(lines) > 10


def test_stopping_shows_the_stations_answer(admin: Browser):
    answer = admin.post("/sessions/5166/stop", {}, {"hx-request": "true", "sec-fetch-site": "same-origin"})
    assert "The station agreed." in answer.text
    assert "Stop charging" not in admin.get("/sessions/5166").text
