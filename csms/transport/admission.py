"""Who may come in: the station's row, what it proves about itself, the policy for strangers (F-OCPP-6, F-OCPP-7).

What a station proves (OCPP 1.6 security whitepaper §3; OCPP 2.0.1 part 2, A00):

    profile   it comes                                with
    0         in the clear, or by TLS                 nothing
    1         in the clear                            its password
    2         by TLS                                  its password
    3         by TLS                                  a certificate of its own, whoever's password it sends besides

It must prove at least what it has proven before, what was set for all, and 1 when it has a password here. The row's
`security_profile` is raised when it proves more; only an operator lowers it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import structlog

from csms.domain.errors import Exhausted, InvalidArgument, Unavailable
from csms.domain.facts import RegistrationStatus
from csms.domain.ids import Identity, parse_identity
from csms.ports.stores import StationRow
from csms.transport.security import PasswordVerifier
from csms.transport.tls import ClientCertificate
from csms.transport.websocket import WRONG_CREDENTIALS, Admitted, ConnectionAttempt, Refused

_log = structlog.get_logger("csms.admission")

_UNKNOWN: Final = Refused(404, "No station with this identity is known here. Make it known in the portal first.")
_REJECTED: Final = Refused(403, "An operator has refused this station. Ask the operator to accept it.")
_AWAY: Final = Refused(
    503, "The central system cannot reach its database now. Connect again in a moment.", (("Retry-After", "15"),)
)
_PASSWORD_NEEDED: Final = Refused(
    401,
    "Stations need a password here (OCPP security profile 1). Set one in the portal and in the station.",
    (("WWW-Authenticate", 'Basic realm="OCPP"'),),
    reason="NO_PASSWORD",
)
_TLS_NEEDED: Final = Refused(
    403,
    "This station must connect by TLS (wss://, OCPP security profile 2 or 3). If it was set back on purpose, ask the"
    " operator to allow a lower profile.",
    reason="NO_TLS",
    slows=True,
)
_CERTIFICATE_NEEDED: Final = Refused(
    403,
    "This station must show its own certificate (OCPP security profile 3). If it was set back on purpose, ask the"
    " operator to allow a lower profile.",
    reason="NO_CERTIFICATE",
    slows=True,
)
_WRONG_NAME: Final = Refused(
    403,
    "The certificate was issued to another station: neither its common name nor its alternative names are this"
    " station's identity or serial number.",
    reason="CERTIFICATE_OF_ANOTHER",
    slows=True,
)
_EXPIRED: Final = Refused(
    403,
    "The station's certificate has expired. Give it a new one.",
    reason="CERTIFICATE_EXPIRED",
    slows=True,
)
_NOT_YET: Final = Refused(
    403,
    "The station's certificate is not valid yet. Look at the clock of whoever issued it.",
    reason="CERTIFICATE_NOT_VALID_YET",
    slows=True,
)
_REVOKED: Final = Refused(
    403, "The station's certificate was revoked. Give it a new one.", reason="CERTIFICATE_REVOKED", slows=True
)


class Onboarding(Protocol):
    """The use case behind the door: find the station, or do with a stranger what the policy says."""

    async def admit(self, identity: str, remote_address: str, now: datetime) -> StationRow | None:
        """None: refused by policy. Raises Unavailable, Exhausted."""


class Proofs(Protocol):
    """Where it is kept what a station has proven."""

    async def signed_in(self, row: StationRow, security_profile: int, password_hash: str | None) -> None:
        """It proved more than before: a higher profile, or the new password with this hash. Raises Unavailable."""


def _nothing_revoked(_certificate: ClientCertificate) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class SecurityRules:
    """What is asked of every station. `minimum_profile`: 0 to 3. `certificate_names`: a certificate is a station's when
    it names its `identity`, its `serial` number as told at its last boot (OCPP 2.0.1 A00.FR.4xx wants that one as the
    common name), or `either`."""

    minimum_profile: int = 0
    certificate_names: str = "either"

    def names_of(self, row: StationRow) -> tuple[str, ...]:
        """Of which a certificate must have one."""
        identity = () if self.certificate_names == "serial" else (row.identity,)
        return identity if self.certificate_names == "identity" else (*identity, *row.serial_numbers)


class StationAdmission:
    """Decides about connection attempts for the OCPP-J listener; the ticket is the station's row."""

    def __init__(
        self,
        onboarding: Onboarding,
        verifier: PasswordVerifier,
        proofs: Proofs,
        *,
        rules: SecurityRules,
        now: Callable[[], datetime],
        is_revoked: Callable[[ClientCertificate], bool] = _nothing_revoked,
    ) -> None:
        self._onboarding = onboarding
        self._verifier = verifier
        self._proofs = proofs
        self._rules = rules
        self._now = now
        self._is_revoked = is_revoked

    async def admit(self, attempt: ConnectionAttempt) -> Admitted[StationRow] | Refused:
        """The verdict; never raises for what a station or the database does."""
        try:
            identity = parse_identity(attempt.identity)
            row = await self._onboarding.admit(identity, attempt.remote_address, self._now())
            if row is None:
                _log.info("stranger refused", identity=attempt.identity, remote_address=attempt.remote_address)
                return _UNKNOWN
            return await self._check(identity, row, attempt)
        except InvalidArgument as error:
            return Refused(400, error.message)
        except Exhausted as error:
            return Refused(503, error.message, (("Retry-After", "300"),))
        except Unavailable:
            return _AWAY

    async def _check(
        self, identity: Identity, row: StationRow, attempt: ConnectionAttempt
    ) -> Admitted[StationRow] | Refused:
        # The proof comes first: who cannot give it learns nothing about the station's standing.
        minimum = max(row.security_profile, self._rules.minimum_profile)
        if minimum >= 2 and not attempt.tls:  # whatever password it sends in the clear
            return _TLS_NEEDED
        proven_hash: str | None = None
        if attempt.certificate is not None:
            refused = self._certificate_fault(row, attempt.certificate)
            if refused is not None:
                return refused
            profile = 3
        elif minimum >= 3:
            return _CERTIFICATE_NEEDED
        elif row.password_hash is not None or row.next_password_hashes:
            if attempt.basic_credentials is None:
                return _PASSWORD_NEEDED
            proven_hash = await self._proven(row, attempt.basic_credentials[1])
            if proven_hash is None:
                _log.warning("wrong password", identity=identity, remote_address=attempt.remote_address)
                return WRONG_CREDENTIALS
            profile = 2 if attempt.tls else 1
        elif minimum >= 1:
            return _PASSWORD_NEEDED
        else:
            profile = 0
        if row.registration is RegistrationStatus.REJECTED:
            return _REJECTED
        new_hash = None if proven_hash == row.password_hash else proven_hash
        if profile > row.security_profile or new_hash is not None:
            await self._proofs.signed_in(row, profile, new_hash)
        return Admitted(identity, row)

    async def _proven(self, row: StationRow, secret: bytes) -> str | None:
        """The stored hash of the password that this is; the new ones first, as they are the cheap ones to check."""
        for stored in (*row.next_password_hashes, row.password_hash):
            if stored is not None and await self._verifier.verify(stored, secret):
                return stored
        return None

    def _certificate_fault(self, row: StationRow, certificate: ClientCertificate) -> Refused | None:
        now = self._now()
        if not certificate.names_station(*self._rules.names_of(row)):
            return _WRONG_NAME
        if self._is_revoked(certificate):
            return _REVOKED
        if now > certificate.not_after:
            return _EXPIRED
        return _NOT_YET if now < certificate.not_before else None
