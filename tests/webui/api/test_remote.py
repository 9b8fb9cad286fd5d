"""Commands: what is asked, and what becomes of it."""

from __future__ import annotations

import grpc
import pytest

from control.v1 import remote_pb2
from tests.kit.portal_client import Portal
from webui.api import Client
from webui.values import ApiError


@pytest.fixture(autouse=True)
def calm(portal: Portal):
    """Forget what a test before made the stations answer."""
    portal.fake.answers.clear()
    portal.fake.failures.clear()


def test_a_refusal_is_an_answer_and_not_an_error(portal: Portal, client: Client):
    portal.fake.answers["Reset"] = remote_pb2.CommandResult(accepted=False, status="Rejected")
    result = portal.run(client.remote.reset("104", immediate=True))
    assert (result.accepted, result.status) == (False, "Rejected")


def test_a_callerror_is_an_answer_too(portal: Portal, client: Client):
    portal.fake.answers["ClearCache"] = remote_pb2.CommandResult(error_code="NotImplemented", error_description="no")
    result = portal.run(client.remote.clear_cache("104"))
    assert (result.accepted, result.error_code) == (False, "NotImplemented")


def test_silence_is_an_error_that_says_so(portal: Portal, client: Client):
    portal.fake.failures["UnlockConnector"] = (grpc.StatusCode.DEADLINE_EXCEEDED, "NO_ANSWER")
    with pytest.raises(ApiError) as caught:
        portal.run(client.remote.unlock("104", 1, 0))
    assert caught.value.reason == "NO_ANSWER"
    assert not caught.value.away  # the control plane is there; it is the station that is silent


def test_a_key_is_written(portal: Portal, client: Client):
    assert portal.run(client.remote.set_variable("104", "HeartbeatInterval", "77")).accepted
    assert portal.fake.world.variables["HeartbeatInterval"][0] == "77"


def test_what_a_vendor_sends_back_is_kept(portal: Portal, client: Client):
    assert portal.run(client.remote.data_transfer("104", "org.example", "", "abc")).data == "cba"
