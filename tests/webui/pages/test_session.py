"""One session: its facts, charts, meter values, and what its forms make of what was typed."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from starlette.datastructures import FormData

from control.v1 import sessions_pb2
from tests.kit.portal_client import Browser, Portal
from webui.api import convert
from webui.pages.session import corrections
from webui.values import ApiError


def test_flags_are_explained_with_what_to_do(portal: Portal, admin: Browser):
    odd = next(s for s in portal.fake.world.sessions.values() if s.needs_reconciliation)
    page = admin.get(f"/{odd.name}").text
    assert "The stop was never seen." in page
    assert "Compare it with the station" in page
    assert "STOP_MISSING" in page


def test_the_charts_have_power_in_kilowatts_and_energy_of_the_session(admin: Browser):
    found = {chart["key"]: chart for chart in json.loads(admin.get("/sessions/5161/series.json").body)}
    power, energy = found["power"], found["energy"]
    assert len(power["time"]) == len(power["lines"][0]["values"]) > 2
    assert max(power["lines"][0]["values"]) < 12
    assert energy["lines"][0]["values"][0] == 0
    assert found["current"]["lines"][0]["label"] == "L1"


def test_the_table_behind_the_charts_has_every_measurand(admin: Browser):
    page = admin.get("/sessions/5161/meter-values").text
    assert "Power.Active.Import [W]" in page
    assert "Current.Import L1 [A]" in page
    part = admin.get("/sessions/5161/meter-values", {"hx-request": "true"}).text
    assert "<html" not in part
    lines = admin.get("/sessions/5161/meter-values.csv").body.decode("utf-8-sig").splitlines()
    assert lines[0] == "time,measurand,phase,value,unit,context,location"
    assert len(lines) > 10


def test_stopping_shows_the_stations_answer(admin: Browser):
    answer = admin.post("/sessions/5166/stop", {}, {"hx-request": "true", "sec-fetch-site": "same-origin"})
    assert "The station agreed." in answer.text
    assert "Stop charging" not in admin.get("/sessions/5166").text


SESSION = convert.session(
    sessions_pb2.Session(
        name="sessions/1",
        energy_wh=12_345,
        id_token="AA",
        start_time={"seconds": int(datetime(2026, 5, 12, 8, 30, tzinfo=UTC).timestamp())},  # type: ignore[arg-type]
    )
)


def test_only_what_differs_is_corrected():
    same = {"energy": "12.345", "start_time": "2026-05-12T08:30:00", "stop_time": "", "id_token": "aa"}
    assert corrections(FormData(same), SESSION) == ({}, ())
    changed = FormData([*(same | {"energy": "13,5"}).items(), ("back", "id_token")])
    assert corrections(changed, SESSION) == ({"energy_wh": 13_500.0}, ("energy_wh", "id_token"))


@pytest.mark.parametrize("typed", [{"energy": "much"}, {"start_time": "yesterday"}])
def test_what_is_no_number_and_no_time_is_said_in_words(typed: dict[str, str]):
    with pytest.raises(ApiError, match=r"like 2026|number of kWh"):
        corrections(FormData({"id_token": "AA"} | typed), SESSION)
