"""What the settings make of certificates. The rest of the wiring: tests/system/test_certificates.py."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trio

from csms.app.chapters.certificates import build
from csms.app.cluster import NobodyElse
from csms.config import Settings
from csms.domain.certificates import CertificateSigningAsked, EvCertificateAsked
from csms.domain.errors import InvalidArgument
from csms.domain.facts import AuthorizationAsked, StationBooted
from csms.services.consulting import Consulting
from csms.services.reacting import Reacting
from tests.kit.certificates import NOW, Made
from tests.kit.service_world import ServiceWorld


def parts(nursery: trio.Nursery, **settings: Any) -> Any:
    """As much of `Parts` as is needed here."""
    world = ServiceWorld()
    return SimpleNamespace(
        settings=dataclasses.replace(Settings(), **settings),
        now=lambda: NOW,
        ground=nursery,
        work=nursery,
        changes=NobodyElse(),
        stores=SimpleNamespace(stations=world.station_store, certificates=world.issued),
        inventory=world.inventory_store,
        directory=world.directory,
        remote=world.remote,
        reacting=Reacting(),
        consulting=Consulting(),
        authority=world.authority,
    )


async def test_stations_questions_find_their_answerers(tmp_path: Path) -> None:
    (tmp_path / "roots.pem").write_text(Made("MO Root", authority=True).pem)
    async with trio.open_nursery() as nursery:
        made = parts(
            nursery,
            contract_roots=str(tmp_path / "roots.pem"),
            certificate_authority_url="https://ca.example.com",
            contract_provider_url="https://mo.example.com",
        )
        (servicer,) = build(made)
        assert servicer.service.name == "CertificateService"
        assert {CertificateSigningAsked, EvCertificateAsked, AuthorizationAsked} <= made.consulting.kinds
        assert {CertificateSigningAsked, StationBooted} <= made.reacting.kinds
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("content", [None, "-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n"])
async def test_a_file_that_is_none_is_said_at_the_start(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "roots.pem"
    if content is not None:
        path.write_text(content)
    async with trio.open_nursery() as nursery:
        with pytest.raises(InvalidArgument) as refused:
            build(parts(nursery, contract_roots=str(path)))
        assert refused.value.reason == "TLS_FILES"
        assert "roots.pem" in refused.value.message or "contract_roots" in refused.value.message
        nursery.cancel_scope.cancel()
