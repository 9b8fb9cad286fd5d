"""The front door's wiring: dialects by odd spellings, addresses, and where its certificate comes from."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from csms.app.authority import open_authority
from csms.app.front_door import TlsSource, addresses_of, dialect_of, is_revoked, rules_of
from csms.config import Address, Settings
from csms.domain.certificates import SigningUse
from csms.ports.certificates import RevocationReason
from csms.transport.tls import TlsError, TlsFiles, TlsKeeper, read_certificates
from tests.kit.certificates import NOW, a_request
from tests.kit.fake_certificates import FakeCertificates
from tests.kit.tls_authority import Authority

BASE = Settings()


@pytest.mark.feature("F-OCPP-6")
@pytest.mark.parametrize(
    ("spelling", "subprotocol"),
    [("ocpp1.6", "ocpp1.6"), ("OCPP1.6", "ocpp1.6"), ("Ocpp2.0.1", "ocpp2.0.1"), ("ocpp2.1", "ocpp2.1")],
)
def test_the_dialect_is_found_whatever_the_station_calls_it(spelling: str, subprotocol: str) -> None:
    assert dialect_of(spelling).subprotocol == subprotocol


def test_no_dialect_for_what_nobody_speaks() -> None:
    for unknown in (None, "ocpp9.9"):
        with pytest.raises(KeyError):
            dialect_of(unknown)


@pytest.mark.feature("F-OCPP-7")
@pytest.mark.parametrize(
    ("passwords", "least", "profile"), [("optional", 0, 0), ("required", 0, 1), ("required", 2, 2), ("optional", 3, 3)]
)
def test_what_is_asked_of_every_station(passwords: str, least: int, profile: int) -> None:
    settings = dataclasses.replace(
        BASE, station_passwords=passwords, ocpp_min_security_profile=least, ocpp_tls_listen="127.0.0.1:9443"
    )
    assert rules_of(settings).minimum_profile == profile


# -- addresses -------------------------------------------------------------------------------------------------------


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as plain, socket.create_server(("127.0.0.1", 0)) as separate:
        yield plain, separate


def test_addresses_that_people_type_into_stations(sockets: tuple[socket.socket, socket.socket]) -> None:
    plain, separate = sockets
    ports = plain.getsockname()[1], separate.getsockname()[1]
    assert addresses_of(BASE, plain, None) == (f"ws://127.0.0.1:{ports[0]}/ocpp/",)
    both = dataclasses.replace(BASE, ocpp_tls_listen="[::1]:0")
    assert addresses_of(both, plain, separate)[1] == f"wss://[::1]:{ports[1]}/ocpp/"
    shared = dataclasses.replace(BASE, ocpp_tls_listen="127.0.0.1:9000")
    assert addresses_of(shared, plain, None)[1] == f"wss://127.0.0.1:{ports[0]}/ocpp/"
    public = dataclasses.replace(
        BASE,
        ocpp_listen=Address("0.0.0.0", 9000),
        ocpp_tls_listen=":9443",
        ocpp_tls_public_url="wss://charging.example.com/ocpp",
    )
    assert addresses_of(public, plain, separate) == (
        f"ws://{socket.gethostname()}:{ports[0]}/ocpp/",
        "wss://charging.example.com/ocpp/",
    )


# -- TLS -------------------------------------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time


async def a_source(folder: Path, files: TlsFiles | None = None, **changes: str) -> tuple[TlsSource, Clock]:
    settings = dataclasses.replace(BASE, data_dir=folder, ocpp_tls_listen="127.0.0.1:9443", **changes)  # type: ignore[arg-type]
    clock = Clock()
    authority = await open_authority(settings, FakeCertificates(), now=clock.now)
    return TlsSource(files or TlsFiles(), settings, authority, clock.now), clock


def names_in(chain: bytes) -> set[str]:
    found = x509.load_pem_x509_certificate(chain).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(each) for kind in (x509.DNSName, x509.IPAddress) for each in found.get_values_for_type(kind)}


@pytest.mark.feature("F-OCPP-7")
async def test_our_own_authority_issues_a_certificate_and_renews_it_in_time(tmp_path: Path) -> None:
    source, clock = await a_source(tmp_path)
    keeper = TlsKeeper(source.load, source.stamp)
    assert keeper.asks_for_certificates
    first = source.load()
    assert names_in(first.certificate) == {"127.0.0.1", "localhost"}
    assert b"BEGIN CERTIFICATE" in first.client_ca
    before = source.stamp()
    assert source.load().certificate == first.certificate
    ends = x509.load_pem_x509_certificate(first.certificate).not_valid_after_utc
    clock.time = ends - timedelta(days=31)
    assert source.stamp() == before
    clock.time = ends - timedelta(days=29)
    assert source.stamp() != before
    assert keeper.reload()
    assert source.load().certificate != first.certificate
    assert source.stamp() == before


async def test_a_certificate_for_the_names_that_stations_use(tmp_path: Path) -> None:
    source, _ = await a_source(
        tmp_path,
        ocpp_tls_public_url="wss://charging.example.com:8443/ocpp/",
        ocpp_public_url="ws://[2001:db8::1]:9000/",
    )
    assert names_in(source.load().certificate) == {"127.0.0.1", "charging.example.com", "2001:db8::1"}


async def test_files_are_taken_where_they_are_given(tmp_path: Path) -> None:
    root = Authority()
    chain, key = root.server().files(tmp_path, "server")
    (tmp_path / "ca.pem").write_bytes(root.pem)
    source, clock = await a_source(tmp_path, TlsFiles(chain, key, (tmp_path / "ca.pem",)))
    found = source.load()
    assert found.certificate == chain.read_bytes()
    assert found.client_ca.count(b"BEGIN CERTIFICATE") == 2  # ours and theirs
    before = source.stamp()
    clock.time += timedelta(days=10_000)
    assert source.stamp() == before  # nothing of ours to renew
    chain.write_bytes(b"longer than before" + chain.read_bytes())
    assert source.stamp() != before
    chain.unlink()
    with pytest.raises(TlsError):
        source.load()


@pytest.mark.feature("F-OCPP-7")
async def test_what_our_own_authority_revokes_is_refused_at_once(tmp_path: Path) -> None:
    source, _ = await a_source(tmp_path)
    authority = source._authority
    keeper = TlsKeeper(source.load, source.stamp)
    signed = await authority.sign(a_request(), "CP-1", SigningUse.CHARGING_STATION)
    leaf = x509.load_pem_x509_certificate(signed.chain.encode())
    root = x509.load_pem_x509_certificate(authority.root_of(SigningUse.CHARGING_STATION))
    shown = read_certificates([each.public_bytes(serialization.Encoding.DER) for each in (leaf, root)])
    assert shown.names_station("CP-1")
    assert not is_revoked(authority, keeper, shown)
    authority.revoke(signed.serial, signed.issuer, NOW, RevocationReason.KEY_COMPROMISE)
    assert is_revoked(authority, keeper, shown)
    assert is_revoked(authority, None, shown)


async def test_stations_are_asked_for_no_certificate_where_that_is_wanted(tmp_path: Path) -> None:
    source, _ = await a_source(tmp_path, ocpp_tls_client_ca="none")
    assert not TlsKeeper(source.load, source.stamp).asks_for_certificates
