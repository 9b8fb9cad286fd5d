"""The channel: errors with their reasons, TLS, readiness."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.kit.portal_client import Portal
from webui.api import Client, Control, Settings
from webui.values import ApiError


def test_the_reason_that_the_control_plane_names_arrives(portal: Portal):
    with pytest.raises(ApiError) as caught:
        portal.run(Client(portal.app.state.control, "no such token").caller())
    assert (caught.value.code, caught.value.reason) == ("UNAUTHENTICATED", "NOT_SIGNED_IN")
    assert caught.value.message == "Sign in first."
    assert not caught.value.away


def test_nobody_there_is_away_and_not_ready():
    async def scene() -> tuple[ApiError, bool]:
        control = Control(Settings("127.0.0.1:9"))
        try:
            with pytest.raises(ApiError) as caught:
                await Client(control, "x").caller()
            return caught.value, await control.ready(0.3)
        finally:
            await control.close()

    error, ready = asyncio.run(scene())
    assert error.away
    assert not ready


def test_with_an_authority_a_server_without_tls_is_not_talked_to(portal: Portal, tmp_path: Path):
    authority = tmp_path / "ca.pem"
    authority.write_text("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n")

    async def scene() -> bool:
        control = Control(Settings(portal.fake.address, authority))
        try:
            return await control.ready(1.0)
        finally:
            await control.close()

    assert portal.run(scene()) is False
