"""Orders about security through the client."""

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


def test_orders_and_their_answers(portal: Portal, client: Client):
    assert portal.run(client.security.rotate_password("104")).accepted
    assert portal.run(client.station("104")).password_change_pending
    accepted, answers = portal.run(client.security.upgrade_profile("104", 2))
    assert (accepted, [answer.status for answer in answers]) == (True, ["Accepted"])
    portal.fake.answers["UpgradeSecurityProfile"] = remote_pb2.CommandResult(status="Rejected")
    accepted, answers = portal.run(client.security.upgrade_profile("104", 2))
    assert (accepted, answers[-1].status) == (False, "Rejected")
    assert portal.run(client.security.set_profile("104", 1)).security_profile == 1


def test_silence_is_an_error_that_says_so(portal: Portal, client: Client):
    portal.fake.failures["RotateStationPassword"] = (grpc.StatusCode.DEADLINE_EXCEEDED, "NO_ANSWER")
    with pytest.raises(ApiError) as caught:
        portal.run(client.security.rotate_password("104"))
    assert caught.value.reason == "NO_ANSWER"
