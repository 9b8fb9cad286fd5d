"""How OCPP names a certificate: by hashes of its issuer, and its number. More than one chapter has such facts."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from csms.domain.values import Value


class HashAlgorithm(StrEnum):
    """OCPP HashAlgorithmEnumType."""

    SHA256 = "SHA256"
    SHA384 = "SHA384"
    SHA512 = "SHA512"


class CertificateHashData(Value, frozen=True):
    """OCPP CertificateHashDataType: names a certificate by its issuer and serial number. Hashes and number are
    hexadecimal."""

    hash_algorithm: HashAlgorithm
    issuer_name_hash: str
    issuer_key_hash: str
    serial_number: str

    @property
    def key(self) -> str:
        """One text for it, the same however a station spells the digits."""
        parts = (self.issuer_name_hash, self.issuer_key_hash, self.serial_number.lstrip("0"))
        return ":".join((self.hash_algorithm.value, *(part.lower() for part in parts)))


class OcspRequestData(Value, frozen=True):
    """OCPP OCSPRequestDataType: a certificate whose state is asked for, and who knows it. The address comes from the
    certificate, which means: from a stranger."""

    hash_algorithm: HashAlgorithm
    issuer_name_hash: str
    issuer_key_hash: str
    serial_number: str
    responder_url: str = msgspec.field(name="responderURL")

    @property
    def certificate(self) -> CertificateHashData:
        """Which certificate it is about."""
        return CertificateHashData(self.hash_algorithm, self.issuer_name_hash, self.issuer_key_hash, self.serial_number)
