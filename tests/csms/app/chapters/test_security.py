"""Whether a station can be told to show its certificate."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from csms.app.authority import open_authority
from csms.app.chapters.security import has_certificate
from csms.config import Settings
from csms.domain.certificates import SigningUse
from csms.ports.certificates import Delivery, RevocationReason
from tests.kit.certificates import NOW, a_request
from tests.kit.fake_certificates import FakeCertificates


@pytest.mark.feature("F-OCPP-7")
async def test_a_station_has_a_certificate_when_it_took_one_that_is_valid_now(tmp_path: Path) -> None:
    issued = FakeCertificates()
    authority = await open_authority(replace(Settings(), data_dir=tmp_path), issued, now=lambda: NOW)
    later = NOW + timedelta(minutes=1)
    assert not await has_certificate(issued, 1, later)
    signed = await authority.sign(a_request(), "CP-1", SigningUse.CHARGING_STATION)
    kept = await issued.add(1, "CP-1", SigningUse.CHARGING_STATION, signed, NOW, request_id=None, typed=False)
    assert not await has_certificate(issued, 1, later)  # on its way
    await issued.delivered(kept.id, Delivery.ACCEPTED)
    assert await has_certificate(issued, 1, later)
    assert not await has_certificate(issued, 2, later)
    assert not await has_certificate(issued, 1, later + timedelta(days=10_000))
    await issued.revoke(kept.id, later, RevocationReason.KEY_COMPROMISE)
    assert not await has_certificate(issued, 1, later)
