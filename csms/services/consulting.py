"""The table of those who are asked before a station is answered (`csms.ports.consultant`)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, TypeVar

import structlog
import trio

from csms.actors.supervise import contain
from csms.domain.errors import DomainError
from csms.domain.facts import Fact, Reply

_log = structlog.get_logger("csms.consulting")

CONSULT_SECONDS: Final = 20.0
"""Stations wait about 30 s for an answer."""

F = TypeVar("F", bound=Fact)


class Consulting:
    """One answerer per kind of fact. An answerer returns None when it has nothing to say, and may raise DomainError
    (told in the log; the station then gets the answer of its own chapter)."""

    def __init__(self, *, seconds: float = CONSULT_SECONDS) -> None:
        self._answerers: dict[type[Fact], Callable[[int, Any], Awaitable[Reply | None]]] = {}
        self._preparers: dict[type[Fact], Callable[[int, Any], Awaitable[None]]] = {}
        self._seconds = seconds
        self.kinds: frozenset[type[Fact]] = frozenset()

    def ask(self, kind: type[F], answerer: Callable[[int, F], Awaitable[Reply | None]]) -> None:
        """From now on `answerer(station_id, fact)` is asked about facts of this kind. Raises ValueError for a second
        one."""
        if kind in self._answerers:
            raise ValueError(f"somebody is asked about {kind.__name__} already")
        self._answerers[kind] = answerer
        self.kinds = self.kinds | {kind}

    def prepare(self, kind: type[F], preparer: Callable[[int, F], Awaitable[None]]) -> None:
        """From now on `preparer(station_id, fact)` runs before anybody is asked about facts of this kind. It has no
        answer, but may change what is decided from memory; what it raises is told in the log. Raises ValueError for a
        second one."""
        if kind in self._preparers:
            raise ValueError(f"somebody prepares {kind.__name__} already")
        self._preparers[kind] = preparer
        self.kinds = self.kinds | {kind}

    async def consult(self, station_id: int, fact: Fact) -> Reply | None:
        """See `Consultant.consult`."""
        answers: list[Reply | None] = []
        kind = type(fact)

        async def prepare() -> None:
            await self._preparers[kind](station_id, fact)

        async def ask() -> None:
            answers.append(await self._answerers[kind](station_id, fact))

        with trio.move_on_after(self._seconds) as scope:
            if kind in self._preparers:
                await contain(prepare, partial(_report, fact, station_id))
            if kind in self._answerers:
                await contain(ask, partial(_report, fact, station_id))
        if scope.cancelled_caught:
            _log.warning("no answer in time", about=type(fact).__name__, station_id=station_id)
        return answers[0] if answers else None


def _report(fact: Fact, station_id: int, error: Exception) -> None:
    about = type(fact).__name__
    if isinstance(error, DomainError):
        _log.warning("no answer", about=about, station_id=station_id, reason=error.message)
    else:
        _log.error("an answerer failed", about=about, station_id=station_id, exc_info=error)
