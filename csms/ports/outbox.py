"""What leaves the house: mail."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from csms.domain.errors import DomainError


class MailKind(StrEnum):
    """What a mail that waits is. Those with links are written when they are sent, so that no link lies in a queue."""

    PLAIN = "plain"
    INVITATION = "invitation"
    RESET = "reset"
    REPORT = "report"
    """A monthly report, as files; the body that waits is its number."""


class Attachment(msgspec.Struct, frozen=True):
    """A file that goes with a letter. `content_type`: as "application/pdf"."""

    filename: str
    content_type: str
    data: bytes


class Mail(msgspec.Struct, frozen=True):
    """A letter, as text and as HTML."""

    recipient: str
    subject: str
    body: str
    html: str = ""
    id: str = ""
    """The same for every attempt, so that a mail server can tell that a letter comes again."""
    attachments: tuple[Attachment, ...] = ()


class WaitingMail(msgspec.Struct, frozen=True):
    """One of the queue. `attempts` counts the one that begins."""

    id: int
    kind: MailKind
    recipient: str
    subject: str
    body: str
    html: str
    created_at: datetime
    attempts: int


class MailRefused(DomainError):
    """The mail server will never take this letter."""

    default_reason = "MAIL_REFUSED"


class Mailer(Protocol):
    """A mail server."""

    async def send(self, mail: Mail) -> None:
        """Raises MailRefused, or Unavailable when it may go better later."""


class MailQueue(Protocol):
    """Mails that wait; they survive a restart. All raise Unavailable."""

    async def put(self, kind: MailKind, recipient: str, subject: str = "", body: str = "", html: str = "") -> None:
        """One more. Raises Exhausted/TOO_MANY_MAILS."""

    async def take(self, now: datetime, *, size: int, lease_until: datetime) -> Sequence[WaitingMail]:
        """Those that are due, oldest first. Nobody else gets them until the lease ends."""

    async def done(self, mail_id: int) -> None:
        """Sent, or given up."""

    async def postpone(self, mail_id: int, until: datetime, error: str) -> None:
        """It went wrong; once more then."""

    async def next_due(self) -> datetime | None:
        """When the next one is due; None: there is none."""
