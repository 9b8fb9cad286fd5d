"""Backups: made daily and by hand, never two at once, and told when they grow stale."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta
from typing import Final

import msgspec
import structlog
import trio

from csms.domain.access import Action, Principal, check
from csms.domain.errors import DomainError, FailedPrecondition, Unavailable
from csms.ports.backups import Backup, BackupStore
from csms.ports.lease import Lease

_log = structlog.get_logger("csms.backups")

STALE_AFTER: Final = timedelta(hours=36)
RETRY_SECONDS: Final = 3600.0
_TURN_SECONDS: Final = 3600.0
"""Sleeps are no longer than this, so that a clock that is set counts within the hour."""


class BackupOverview(msgspec.Struct, frozen=True):
    """All dumps, newest first; whether one is being made; when the next one is due (None: only by hand); whether the
    newest good one is too old; and why the last try failed."""

    backups: tuple[Backup, ...]
    running: bool
    due_at: datetime | None
    stale: bool
    last_error: str = ""


class Backups:
    """Use cases of people, and the daily task. `daily_at` is a time of day in UTC; None: only by hand. `lease`: who has
    it makes the daily ones."""

    def __init__(
        self,
        store: BackupStore,
        *,
        daily_at: time | None,
        now: Callable[[], datetime],
        lease: Lease | None = None,
    ) -> None:
        self._store = store
        self._lease = lease
        self._daily_at = daily_at
        self._now = now
        self._started_at = now()
        self._wanted = trio.Event()
        self._running = False
        self._last_error = ""

    @property
    def stale(self) -> bool:
        """Daily ones are wanted, and the newest good one is older than a day and a half (or there is none, a day and a
        half after the start)."""
        if self._daily_at is None:
            return False
        newest = next((backup.made_at for backup in self._store.all() if backup.good), self._started_at)
        return self._now() - newest > STALE_AFTER

    async def overview(self, caller: Principal) -> BackupOverview:
        """Raises PermissionDenied."""
        check(caller, Action.READ_SYSTEM)
        backups = self._store.all()
        return BackupOverview(tuple(backups), self._running, self._due(backups), self.stale, self._last_error)

    async def start(self, caller: Principal) -> None:
        """Make one now, in the background. Raises PermissionDenied, FailedPrecondition/BACKUP_RUNNING."""
        check(caller, Action.MANAGE_BACKUPS)
        if self._running or self._wanted.is_set():
            raise FailedPrecondition("A backup is being made already. Wait until it is there.", reason="BACKUP_RUNNING")
        self._wanted.set()

    async def verify(self, caller: Principal, name: str) -> Backup:
        """Restore one elsewhere and compare; takes as long as that takes. Raises NotFound, PermissionDenied,
        FailedPrecondition."""
        check(caller, Action.MANAGE_BACKUPS)
        return await self._store.verify(name)

    async def run(self) -> None:
        """The task that makes them; for ever."""
        rest = pause = 0.0
        while True:
            wait = rest or pause or self._seconds_to_next(self._store.all())
            pause = 0.0
            with trio.move_on_after(min(wait, _TURN_SECONDS)):
                await self._wanted.wait()
            by_hand = self._wanted.is_set()
            due = rest or self._seconds_to_next(self._store.all()) <= 0
            if due and not by_hand and not await self._ours():
                rest, pause = 0.0, RETRY_SECONDS  # another process makes it
            elif by_hand or due:
                rest = 0.0 if await self._make() or by_hand else RETRY_SECONDS

    # -- inside ----------------------------------------------------------------------------------------------------

    async def _ours(self) -> bool:
        """May the daily one be made here?"""
        try:
            return self._lease is None or await self._lease.holds()
        except Unavailable:
            return False

    async def _make(self) -> bool:
        self._running, self._wanted = True, trio.Event()
        try:
            made = await self._store.make()
            self._last_error = made.error
        except DomainError as error:
            self._last_error = error.message
            _log.error("no backup could be made", reason=error.message)
        finally:
            self._running = False
        return not self._last_error

    def _due(self, backups: Sequence[Backup]) -> datetime | None:
        """The first time of day after the newest dump (or the start)."""
        if self._daily_at is None:
            return None
        after = max([backup.made_at for backup in backups[:1]] + [self._started_at])
        due = after.replace(hour=self._daily_at.hour, minute=self._daily_at.minute, second=0, microsecond=0)
        return due if due > after else due + timedelta(days=1)

    def _seconds_to_next(self, backups: Sequence[Backup]) -> float:
        due = self._due(backups)
        return _TURN_SECONDS if due is None else (due - self._now()).total_seconds()
