"""Forms to commands."""

from __future__ import annotations

import pytest
from starlette.datastructures import FormData

from tests.kit.portal_client import Portal
from webui.api import Client
from webui.operations import Outcome, operation
from webui.values import ApiError


def send(portal: Portal, name: str, form: dict[str, str]) -> Outcome:
    token = portal.browser(signed_in="admin@example.org").cookies["chargehouse"]

    async def scene() -> Outcome:
        return await operation(Client(portal.app.state.control, token), "117", name, FormData(form))

    return portal.run(scene())


def test_a_start_without_a_tag_is_not_sent(portal: Portal):
    portal.fake.calls.clear()
    outcome = send(portal, "start", {"id_token": "  "})
    assert outcome.tone == "bad"
    assert "tag" in outcome.sentence
    assert not [method for method, _ in portal.fake.calls if method.startswith("Request")]


@pytest.mark.parametrize("evse", ["", "-1", "1e9", "٣x", "99999999999"])
def test_a_nonsense_evse_lets_the_station_choose(portal: Portal, evse: str):
    assert send(portal, "unlock", {"evse": evse}).tone == "good"


def test_an_operation_that_there_is_not_is_not_found(portal: Portal):
    with pytest.raises(ApiError, match="NOT_FOUND"):
        send(portal, "self-destruct", {})
