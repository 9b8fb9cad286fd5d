"""TLS at the front door, with real sockets and certificates of an authority made for the test."""

from __future__ import annotations

import base64
import contextlib
import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from trio.testing import MockClock

from csms.domain.facts import RegistrationStatus
from csms.ports.stores import StationRow
from csms.transport.admission import SecurityRules, StationAdmission
from csms.transport.connection import WebSocketConnection
from csms.transport.security import AttemptLimiter, AttemptLimits, PasswordVerifier, hash_password
from csms.transport.sockets import open_listen_socket
from csms.transport.tls import (
    Revocations,
    TlsError,
    TlsFiles,
    TlsKeeper,
    TlsMaterial,
    make_context,
    read_certificates,
    read_files,
    read_revocations,
    stamp_of,
)
from csms.transport.websocket import Admitted, ConnectionAttempt, OcppListener, Refused, Tls
from tests.csms.transport.station_client import StationClient
from tests.kit.tls_authority import DAY, Authority, Pair, client_context

PATIENCE = 60
SECRET = b"correct-horse-battery"
ROOT = Authority()
OTHER = Authority("Somebody Else's Root")
SERVER = ROOT.server()


def material(server: Pair = SERVER, client_ca: bytes = ROOT.pem, **more: object) -> TlsMaterial:
    return TlsMaterial(server.chain_pem, server.key_pem, client_ca, **more)  # type: ignore[arg-type]


@dataclass
class House:
    """Stations by identity; `refused` are the reasons, `proven` what was noted."""

    rows: dict[str, StationRow] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    proven: list[tuple[str, int]] = field(default_factory=list)
    port: int = 0
    open: int = 0
    streams: list[trio.abc.Stream] = field(default_factory=list)

    def add(self, identity: str, *, password: bool = False, profile: int = 0, serial_number: str = "") -> None:
        stored = hash_password(SECRET, generated=True) if password else None
        numbers = (serial_number,) if serial_number else ()
        self.rows[identity] = StationRow(
            len(self.rows), identity, "", "", "", RegistrationStatus.ACCEPTED, stored, 1, (), profile, numbers
        )

    async def admit(self, identity: str, remote_address: str, now: datetime) -> StationRow | None:
        return self.rows.get(identity)

    async def signed_in(self, row: StationRow, security_profile: int, password_hash: str | None) -> None:
        self.proven.append((row.identity, security_profile))

    async def serve(self, connection: WebSocketConnection, admitted: Admitted[StationRow]) -> None:
        self.open += 1
        while True:
            message = await connection.receive()
            assert isinstance(message, bytes)
            await connection.send(message)

    def note(self, attempt: ConnectionAttempt, refused: Refused) -> None:
        self.refused.append(refused.reason)

    async def knock(
        self, context: ssl.SSLContext | None, identity: str = "CP-1", *, password: bytes | None = None
    ) -> tuple[StationClient, int]:
        """Raises trio.BrokenResourceError when TLS fails."""
        stream: trio.abc.Stream = await trio.open_tcp_stream("127.0.0.1", self.port)
        if context is not None:
            stream = trio.SSLStream(stream, context, server_hostname="localhost")
        self.streams.append(stream)
        station = StationClient(stream, f"ws://localhost:{self.port}/ocpp/{identity}")
        headers = {}
        if password is not None:
            pair = base64.b64encode(identity.encode() + b":" + password).decode()
            headers["Authorization"] = f"Basic {pair}"
        try:
            return station, (await station.shake_hands(headers=headers)).status_code
        except EOFError as error:  # in TLS 1.3 the alert comes after the client's own handshake is over
            raise trio.BrokenResourceError from error


@contextlib.asynccontextmanager
async def opened(
    keeper: TlsKeeper | None, *, minimum: int = 0, shared: bool = False, limits: AttemptLimits | None = None
) -> AsyncIterator[House]:
    house = House()
    admission = StationAdmission(
        house,
        PasswordVerifier(),
        house,
        rules=SecurityRules(minimum),
        now=lambda: datetime.now(UTC),
        is_revoked=lambda certificate: keeper is not None and keeper.is_revoked(certificate),
    )
    listener = OcppListener(
        admission, house.serve, on_refused=house.note, attempts=None if limits is None else AttemptLimiter(limits)
    )
    sock = open_listen_socket("127.0.0.1", 0)
    house.port = sock.getsockname()[1]
    tls = None if keeper is None else Tls(keeper.context, shared=shared)
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as links, trio.open_nursery() as nursery:

            async def run(*, task_status: trio.TaskStatus[None]) -> None:
                await listener.run([sock], links, tls=tls, task_status=task_status)

            await nursery.start(run)
            try:
                yield house
            finally:
                for stream in house.streams:
                    await trio.aclose_forcefully(stream)
                nursery.cancel_scope.cancel()
                links.cancel_scope.cancel()


def keeper_of(found: TlsMaterial) -> TlsKeeper:
    return TlsKeeper(lambda: found)


# -- profiles --------------------------------------------------------------------------------------------------------


@pytest.mark.feature("F-OCPP-7")
@pytest.mark.parametrize("proven", [0, 1, 2, 3])
async def test_each_profile_over_real_tls(tmp_path: Path, proven: int) -> None:
    pair = ROOT.station("CP-1")
    anonymous, own = client_context(ROOT), client_context(ROOT, pair, tmp_path)
    async with opened(keeper_of(material()), shared=True) as house:
        house.add("CP-1", password=True, profile=proven)
        statuses = []
        for context, password in ((None, None), (None, SECRET), (anonymous, None), (anonymous, SECRET), (own, None)):
            _, status = await house.knock(context, password=password)
            statuses.append(status == 101)
        assert statuses == [False, proven <= 1, False, proven <= 2, True]


@pytest.mark.feature("F-OCPP-7")
async def test_a_station_without_a_password_may_come_by_tls_unless_more_is_asked(tmp_path: Path) -> None:
    async with opened(keeper_of(material())) as house:
        house.add("CP-1")
        _, status = await house.knock(client_context(ROOT))
        assert (status, house.proven) == (101, [])
        _, status = await house.knock(client_context(ROOT, ROOT.station("CP-1"), tmp_path))
        assert (status, house.proven) == (101, [("CP-1", 3)])
    async with opened(keeper_of(material()), minimum=2) as house:
        house.add("CP-1")
        _, status = await house.knock(client_context(ROOT))
        assert (status, house.refused) == (401, ["NO_PASSWORD"])


@pytest.mark.feature("F-OCPP-7")
async def test_a_downgrade_to_the_plain_port_is_refused_and_slowed(tmp_path: Path) -> None:
    async with opened(None, limits=AttemptLimits(pair=3)) as house:
        house.add("CP-1", password=True, profile=2)
        for _ in range(3):
            assert (await house.knock(None, password=SECRET))[1] == 403
        assert (await house.knock(None, password=SECRET))[1] == 429
        assert house.refused == ["NO_TLS"] * 3 + ["TOO_MANY_ATTEMPTS"]
        assert house.open == 0


@pytest.mark.feature("F-OCPP-7")
@pytest.mark.parametrize(
    ("make", "status", "reason"),
    [
        (lambda: ROOT.station("CP-1"), 101, ""),
        (lambda: ROOT.below().station("CP-1"), 101, ""),
        (lambda: ROOT.station("SN-1"), 101, ""),
        (lambda: ROOT.station("", names=(x509.DNSName("CP-1"),)), 101, ""),
        (lambda: ROOT.station("x", names=(x509.UniformResourceIdentifier("urn:ocpp:station:CP-1"),)), 101, ""),
        (lambda: ROOT.station("CP-2"), 403, "CERTIFICATE_OF_ANOTHER"),
        (lambda: ROOT.station("CP-1", until=datetime.now(UTC) - DAY), 403, "CERTIFICATE_EXPIRED"),
        (lambda: ROOT.below(until=datetime.now(UTC) - DAY).station("CP-1"), 403, "CERTIFICATE_EXPIRED"),
        (lambda: ROOT.station("CP-1", since=datetime.now(UTC) + DAY / 2), 403, "CERTIFICATE_NOT_VALID_YET"),
    ],
    ids=[
        "own name",
        "by an authority between",
        "serial number",
        "alternative name",
        "URI",
        "another's name",
        "expired",
        "expired authority",
        "not yet",
    ],
)
async def test_certificates_of_stations(tmp_path: Path, make: Callable[[], Pair], status: int, reason: str) -> None:
    async with opened(keeper_of(material())) as house:
        house.add("CP-1", serial_number="SN-1")
        assert (await house.knock(client_context(ROOT, make(), tmp_path)))[1] == status
        assert house.refused == ([reason] if reason else [])


@pytest.mark.feature("F-OCPP-7")
@pytest.mark.parametrize("by", ["leaf", "authority"])
async def test_revoked_certificates(tmp_path: Path, by: str) -> None:
    between = ROOT.below()
    revoked, other = between.station("CP-1"), ROOT.station("CP-1")
    if by == "leaf":
        lists = (between.revocation_list(revoked), ROOT.revocation_list())
    else:
        lists = (ROOT.revocation_list(Pair(between.certificate, between.key)),)
    found = material(client_ca=ROOT.pem + between.pem, revocation_lists=lists)
    async with opened(keeper_of(found)) as house:
        house.add("CP-1")
        assert (await house.knock(client_context(ROOT, revoked, tmp_path)))[1] == 403
        assert house.refused == ["CERTIFICATE_REVOKED"]
        assert (await house.knock(client_context(ROOT, other, tmp_path)))[1] == 101


@pytest.mark.feature("F-OCPP-7")
@pytest.mark.parametrize("kind", ["another authority", "signed by itself", "a server's"])
async def test_certificates_that_nobody_vouches_for_end_in_the_handshake(tmp_path: Path, kind: str) -> None:
    pair = {
        "another authority": lambda: OTHER.station("CP-1"),
        "signed by itself": lambda: Pair(OTHER.certificate, OTHER.key),
        "a server's": lambda: ROOT.server(name="CP-1"),
    }[kind]()
    async with opened(keeper_of(material())) as house:
        house.add("CP-1")
        with pytest.raises(trio.BrokenResourceError):
            await house.knock(client_context(ROOT, pair, tmp_path))
        assert house.open == 0
        assert (await house.knock(client_context(ROOT)))[1] == 101


async def test_a_resumed_session_still_knows_the_certificate(tmp_path: Path) -> None:
    context = client_context(ROOT, ROOT.station("CP-1"), tmp_path)
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # its tickets are there when the handshake is over
    async with opened(keeper_of(material()), minimum=3) as house:
        house.add("CP-1", profile=3)

        def connect(session: ssl.SSLSession | None) -> tuple[ssl.SSLSession | None, bool, bytes]:
            with (
                socket.create_connection(("127.0.0.1", house.port)) as plain,
                context.wrap_socket(plain, server_hostname="localhost", session=session) as sock,
            ):
                head = b"GET /ocpp/CP-1 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                head += b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ocpp1.6\r\n"
                sock.sendall(head + b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
                return sock.session, bool(sock.session_reused), sock.recv(12)

        session, reused, answer = await trio.to_thread.run_sync(connect, None)
        assert (reused, answer) == (False, b"HTTP/1.1 101")
        _, reused, answer = await trio.to_thread.run_sync(connect, session)
        assert (reused, answer) == (True, b"HTTP/1.1 101")


# -- versions and suites ---------------------------------------------------------------------------------------------


def old_client(version: ssl.TLSVersion | None = None, ciphers: str = "") -> ssl.SSLContext:
    context = client_context(ROOT)
    context.set_ciphers(f"{ciphers or 'ALL'}:@SECLEVEL=0")
    if version is not None:
        with pytest.warns(DeprecationWarning, match="TLS"):
            context.minimum_version = context.maximum_version = version
    else:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


@pytest.mark.feature("F-OCPP-7")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
async def test_tls_before_1_2_is_refused(version: ssl.TLSVersion) -> None:
    async with opened(keeper_of(material())) as house:
        house.add("CP-1")
        with pytest.raises(trio.BrokenResourceError):
            await house.knock(old_client(version))
        assert (await house.knock(client_context(ROOT)))[1] == 101


RSA_SERVER = ROOT.server(key=rsa.generate_private_key(65537, 2048))


@pytest.mark.feature("F-OCPP-7")
@pytest.mark.parametrize(
    ("server", "suite", "legacy", "taken"),
    [
        (SERVER, "ECDHE-ECDSA-AES128-GCM-SHA256", False, True),
        (SERVER, "ECDHE-ECDSA-AES256-GCM-SHA384", False, True),
        (RSA_SERVER, "ECDHE-RSA-AES128-GCM-SHA256", False, True),
        (RSA_SERVER, "AES128-GCM-SHA256", False, False),
        (RSA_SERVER, "AES128-GCM-SHA256", True, True),
        (RSA_SERVER, "AES256-GCM-SHA384", True, True),
        (RSA_SERVER, "AES128-SHA256", True, False),
        (RSA_SERVER, "ECDHE-RSA-AES128-SHA256", True, False),
        (SERVER, "ECDHE-ECDSA-AES128-SHA", False, False),
    ],
)
async def test_only_suites_that_ocpp_names(server: Pair, suite: str, legacy: bool, taken: bool) -> None:
    async with opened(keeper_of(material(server, legacy_ciphers=legacy))) as house:
        house.add("CP-1")
        if taken:
            assert (await house.knock(old_client(ciphers=suite)))[1] == 101
        else:
            with pytest.raises(trio.BrokenResourceError):
                await house.knock(old_client(ciphers=suite))


def test_no_compression_and_no_renegotiation() -> None:
    context = make_context(material())
    assert context.options & ssl.OP_NO_COMPRESSION
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


# -- one port for both -----------------------------------------------------------------------------------------------


async def test_one_port_for_plain_and_tls() -> None:
    async with opened(keeper_of(material()), shared=True) as house:
        house.add("CP-1")
        assert (await house.knock(None))[1] == 101
        assert (await house.knock(client_context(ROOT)))[1] == 101
        async with await trio.open_tcp_stream("127.0.0.1", house.port) as stream:
            await stream.send_all(b"\x17 no hello")
            answer = await stream.receive_some(100)
            assert answer.startswith(b"HTTP/1.1 400")


async def test_who_says_nothing_on_the_shared_port_is_sent_away() -> None:
    sock = open_listen_socket("127.0.0.1", 0)
    sock.close()
    async with opened(keeper_of(material()), shared=True) as house:
        stream = await trio.open_tcp_stream("127.0.0.1", house.port)
        await stream.aclose()
        house.add("CP-1")
        assert (await house.knock(None))[1] == 101


# -- reloading -------------------------------------------------------------------------------------------------------


@pytest.mark.feature("F-OCPP-7")
async def test_a_new_certificate_while_stations_are_connected(tmp_path: Path) -> None:
    chain, key = SERVER.files(tmp_path, "server")
    ca = tmp_path / "ca.pem"
    ca.write_bytes(ROOT.pem)
    files = TlsFiles(chain, key, (ca,))
    keeper = TlsKeeper(lambda: read_files(files), lambda: stamp_of(files))
    async with opened(keeper) as house:
        house.add("CP-1")
        house.add("CP-2")
        old, status = await house.knock(client_context(ROOT))
        assert status == 101
        OTHER.server().files(tmp_path, "server")  # another authority's, as when an operator changes theirs
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: keeper.run(poll=0.01))
            while not keeper.reloads:
                await trio.sleep(0.01)
            nursery.cancel_scope.cancel()
        new, status = await house.knock(client_context(OTHER), "CP-2")
        assert status == 101
        for station in (old, new):
            await station.send(b"still here")
            assert await station.receive() == b"still here"
        with pytest.raises(trio.BrokenResourceError):
            await house.knock(client_context(ROOT), "CP-1")


@pytest.mark.feature("F-OCPP-7")
async def test_a_broken_file_changes_nothing_until_it_is_mended(tmp_path: Path, autojump_clock: MockClock) -> None:
    chain, key = SERVER.files(tmp_path, "server")
    files = TlsFiles(chain, key)
    keeper = TlsKeeper(lambda: read_files(files), lambda: stamp_of(files))
    context = keeper.context()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keeper.run)
        key.write_text("half a k")
        await trio.sleep(30)
        assert keeper.context() is context
        key.unlink()
        await trio.sleep(30)
        assert keeper.context() is context
        key.write_bytes(SERVER.key_pem)
        os.utime(key, (1, 1))
        await trio.sleep(30)
        assert keeper.context() is not context
        assert keeper.reloads == 1
        nursery.cancel_scope.cancel()


# -- bad material ----------------------------------------------------------------------------------------------------


def encrypted(pair: Pair) -> bytes:
    return pair.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (TlsMaterial(b"", b""), "do not go together"),
        (TlsMaterial(SERVER.chain_pem, ROOT.server().key_pem), "do not go together"),
        (TlsMaterial(SERVER.chain_pem, encrypted(SERVER)), "do not go together"),
        (material(client_ca=b"nonsense"), "authorities of stations' certificates cannot be read"),
    ],
    ids=["nothing", "another's key", "encrypted key", "no authority"],
)
def test_material_that_makes_no_server(broken: TlsMaterial, says: str) -> None:
    with pytest.raises(TlsError, match=says):
        make_context(broken)


def test_revocation_lists_must_be_those_of_an_authority() -> None:
    pair = ROOT.station("CP-1")
    revoked = read_revocations(material(revocation_lists=(ROOT.revocation_list(pair),)))
    assert len(revoked) == 1
    assert read_certificates([pair.certificate.public_bytes(serialization.Encoding.DER)]) in revoked
    assert read_certificates([ROOT.station("CP-1").certificate.public_bytes(serialization.Encoding.DER)]) not in revoked
    assert len(Revocations()) == 0
    impostor = Authority(ROOT.name)  # the same name, another key
    for bad in (OTHER.revocation_list(pair), impostor.revocation_list(pair)):
        with pytest.raises(TlsError, match="not signed by any"):
            read_revocations(material(revocation_lists=(bad,)))
    with pytest.raises(TlsError, match="cannot be read"):
        read_revocations(material(revocation_lists=(b"nonsense",)))
    with pytest.raises(TlsError, match="cannot be read"):
        read_revocations(material(client_ca=b"-----BEGIN CERTIFICATE-----", revocation_lists=(b"x",)))


def test_what_is_read_in_a_certificate() -> None:
    between = ROOT.below("Between", until=datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1))
    pair = between.station("CP-1", names=(x509.DNSName("cp-1.example.com"),))
    chain = [
        each.public_bytes(serialization.Encoding.DER)
        for each in (pair.certificate, between.certificate, ROOT.certificate)
    ]
    found = read_certificates(chain)
    assert found.common_name == "CP-1"
    assert found.names == ("cp-1.example.com",)
    assert found.issuer == "CN=Between"
    assert found.serial_number == f"{pair.certificate.serial_number:x}"
    assert len(found.fingerprint) == 64
    assert found.not_after == between.until  # the chain ends when its weakest part does
    assert [issuer for issuer, _ in found.chain] == ["CN=Between", "CN=Test Root"]
    with pytest.raises(TlsError):
        read_certificates([b"nonsense"])
    with pytest.raises(TlsError):
        read_certificates([])


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TlsError, match=r"Cannot read .*nowhere\.pem"):
        read_files(TlsFiles(tmp_path / "nowhere.pem", tmp_path / "nowhere.key"))


def test_keys_of_the_kinds_that_ocpp_names() -> None:
    for key in (ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)):
        assert make_context(material(ROOT.server(key=key))).verify_mode is ssl.CERT_OPTIONAL
    assert make_context(material(client_ca=b"")).verify_mode is ssl.CERT_NONE
