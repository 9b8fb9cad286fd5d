"""Certificates between the wire and the domain."""

from __future__ import annotations

from datetime import timedelta

import pytest

from control.convert import certificates as convert
from control.v1 import certificates_pb2 as pb
from csms.domain.certificates import (
    CertificateHashData,
    CertificateUse,
    HashAlgorithm,
    InstalledCertificate,
    SigningUse,
)
from csms.domain.errors import InvalidArgument
from csms.ports.certificates import Delivery, IssuedCertificate, IssuedFilter, RevocationReason, SignedCertificate
from csms.services.certificates import KnownCertificate
from tests.kit.certificates import NOW

DATA = CertificateHashData(HashAlgorithm.SHA384, "aa", "bb", "1f")


def test_hash_data_goes_both_ways() -> None:
    assert convert.read_hash_data(convert.hash_data(DATA)) == DATA


@pytest.mark.parametrize("field", ["hash_algorithm", "issuer_name_hash", "issuer_key_hash", "serial_number"])
def test_half_a_name_of_a_certificate_is_refused(field: str) -> None:
    message = convert.hash_data(DATA)
    message.ClearField(field)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument) as refused:
        convert.read_hash_data(message)
    assert refused.value.reason == "INVALID_HASH_DATA"


def test_words_are_ocpp_s_and_a_wrong_one_is_told_the_right_ones() -> None:
    assert convert.certificate_use("MORootCertificate") is CertificateUse.MO_ROOT
    assert convert.signing_use("") is SigningUse.CHARGING_STATION
    assert convert.signing_use("V2G20Certificate") is SigningUse.V2G20
    assert convert.revocation_reason("") is RevocationReason.UNSPECIFIED
    assert convert.revocation_reason("keyCompromise") is RevocationReason.KEY_COMPROMISE
    for read, word in (
        (convert.certificate_use, ""),
        (convert.signing_use, "CSMSRootCertificate"),
        (convert.revocation_reason, "because"),
    ):
        with pytest.raises(InvalidArgument, match="Give one of"):
            read(word)


def test_what_a_station_has_and_what_was_signed_for_it() -> None:
    chain = InstalledCertificate(DATA, CertificateUse.V2G_CHAIN, (DATA,))
    known = convert.installed(KnownCertificate(chain, "CN=x", NOW + timedelta(days=1), NOW))
    assert (known.certificate_type, known.subject, len(known.child_hash_data)) == ("V2GCertificateChain", "CN=x", 1)
    assert known.expire_time.ToSeconds() - known.tell_time.ToSeconds() == 86_400
    bare = convert.installed(KnownCertificate(InstalledCertificate(DATA)))
    assert (bare.certificate_type, bare.HasField("expire_time")) == ("", False)
    signed = SignedCertificate("PEM", "1f", "CN=CP-1", "CN=Root", NOW, NOW + timedelta(days=1))
    for delivery in Delivery:
        row = IssuedCertificate(5, None, "CP-1", SigningUse.V2G, signed, NOW, delivery)
        told = convert.issued(row)
        assert pb.DeliveryState.Name(told.delivery_state) == f"DELIVERY_STATE_{delivery.value}"
    assert (told.name, told.station, told.certificate_type) == ("issuedCertificates/5", "", "V2GCertificate")
    assert not told.HasField("revoke_time")


def test_a_filter_tells_no_from_not_asked() -> None:
    assert convert.issued_filter(pb.IssuedCertificateFilter()) == IssuedFilter()
    filtered = pb.IssuedCertificateFilter(station="stations/3", revoked=False, query=" cp ")
    assert convert.issued_filter(filtered) == IssuedFilter(3, False, "cp")
    with pytest.raises(InvalidArgument):
        convert.issued_filter(pb.IssuedCertificateFilter(station="3"))
