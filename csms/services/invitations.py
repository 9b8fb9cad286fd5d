"""Links that set a password: invitations of administrators, and resets that people ask for themselves.

A link is good once, for 24 hours; only its digest is kept, and the newest of a user is the only one. Asking for a reset
does the same work whether or not somebody has that e-mail: it goes into the queue of mails, and only whoever sends it
looks who that is.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

from csms.domain.access import Principal
from csms.domain.errors import InvalidArgument
from csms.domain.people import Person, TicketKind, canonical_email, check_email, check_password
from csms.ports.attempts import AttemptBook
from csms.ports.outbox import Mail, MailKind, WaitingMail
from csms.ports.people import PeopleStore
from csms.services.access import AccessControl, digest_of
from csms.services.audit import note_change
from csms.services.mail_texts import letter
from csms.services.mails import Mails
from csms.services.passwords import SharedLimiter

LIFETIME: Final = timedelta(hours=24)
LINK_PATH: Final = "/set-password"
MAX_TOKEN: Final = 100
RESETS_OF_AN_EMAIL, RESETS_OF_AN_ADDRESS = 3, 20


class Invitations:
    """`portal_url` is the portal as browsers see it. All raise Unavailable while the database is away."""

    def __init__(
        self,
        store: PeopleStore,
        access: AccessControl,
        mails: Mails,
        *,
        portal_url: str,
        now: Callable[[], datetime],
        book: AttemptBook | None = None,
    ) -> None:
        self._store = store
        self._access = access
        self._mails = mails
        self._portal_url = portal_url.rstrip("/")
        self._now = now
        self._of_emails = SharedLimiter(book, "reset", limit=RESETS_OF_AN_EMAIL)
        self._of_addresses = SharedLimiter(book, "reset-from", limit=RESETS_OF_AN_ADDRESS)
        mails.written_by(MailKind.INVITATION, self._write)
        mails.written_by(MailKind.RESET, self._write)

    @property
    def can_mail(self) -> bool:
        """Is there a mail server?"""
        return self._mails.can_send

    async def invite(self, person: Person) -> str:
        """A mail goes out; without a mail server the link is given back, for whoever invites to hand it on. For a
        person with a password it is a reset. Permission is the caller's business."""
        kind = TicketKind.RESET if person.has_password else TicketKind.INVITATION
        if self._mails.can_send:
            await self._mails.put_kind(MailKind(kind.value), person.email)
            return ""
        return await self._new_link(person, kind)

    async def request_reset(self, email: str, address: str = "") -> None:
        """The same for known and unknown e-mails: a line in the queue. Raises InvalidArgument/INVALID_EMAIL,
        Exhausted/TOO_MANY_ATTEMPTS."""
        email = canonical_email(email)
        check_email(email)
        if address:
            await self._of_addresses.begin(address)
        await self._of_emails.begin(email)
        await self._mails.put_kind(MailKind.RESET, email)

    async def check(self, token: str) -> Person:
        """Whose link is this? It is not used up. Raises InvalidArgument/LINK_EXPIRED."""
        person = await self._store.find_ticket(digest_of(token), self._now()) if 0 < len(token) <= MAX_TOKEN else None
        if person is None:
            raise _expired()
        return person

    async def set_password(self, token: str, password: str) -> Principal:
        """Once for each link; ends the sign-ins of that user. Whose it was.

        Raises InvalidArgument/LINK_EXPIRED or WEAK_PASSWORD.
        """
        person = await self.check(token)
        check_password(password)
        hashed = await self._access.passwords.hash(password)
        user_id = await self._store.use_ticket(digest_of(token), self._now(), hashed)
        if user_id is None:
            raise _expired()
        self._access.forget_user(user_id)
        note_change(f"users/{user_id}")
        return Principal(f"users/{user_id}", person.display_name, person.role, person.email, user_id=user_id)

    async def _write(self, waiting: WaitingMail) -> Mail | None:
        """The letter, with a link made now. Nobody has that e-mail (any more): none."""
        person = await self._store.find_by_email(waiting.recipient)
        if person is None or person.blocked or self._now() - waiting.created_at > LIFETIME:
            return None
        link = await self._new_link(person, TicketKind(waiting.kind.value))
        hours = int(LIFETIME.total_seconds() // 3600)
        subject, body, html = letter(
            waiting.kind, person.language, name=person.first_name or person.display_name, link=link, hours=hours
        )
        return Mail(person.email, subject, body, html)

    async def _new_link(self, person: Person, kind: TicketKind) -> str:
        token = secrets.token_urlsafe(32)
        await self._store.put_ticket(person.id, digest_of(token), kind, self._now() + LIFETIME)
        return f"{self._portal_url}{LINK_PATH}#token={quote(token)}"


def _expired() -> InvalidArgument:
    return InvalidArgument(
        "This link was used, has expired or is incomplete. Ask for a new one.", reason="LINK_EXPIRED"
    )
