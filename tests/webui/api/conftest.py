"""A client of the control plane, signed in."""

from __future__ import annotations

import pytest

from tests.kit.portal_client import Portal
from webui.api import Client


@pytest.fixture
def client(portal: Portal) -> Client:
    """The administrator's client."""
    token = portal.browser(signed_in="admin@example.org").cookies["chargehouse"]

    async def made() -> Client:
        return Client(portal.app.state.control, token)

    return portal.run(made())
