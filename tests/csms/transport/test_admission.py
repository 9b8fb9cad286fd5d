"""Who may come in, and what it has to prove."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from csms.domain.errors import Exhausted, Unavailable
from csms.domain.facts import RegistrationStatus
from csms.ports.stores import StationRow
from csms.transport.admission import SecurityRules, StationAdmission
from csms.transport.security import PasswordVerifier, hash_password
from csms.transport.tls import ClientCertificate
from csms.transport.websocket import Admitted, ConnectionAttempt, Refused

ACCEPTED, PENDING, REJECTED = RegistrationStatus.ACCEPTED, RegistrationStatus.PENDING, RegistrationStatus.REJECTED
SECRET, WRONG, NEW = b"correct-horse-battery", b"wrong-wrong-wrong-wrong", b"new-new-new-new-new-new"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
CERTIFICATE = ClientCertificate(
    "CP-1", (), "1", "CN=CA", "aa", NOW - timedelta(days=1), NOW + timedelta(days=1), (("CN=CA", "1"),)
)
REVOKED = replace(CERTIFICATE, serial_number="2")


def hashed(secret: bytes) -> str:
    return hash_password(secret, generated=True)


def row(
    registration: RegistrationStatus = ACCEPTED,
    secret: bytes | None = None,
    *,
    profile: int = 0,
    new: tuple[bytes, ...] = (),
    serial_numbers: tuple[str, ...] = (),
) -> StationRow:
    stored = None if secret is None else hashed(secret)
    return StationRow(
        1, "CP-1", "", "", "", registration, stored, 1, tuple(hashed(each) for each in new), profile, serial_numbers
    )


class World:
    """`proven`: (profile, hash of the new password) as they were noted. `reason` of the last refusal."""

    def __init__(self, answer: StationRow | Exception | None, *, minimum: int = 0, names: str = "either") -> None:
        self.answer = answer
        self.proven: list[tuple[int, str | None]] = []
        self.reason = ""
        self.slows = False
        self.admission = StationAdmission(
            self,
            PasswordVerifier(),
            self,
            rules=SecurityRules(minimum, names),
            now=lambda: NOW,
            is_revoked=lambda certificate: certificate == REVOKED,
        )

    async def admit(self, identity: str, remote_address: str, now: datetime) -> StationRow | None:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def signed_in(self, row: StationRow, security_profile: int, password_hash: str | None) -> None:
        self.proven.append((security_profile, password_hash))

    async def attempt(
        self,
        secret: bytes | None = None,
        identity: str = "CP-1",
        *,
        tls: bool = False,
        certificate: ClientCertificate | None = None,
    ) -> int:
        credentials = None if secret is None else (identity, secret)
        attempt = ConnectionAttempt(
            identity, "127.0.0.1", credentials, ("ocpp1.6",), "ocpp1.6", tls, "/ocpp/CP-1", certificate
        )
        verdict = await self.admission.admit(attempt)
        if isinstance(verdict, Refused):
            assert verdict.message.endswith(".")
            self.reason, self.slows = verdict.reason, verdict.slows
            return verdict.status
        assert isinstance(verdict, Admitted)
        return 101


@pytest.mark.feature("F-OCPP-6")
async def test_the_policy_for_strangers() -> None:
    assert await World(None).attempt() == 404
    assert await World(row(PENDING)).attempt() == 101
    assert await World(row(REJECTED)).attempt() == 403


@pytest.mark.feature("F-OCPP-7")
@pytest.mark.parametrize(
    ("stored", "sent", "minimum", "status"),
    [
        (None, None, 0, 101),
        (None, None, 1, 401),
        (None, SECRET, 1, 401),
        (SECRET, None, 0, 401),
        (SECRET, WRONG, 0, 401),
        (SECRET, SECRET, 0, 101),
        (SECRET, SECRET, 1, 101),
    ],
)
async def test_passwords(stored: bytes | None, sent: bytes | None, minimum: int, status: int) -> None:
    assert await World(row(secret=stored), minimum=minimum).attempt(sent) == status


@pytest.mark.feature("F-OCPP-7")
@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("brings", ["nothing", "wrong password", "password", "certificate", "both"])
@pytest.mark.parametrize("proven", [0, 1, 2, 3])
@pytest.mark.parametrize("minimum", [0, 1, 2, 3])
async def test_every_profile_and_whatever_a_station_brings(minimum: int, proven: int, brings: str, tls: bool) -> None:
    world = World(row(secret=SECRET, profile=proven), minimum=minimum)
    password = {"password": SECRET, "both": SECRET, "wrong password": WRONG}.get(brings)
    certificate = CERTIFICATE if tls and brings in ("certificate", "both") else None
    status = await world.attempt(password, tls=tls, certificate=certificate)
    shown = 3 if certificate else (2 if tls else 1) if password == SECRET else 0
    asked = max(minimum, proven, 1)  # it has a password
    assert (status == 101) == (shown >= asked), (status, world.reason)
    if status == 101:
        assert world.proven == ([(shown, None)] if shown > proven else [])
    else:
        assert world.proven == []
        assert world.reason == (
            "NO_TLS"
            if asked >= 2 and not tls
            else "NO_CERTIFICATE"
            if asked == 3
            else "NO_PASSWORD"
            if password is None
            else "WRONG_PASSWORD"
        )
        assert world.slows == (world.reason != "NO_PASSWORD")


@pytest.mark.feature("F-OCPP-7")
@pytest.mark.parametrize(
    ("certificate", "reason"),
    [
        (replace(CERTIFICATE, common_name="CP-2"), "CERTIFICATE_OF_ANOTHER"),
        (replace(CERTIFICATE, common_name="cp-1"), "CERTIFICATE_OF_ANOTHER"),
        (replace(CERTIFICATE, common_name=""), "CERTIFICATE_OF_ANOTHER"),
        (REVOKED, "CERTIFICATE_REVOKED"),
        (replace(CERTIFICATE, not_after=NOW - timedelta(seconds=1)), "CERTIFICATE_EXPIRED"),
        (replace(CERTIFICATE, not_before=NOW + timedelta(seconds=1)), "CERTIFICATE_NOT_VALID_YET"),
    ],
)
async def test_certificates_that_prove_nothing(certificate: ClientCertificate, reason: str) -> None:
    world = World(row(secret=SECRET))
    assert await world.attempt(SECRET, tls=True, certificate=certificate) == 403  # the password does not help
    assert world.reason == reason
    assert world.slows
    assert world.proven == []


@pytest.mark.feature("F-OCPP-7")
@pytest.mark.parametrize(
    ("rule", "common_name", "names", "status"),
    [
        ("either", "CP-1", (), 101),
        ("either", "SN-7", (), 101),
        ("either", "BOX-8", (), 101),
        ("either", "x", ("CP-1",), 101),
        ("either", "x", ("urn:example:station:CP-1",), 101),
        ("either", "x", ("https://example.com/ocpp/CP-1",), 101),
        ("identity", "SN-7", (), 403),
        ("identity", "CP-1", (), 101),
        ("serial", "CP-1", (), 403),
        ("serial", "SN-7", (), 101),
    ],
)
async def test_whose_certificate_it_is(rule: str, common_name: str, names: tuple[str, ...], status: int) -> None:
    world = World(row(serial_numbers=("SN-7", "BOX-8")), names=rule)
    certificate = replace(CERTIFICATE, common_name=common_name, names=names)
    assert await world.attempt(tls=True, certificate=certificate) == status


async def test_a_certificate_of_a_serial_number_that_nobody_has_told_yet() -> None:
    certificate = replace(CERTIFICATE, common_name="")
    assert await World(row(), names="serial").attempt(tls=True, certificate=certificate) == 403


@pytest.mark.feature("F-OCPP-7")
async def test_a_password_change_that_was_left_half_done() -> None:
    station = row(secret=SECRET, profile=1, new=(NEW, b"newer-newer-newer-newer"))
    world = World(station)
    assert await world.attempt(SECRET) == 101  # it has not taken it yet
    assert world.proven == []
    assert await world.attempt(WRONG) == 401
    assert await world.attempt(NEW) == 101
    assert world.proven == [(1, station.next_password_hashes[0])]


async def test_a_first_password_that_is_under_way_to_the_station() -> None:
    station = row(new=(NEW,))
    world = World(station)
    assert await world.attempt() == 401
    assert await world.attempt(NEW) == 101
    assert world.proven == [(1, station.next_password_hashes[0])]


async def test_a_wrong_password_does_not_tell_that_the_station_was_refused() -> None:
    assert await World(row(REJECTED, SECRET)).attempt(WRONG) == 401


async def test_what_a_rejected_station_proves_is_not_kept() -> None:
    world = World(row(REJECTED, SECRET))
    assert await world.attempt(SECRET) == 403
    assert world.proven == []


@pytest.mark.feature("F-OCPP-8")
async def test_a_database_that_is_away_asks_for_patience() -> None:
    assert await World(Unavailable("away")).attempt() == 503


@pytest.mark.feature("F-OCPP-8")
async def test_a_database_that_goes_away_before_the_proof_is_kept() -> None:
    world = World(row(secret=SECRET))

    async def away(row: StationRow, security_profile: int, password_hash: str | None) -> None:
        raise Unavailable("away")

    world.admission._proofs = type("Away", (), {"signed_in": staticmethod(away)})()
    assert await world.attempt(SECRET) == 503


async def test_too_many_strangers() -> None:
    assert await World(Exhausted("Too many stations wait.")).attempt() == 503


async def test_an_identity_that_the_socket_let_through_but_we_do_not() -> None:
    assert await World(row()).attempt(identity="a<b") == 400
