"""Who may come in: the station's row, its password, the policy for strangers (F-OCPP-6, F-OCPP-7)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

import structlog

from csms.domain.errors import Exhausted, InvalidArgument, Unavailable
from csms.domain.facts import RegistrationStatus
from csms.domain.ids import Identity, parse_identity
from csms.ports.stores import StationRow
from csms.transport.security import PasswordVerifier
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
)


class Onboarding(Protocol):
    """The use case behind the door: find the station, or do with a stranger what the policy says."""

    async def admit(self, identity: str, remote_address: str, now: datetime) -> StationRow | None:
        """None: refused by policy. Raises Unavailable, Exhausted."""


class StationAdmission:
    """Decides about connection attempts for the OCPP-J listener; the ticket is the station's row."""

    def __init__(
        self,
        onboarding: Onboarding,
        verifier: PasswordVerifier,
        *,
        passwords_required: bool,
        now: Callable[[], datetime],
    ) -> None:
        self._onboarding = onboarding
        self._verifier = verifier
        self._passwords_required = passwords_required
        self._now = now

    async def admit(self, attempt: ConnectionAttempt) -> Admitted[StationRow] | Refused:
        """The verdict; never raises for what a station or the database does."""
        try:
            identity = parse_identity(attempt.identity)
            row = await self._onboarding.admit(identity, attempt.remote_address, self._now())
        except InvalidArgument as error:
            return Refused(400, error.message)
        except Exhausted as error:
            return Refused(503, error.message, (("Retry-After", "300"),))
        except Unavailable:
            return _AWAY
        if row is None:
            _log.info("stranger refused", identity=attempt.identity, remote_address=attempt.remote_address)
            return _UNKNOWN
        return await self._check(identity, row, attempt)

    async def _check(
        self, identity: Identity, row: StationRow, attempt: ConnectionAttempt
    ) -> Admitted[StationRow] | Refused:
        # The password comes first: who does not know it learns nothing about the station's standing.
        if row.password_hash is not None:
            if attempt.basic_credentials is None:
                return _PASSWORD_NEEDED
            if not await self._verifier.verify(row.password_hash, attempt.basic_credentials[1]):
                _log.warning("wrong password", identity=identity, remote_address=attempt.remote_address)
                return WRONG_CREDENTIALS
        elif self._passwords_required:
            return _PASSWORD_NEEDED
        if row.registration is RegistrationStatus.REJECTED:
            return _REJECTED
        return Admitted(identity, row)
