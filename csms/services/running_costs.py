"""Stations that show costs are told what their sessions have cost so far (OCPP 2.x, I02)."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import structlog
import trio

from csms.domain.errors import DomainError, Unavailable
from csms.domain.payment import CostUpdated
from csms.ports.tariffs import SessionCostStore, ShownCost
from csms.services.remote import Remote, Target
from csms.services.session_costs import SessionCosts

SWEEP_SECONDS: Final = 60.0
ANSWER_SECONDS: Final = 15.0
AT_ONCE: Final = 20
MAX_SESSIONS: Final = 10_000

_log = structlog.get_logger("csms.running_costs")


class RunningCosts:
    """`run` is a task for the nursery of the application. A station is told when the cost has changed; what it did not
    take, it gets with the next change."""

    def __init__(self, store: SessionCostStore, costs: SessionCosts, remote: Remote) -> None:
        self._store = store
        self._costs = costs
        self._remote = remote
        self._told: dict[int, Decimal] = {}
        self._room = trio.CapacityLimiter(AT_ONCE)

    async def run(self) -> None:
        """Tell them, for ever."""
        while True:
            try:
                await self.sweep()
            except Unavailable as error:
                _log.info("running costs are told later", reason=error.message)
            await trio.sleep(SWEEP_SECONDS)

    async def sweep(self) -> None:
        """Tell each station whose session has become dearer. Raises Unavailable."""
        shown = await self._store.shown(MAX_SESSIONS)
        ids = {each.session_id for each in shown}
        self._told = {number: amount for number, amount in self._told.items() if number in ids}
        due: list[tuple[ShownCost, Decimal]] = []
        for each in shown:
            session = await self._store.session(each.session_id)
            if session is None or session.ended:
                continue
            cost, _ = await self._costs.running_of(session)
            if cost is not None and self._told.get(each.session_id) != cost.gross:
                due.append((each, cost.gross))
        async with trio.open_nursery() as nursery:
            for one, amount in due:
                nursery.start_soon(self._tell, one, amount)

    async def _tell(self, shown: ShownCost, amount: Decimal) -> None:
        async with self._room:
            try:
                await self._remote.command_of_ours(
                    Target(shown.station_id, ANSWER_SECONDS), CostUpdated(shown.transaction_id, float(amount))
                )
            except DomainError as error:
                _log.info("a running cost was not taken", session_id=shown.session_id, reason=error.message)
            else:
                self._told[shown.session_id] = amount
