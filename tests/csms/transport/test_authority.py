"""The small certificate authority: made once, and two of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509

from csms.domain.certificates import SigningUse
from csms.domain.errors import InvalidArgument, Unavailable
from csms.transport.authority import LocalAuthority
from tests.kit.certificates import NOW, FakeFiles, a_request, an_authority

STATION, V2G = SigningUse.CHARGING_STATION, SigningUse.V2G


def test_after_a_restart_it_is_the_same_authority() -> None:
    files = FakeFiles()
    assert an_authority(files).root == an_authority(files).root
    assert list(files.content) == ["stations.pem"], "the one for vehicles is made when it is needed"


@pytest.mark.feature("F-OCPP-2")
async def test_what_vehicles_trust_is_no_way_in() -> None:
    authority = an_authority(organization="Operator")
    station = await authority.sign(a_request("CP-1"), "CP-1", STATION)
    vehicle = await authority.sign(a_request("CP-2"), "CP-1", V2G)
    root, v2g = (x509.load_pem_x509_certificate(authority.root_of(use)) for use in (STATION, V2G))
    assert authority.root == authority.root_of(STATION)
    x509.load_pem_x509_certificate(station.chain.encode()).verify_directly_issued_by(root)
    x509.load_pem_x509_certificate(vehicle.chain.encode()).verify_directly_issued_by(v2g)
    assert root.subject != v2g.subject
    assert authority.root_of(SigningUse.V2G20) == authority.root_of(V2G)


@pytest.mark.feature("F-OCPP-7")
async def test_a_revoked_certificate_is_known_at_once_and_listed_by_its_own_issuer() -> None:
    authority = an_authority()
    station = await authority.sign(a_request("CP-1"), "CP-1", STATION)
    vehicle = await authority.sign(a_request("CP-1"), "CP-1", V2G)
    assert not authority.is_revoked(int(station.serial, 16))
    empty = x509.load_der_x509_crl(authority.crl())
    for each in (station, vehicle):
        authority.revoke(each.serial, each.issuer, NOW, "keyCompromise")
        assert authority.is_revoked(int(each.serial, 16))
    authority.revoke("ab", "CN=Somebody else", NOW, "unspecified")
    listed = x509.load_der_x509_crl(authority.crl())
    assert (len(empty), len(listed)) == (0, 1)
    assert listed.get_revoked_certificate_by_serial_number(int(station.serial, 16)) is not None
    assert listed.is_signature_valid(x509.load_pem_x509_certificate(authority.root).public_key())  # type: ignore[arg-type]
    assert x509.load_pem_x509_crl(authority.crl_pem()) == listed
    assert len(x509.load_der_x509_crl(authority.crl(V2G))) == 1


def test_a_list_is_made_anew_before_it_runs_out() -> None:
    time = [NOW]
    authority = LocalAuthority(FakeFiles(), now=lambda: time[0])
    first = authority.crl()
    assert authority.crl() is first
    time[0] += timedelta(days=1)
    second = x509.load_der_x509_crl(authority.crl())
    assert second.last_update_utc == time[0]
    assert second.next_update_utc is not None
    assert second.next_update_utc > x509.load_der_x509_crl(first).next_update_utc  # type: ignore[operator]


def test_a_server_certificate_is_a_new_pair_each_time() -> None:
    authority = an_authority()
    one, two = (authority.issue_server_certificate(["localhost", "127.0.0.1", "::1"]) for _ in range(2))
    assert one[1] != two[1]
    certificate = x509.load_pem_x509_certificate(one[0])
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.root))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    with pytest.raises(InvalidArgument):
        authority.issue_server_certificate([])


def test_a_damaged_file_stops_it_with_a_sentence_instead_of_a_new_root() -> None:
    files = FakeFiles()
    an_authority(files)
    for damaged in (b"", b"rubbish", files.content["stations.pem"][:-200]):
        files.content["stations.pem"] = damaged
        with pytest.raises(Unavailable, match="backup"):
            an_authority(files)
