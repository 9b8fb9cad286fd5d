"""How much users and groups may charge in a month, and who has: swept over now and then, so that the decision needs no
look into the database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import trio

from csms.domain.access import Action, Principal, check
from csms.domain.errors import Unavailable
from csms.domain.limits import ChargeLimit, Used, checked_limit, month_begin, parse_target
from csms.ports.limits import LimitStore
from csms.services.audit import note_change
from csms.services.token_index import MemoryTokenIndex

SWEEP_SECONDS: Final = 30.0
PAUSE_SECONDS: Final = 2.0
"""Between two sweeps that sessions asked for."""


class LimitView(msgspec.Struct, frozen=True):
    """A limit, and what was used since the month began. Without energy and amount: there is none."""

    limit: ChargeLimit
    used: Used
    month_begin: datetime


class Limits:
    """Use cases of people, and the sweep. All raise PermissionDenied, and Unavailable while the database is away."""

    def __init__(
        self, store: LimitStore, index: MemoryTokenIndex, *, time_zone: Callable[[], str], now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._index = index
        self._time_zone = time_zone
        self._now = now
        self._wanted = trio.Event()

    async def get(self, caller: Principal, target: str) -> LimitView:
        """Raises InvalidArgument, NotFound for a user."""
        check(caller, Action.READ_TOKENS)
        target = parse_target(target)
        return (await self._views([await self._store.find(target) or ChargeLimit(target)]))[0]

    async def all(self, caller: Principal) -> Sequence[LimitView]:
        """In the order of the targets."""
        check(caller, Action.READ_TOKENS)
        return await self._views(await self._store.load_all())

    async def set(self, caller: Principal, limit: ChargeLimit, *, version: int | None) -> LimitView:
        """Counts at once. Raises InvalidArgument, NotFound, StaleVersion."""
        check(caller, Action.EDIT_TOKENS)
        wanted = checked_limit(limit)
        before = await self._store.find(wanted.target)
        kept = await self._store.put(wanted, version=version)
        await self.sweep()
        note_change(f"limits/{wanted.target}", before, kept)
        return (await self._views([kept]))[0]

    # -- the decision in memory ------------------------------------------------------------------------------------

    def session_ended(self) -> None:
        """Somebody has charged: look soon."""
        self._wanted.set()

    async def sweep(self) -> None:
        """Tell the index who has charged what they may. Raises Unavailable."""
        reached = [
            view.limit for view in await self._views(await self._store.load_all()) if view.limit.is_reached(view.used)
        ]
        self._index.set_spent(
            frozenset(limit.user_id for limit in reached if limit.user_id is not None),
            frozenset(limit.group for limit in reached if limit.group),
        )

    async def sweep_for_ever(self) -> None:
        """A task for the nursery of the application. Every process sweeps: each decides from its own memory."""
        while True:
            with suppress(Unavailable):  # what is in memory stays good meanwhile
                await self.sweep()
            await trio.sleep(PAUSE_SECONDS)
            with trio.move_on_after(SWEEP_SECONDS):
                await self._wanted.wait()
            self._wanted = trio.Event()

    # -- inside ----------------------------------------------------------------------------------------------------

    async def _views(self, limits: Sequence[ChargeLimit]) -> Sequence[LimitView]:
        now = self._now()
        begins = [month_begin(now, self._zone(limit)) for limit in limits]
        used = await self._store.used(list(zip(limits, begins, strict=True))) if limits else ()
        return [LimitView(*each) for each in zip(limits, used, begins, strict=True)]

    def _zone(self, limit: ChargeLimit) -> ZoneInfo:
        for name in (limit.time_zone, self._time_zone()):
            if name:
                try:
                    return ZoneInfo(name)
                except (ZoneInfoNotFoundError, ValueError):
                    continue
        return ZoneInfo("UTC")
