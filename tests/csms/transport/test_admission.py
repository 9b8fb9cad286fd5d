"""Who may come in."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from csms.domain.errors import Exhausted, Unavailable
from csms.domain.facts import RegistrationStatus
from csms.ports.stores import StationRow
from csms.transport.admission import StationAdmission
from csms.transport.security import PasswordVerifier, hash_password
from csms.transport.websocket import Admitted, ConnectionAttempt, Refused

ACCEPTED, PENDING, REJECTED = RegistrationStatus.ACCEPTED, RegistrationStatus.PENDING, RegistrationStatus.REJECTED
SECRET = b"correct-horse-battery"


def row(registration: RegistrationStatus = ACCEPTED, secret: bytes | None = None) -> StationRow:
    stored = None if secret is None else hash_password(secret, generated=True)
    return StationRow(1, "CP-1", "", "", "", registration, stored, 1)


class World:
    def __init__(self, answer: StationRow | Exception | None, *, required: bool = False) -> None:
        self.answer = answer
        self.admission = StationAdmission(
            self, PasswordVerifier(), passwords_required=required, now=lambda: datetime(2026, 1, 1, tzinfo=UTC)
        )

    async def admit(self, identity: str, remote_address: str, now: datetime) -> StationRow | None:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def attempt(self, secret: bytes | None = None, identity: str = "CP-1") -> int:
        credentials = None if secret is None else (identity, secret)
        attempt = ConnectionAttempt(identity, "127.0.0.1", credentials, ("ocpp1.6",), "ocpp1.6", False, "/ocpp/CP-1")
        verdict = await self.admission.admit(attempt)
        if isinstance(verdict, Refused):
            assert verdict.message.endswith(".")
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
    ("stored", "sent", "required", "status"),
    [
        (None, None, False, 101),
        (None, None, True, 401),
        (None, SECRET, True, 401),
        (SECRET, None, False, 401),
        (SECRET, b"wrong-wrong-wrong-wrong", False, 401),
        (SECRET, SECRET, False, 101),
        (SECRET, SECRET, True, 101),
    ],
)
async def test_passwords(stored: bytes | None, sent: bytes | None, required: bool, status: int) -> None:
    assert await World(row(secret=stored), required=required).attempt(sent) == status


async def test_a_wrong_password_does_not_tell_that_the_station_was_refused() -> None:
    assert await World(row(REJECTED, SECRET)).attempt(b"wrong-wrong-wrong-wrong") == 401


@pytest.mark.feature("F-OCPP-8")
async def test_a_database_that_is_away_asks_for_patience() -> None:
    assert await World(Unavailable("away")).attempt() == 503


async def test_too_many_strangers() -> None:
    assert await World(Exhausted("Too many stations wait.")).attempt() == 503


async def test_an_identity_that_the_socket_let_through_but_we_do_not() -> None:
    assert await World(row()).attempt(identity="a<b") == 400
