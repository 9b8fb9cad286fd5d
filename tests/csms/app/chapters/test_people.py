"""What the settings make of people. The rest of the wiring: tests/system/test_people.py."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio

from csms.app.chapters.people import build, open_gate, open_mails
from csms.app.parts import Parts, Stores
from csms.config import Settings, SettingsError
from csms.storage.pool import Database
from tests.kit.service_world import KEY, NOW, ServiceWorld

FOLDER = Path(tempfile.gettempdir())


def settings(**changes: Any) -> Settings:
    return dataclasses.replace(Settings(data_dir=FOLDER), secret_key=KEY.decode(), **changes)


class Nowhere:
    """A database that never answers."""

    async def fetch(self, *_: object) -> None:
        await trio.sleep_forever()

    fetchval = fetchrow = execute = fetch


async def built(**changes: Any) -> Any:
    """The AuthServicer."""
    world, given = ServiceWorld(), settings(**changes)
    database = cast("Database", Nowhere())
    stores = cast(
        "Stores", SimpleNamespace(access=world.access_store, requests=world.requests, tokens=world.token_store)
    )
    gate = open_gate(given, stores, database, lambda: NOW)
    async with trio.open_nursery() as nursery:
        parts = SimpleNamespace(
            settings=given,
            now=lambda: NOW,
            database=database,
            ground=nursery,
            work=nursery,
            stores=stores,
            places=world.places,
            scopes=world.scopes,
            feed=world.feed,
            mails=open_mails(given, cast("Any", None), database, lambda: NOW),
            event_log=world.alarm_store,
        )
        found = build(cast("Parts", parts), gate, world.index)
        nursery.cancel_scope.cancel()
    assert [each.service.name for each in found][:3] == ["AuthService", "UserService", "AuditService"]
    assert gate.guard(stores, given)._trusted == given.control_proxies
    return found[0]


async def test_without_settings_there_is_neither_mail_nor_an_identity_provider() -> None:
    servicer = await built()
    assert not servicer._invitations.can_mail
    assert not servicer._single.available


async def test_a_mail_server_and_an_identity_provider_are_taken_from_the_settings() -> None:
    servicer = await built(
        smtp_host="mail.example.org",
        mail_from="noreply@example.org",
        oidc_issuer="https://id.example.org",
        oidc_client_id="chargehouse",
        oidc_roles="cpo=administrator",
        oidc_default_role="ev-user",
        portal_public_url="https://portal.example.org/",
        control_trusted_proxies="198.51.100.4",
    )
    assert servicer._invitations.can_mail
    assert servicer._single.available
    assert servicer._single._provider._redirect_uri == "https://portal.example.org/sign-in/return"


@pytest.mark.parametrize(
    "changes",
    [
        {"smtp_host": "mail.example.org"},
        {"oidc_issuer": "http://id.example.org", "oidc_client_id": "x", "portal_public_url": "https://p"},
        {"oidc_issuer": "https://id.example.org", "portal_public_url": "https://p"},
        {"oidc_roles": "cpo=king"},
        {"oidc_default_role": "king"},
    ],
)
def test_settings_that_do_not_go_together_are_said_at_the_start(changes: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        settings(**changes)
