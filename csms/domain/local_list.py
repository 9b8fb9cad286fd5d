"""Local authorisation lists (OCPP 2.x block D; 1.6 Local Auth List Management): which tags a station knows when it
cannot ask.

A list has a version, which we number: it grows with each sending and fits 31 bits. A full update replaces the list, a
differential one changes it entry by entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from csms.domain.authorization import Token, decide
from csms.domain.commands import Command, Result
from csms.domain.facts import AuthorizationStatus

MAX_VERSION: Final = 2**31 - 1
NOT_SUPPORTED: Final = -1
"""The version that a 1.6 station tells when it cannot keep a list (§5.10). 0: it has none."""


class LocalListEntry(msgspec.Struct, frozen=True):
    """A tag and what the station shall say to it. `status` None (in a differential update only): take it out."""

    id_token: str
    status: AuthorizationStatus | None = None
    expires_at: datetime | None = None
    parent_id_token: str | None = None
    token_type: str = ""


class HeldList(msgspec.Struct, frozen=True):
    """What we believe that a station holds, by id_token in order.

    `entries` are what it held when it accepted `version` (0: it holds nothing); `certain` is False where we do not know
    what that update changed. `sent_version` is the highest that was ever sent: above `version`, the last sending was
    refused, or nobody knows what became of it."""

    station_id: int
    version: int = 0
    sent_version: int = 0
    certain: bool = True
    entries: tuple[LocalListEntry, ...] = ()
    updated_at: datetime | None = None


class SendLocalList(Command, frozen=True):
    """D01 (1.6 §5.15). A full list without entries empties it."""

    version: int
    full: bool
    entries: tuple[LocalListEntry, ...] = ()


class GetLocalListVersion(Command, frozen=True):
    """D02 (1.6 §5.10)."""


class LocalListVersion(Result, frozen=True):
    """0: the station has no list; -1: it cannot keep one (1.6)."""

    version: int


def entries_of(tokens: Iterable[Token], now: datetime) -> tuple[LocalListEntry, ...]:
    """A list entry for each tag, by id_token in order, with what we would decide now. Concurrent use is not the
    station's to judge."""
    made = []
    for token in tokens:
        info = decide(token, now)
        made.append(LocalListEntry(token.id_token, info.status, info.expires_at, info.parent_id_token))
    return tuple(sorted(made, key=lambda entry: entry.id_token))


def differences(held: Sequence[LocalListEntry], wanted: Sequence[LocalListEntry]) -> tuple[LocalListEntry, ...]:
    """The differential update that makes `held` into `wanted`: new and changed entries, then those to take out."""
    before = {entry.id_token: entry for entry in held}
    after = {entry.id_token for entry in wanted}
    changed = [entry for entry in wanted if before.get(entry.id_token) != entry]
    return (*changed, *(LocalListEntry(id_token) for id_token in before if id_token not in after))


def applied(held: Sequence[LocalListEntry], update: SendLocalList) -> tuple[LocalListEntry, ...]:
    """What a station holds once it has accepted an update."""
    entries: dict[str, LocalListEntry] = {} if update.full else {entry.id_token: entry for entry in held}
    for entry in update.entries:
        if entry.status is None:
            entries.pop(entry.id_token, None)
        else:
            entries[entry.id_token] = entry
    return tuple(entries[id_token] for id_token in sorted(entries))


def updates(
    entries: Sequence[LocalListEntry], *, full: bool, above: int, per_message: int
) -> tuple[SendLocalList, ...]:
    """The sendings that carry these entries, at most `per_message` each: of a full update the first is full, the rest
    are differential. Their versions follow on `above`; where that would leave 31 bits, a full update begins again at 1.
    """
    chunks = [tuple(entries[start : start + per_message]) for start in range(0, len(entries), per_message)] or [()]
    first = above + 1
    if first + len(chunks) - 1 > MAX_VERSION:
        first = 1
    return tuple(SendLocalList(first + number, full and number == 0, chunk) for number, chunk in enumerate(chunks))


def fits(above: int, count: int) -> bool:
    """Is there room for that many versions above this one?"""
    return above + count <= MAX_VERSION


def trimmed(
    entries: Sequence[LocalListEntry], *, limit: int | None, longest: int | None
) -> tuple[tuple[LocalListEntry, ...], tuple[str, ...]]:
    """(what a station can hold, the tags left out): those that are too long for its version, and, where there are more
    than `limit`, those that may not charge anyway (a station refuses what it does not know)."""
    kept = [entry for entry in entries if longest is None or len(entry.id_token) <= longest]
    if limit is not None and len(kept) > limit:
        kept = [entry for entry in kept if entry.status is AuthorizationStatus.ACCEPTED]
    known = {entry.id_token for entry in kept}
    return tuple(kept), tuple(entry.id_token for entry in entries if entry.id_token not in known)
