"""What the keeper of signed certificates promises, in memory and on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
import pytest

from csms.aio import open_door
from csms.domain.certificates import SigningUse
from csms.domain.errors import AlreadyExists, NotFound
from csms.domain.facts import RegistrationStatus
from csms.ports.certificates import (
    MAX_ATTEMPTS,
    Delivery,
    IssuedCertificate,
    IssuedCertificates,
    IssuedFilter,
    RevocationReason,
    SignedCertificate,
)
from csms.storage.certificates import PostgresCertificates
from csms.storage.pool import open_database
from csms.storage.stations import PostgresStations
from tests.kit.certificates import NOW
from tests.kit.fake_certificates import FakeCertificates
from tests.kit.storage_world import storage_url

__all__ = ["storage_url"]

STATION, V2G = SigningUse.CHARGING_STATION, SigningUse.V2G
LATER = NOW + timedelta(days=10)


@dataclass
class Kept:
    store: IssuedCertificates
    stations: tuple[int, int]

    async def add(
        self, serial: str, *, station: int = 0, use: SigningUse = STATION, request_id: int | None = None
    ) -> IssuedCertificate:
        signed = SignedCertificate("PEM", serial, f"CN=CP-{station}", "CN=Root", NOW, LATER)
        number = self.stations[station]
        return await self.store.add(
            number, f"CP-{station}", use, signed, NOW, request_id=request_id, typed=request_id is not None
        )


@pytest.fixture
async def kept(storage_url: str) -> AsyncIterator[Kept]:
    if not storage_url:
        yield Kept(FakeCertificates(), (1, 2))
        return
    async with open_door() as door, open_database(door, storage_url, max_size=2) as database:
        stations = PostgresStations(database)
        made = [await stations.create(f"CP-{number}", RegistrationStatus.ACCEPTED) for number in range(2)]
        yield Kept(PostgresCertificates(database), (made[0].id, made[1].id))


async def test_what_was_signed_is_found_as_it_was_signed(kept: Kept) -> None:
    made = await kept.add("ab", request_id=2**40)
    assert await kept.store.find(made.id) == made
    assert (made.delivery, made.attempts, made.request_id, made.typed) == (Delivery.PENDING, 0, 2**40, True)
    assert (made.signed.serial, made.signed.not_after) == ("ab", LATER)
    assert await kept.store.find(made.id + 99) is None
    assert await kept.store.find(10**30) is None
    with pytest.raises(AlreadyExists):
        await kept.add("ab")


@pytest.mark.feature("F-OCPP-2")
async def test_only_the_newest_of_a_use_waits_for_its_station(kept: Kept) -> None:
    first = await kept.add("1")
    vehicle = await kept.add("2", use=V2G)
    await kept.add("3", station=1)
    second = await kept.add("4")
    assert [row.id for row in await kept.store.undelivered(kept.stations[0], NOW)] == [vehicle.id, second.id]
    superseded = await kept.store.find(first.id)
    assert superseded is not None
    assert superseded.delivery is Delivery.SUPERSEDED


async def test_what_is_taken_revoked_expired_or_tried_too_often_waits_no_more(kept: Kept) -> None:
    number = kept.stations[0]
    made = await kept.add("1")
    assert await kept.store.undelivered(number, LATER) == []
    for attempt in range(1, MAX_ATTEMPTS):
        await kept.store.delivered(made.id, Delivery.REJECTED)
        (row,) = await kept.store.undelivered(number, NOW)
        assert row.attempts == attempt
    await kept.store.delivered(made.id, Delivery.PENDING)
    assert await kept.store.undelivered(number, NOW) == []
    taken = await kept.add("2")
    await kept.store.delivered(taken.id, Delivery.ACCEPTED)
    assert await kept.store.undelivered(number, NOW) == []
    revoked = await kept.add("3")
    await kept.store.revoke(revoked.id, NOW, RevocationReason.SUPERSEDED)
    assert await kept.store.undelivered(number, NOW) == []


async def test_what_ends_soon_is_the_newest_that_a_station_has(kept: Kept) -> None:
    soon, late = LATER - timedelta(days=1), LATER

    async def serials(now: datetime, before: datetime) -> list[str]:
        return [row.signed.serial for row in await kept.store.expiring(now, before)]

    old = await kept.add("1")
    await kept.store.delivered(old.id, Delivery.ACCEPTED)
    other = await kept.add("2", station=1)
    await kept.store.delivered(other.id, Delivery.ACCEPTED)
    assert await serials(NOW, late) == ["1", "2"]
    assert await serials(NOW, soon) == []
    assert await serials(late, late + timedelta(days=1)) == [], "it is too late"
    await kept.add("3")
    assert await serials(NOW, late) == ["2"], "a new one is on its way"
    await kept.store.revoke(other.id, NOW, RevocationReason.SUPERSEDED)
    assert await serials(NOW, late) == []


async def test_revoking_twice_changes_nothing(kept: Kept) -> None:
    made = await kept.add("1")
    first = await kept.store.revoke(made.id, NOW, RevocationReason.KEY_COMPROMISE)
    assert first == msgspec.structs.replace(made, revoked_at=NOW, revocation_reason="keyCompromise")
    assert await kept.store.revoke(made.id, LATER, RevocationReason.UNSPECIFIED) == first
    for nobody in (made.id + 99, 0, 10**30):
        with pytest.raises(NotFound):
            await kept.store.revoke(nobody, NOW, RevocationReason.UNSPECIFIED)


async def test_pages_go_back_in_time_and_count_all_that_match(kept: Kept) -> None:
    made = [await kept.add(f"{number:x}", station=number % 2) for number in range(1, 6)]
    await kept.store.revoke(made[0].id, NOW, RevocationReason.UNSPECIFIED)
    page, total = await kept.store.page(IssuedFilter(), size=2)
    assert ([row.id for row in page], total) == ([made[4].id, made[3].id], 5)
    page, _ = await kept.store.page(IssuedFilter(), size=9, before=made[3].id)
    assert [row.id for row in page] == [made[2].id, made[1].id, made[0].id]
    for wanted, count in (
        (IssuedFilter(station_id=kept.stations[1]), 3),
        (IssuedFilter(revoked=True), 1),
        (IssuedFilter(revoked=False), 4),
        (IssuedFilter(query="cp-1"), 3),
        (IssuedFilter(query="cp-_"), 0),
    ):
        page, total = await kept.store.page(wanted, size=10)
        assert (len(page), total) == (count, count), wanted
