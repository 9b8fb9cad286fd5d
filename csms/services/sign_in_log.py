"""Sign-ins that failed, and accounts that are locked for a while, in the event log.

Who is guessing must not be slowed down by our own disk, nor fill it: what is told waits in a bounded queue, and what
does not fit is counted and told as a number.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Final

import msgspec
import structlog
import trio

from csms.domain.errors import Unavailable
from csms.ports.alarms import EventLog, EventSource, LoggedEvent

FAILED: Final = "SignInFailed"
LOCKED: Final = "AccountLocked"
MANY: Final = "SignInsFailed"
AT_ONCE: Final = 50
"""So many entries are written every `PAUSE_SECONDS`, at most."""
PAUSE_SECONDS: Final = 10.0
_SEVERITY: Final = {FAILED: 5, LOCKED: 3, MANY: 3}
_log = structlog.get_logger("csms.sign_in_log")


class _Body(msgspec.Struct, frozen=True, omit_defaults=True):
    user: str = ""
    reason: str = ""
    address: str = ""
    client: str = ""
    count: int = 0


class SignInLog:
    """`run` is a task for the nursery of the application. An e-mail that nobody has is not kept: people type passwords
    there."""

    def __init__(self, *, now: Callable[[], datetime]) -> None:
        self._now = now
        self._waiting: deque[LoggedEvent] = deque()
        self._dropped = 0
        self._woken = trio.Event()

    def failed(self, who: str, user_id: int | None, reason: str, *, address: str, client: str) -> None:
        """Somebody gave the wrong password or code. `who`: an e-mail that somebody has, or empty."""
        name = who or "An account that does not exist"
        what = "the second factor" if reason == "WRONG_CODE" else "the password"
        if not who:
            summary = f"{name}: a sign-in failed."
        elif reason == "BLOCKED":
            summary = f"{name}: a sign-in to a blocked account failed."
        else:
            summary = f"{name}: a sign-in failed; {what} was wrong."
        self._tell(FAILED, summary, user_id, reason, address, client)

    def locked(self, who: str, user_id: int | None, *, address: str, client: str) -> None:
        """Too many attempts: it lets nobody in for a while."""
        name = who or "An account that does not exist"
        summary = f"{name}: locked for some minutes after too many attempts."
        self._tell(LOCKED, summary, user_id, "TOO_MANY_ATTEMPTS", address, client)

    async def run(self, log: EventLog) -> None:
        """Write them, for ever."""
        while True:
            await self._woken.wait()
            self._woken = trio.Event()
            try:
                await self.write(log)
            except Unavailable as error:
                _log.info("failed sign-ins are noted later", reason=error.message)
                self._woken.set()
            await trio.sleep(PAUSE_SECONDS)

    async def write(self, log: EventLog) -> None:
        """What waits. Raises Unavailable; then it still waits."""
        events = list(self._waiting)
        dropped = self._dropped
        if dropped:
            body = msgspec.json.encode(_Body(count=dropped))
            summary = f"{dropped} more sign-ins failed in a short time."
            events.append(LoggedEvent(0, self._now(), EventSource.SYSTEM, MANY, summary, severity=3, body=body))
        await log.note(events)
        for _ in range(len(events) - bool(dropped)):
            self._waiting.popleft()
        self._dropped -= dropped

    def _tell(self, kind: str, summary: str, user_id: int | None, reason: str, address: str, client: str) -> None:
        if len(self._waiting) >= AT_ONCE:
            self._dropped += 1
            return
        user = "" if user_id is None else f"users/{user_id}"
        body = msgspec.json.encode(_Body(user, reason, address[:100], client[:200]))
        self._waiting.append(
            LoggedEvent(0, self._now(), EventSource.SYSTEM, kind, summary[:1000], severity=_SEVERITY[kind], body=body)
        )
        self._woken.set()
