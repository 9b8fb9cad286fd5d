"""What the contract cannot see of the certificates' table: the deleted station, and what has expired."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from csms.domain.certificates import SigningUse
from csms.domain.facts import RegistrationStatus
from csms.ports.certificates import RevocationReason, SignedCertificate
from csms.storage.certificates import PostgresCertificates
from csms.storage.pool import Database
from csms.storage.stations import PostgresStations

pytestmark = pytest.mark.postgres


@pytest.mark.feature("F-OCPP-7")
async def test_a_deleted_station_s_certificate_stays_and_stays_revoked_until_it_ends(database: Database) -> None:
    store, stations = PostgresCertificates(database), PostgresStations(database)
    station = await stations.create("CP-1", RegistrationStatus.ACCEPTED)
    now = datetime.now(UTC)
    made = []
    for serial, days in (("1", 10), ("2", -1)):
        signed = SignedCertificate("PEM", serial, "CN=CP-1", "CN=Root", now, now + timedelta(days=days))
        use = SigningUse.CHARGING_STATION
        made.append(await store.add(station.id, "CP-1", use, signed, now, request_id=None, typed=False))
    await stations.delete(station.id)
    for each in made:
        revoked = await store.revoke(each.id, now, RevocationReason.CESSATION_OF_OPERATION)
        assert (revoked.station_id, revoked.station_identity) == (None, "CP-1")
    assert [row.signed.serial for row in await store.revoked()] == ["1"]
    signed = msgspec.structs.replace(made[0].signed, serial="3")
    late = await store.add(station.id, "CP-1", SigningUse.V2G, signed, now, request_id=None, typed=False)
    assert late.station_id is None, "it was deleted while its request was signed"
