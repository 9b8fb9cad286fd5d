"""Certificates as people manage them."""

from __future__ import annotations

import pytest
from cryptography import x509

from csms.domain.certificates import (
    CertificateHashData,
    CertificateUse,
    DeleteCertificate,
    GetInstalledCertificateIds,
    HashAlgorithm,
    InstallCertificate,
    InstalledCertificate,
    InstalledCertificates,
    SigningUse,
)
from csms.domain.commands import Answer, Outcome, TriggerMessage
from csms.domain.errors import InvalidArgument, NotFound, PermissionDenied
from csms.ports.certificates import IssuedCertificate, IssuedFilter, RevocationReason
from csms.ports.directory import Settled
from csms.services.remote import Target
from csms.transport.x509 import X509Reader
from tests.kit.certificates import NOW, Made, a_request
from tests.kit.service_world import ADMIN, STRANGER, SUPPORT, ServiceWorld

CSMS, MAKER = CertificateUse.CSMS_ROOT, CertificateUse.MANUFACTURER_ROOT


def a_hash(serial: str) -> CertificateHashData:
    return CertificateHashData(HashAlgorithm.SHA256, "aa", "bb", serial)


def told(*found: tuple[str, CertificateUse | None], status: str = "Accepted") -> Settled:
    """A station's list of certificates."""
    certificates = tuple(InstalledCertificate(a_hash(serial), use) for serial, use in found)
    return Settled(
        Outcome.ANSWERED, Answer(status, status == "Accepted", result=InstalledCertificates(certificates)), 1
    )


class World(ServiceWorld):
    async def begin(self) -> Target:
        self.number = await self.add_station("CP-1")
        return Target(self.number)

    async def stored(self) -> list[tuple[str, CertificateUse | None]]:
        known = await self.certificates.stored_installed(SUPPORT, self.number)
        return sorted(
            (each.installed.certificate_hash_data.serial_number, each.installed.certificate_type) for each in known
        )

    async def sign(self) -> IssuedCertificate:
        use = SigningUse.CHARGING_STATION
        signed = await self.authority.sign(a_request("CP-1"), "CP-1", use)
        return await self.issued.add(self.number, "CP-1", use, signed, NOW, request_id=None, typed=False)


@pytest.mark.feature("F-OCPP-2", "F-OCPP-4")
async def test_what_a_station_accepts_is_what_it_has() -> None:
    world = World()
    target = await world.begin()
    root = Made("Root", authority=True)
    await world.certificates.install(ADMIN, target, MAKER, root.pem)
    assert world.directory.sent[-1][1] == InstallCertificate(MAKER, root.pem)
    (known,) = await world.certificates.stored_installed(SUPPORT, world.number)
    assert (known.subject, known.installed.certificate_type) == ("CN=Root", MAKER)
    world.directory.settled.append(Settled(Outcome.ANSWERED, Answer("Rejected", False), 0.1))
    await world.certificates.install(ADMIN, target, CSMS, Made("Other", authority=True).pem)
    assert len(await world.stored()) == 1, "a refused one is not there"
    data = known.installed.certificate_hash_data
    world.directory.settled.append(Settled(Outcome.ANSWERED, Answer("NotFound", False), 0.1))
    await world.certificates.delete(ADMIN, target, data)
    assert world.directory.sent[-1][1] == DeleteCertificate(data)
    assert await world.stored() == [], "what the station does not know it does not have"


async def test_without_a_certificate_it_is_the_root_of_our_own_authority() -> None:
    world = World()
    await world.certificates.install(ADMIN, await world.begin(), CSMS, "")
    sent = world.directory.sent[-1][1]
    assert isinstance(sent, InstallCertificate)
    assert sent.certificate.encode() == world.authority.root
    with pytest.raises(InvalidArgument):
        await world.certificates.install(ADMIN, Target(world.number), MAKER, " ")


async def test_what_would_lock_a_station_out_is_not_sent() -> None:
    world = World()
    target = await world.begin()
    for pem, reason in (
        (Made("Leaf").pem, "NO_AUTHORITY"),
        (Made("Old", authority=True, days=0).pem, "CERTIFICATE_EXPIRED"),
        ("rubbish", "INVALID_CERTIFICATE"),
    ):
        with pytest.raises(InvalidArgument) as refused:
            await world.certificates.install(ADMIN, target, CSMS, pem)
        assert refused.value.reason == reason
    assert world.directory.sent == []


@pytest.mark.feature("F-OCPP-4")
async def test_what_is_kept_follows_what_the_station_tells() -> None:
    world = World()
    target = await world.begin()
    world.directory.settled.append(told(("1", CSMS), ("2", MAKER), ("3", CertificateUse.V2G_CHAIN)))
    outcome = await world.certificates.ask_installed(SUPPORT, target)
    assert world.directory.sent[-1][1] == GetInstalledCertificateIds()
    assert [each.installed.certificate_hash_data.serial_number for each in outcome.certificates] == ["1", "2", "3"]
    world.directory.settled.append(told(("4", CSMS)))
    await world.certificates.ask_installed(SUPPORT, target, [CSMS])
    assert await world.stored() == [("2", MAKER), ("3", CertificateUse.V2G_CHAIN), ("4", CSMS)]
    world.directory.settled.append(told(status="NotFound"))
    await world.certificates.ask_installed(SUPPORT, target)
    assert await world.stored() == []


async def test_a_name_that_we_know_stays_when_the_station_tells_the_number() -> None:
    world = World()
    target = await world.begin()
    root = Made("Root", authority=True)
    await world.certificates.install(ADMIN, target, MAKER, root.pem)
    ours = X509Reader().certificate(root.pem).hash_data
    other = CertificateHashData(HashAlgorithm.SHA512, "cc", "dd", "0" + ours.serial_number.upper())
    result = InstalledCertificates((InstalledCertificate(other, MAKER),))
    world.directory.settled.append(Settled(Outcome.ANSWERED, Answer("Accepted", True, result=result), 0.1))
    (known,) = (await world.certificates.ask_installed(SUPPORT, target)).certificates
    assert (known.subject, known.installed.certificate_hash_data) == ("CN=Root", other)
    assert len(await world.stored()) == 1


@pytest.mark.feature("F-OCPP-2")
async def test_a_1_6_station_is_asked_type_by_type() -> None:
    world = World()
    target = await world.begin()
    one_by_one = Settled(Outcome.REFUSED, reason="ONE_TYPE_PER_CALL")
    world.directory.settled += [one_by_one, told(("1", None)), told(status="NotFound")]
    outcome = await world.certificates.ask_installed(SUPPORT, target)
    asked = [each[1] for each in world.directory.sent]
    assert asked == [
        GetInstalledCertificateIds(),
        GetInstalledCertificateIds((CSMS,)),
        GetInstalledCertificateIds((MAKER,)),
    ]
    assert outcome.outcome.answer.status == "Accepted"
    assert await world.stored() == [("1", CSMS)], "the type is the one that was asked for"
    world.directory.settled.append(told(("2", None)))
    await world.certificates.ask_installed(SUPPORT, target, [MAKER])
    assert await world.stored() == [("1", CSMS), ("2", MAKER)]


async def test_a_callerror_says_nothing_about_what_is_there() -> None:
    world = World()
    target = await world.begin()
    world.directory.settled.append(told(("1", CSMS)))
    await world.certificates.ask_installed(SUPPORT, target)
    error = Answer("", False, error_code="InternalError")
    world.directory.settled.append(Settled(Outcome.ANSWERED, error, 0.1))
    assert (await world.certificates.ask_installed(SUPPORT, target)).outcome.answer == error
    assert await world.stored() == [("1", CSMS)]


@pytest.mark.feature("F-OCPP-2", "F-OCPP-4", "F-OCPP-5")
async def test_a_station_is_asked_to_renew_its_certificate() -> None:
    world = World()
    target = await world.begin()
    await world.certificates.renew(SUPPORT, target, SigningUse.CHARGING_STATION)
    await world.certificates.renew(SUPPORT, target, SigningUse.V2G)
    assert [each[1] for each in world.directory.sent] == [
        TriggerMessage("SignChargingStationCertificate"),
        TriggerMessage("SignV2GCertificate"),
    ]


@pytest.mark.feature("F-OCPP-7")
async def test_who_loses_the_certificate_loses_the_connection() -> None:
    world = World()
    await world.begin()
    issued = await world.sign()
    revoked = await world.certificates.revoke(ADMIN, issued.id, RevocationReason.KEY_COMPROMISE)
    assert (revoked.revoked_at, revoked.revocation_reason) == (NOW, "keyCompromise")
    assert world.authority.is_revoked(int(issued.signed.serial, 16))
    assert world.directory.disconnected == [world.number]
    again = await world.certificates.revoke(ADMIN, issued.id, RevocationReason.SUPERSEDED)
    assert again.revocation_reason == "keyCompromise", "the first reason stays"
    crl = (await world.certificates.authority(SUPPORT, SigningUse.CHARGING_STATION)).crl
    assert len(x509.load_der_x509_crl(crl)) == 1
    with pytest.raises(NotFound):
        await world.certificates.revoke(ADMIN, 99, RevocationReason.UNSPECIFIED)
    page = await world.certificates.page_issued(SUPPORT, IssuedFilter(revoked=True), size=10, before=None)
    assert (page.total, page.certificates) == (1, (revoked,))


async def test_only_administrators_change_whom_stations_trust() -> None:
    world = World()
    target = await world.begin()
    service = world.certificates
    use = SigningUse.CHARGING_STATION
    for caller, refused in ((SUPPORT, True), (STRANGER, True), (ADMIN, False)):
        for call in (
            lambda caller=caller: service.install(caller, target, CSMS, ""),
            lambda caller=caller: service.delete(caller, target, a_hash("1")),
        ):
            if refused:
                with pytest.raises(PermissionDenied):
                    await call()
            else:
                await call()
    with pytest.raises(PermissionDenied):
        await service.revoke(SUPPORT, 1, RevocationReason.UNSPECIFIED)
    for reading in (
        lambda: service.authority(STRANGER, use),
        lambda: service.stored_installed(STRANGER, 1),
        lambda: service.ask_installed(STRANGER, target),
        lambda: service.renew(STRANGER, target, use),
        lambda: service.page_issued(STRANGER, IssuedFilter(), size=1, before=None),
    ):
        with pytest.raises(PermissionDenied):
            await reading()
    with pytest.raises(NotFound):
        await service.stored_installed(SUPPORT, 99)
