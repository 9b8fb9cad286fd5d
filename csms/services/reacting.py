"""The table of those who act on what stations told (`csms.ports.reactions`)."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

import structlog
import trio

from csms.actors.supervise import contain
from csms.domain.errors import DomainError
from csms.domain.facts import Fact, Reply

_log = structlog.get_logger("csms.reacting")

MAX_WAITING: Final = 10_000
AT_ONCE: Final = 100

F = TypeVar("F", bound=Fact)


@dataclass(frozen=True, slots=True)
class _Reaction:
    run: Callable[[int, Any, Any], Awaitable[None]]
    when: Callable[[Any], bool]


def _always(_fact: object) -> bool:
    return True


class Reacting:
    """Reactions run beside the stations, at most `AT_ONCE` of them; those of one fact in the order of `on`.

    A reaction that is lost (the process was killed, too many waited) must do no harm: a station asks again, or an
    operator does.
    """

    def __init__(self) -> None:
        self._reactions: dict[type[Fact], list[_Reaction]] = {}
        self._put, self._get = trio.open_memory_channel[tuple[int, Fact, Reply]](math.inf)
        self.kinds: frozenset[type[Fact]] = frozenset()

    def on(
        self,
        kind: type[F],
        reaction: Callable[[int, F, Any], Awaitable[None]],
        *,
        when: Callable[[F], bool] | None = None,
    ) -> None:
        """From now on `reaction(station_id, fact, reply)` runs after facts of this kind; after those of which `when`
        is true, where most of a kind are nothing to it."""
        self._reactions.setdefault(kind, []).append(_Reaction(reaction, when or _always))
        self.kinds = frozenset(self._reactions)

    def saw(self, station_id: int, fact: Fact, reply: Reply) -> None:
        """See `Reactions.saw`."""
        if not any(each.when(fact) for each in self._reactions[type(fact)]):
            return
        if self._put.statistics().current_buffer_used >= MAX_WAITING:
            _log.warning("too many reactions wait; one was dropped", to=type(fact).__name__, station_id=station_id)
        else:
            self._put.send_nowait((station_id, fact, reply))

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled."""
        limit = trio.CapacityLimiter(AT_ONCE)
        async with trio.open_nursery() as nursery:
            task_status.started()
            async for station_id, fact, reply in self._get:
                await limit.acquire_on_behalf_of(fact_key := object())
                nursery.start_soon(partial(self._react, station_id, fact, reply, limit, fact_key))

    async def _react(
        self, station_id: int, fact: Fact, reply: Reply, limit: trio.CapacityLimiter, fact_key: object
    ) -> None:
        try:
            for each in self._reactions[type(fact)]:
                if each.when(fact):
                    await contain(partial(each.run, station_id, fact, reply), partial(_report, fact, station_id))
        finally:
            limit.release_on_behalf_of(fact_key)


def _report(fact: Fact, station_id: int, error: Exception) -> None:
    to = type(fact).__name__
    if isinstance(error, DomainError):
        _log.info("a reaction could not be carried out", to=to, station_id=station_id, reason=error.message)
    else:
        _log.error("a reaction failed", to=to, station_id=station_id, exc_info=error)
