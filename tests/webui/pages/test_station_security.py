"""A station's security: what it has proven, who failed to, and orders about it."""

from __future__ import annotations

import grpc
import pytest

from control.v1 import remote_pb2
from tests.kit.fake_world import stamp
from tests.kit.portal_client import Browser, Portal

HTMX = {"hx-request": "true", "sec-fetch-site": "same-origin"}


@pytest.fixture(autouse=True)
def calm(portal: Portal):
    """Forget what a test before made the stations answer."""
    portal.fake.answers.clear()
    portal.fake.failures.clear()


@pytest.mark.feature("F-OCPP-7")
def test_what_was_proven_and_who_failed_to_is_shown(portal: Portal, admin: Browser):
    station = portal.fake.world.stations["104"]
    station.security_profile, station.failed_attempts = 2, 17
    station.last_failed_attempt_reason, station.last_failed_attempt_address = "WRONG_PASSWORD", "192.0.2.99"
    station.last_failed_attempt_time.CopyFrom(stamp(portal.fake.world.now))
    page = admin.get("/stations/104/settings").text
    assert "Password, by TLS (profile 2)" in page
    assert "192.0.2.99" in page
    assert "The password was wrong." in page
    assert '<option value="3">' in page
    overview = admin.get("/stations/104").text
    assert "Failed attempts" in overview
    assert "Failed attempts" not in admin.get("/stations/105").text


@pytest.mark.feature("F-OCPP-7")
def test_a_password_is_exchanged_by_order(portal: Portal, admin: Browser):
    answer = admin.post("/stations/104/security/password", {}, HTMX)
    assert "The old one goes on until" in answer.text
    assert "outcome good" in answer.text
    assert "A new password was sent to the station." in admin.get("/stations/104/settings").text
    portal.fake.answers["RotateStationPassword"] = remote_pb2.CommandResult(accepted=False, status="Rejected")
    refused = admin.post("/stations/104/security/password", {}, HTMX).text
    assert "The station refused." in refused
    assert "outcome bad" in refused


@pytest.mark.feature("F-OCPP-7")
def test_a_higher_profile_is_ordered(portal: Portal, admin: Browser):
    answer = admin.post("/stations/104/security/upgrade", {"profile": "2"}, HTMX)
    assert "It counts when the station has come again with it." in answer.text
    portal.fake.answers["UpgradeSecurityProfile"] = remote_pb2.CommandResult(accepted=False, status="NotSupported")
    assert "The station cannot do this." in admin.post("/stations/104/security/upgrade", {"profile": "2"}, HTMX).text


@pytest.mark.parametrize(
    ("code", "reason", "sentence", "tone"),
    [
        (grpc.StatusCode.FAILED_PRECONDITION, "STATION_OFFLINE", "nothing was sent", "bad"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "NO_ANSWER", "both are valid", "unsure"),
        (grpc.StatusCode.FAILED_PRECONDITION, "PASSWORD_CHANGES_PENDING", "PASSWORD_CHANGES_PENDING", "bad"),
    ],
)
def test_why_no_new_password_was_taken(portal, admin, code, reason, sentence, tone):
    portal.fake.failures["RotateStationPassword"] = (code, reason)
    text = admin.post("/stations/104/security/password", {}, HTMX).text
    assert sentence in text
    assert f"outcome {tone}" in text


def test_without_scripts_the_answer_is_on_the_whole_page(admin: Browser):
    for path in ("password", "upgrade"):
        page = admin.post(f"/stations/104/security/{path}", {"profile": "2"}).text
        assert "The station took" in page
        assert "It must prove at least" in page


@pytest.mark.feature("F-OCPP-7")
def test_what_a_station_must_prove_is_set(portal: Portal, admin: Browser):
    assert admin.post("/stations/106/security/profile", {"profile": "3"}).status == 303
    assert portal.fake.world.stations["106"].security_profile == 3
    assert "Higher profile" not in admin.get("/stations/106/settings").text
    for wrong in ("", "4", "-1", "x"):
        answer = admin.post("/stations/106/security/profile", {"profile": wrong})
        assert (answer.status, "Security profiles are 0, 1, 2 and 3." in answer.text) == (422, True)
    assert portal.fake.world.stations["106"].security_profile == 3


def test_support_may_not(support: Browser):
    assert support.post("/stations/104/security/password", {}).status == 403
    assert support.post("/stations/104/security/profile", {"profile": "0"}).status == 403


def test_nothing_is_sent_to_a_station_that_is_offline(admin: Browser):
    page = admin.get("/stations/108/settings").text
    assert "nothing can be sent to it" in page
