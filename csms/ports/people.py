"""Where people are kept: users as administrators edit them, links that set passwords, second factors, sign-ins
elsewhere that have not come back. All methods raise Unavailable while the database is away."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from csms.domain.people import Person, PersonFilter, Preferences, SignInRecord, TicketKind


class Identity(msgspec.Struct, frozen=True):
    """Who somebody is by the word of the identity provider. `subject` is unique together with the issuer, and holds
    both; `roles` are the values of the claim that roles are read from."""

    subject: str
    email: str
    email_verified: bool
    first_name: str = ""
    last_name: str = ""
    roles: tuple[str, ...] = ()


class IdentityProvider(Protocol):
    """OpenID Connect, authorisation code flow with PKCE. Both raise Unavailable when it cannot be reached."""

    async def authorization_url(self, state: str, nonce: str, verifier: str) -> str:
        """Where the browser goes."""

    async def redeem(self, code: str, nonce: str, verifier: str) -> Identity:
        """Who came back. Raises Unauthenticated/SINGLE_SIGN_ON_FAILED."""


class PeopleStore(Protocol):
    """Users."""

    async def find(self, user_id: int) -> Person | None:
        """By id."""

    async def find_by_email(self, email: str) -> Person | None:
        """Case does not matter."""

    async def find_by_subject(self, subject: str) -> Person | None:
        """Whom the identity provider calls so."""

    async def page(self, *, wanted: PersonFilter, size: int, after: int) -> tuple[Sequence[Person], int]:
        """In the order of ids, above `after`; and how many match in all."""

    async def create(self, person: Person, *, subject: str = "", password_hash: str = "") -> Person:
        """`person.id` is ignored. `password_hash`: of a password to be changed at the first sign-in; empty: none.
        Raises AlreadyExists/EMAIL_TAKEN, NotFound for a site."""

    async def update(self, person: Person, *, version: int | None) -> Person:
        """The editable fields. Raises NotFound, StaleVersion, AlreadyExists/EMAIL_TAKEN, and
        FailedPrecondition/LAST_ADMINISTRATOR when nobody would be left who may administer."""

    async def delete(self, user_id: int) -> None:
        """With all that is theirs. Raises NotFound, FailedPrecondition/LAST_ADMINISTRATOR."""

    async def set_subject(self, user_id: int, subject: str) -> None:
        """What the identity provider calls them. Raises NotFound, AlreadyExists/SUBJECT_TAKEN."""

    async def preferences(self, user_id: int) -> Preferences:
        """Raises NotFound."""

    async def set_preferences(self, user_id: int, preferences: Preferences) -> None:
        """Raises NotFound."""

    async def give_password(self, user_id: int, password_hash: str) -> None:
        """To be changed at the next sign-in. Ends the sign-ins, and what links there were. Raises NotFound."""

    # -- links -------------------------------------------------------------------------------------------------------

    async def put_ticket(self, user_id: int, digest: bytes, kind: TicketKind, expires_at: datetime) -> None:
        """In the place of an older one. Raises NotFound."""

    async def find_ticket(self, digest: bytes, now: datetime) -> Person | None:
        """Whose it is; None when it was used, has expired or was never given out."""

    async def use_ticket(self, digest: bytes, now: datetime, password_hash: str) -> int | None:
        """Set the password, once, and end the sign-ins of the user, whose id it is; None as above."""

    # -- second factors ----------------------------------------------------------------------------------------------

    async def offer_totp(self, user_id: int, secret: str) -> None:
        """A secret that was shown and does not count yet. Raises NotFound."""

    async def offered_totp(self, user_id: int) -> str:
        """Empty when there is none."""

    async def confirm_totp(self, user_id: int, secret: str, step: int, recovery_digests: Sequence[bytes]) -> None:
        """It counts from now on, if it is still the one that was offered. Raises FailedPrecondition/NOT_ENROLLING."""

    async def use_totp_step(self, user_id: int, step: int) -> bool:
        """Was this step not used yet? Then it is now."""

    async def use_recovery_code(self, user_id: int, digest: bytes) -> bool:
        """Was it one? Then it is none any more."""

    async def remove_totp(self, user_id: int) -> None:
        """With its recovery codes. Raises NotFound."""

    # -- sign-ins ----------------------------------------------------------------------------------------------------

    async def sign_ins(self, user_id: int, now: datetime) -> Sequence[SignInRecord]:
        """Those that have not ended, newest first."""

    async def end_sign_in(self, user_id: int, sign_in_id: int) -> None:
        """Raises NotFound/SIGN_IN_NOT_FOUND."""

    async def put_attempt(self, state_digest: bytes, nonce: str, verifier: str, expires_at: datetime) -> None:
        """Somebody went to the identity provider."""

    async def take_attempt(self, state_digest: bytes, now: datetime) -> tuple[str, str] | None:
        """(nonce, verifier), once; None when it was taken, has expired or never was."""


class OwnData(Protocol):
    """What the system holds about somebody beside the account: for the export of own data, and for going."""

    def sections(self, user_id: int) -> AsyncGenerator[tuple[str, str], None]:
        """(what it is, JSON of a list), a part at a time."""

    async def forget(self, user_id: int) -> None:
        """Sessions that ended lose the tag and the user. Raises FailedPrecondition/SESSION_ACTIVE while one goes on."""
