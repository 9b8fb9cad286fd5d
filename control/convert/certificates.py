"""Certificates."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, TypeVar

from control.convert.common import timestamp
from control.convert.names import print_name, read_name
from control.v1 import certificates_pb2 as pb
from csms.domain.certificates import CertificateHashData, CertificateUse, HashAlgorithm, SigningUse
from csms.domain.errors import InvalidArgument
from csms.ports.certificates import Delivery, IssuedCertificate, IssuedFilter, RevocationReason
from csms.services.certificates import KnownCertificate

E = TypeVar("E", bound=StrEnum)

_DELIVERIES: Final = {
    Delivery.PENDING: pb.DELIVERY_STATE_PENDING,
    Delivery.ACCEPTED: pb.DELIVERY_STATE_ACCEPTED,
    Delivery.REJECTED: pb.DELIVERY_STATE_REJECTED,
    Delivery.SUPERSEDED: pb.DELIVERY_STATE_SUPERSEDED,
}


def _word(text: str, kind: type[E], what: str, reason: str) -> E:
    try:
        return kind(text)
    except ValueError:
        raise InvalidArgument(f"{text[:60]!r} is no {what}. Give one of {', '.join(kind)}.", reason=reason) from None


def certificate_use(word: str) -> CertificateUse:
    """Raises InvalidArgument/INVALID_CERTIFICATE_TYPE."""
    return _word(word, CertificateUse, "type of certificate", "INVALID_CERTIFICATE_TYPE")


def signing_use(word: str) -> SigningUse:
    """Empty: that of stations. Raises InvalidArgument/INVALID_CERTIFICATE_TYPE."""
    return _word(
        word or SigningUse.CHARGING_STATION.value, SigningUse, "type of certificate", "INVALID_CERTIFICATE_TYPE"
    )


def revocation_reason(word: str) -> RevocationReason:
    """Empty: unspecified. Raises InvalidArgument/INVALID_REASON."""
    unspecified = RevocationReason.UNSPECIFIED.value
    return _word(word or unspecified, RevocationReason, "reason to revoke a certificate", "INVALID_REASON")


def read_hash_data(message: pb.CertificateHashData) -> CertificateHashData:
    """Raises InvalidArgument when something is missing."""
    parts = (message.issuer_name_hash, message.issuer_key_hash, message.serial_number)
    if not all(parts):
        raise InvalidArgument(
            "A certificate is named by its issuer's two hashes and its number; something of it is missing.",
            reason="INVALID_HASH_DATA",
        )
    return CertificateHashData(
        _word(message.hash_algorithm, HashAlgorithm, "hash algorithm", "INVALID_HASH_DATA"), *parts
    )


def hash_data(data: CertificateHashData) -> pb.CertificateHashData:
    """All of it."""
    return pb.CertificateHashData(
        hash_algorithm=data.hash_algorithm.value,
        issuer_name_hash=data.issuer_name_hash,
        issuer_key_hash=data.issuer_key_hash,
        serial_number=data.serial_number,
    )


def installed(known: KnownCertificate) -> pb.InstalledCertificate:
    """As a station told, and what we know besides."""
    use = known.installed.certificate_type
    return pb.InstalledCertificate(
        certificate_type="" if use is None else use.value,
        hash_data=hash_data(known.installed.certificate_hash_data),
        child_hash_data=[hash_data(each) for each in known.installed.child_certificate_hash_data],
        subject=known.subject,
        expire_time=timestamp(known.not_after),
        tell_time=timestamp(known.at),
    )


def issued(certificate: IssuedCertificate) -> pb.IssuedCertificate:
    """All of it."""
    signed = certificate.signed
    return pb.IssuedCertificate(
        name=print_name("issuedCertificates", certificate.id),
        station="" if certificate.station_id is None else print_name("stations", certificate.station_id),
        station_identity=certificate.station_identity,
        certificate_type=certificate.use.value,
        serial_number=signed.serial,
        subject=signed.subject,
        issuer=signed.issuer,
        certificate_chain=signed.chain,
        start_time=timestamp(signed.not_before),
        expire_time=timestamp(signed.not_after),
        issue_time=timestamp(certificate.issued_at),
        delivery_state=_DELIVERIES[certificate.delivery],
        attempts=certificate.attempts,
        revoke_time=timestamp(certificate.revoked_at),
        revocation_reason=certificate.revocation_reason,
    )


def issued_filter(message: pb.IssuedCertificateFilter) -> IssuedFilter:
    """Raises InvalidArgument."""
    return IssuedFilter(
        read_name(message.station, "stations") if message.station else None,
        message.revoked if message.HasField("revoked") else None,
        message.query.strip(),
    )
