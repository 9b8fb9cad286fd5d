"""CertificateService over the wire."""

from __future__ import annotations

import grpc
import pytest
from cryptography import x509

from control.v1 import certificates_pb2 as pb
from control.v1 import remote_pb2
from csms.domain.certificates import (
    CertificateHashData,
    CertificateUse,
    DeleteCertificate,
    HashAlgorithm,
    InstallCertificate,
    InstalledCertificate,
    InstalledCertificates,
    SigningUse,
)
from csms.domain.commands import Answer, Outcome, TriggerMessage
from csms.ports.certificates import Delivery
from csms.ports.directory import Settled
from tests.kit.certificates import NOW, Made, a_request
from tests.kit.control_world import ControlWorld, Refused

DATA = CertificateHashData(HashAlgorithm.SHA256, "aa", "bb", "1f")
HASHES = pb.CertificateHashData(
    hash_algorithm="SHA256", issuer_name_hash="aa", issuer_key_hash="bb", serial_number="1f"
)


def to(number: int) -> remote_pb2.CommandTarget:
    return remote_pb2.CommandTarget(station=f"stations/{number}")


@pytest.mark.feature("F-OCPP-2", "F-OCPP-4")
async def test_a_root_is_installed_told_and_deleted(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    root = Made("Root", authority=True)
    install = pb.InstallCertificateRequest(
        target=to(number), certificate_type="ManufacturerRootCertificate", certificate=root.pem
    )
    installed = await world.client.call("certificates.InstallCertificate", install)
    assert installed.result.accepted
    assert world.directory.sent[-1][1] == InstallCertificate(CertificateUse.MANUFACTURER_ROOT, root.pem)
    known = pb.ListInstalledCertificatesRequest(station=f"stations/{number}")
    (told,) = (await world.client.call("certificates.ListInstalledCertificates", known)).certificates
    assert (told.subject, told.certificate_type) == ("CN=Root", "ManufacturerRootCertificate")
    delete = pb.DeleteCertificateRequest(target=to(number), hash_data=told.hash_data)
    assert (await world.client.call("certificates.DeleteCertificate", delete)).result.accepted
    assert isinstance(world.directory.sent[-1][1], DeleteCertificate)
    assert not (await world.client.call("certificates.ListInstalledCertificates", known)).certificates


@pytest.mark.feature("F-OCPP-2", "F-OCPP-4")
async def test_a_station_is_asked_what_it_has(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    result = InstalledCertificates((InstalledCertificate(DATA, CertificateUse.MO_ROOT),))
    world.directory.settled.append(Settled(Outcome.ANSWERED, Answer("Accepted", True, result=result), 0.1))
    ask = pb.GetInstalledCertificateIdsRequest(target=to(number), certificate_types=["MORootCertificate"])
    answer = await world.client.call("certificates.GetInstalledCertificateIds", ask)
    assert answer.result.status == "Accepted"
    assert [each.hash_data for each in answer.certificates] == [HASHES]


@pytest.mark.feature("F-OCPP-2", "F-OCPP-7")
async def test_what_was_signed_is_listed_and_revoked(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    use = SigningUse.CHARGING_STATION
    for _ in range(3):
        signed = await world.authority.sign(a_request(), "CP-1", use)
        await world.issued.add(number, "CP-1", use, signed, NOW, request_id=None, typed=False)
    await world.issued.delivered(3, Delivery.ACCEPTED)
    first = await world.client.call(
        "certificates.ListIssuedCertificates", pb.ListIssuedCertificatesRequest(page_size=2)
    )
    assert [each.name for each in first.certificates] == ["issuedCertificates/3", "issuedCertificates/2"]
    assert first.total_size == 3
    assert first.certificates[0].delivery_state == pb.DELIVERY_STATE_ACCEPTED
    rest = pb.ListIssuedCertificatesRequest(page_size=2, page_token=first.next_page_token)
    last = await world.client.call("certificates.ListIssuedCertificates", rest)
    assert ([each.name for each in last.certificates], last.next_page_token) == (["issuedCertificates/1"], "")
    revoke = pb.RevokeCertificateRequest(name="issuedCertificates/3", reason="keyCompromise")
    revoked = (await world.client.call("certificates.RevokeCertificate", revoke)).certificate
    assert revoked.revocation_reason == "keyCompromise"
    assert world.directory.disconnected == [number]
    only = pb.ListIssuedCertificatesRequest(filter=pb.IssuedCertificateFilter(revoked=True))
    assert (await world.client.call("certificates.ListIssuedCertificates", only)).total_size == 1
    authority = await world.client.call("certificates.GetAuthority", pb.GetAuthorityRequest())
    root = x509.load_pem_x509_certificate(authority.root_certificate.encode())
    crl = x509.load_der_x509_crl(authority.revocation_list)
    assert crl.is_signature_valid(root.public_key())  # type: ignore[arg-type]
    assert crl.get_revoked_certificate_by_serial_number(int(revoked.serial_number, 16)) is not None
    vehicles = pb.GetAuthorityRequest(certificate_type="V2GCertificate")
    assert (
        await world.client.call("certificates.GetAuthority", vehicles)
    ).root_certificate != authority.root_certificate


@pytest.mark.feature("F-OCPP-2", "F-OCPP-4")
async def test_a_station_is_told_to_renew(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    renew = pb.RenewStationCertificateRequest(target=to(number))
    assert (await world.client.call("certificates.RenewStationCertificate", renew)).result.accepted
    assert world.directory.sent[-1][1] == TriggerMessage("SignChargingStationCertificate")


async def test_half_a_question_is_refused(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    for method, request, reason in (
        ("InstallCertificate", pb.InstallCertificateRequest(target=to(number)), "INVALID_CERTIFICATE_TYPE"),
        ("DeleteCertificate", pb.DeleteCertificateRequest(target=to(number)), "INVALID_HASH_DATA"),
        ("RevokeCertificate", pb.RevokeCertificateRequest(name="issuedCertificates/1", reason="x"), "INVALID_REASON"),
        ("GetAuthority", pb.GetAuthorityRequest(certificate_type="x"), "INVALID_CERTIFICATE_TYPE"),
        ("ListInstalledCertificates", pb.ListInstalledCertificatesRequest(), "INVALID_NAME"),
    ):
        with pytest.raises(Refused) as refused:
            await world.client.call(f"certificates.{method}", request)
        assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.INVALID_ARGUMENT, reason), method
    assert world.directory.sent == []
