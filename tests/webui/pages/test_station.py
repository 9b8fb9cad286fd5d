"""One station: operations, configuration, messages, settings."""

from __future__ import annotations

import json

import grpc
import pytest

from control.v1 import remote_pb2
from tests.kit.portal_client import Browser, Portal
from webui.operations import OPERATIONS

HTMX = {"hx-request": "true", "sec-fetch-site": "same-origin"}


@pytest.fixture(autouse=True)
def calm(portal: Portal):
    """Forget what a test before made the stations answer."""
    portal.fake.answers.clear()
    portal.fake.failures.clear()


def operate(browser: Browser, operation: str, form: dict[str, str], key: str = "104") -> str:
    answer = browser.post(f"/stations/{key}/operations/{operation}", form, HTMX)
    assert answer.status == 200
    return answer.text


@pytest.mark.parametrize(
    ("operation", "form"),
    [
        ("start", {"id_token": "04A1", "evse": "1"}),
        ("reset", {"type": "immediate"}),
        ("availability", {"evse": "0", "to": "inoperative"}),
        ("unlock", {"evse": "1"}),
        ("trigger", {"message": "Heartbeat", "evse": "0"}),
        ("clear-cache", {}),
        ("data-transfer", {"vendor_id": "org.example", "data": "abc"}),
    ],
)
def test_every_operation_shows_the_stations_own_answer(admin: Browser, operation: str, form: dict[str, str]):
    text = operate(admin, operation, form)
    assert "The station agreed." in text
    assert "<code>Accepted</code>" in text
    assert "120 ms" in text


def test_a_session_is_stopped(portal: Portal, admin: Browser):
    session = next(s for s in portal.fake.world.sessions.values() if s.power_w)
    key = session.name.partition("/")[2]
    station = session.station.partition("/")[2]
    assert "The station agreed." in operate(admin, "stop", {"session": key}, station)
    assert session.stop_reason == "Remote"


def test_a_refusal_is_shown_as_the_answer_it_is(portal: Portal, admin: Browser):
    portal.fake.answers["Reset"] = remote_pb2.CommandResult(accepted=False, status="Rejected")
    text = operate(admin, "reset", {"type": "idle"})
    assert "The station refused." in text
    assert "outcome bad" in text


@pytest.mark.parametrize(
    ("code", "reason", "sentence", "tone"),
    [
        (grpc.StatusCode.FAILED_PRECONDITION, "STATION_OFFLINE", "nothing was sent", "bad"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "NOT_SENT", "It has not happened", "bad"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "NO_ANSWER", "It may have happened", "unsure"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "MAILBOX_FULL", "Too many commands", "bad"),
        (grpc.StatusCode.UNAVAILABLE, "DRAINING", "The server is stopping", "bad"),
        (grpc.StatusCode.UNAVAILABLE, "", "Whether it was sent is not known", "unsure"),
    ],
)
def test_why_no_answer_came_is_told_in_words(portal, admin, code, reason, sentence, tone):
    portal.fake.failures["UnlockConnector"] = (code, reason)
    text = operate(admin, "unlock", {"evse": "1"})
    assert sentence in text
    assert f"outcome {tone}" in text


def test_an_offline_stations_operations_are_disabled_with_the_reason(admin: Browser):
    page = admin.get("/stations/108").text
    assert "The station is offline: nothing can be sent." in page
    assert page.count("<fieldset disabled>") == len([each for each in OPERATIONS if each.shown("ocpp1.6")])
    assert "<fieldset disabled>" in admin.get("/stations/117").text  # stop: no session is under way


def test_without_scripts_the_answer_is_on_the_whole_page(admin: Browser):
    page = admin.post("/stations/104/operations/clear-cache").text
    assert "The station agreed." in page
    assert "Recent sessions" in page


def test_an_unknown_operation_is_not_found(admin: Browser):
    assert admin.post("/stations/104/operations/explode").status == 404


def test_the_message_log_is_filtered_by_what_the_address_says(admin: Browser):
    everything = admin.get("/stations/101/messages").text
    assert everything.count('<tr id="log-') == 80
    some = admin.get("/stations/101/messages?action=StatusNotification&direction=RECEIVED").text
    assert some.count('<tr id="log-') == 8
    assert 'src="/live/station/101?action=StatusNotification&amp;direction=RECEIVED&amp;tail=1"' in some


@pytest.mark.feature("F-OCPP-12")
def test_the_log_as_a_file_is_what_is_filtered(admin: Browser):
    page = admin.get("/stations/101/messages?action=StatusNotification").text
    assert 'href="/stations/101/messages.jsonl?action=StatusNotification"' in page
    everything = admin.get("/stations/101/messages.jsonl")
    headers = dict(everything.headers)
    assert headers["content-type"] == "application/jsonl"
    assert headers["content-disposition"] == 'attachment; filename="messages-101.jsonl"'
    objects = [json.loads(line) for line in everything.body.decode().splitlines()]
    assert len(objects) == 80
    assert {"time", "direction", "content"} <= objects[0].keys()
    some = admin.get("/stations/101/messages.txt?action=StatusNotification&direction=RECEIVED").body.decode()
    assert len(some.splitlines()) == 8
    assert all(" < StatusNotification [2," in line for line in some.splitlines())


def test_saving_over_somebody_elses_change_shows_both_before_anything_is_written(portal: Portal, admin: Browser):
    portal.fake.world.stations["105"].display_name = "Theirs"
    portal.fake.world.stations["105"].etag = "9"
    form = {"etag": "1", "identity": "X", "display_name": "Mine", "address": "", "description": ""}
    answer = admin.post("/stations/105/settings/save", form)
    assert answer.status == 409
    assert "Somebody else changed this" in answer.text
    assert "Now: Theirs" in answer.text
    assert 'value="Mine"' in answer.text
    assert 'name="etag" value="9"' in answer.text
    assert portal.fake.world.stations["105"].display_name == "Theirs"


def test_a_made_password_is_shown_once(admin: Browser):
    assert "K7w2-Pq9x-Zt4m-Rb6n" in admin.post("/stations/104/settings/password", {"how": "make"}).text
    assert "K7w2" not in admin.get("/stations/104/settings").text


def test_disconnecting_an_offline_station_says_that_it_is_offline(admin: Browser):
    answer = admin.post("/stations/108/settings/disconnect")
    assert answer.status == 409
    assert "offline" in answer.text


def test_a_deleted_station_is_gone(admin: Browser):
    assert "The station is deleted" in admin.follow(admin.post("/stations/123/settings/delete")).text
    assert admin.get("/stations/123").status == 404


def test_tags_are_offered_while_typing_to_those_who_may_see_them(admin: Browser, support: Browser):
    assert "Ada 1" in admin.get("/tags/options?id_token=ada").text
    assert support.get("/tags/options?id_token=ada").status == 200
