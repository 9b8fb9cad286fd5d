"""Mails that leave in the background: a queue on disk, tried again until they are through or too old."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

import msgspec
import structlog
import trio

from csms.domain.errors import Unavailable
from csms.domain.people import check_email
from csms.ports.outbox import Mail, Mailer, MailKind, MailQueue, MailRefused, WaitingMail

BATCH: Final = 20
LEASE: Final = timedelta(minutes=5)
SEND_SECONDS: Final = 60.0
GIVE_UP_AFTER: Final = timedelta(hours=24)
FIRST_PAUSE: Final = timedelta(minutes=1)
LONGEST_PAUSE: Final = timedelta(hours=1)
POLL_SECONDS: Final = 30.0

Writer = Callable[[WaitingMail], Awaitable[Mail | None]]
"""Makes a letter of a mail that waits; None: it is not wanted any more."""

_log = structlog.get_logger("csms.mails")


class Mails:
    """`put` what is to leave; `run` is a task for the nursery of the application.

    `mailer` None: nothing can leave, and nothing is put.
    """

    def __init__(
        self, queue: MailQueue, mailer: Mailer | None, *, now: Callable[[], datetime], name: str = "chargehouse"
    ) -> None:
        self._queue = queue
        self._mailer = mailer
        self._now = now
        self._name = name
        self._writers: dict[MailKind, Writer] = {MailKind.PLAIN: _as_it_is}
        self._woken = trio.Event()

    @property
    def can_send(self) -> bool:
        """Is there a mail server?"""
        return self._mailer is not None

    def written_by(self, kind: MailKind, writer: Writer) -> None:
        """Who writes letters of this kind."""
        self._writers[kind] = writer

    async def put(self, recipient: str, subject: str, body: str, html: str = "") -> None:
        """A letter as it is. Raises InvalidArgument, Exhausted/TOO_MANY_MAILS, Unavailable."""
        check_email(recipient)
        if self._mailer is not None:
            await self._queue.put(MailKind.PLAIN, recipient, " ".join(subject.split()), body, html)
            self._woken.set()

    async def put_kind(self, kind: MailKind, recipient: str) -> None:
        """A letter that is written when it is sent. Raises Exhausted/TOO_MANY_MAILS, Unavailable."""
        if self._mailer is not None:
            await self._queue.put(kind, recipient)
            self._woken.set()

    def hasten(self) -> None:
        """Something was put past `put`: look now."""
        self._woken.set()

    async def run(self) -> None:
        """Send what is due, for ever."""
        if self._mailer is None:
            return
        while True:
            self._woken = trio.Event()
            try:
                while await self._send_batch(self._mailer):
                    pass
                wait = await self._pause()
            except Unavailable:  # the database is away
                wait = POLL_SECONDS
            with trio.move_on_after(wait):
                await self._woken.wait()

    async def _pause(self) -> float:
        due = await self._queue.next_due()
        return POLL_SECONDS if due is None else min(POLL_SECONDS, max(0.5, (due - self._now()).total_seconds()))

    async def _send_batch(self, mailer: Mailer) -> bool:
        now = self._now()
        waiting = await self._queue.take(now, size=BATCH, lease_until=now + LEASE)
        for each in waiting:
            await self._send(mailer, each)
        return bool(waiting)

    async def _send(self, mailer: Mailer, waiting: WaitingMail) -> None:
        try:
            mail = await self._write(waiting)
            if mail is not None:
                with trio.fail_after(SEND_SECONDS):
                    await mailer.send(mail)
                _log.info("mail sent", kind=waiting.kind.value, mail=waiting.id, attempts=waiting.attempts)
        except MailRefused as error:
            _log.warning("mail refused", kind=waiting.kind.value, mail=waiting.id, why=error.message)
        except (Unavailable, trio.TooSlowError) as error:
            why = error.message if isinstance(error, Unavailable) else "The mail server took too long."
            if self._now() - waiting.created_at < GIVE_UP_AFTER:
                pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(waiting.attempts - 1, 10))
                await self._queue.postpone(waiting.id, self._now() + pause, why)
                _log.warning("mail waits", mail=waiting.id, attempts=waiting.attempts, why=why)
                return
            _log.error("mail given up", kind=waiting.kind.value, mail=waiting.id, why=why)
        await self._queue.done(waiting.id)

    async def _write(self, waiting: WaitingMail) -> Mail | None:
        writer = self._writers.get(waiting.kind)
        mail = None if writer is None else await writer(waiting)
        if mail is None:
            return None
        return msgspec.structs.replace(mail, id=f"{waiting.id}@{self._name}")


async def _as_it_is(waiting: WaitingMail) -> Mail:
    return Mail(waiting.recipient, waiting.subject, waiting.body, waiting.html)
