"""Reading requests and certificates, and signing them: judged by OpenSSL where it is at hand."""

from __future__ import annotations

import base64
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.ocsp import OCSPRequestBuilder
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from csms.domain.certificates import AuthorizeCertificateStatus, SigningUse, refusal
from csms.domain.errors import InvalidArgument
from csms.transport.x509 import Issuer, Revoked, X509Reader, hash_data, make_root
from tests.kit.certificates import NOW, Made, a_broken_request, a_request, an_rsa_key

READER = X509Reader()
STATION = SigningUse.CHARGING_STATION


def an_issuer(crl_url: str = "") -> Issuer:
    return Issuer(*make_root("Root", "Operator", NOW), crl_url=crl_url)


def why_not(csr: str, use: SigningUse = STATION, organization: str = "Operator") -> str | None:
    return refusal(READER.request(csr), "CP-1", organization, use)


@pytest.mark.feature("F-OCPP-2")
@pytest.mark.parametrize(
    "key", [None, ec.generate_private_key(ec.SECP384R1()), an_rsa_key(2048)], ids=lambda k: type(k).__name__
)
def test_a_good_request_is_granted_whatever_the_kind_of_key(key: ec.EllipticCurvePrivateKey | None) -> None:
    assert why_not(a_request("CP-1", "Operator", key=key)) is None


@pytest.mark.feature("F-OCPP-2")
@pytest.mark.parametrize(
    ("csr", "word"),
    [
        (a_request("CP-2", "Operator"), "identity"),
        (a_request(None, "Operator"), "common name"),
        (a_request("CP-1", "Somebody"), "organisation"),
        (a_request("CP-1"), "organisation"),
        (a_request("CP-1", "Operator", key=an_rsa_key(1024)), "1024 bits"),
        (a_request("CP-1", "Operator", key=ec.generate_private_key(ec.SECP192R1())), "192 bits"),
        (a_broken_request("CP-1"), "signature"),
    ],
)
def test_a_request_that_breaks_a_rule_is_refused_with_a_sentence(csr: str, word: str) -> None:
    sentence = why_not(csr)
    assert sentence is not None
    assert word in sentence
    assert sentence.endswith(".")


def test_the_rules_of_names_are_those_of_the_station_not_of_vehicles() -> None:
    assert why_not(a_request("SECC-77", "Anybody"), SigningUse.V2G) is None
    assert why_not(a_request(None), SigningUse.V2G) is not None
    assert why_not(a_request("CP-1", "Anybody"), organization="") is None


@pytest.mark.parametrize(
    "text",
    ["", "hello", "-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n", "x" * 30_000],
)
def test_what_is_no_request_is_told_as_such(text: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        READER.request(text)
    assert refused.value.reason == "INVALID_CSR"
    with pytest.raises(InvalidArgument):
        READER.certificate(text)


WHOLE = x509.load_pem_x509_csr(a_request("CP-1", "Operator").encode()).public_bytes(serialization.Encoding.DER)


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255), st.booleans())
def test_a_request_with_a_wrong_byte_is_refused_and_never_a_crash(place: int, byte: int, cut: bool) -> None:
    der = WHOLE[:place] + bytes([byte]) + (b"" if cut else WHOLE[place + 1 :])
    if der == WHOLE:
        return
    text = base64.encodebytes(der).decode()
    try:
        sentence = why_not(f"-----BEGIN CERTIFICATE REQUEST-----\n{text}-----END CERTIFICATE REQUEST-----\n")
    except InvalidArgument as error:
        sentence = error.message
    assert sentence


def test_only_the_key_is_taken_from_a_request() -> None:
    signed = an_issuer("http://192.0.2.1/crl").sign_station(a_request("CP-9", "Evil"), "CP-1", "Operator", NOW, 10)
    certificate = x509.load_pem_x509_certificate(signed.chain.encode())
    names = {a.oid: a.value for a in certificate.subject}
    assert names == {NameOID.COMMON_NAME: "CP-1", NameOID.ORGANIZATION_NAME: "Operator"}
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    point = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value[0]
    assert point.full_name is not None
    assert point.full_name[0].value == "http://192.0.2.1/crl"
    assert signed.not_after == NOW + timedelta(days=10)
    assert signed.not_before < NOW
    assert int(signed.serial, 16) == certificate.serial_number
    assert signed.serial == signed.serial.lower().lstrip("0")
    assert len(signed.serial) <= 40


def test_nothing_outlives_its_authority() -> None:
    issuer = an_issuer()
    signed = issuer.sign_station(a_request(), "CP-1", "", NOW, 100_000)
    assert signed.not_after == issuer.certificate.not_valid_after_utc


def test_a_name_too_long_for_a_certificate_is_said() -> None:
    with pytest.raises(InvalidArgument) as refused:
        an_issuer().sign_station(a_request(), "C" * 65, "", NOW, 10)
    assert refused.value.reason == "INVALID_NAME"


def test_a_key_of_another_authority_is_noticed() -> None:
    (key, _), (_, certificate) = make_root("A", "", NOW), make_root("B", "", NOW)
    with pytest.raises(ValueError, match="does not belong"):
        Issuer(key, certificate)


def test_two_certificates_never_have_the_same_number() -> None:
    issuer, csr = an_issuer(), a_request()
    assert len({issuer.sign_station(csr, "CP-1", "", NOW, 1).serial for _ in range(20)}) == 20


@pytest.mark.feature("F-OCPP-2")
@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_openssl_agrees_with_what_we_sign_and_revoke(tmp_path: Path) -> None:
    issuer = an_issuer()
    good = issuer.sign_station(a_request("CP-1", key=an_rsa_key(2048)), "CP-1", "Operator", NOW, 10)
    bad = issuer.sign_station(a_request(), "CP-1", "Operator", NOW, 10)
    server, _ = issuer.issue_server(["csms.example.com", "192.0.2.7"], NOW)
    (tmp_path / "root.pem").write_bytes(issuer.pem)
    (tmp_path / "crl.der").write_bytes(issuer.crl([Revoked(int(bad.serial, 16), NOW, "keyCompromise")], NOW))
    for name, content in (("good", good.chain.encode()), ("bad", bad.chain.encode()), ("server", server)):
        (tmp_path / f"{name}.pem").write_bytes(content)

    def openssl(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["openssl", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert openssl("crl", "-inform", "DER", "-in", "crl.der", "-out", "crl.pem").returncode == 0
    at = str(int(NOW.timestamp()))
    verify = ("verify", "-x509_strict", "-attime", at, "-CAfile", "root.pem", "-CRLfile", "crl.pem", "-crl_check")
    assert openssl(*verify, "-purpose", "sslclient", "good.pem").returncode == 0
    assert "revoked" in openssl(*verify, "-purpose", "sslclient", "bad.pem").stderr
    assert openssl(*verify, "-purpose", "sslserver", "good.pem").returncode != 0, "a station cannot pose as a server"
    hosted = (*verify, "-purpose", "sslserver")
    assert openssl(*hosted, "-verify_hostname", "csms.example.com", "server.pem").returncode == 0
    assert openssl(*hosted, "-verify_ip", "192.0.2.7", "server.pem").returncode == 0
    assert openssl(*hosted, "-verify_hostname", "other.example.com", "server.pem").returncode != 0


def test_vehicles_see_a_server_of_a_charge_point_operator() -> None:
    signed = an_issuer().sign_v2g(a_request("SECC-77"), "Operator", NOW, 10)
    certificate = x509.load_pem_x509_certificate(signed.chain.encode())
    assert [a.value for a in certificate.subject.get_attributes_for_oid(NameOID.DOMAIN_COMPONENT)] == ["CPO"]
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_hash_data_names_a_certificate_as_ocsp_does() -> None:
    root = Made("Root", authority=True)
    leaf = Made("Leaf", by=root)
    data = hash_data(leaf.certificate, root.certificate)
    built = OCSPRequestBuilder().add_certificate(leaf.certificate, root.certificate, hashes.SHA256()).build()
    assert data.issuer_name_hash == built.issuer_name_hash.hex()
    assert data.issuer_key_hash == built.issuer_key_hash.hex()
    assert int(data.serial_number, 16) == built.serial_number
    details = READER.certificate(root.pem)
    assert details.is_authority
    assert details.hash_data.issuer_key_hash == data.issuer_key_hash
    assert READER.certificate(leaf.pem).hash_data.issuer_key_hash == ""


class Contract:
    """A root, a sub-CA, and a contract's certificate."""

    def __init__(self) -> None:
        self.root = Made("MO Root", authority=True)
        self.sub = Made("MO Sub", by=self.root, authority=True)
        self.leaf = Made("DE-8AA-C12345678-9", by=self.sub)
        self.reader = X509Reader(self.root.pem.encode())

    def check(self, *chain: Made, emaid: str = "DE8AAC123456789", late: int = 0) -> AuthorizeCertificateStatus:
        pem = "".join(made.pem for made in chain)
        return self.reader.check_contract(pem, emaid, NOW + timedelta(days=late))


@pytest.mark.feature("F-OCPP-4")
def test_a_contract_certificate_is_believed_only_with_its_chain_its_time_and_its_name() -> None:
    status, c = AuthorizeCertificateStatus, Contract()
    assert c.check(c.leaf, c.sub) is status.ACCEPTED
    assert c.check(c.leaf, c.sub, emaid="DE8AAC12345678") is status.ACCEPTED, "without the check digit"
    assert c.check(c.leaf, c.sub, emaid="DE8AAC123450000") is status.CHAIN_ERROR
    assert c.check(c.leaf) is status.CHAIN_ERROR, "the sub-CA is missing"
    assert c.check(c.leaf, c.sub, late=60) is status.EXPIRED
    forged = Made("MO Sub", by=Made("MO Root", authority=True), authority=True)
    assert c.check(c.leaf, forged) is status.SIGNATURE_ERROR
    no_authority = Made("Leaf", by=c.sub)
    assert c.check(Made("DE8AAC123456789", by=no_authority), no_authority, c.sub) is status.CHAIN_ERROR
    assert c.reader.check_contract("rubbish", "", NOW) is status.CHAIN_ERROR
    assert READER.check_contract(c.leaf.pem, "", NOW) is status.NO_CERTIFICATE
