"""Who changed what: one entry for every call that changes something, written by whoever answers calls.

A use case may say more: `note_change("users/3", before, after)` names the thing and what differs. It reaches the entry
of the call under way through a context variable, so no use case has to hand it on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
import structlog
import trio

from csms.domain.access import Action, Principal, check
from csms.domain.errors import DomainError, Unavailable
from csms.domain.people import AuditEntry, AuditFilter, audit_json, difference
from csms.ports.audit import AuditStore

WRITE_SECONDS: Final = 5.0
PRUNE_SECONDS: Final = 6 * 3600.0
_log = structlog.get_logger("csms.audit")


@dataclass(slots=True)
class Trail:
    """What the use cases of one call said."""

    resource: str = ""
    before: str = ""
    after: str = ""


@dataclass(slots=True)
class Begun:
    """An entry that is written while its call works. `number`: its id; 0: it is not kept yet."""

    number: int = 0


_TRAIL: ContextVar[Trail | None] = ContextVar("audit_trail", default=None)


@contextmanager
def following() -> Iterator[Trail]:
    """What is noted inside is in the trail."""
    trail = Trail()
    token = _TRAIL.set(trail)
    try:
        yield trail
    finally:
        _TRAIL.reset(token)


def note_change(
    resource: str, before: msgspec.Struct | Mapping[str, Any] | None = None, after: msgspec.Struct | None = None
) -> None:
    """For the entry of the call under way: which thing, and what was and is (secrets are blotted out by their names).
    Without a call under way nothing happens."""
    trail = _TRAIL.get()
    if trail is None:
        return
    trail.resource = resource
    if before is not None or after is not None:
        was, now = difference(_plain(before), _plain(after))
        trail.before, trail.after = audit_json(was), audit_json(now)


def _plain(value: msgspec.Struct | Mapping[str, Any] | None) -> Mapping[str, Any]:
    if value is None:
        return {}
    plain: dict[str, Any] = msgspec.to_builtins(value, builtin_types=())
    return plain


class AuditLog:
    """Writes entries, shows them to administrators, clears old ones."""

    def __init__(self, store: AuditStore, *, keep_days: int = 0, now: Callable[[], datetime]) -> None:
        self._store = store
        self._keep_days = keep_days
        self._now = now

    @property
    def now(self) -> datetime:
        """By the clock that entries are written with."""
        return self._now()

    async def write(self, entry: AuditEntry) -> None:
        """Never fails: what happened has happened. What cannot be kept stands in the process's log.

        With an id: how something ended that `beside` has written.
        """
        with trio.move_on_after(WRITE_SECONDS, shield=True) as scope:
            try:
                await (self._store.finish(entry) if entry.id else self._store.add(entry))
            except DomainError as error:
                self._complain(entry, error.reason)
        if scope.cancelled_caught:
            self._complain(entry, "TIMEOUT")

    @asynccontextmanager
    async def beside(self, entry: AuditEntry, begun: Begun) -> AsyncIterator[None]:
        """Write the entry while the block works, so that the disk and the work take their time together. When the
        block is left, it is kept, or `begun` says that it is not. Never fails."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._begin, entry, begun)
                yield
        except BaseExceptionGroup as group:
            if len(group.exceptions) > 1:
                raise
            single = group.exceptions[0]
        else:
            return
        raise single  # the nursery is an inner matter

    async def _begin(self, entry: AuditEntry, begun: Begun) -> None:
        with trio.move_on_after(WRITE_SECONDS, shield=True):
            try:
                begun.number = await self._store.begin(entry)
            except DomainError:
                return  # it is tried again at the end, and complained about

    async def page(
        self, caller: Principal, wanted: AuditFilter, *, size: int, before: int | None
    ) -> Sequence[AuditEntry]:
        """Newest first. Raises PermissionDenied."""
        check(caller, Action.READ_AUDIT)
        return await self._store.page(wanted=wanted, size=size, before=before)

    async def prune_for_ever(self) -> None:
        """A task for the nursery of the application: entries older than `keep_days` go (0: none)."""
        while self._keep_days > 0:
            try:
                await self._store.prune(self._now() - timedelta(days=self._keep_days))
            except Unavailable:
                _log.warning("audit log not cleared: the database is away")
            await trio.sleep(PRUNE_SECONDS)

    def _complain(self, entry: AuditEntry, reason: str) -> None:
        _log.error(
            "audit entry not kept",
            reason=reason,
            actor=entry.actor,
            method=entry.method,
            resource=entry.resource,
            outcome=entry.outcome,
            request_id=entry.request_id,
        )
