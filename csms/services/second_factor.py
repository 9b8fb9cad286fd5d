"""Second factors: codes of an authenticator app (TOTP, RFC 6238), and recovery codes for the day it is lost."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from io import BytesIO
from typing import Final

import msgspec
import pyotp
import segno

from csms.domain.access import Action, Principal, User, check
from csms.domain.errors import FailedPrecondition, InvalidArgument
from csms.ports.installations import SecretCipher
from csms.ports.people import PeopleStore
from csms.services.access import AccessControl, digest_of
from csms.services.audit import note_change

ISSUER: Final = "Chargehouse"
STEP_SECONDS: Final = 30
RECOVERY_CODES: Final = 10
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_DIGITS: Final = 6


class Enrolment(msgspec.Struct, frozen=True):
    """What an authenticator app takes in: typed, opened or scanned."""

    secret: str
    uri: str
    qr_svg: str


class SecondFactors:
    """Use cases of people. A code counts once; those of the step before and after are taken too: clocks differ.
    Secrets are kept sealed; without their key FailedPrecondition/KEY_LOST is raised, and recovery codes still count."""

    def __init__(self, store: PeopleStore, cipher: SecretCipher, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._cipher = cipher
        self._now = now

    async def verify(self, user: User, code: str) -> bool:
        """Is it a code of the app, or a recovery code? Either counts once."""
        code = code.strip().replace(" ", "").replace("-", "").lower()
        if len(code) == _DIGITS and code.isascii() and code.isdecimal():
            step = self._step(self._cipher.open(user.totp_secret), code)
            return step is not None and await self._store.use_totp_step(user.id, step)
        return bool(code) and await self._store.use_recovery_code(user.id, digest_of(code))

    async def enrol(self, caller: Principal) -> Enrolment:
        """A secret to take in; it counts once a code of it was given. Raises FailedPrecondition/ALREADY_ENROLLED."""
        user_id = _person(caller)
        person = await self._store.find(user_id)
        if person is not None and person.has_second_factor:
            raise FailedPrecondition(
                "There is a second factor already. Remove it first, then enrol the new one.", reason="ALREADY_ENROLLED"
            )
        secret = pyotp.random_base32(32)
        await self._store.offer_totp(user_id, self._cipher.seal(secret))
        uri = pyotp.TOTP(secret).provisioning_uri(name=caller.email or caller.display_name, issuer_name=ISSUER)
        picture = BytesIO()
        segno.make(uri, error="m").save(picture, kind="svg", scale=4, border=2, xmldecl=False, svgns=True)
        note_change(caller.name)
        return Enrolment(secret, uri, picture.getvalue().decode().strip())

    async def confirm(self, caller: Principal, code: str) -> tuple[str, ...]:
        """The app shows the right codes: from now on one is asked for. The recovery codes, which are nowhere else.

        Raises InvalidArgument/WRONG_CODE, FailedPrecondition/NOT_ENROLLING.
        """
        user_id = _person(caller)
        offered = await self._store.offered_totp(user_id)
        if not offered:
            raise FailedPrecondition("Enrol a second factor first.", reason="NOT_ENROLLING")
        step = self._step(self._cipher.open(offered), code.strip().replace(" ", ""))
        if step is None:
            raise InvalidArgument(
                "This code does not fit. Look whether the clock of your device is right, and give the code that is"
                " shown now.",
                reason="WRONG_CODE",
            )
        codes = tuple(_recovery_code() for _ in range(RECOVERY_CODES))
        await self._store.confirm_totp(user_id, offered, step, [digest_of(code.replace("-", "")) for code in codes])
        note_change(caller.name, {"second_factor": False}, _State(second_factor=True))
        return codes

    async def remove(self, caller: Principal, access: AccessControl, password: str) -> None:
        """The own one. Raises Unauthenticated/WRONG_CREDENTIALS, Exhausted."""
        user_id = _person(caller)
        await access.prove_password(caller, password)
        await self._store.remove_totp(user_id)
        note_change(caller.name, {"second_factor": True}, _State(second_factor=False))

    def _step(self, secret: str, code: str) -> int | None:
        """Which step the code is of."""
        if not secret:
            return None
        totp = pyotp.TOTP(secret, digits=_DIGITS, interval=STEP_SECONDS)
        present = int(self._now().timestamp()) // STEP_SECONDS
        found = None
        for step in (present - 1, present, present + 1):
            if pyotp.utils.strings_equal(code, totp.generate_otp(step)):
                found = step
        return found


class _State(msgspec.Struct, frozen=True):
    second_factor: bool


def _recovery_code() -> str:
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(16))
    return "-".join(letters[at : at + 4] for at in range(0, 16, 4))


def _person(caller: Principal) -> int:
    check(caller, Action.OWN_ACCOUNT)
    if caller.user_id is None:
        raise FailedPrecondition("Only people have a second factor, not API keys.", reason="NOT_A_PERSON")
    return caller.user_id
