"""The installation's own certificate authority."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from csms.app.authority import open_authority
from csms.config import Settings
from csms.domain.certificates import SigningUse
from csms.ports.certificates import RevocationReason
from tests.kit.certificates import NOW, a_request
from tests.kit.fake_certificates import FakeCertificates


@pytest.mark.feature("F-OCPP-7")
async def test_after_a_restart_what_was_revoked_is_still_refused(tmp_path: Path) -> None:
    settings = dataclasses.replace(Settings(), data_dir=tmp_path, certificate_organization="Operator")
    issued = FakeCertificates()
    authority = await open_authority(settings, issued, now=lambda: NOW)
    signed = await authority.sign(a_request(), "CP-1", SigningUse.CHARGING_STATION)
    assert signed.subject == "O=Operator,CN=CP-1"
    kept = await issued.add(1, "CP-1", SigningUse.CHARGING_STATION, signed, NOW, request_id=None, typed=False)
    await issued.revoke(kept.id, NOW, RevocationReason.KEY_COMPROMISE)
    again = await open_authority(settings, issued, now=lambda: NOW)
    assert again.root == authority.root
    assert again.is_revoked(int(signed.serial, 16))
    assert not authority.is_revoked(int(signed.serial, 16)), "the first did not hear of it"
