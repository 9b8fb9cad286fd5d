"""Work that is done once: what an older holder of its lease still writes is refused, by the database itself.

A lease is a matter of clocks: a process that was paused for long does not know at once that its lease went to another
one. So each holder notes its token in `lease_epoch`, where it only ever grows, and all that its tasks write looks, in
the same transaction, whether the newest token is still its own:

    new holder                                    task of the work (`under` this token)
    ------------------------------------------    -------------------------------------------------------
    1. advance: the row has our token now         1. share-lock the row that has our token; none: refused
                                                  2. write; commit

An advance waits for the transactions that hold the row; one whose process is paused in the middle of it is thrown out
by the server after some seconds. The token goes with the task (a context variable), so nobody hands it around.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, NamedTuple

import asyncpg

from csms.domain.errors import Unavailable

__all__ = ["WorkElsewhere", "WorkToken", "check", "held", "only_reads", "under"]

STALL_SECONDS: Final = 5
CHECK_SQL: Final = f"""
SELECT set_config('idle_in_transaction_session_timeout', '{STALL_SECONDS}s', true) FROM lease_epoch
WHERE name = $1 AND made_us = $2 AND revision = $3 FOR SHARE
"""  # noqa: S608  a number of ours
_READS: Final = re.compile(r"\s*(?:--[^\n]*\n\s*)*SELECT\b", re.IGNORECASE)


class WorkElsewhere(Unavailable):
    """Another process does this work now. Nothing was written."""

    default_reason = "WORK_ELSEWHERE"


class WorkToken(NamedTuple):
    """By which right a process does the work. Tokens of the same name are ordered: a later holder's is greater."""

    name: str
    made_us: int
    revision: int


_held: ContextVar[WorkToken | None] = ContextVar("work_token", default=None)


def held() -> WorkToken | None:
    """Of the task that asks."""
    return _held.get()


@contextmanager
def under(token: WorkToken) -> Iterator[None]:
    """What is begun inside writes only while this token is the newest."""
    before = _held.set(token)
    try:
        yield
    finally:
        _held.reset(before)


def only_reads(sql: str) -> bool:
    """Does this statement write nothing, so that it needs no right?"""
    return _READS.match(sql) is not None


async def check(connection: asyncpg.Connection, token: WorkToken) -> None:
    """In asyncio, at the beginning of a transaction. Raises WorkElsewhere."""
    if await connection.fetchrow(CHECK_SQL, *token) is None:
        raise WorkElsewhere("Another process does this work now. Nothing was written.")
