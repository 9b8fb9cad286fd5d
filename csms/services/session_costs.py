"""What sessions cost: computed once when they have ended, anew when their consumption changes, and on demand."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from typing import Final

import msgspec
import structlog
import trio

from csms.domain.access import Action, Principal, check
from csms.domain.consumption import consumption_so_far, digest
from csms.domain.errors import DomainError, FailedPrecondition, InvalidArgument, NotFound, Unavailable
from csms.domain.tariff import Consumption, Cost, price
from csms.domain.tariff_book import (
    InForce,
    SessionCost,
    TariffVersion,
    cost_of_session,
    nearest,
    targets_of,
    version_at,
)
from csms.domain.topology import SYSTEM_ID, Tree
from csms.ports.tariffs import CostedSession, SessionCostStore, TariffStore
from csms.services.audit import note_change
from csms.services.scopes import Scopes

BATCH: Final = 200
SWEEP_SECONDS: Final = 5.0
MAX_REASON: Final = 500
CHANGED: Final = "The consumption changed."
ANOTHER_DRIVER: Final = "The tag or the user was corrected."

_log = structlog.get_logger("csms.session_costs")


class CostView(msgspec.Struct, frozen=True):
    """A cost, and the version (its tariff's name before it) that it is by."""

    cost: SessionCost
    tariff: str = ""
    version: TariffVersion | None = None


class SessionCosts:
    """`run` is a task for the nursery of the application; the rest are use cases of people, which raise
    PermissionDenied, and Unavailable while the database is away."""

    def __init__(
        self,
        store: SessionCostStore,
        tariffs: TariffStore,
        scopes: Scopes,
        tree: Callable[[], Tree],
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._tariffs = tariffs
        self._scopes = scopes
        self._tree = tree
        self._now = now
        self._woken = trio.Event()

    # -- by itself -------------------------------------------------------------------------------------------------

    def hasten(self) -> None:
        """A session has ended: look now."""
        self._woken.set()

    async def run(self) -> None:
        """Compute what is due, for ever. Several processes may: the database lets one of them keep its result."""
        while True:
            self._woken = trio.Event()
            try:
                while await self.sweep():
                    pass
            except Unavailable as error:
                _log.info("costs are computed later", reason=error.message)
            with trio.move_on_after(SWEEP_SECONDS):
                await self._woken.wait()

    async def sweep(self) -> int:
        """One batch. How many orders were settled."""
        orders = await self._store.due(BATCH)
        corrected = {order.session_id for order in orders if order.driver_changed}
        for session_id in dict.fromkeys(order.session_id for order in orders):
            try:
                await self.compute(session_id, driver_changed=session_id in corrected)
            except Unavailable:
                raise
            except (DomainError, ArithmeticError, ValueError) as error:
                _log.error("the cost of a session cannot be computed", session_id=session_id, exc_info=error)
        if orders:
            await self._store.settled([order.number for order in orders])
        return len(orders)

    async def compute(self, session_id: int, *, driver_changed: bool = False) -> SessionCost | None:
        """The cost of an ended session: its first revision, or the next one when its consumption is another, or when
        another driver has another tariff; None when there is nothing to do."""
        session = await self._store.session(session_id)
        if session is None or not session.ended:
            return None
        consumption = await self._consumption(session)
        basis = digest(consumption)
        last = (await self._store.costs([session_id])).get(session_id)
        if last is None:
            held = await self._held(session)
            version, reason, revision = None if held is None else held.version, "", 0
        else:
            version, reason, revision = await self._version(last), CHANGED, last.revision
            if driver_changed:
                held = await self._held(session)
                right = None if held is None else held.version
                if _id_of(right) != _id_of(version):
                    version, reason = right, ANOTHER_DRIVER
            if last.basis == basis and reason == CHANGED:
                return None
        return await self._keep(session, consumption, version, basis=basis, reason=reason, after=revision)

    # -- for people ------------------------------------------------------------------------------------------------

    async def get(self, caller: Principal, session_id: int) -> tuple[CostView, Sequence[CostView]]:
        """The last revision and those before it, newest first. Raises NotFound."""
        session = await self._seen(caller, session_id)
        last = (await self._store.costs([session_id])).get(session_id)
        if last is None:
            if not session.ended:
                raise FailedPrecondition(
                    "This session has not ended. Ask for its running cost.", reason="SESSION_ACTIVE"
                )
            raise NotFound(
                "The cost of this session has not been computed yet. Try again in a moment.", reason="COST_NOT_COMPUTED"
            )
        earlier = await self._store.earlier(session_id) if last.revision > 1 else []
        return await self._view(last), [await self._view(each) for each in earlier]

    async def recompute(self, caller: Principal, session_id: int, reason: str, tariff_id: int | None) -> CostView:
        """The next revision: by another tariff, by the version that it has, or (it had none) by what was assigned when
        it began. Raises NotFound, InvalidArgument, FailedPrecondition."""
        check(caller, Action.EDIT_TARIFFS)
        reason = reason.strip()
        if not 0 < len(reason) <= MAX_REASON:
            raise InvalidArgument(f"Say why, in 1 to {MAX_REASON} characters.", reason="REASON_MISSING")
        session = await self._seen(caller, session_id)
        if not session.ended:
            raise FailedPrecondition("This session has not ended.", reason="SESSION_ACTIVE")
        last = (await self._store.costs([session_id])).get(session_id)
        version: TariffVersion | None
        if tariff_id is not None:
            version = await self._version_of(tariff_id, session)
        elif last is not None and last.priced:
            version = await self._version(last)
        else:
            held = await self._held(session)
            version = None if held is None else held.version
        consumption = await self._consumption(session)
        after = 0 if last is None else last.revision
        made = await self._keep(session, consumption, version, basis=digest(consumption), reason=reason, after=after)
        if made is None:
            raise FailedPrecondition("It was computed by somebody else just now. Look again.", reason="COST_CHANGED")
        note_change(f"sessions/{session_id}", last, made)
        return await self._view(made)

    async def running(self, caller: Principal, session_id: int) -> tuple[Cost | None, InForce | None]:
        """What a session under way has cost up to its last meter value; None: no tariff holds. Raises NotFound,
        FailedPrecondition/SESSION_ENDED."""
        session = await self._seen(caller, session_id)
        if session.ended:
            raise FailedPrecondition("This session has ended. Ask for its cost.", reason="SESSION_ENDED")
        return await self.running_of(session)

    async def running_of(self, session: CostedSession) -> tuple[Cost | None, InForce | None]:
        """The same without asking who asks."""
        held = await self._held(session)
        if held is None:
            return None, None
        consumption = await self._consumption(session)
        return price(consumption, held.version.terms, self._zone(session)), held

    # -- inside ----------------------------------------------------------------------------------------------------

    async def _seen(self, caller: Principal, session_id: int) -> CostedSession:
        scope = await self._scopes.of(caller, Action.READ_SESSIONS)
        session = await self._store.session(session_id)
        if session is None or not (scope is None or scope.holds(session.station_id, session.place_id, session.user_id)):
            raise NotFound(f"There is no session {session_id}.", reason="SESSION_NOT_FOUND")
        return session

    async def _consumption(self, session: CostedSession) -> Consumption:
        return consumption_so_far(
            _began(session),
            session.stopped_at,
            session.energy_wh,
            session.meter_start_wh,
            await self._store.readings(session.session_id),
            session.plugged_out_at,
            now=self._now(),
        )

    async def _held(self, session: CostedSession) -> InForce | None:
        tree = self._tree()
        try:
            above = [place.id for place in tree.upwards(session.place_id)]
        except NotFound:  # the place is gone
            above = [SYSTEM_ID]
        targets = targets_of(above, session.station_id, session.evse_id, session.user_id, session.group)
        return nearest(targets, await self._tariffs.in_force(targets, _began(session)))

    async def _keep(
        self,
        session: CostedSession,
        consumption: Consumption,
        version: TariffVersion | None,
        *,
        basis: str,
        reason: str,
        after: int,
    ) -> SessionCost | None:
        cost = None if version is None else price(consumption, version.terms, self._zone(session))
        made = cost_of_session(session.session_id, version, cost, basis=basis, reason=reason)
        return await self._store.keep(made, after=after, at=self._now())

    def _zone(self, session: CostedSession) -> tzinfo:
        tree = self._tree()
        try:
            return zoneinfo.ZoneInfo(tree.time_zone_of(session.place_id))
        except NotFound:
            return zoneinfo.ZoneInfo(tree.time_zone_of(SYSTEM_ID))

    async def _version(self, cost: SessionCost) -> TariffVersion | None:
        return None if cost.tariff_version_id is None else await self._tariffs.version(cost.tariff_version_id)

    async def _version_of(self, tariff_id: int, session: CostedSession) -> TariffVersion:
        known = (await self._tariffs.get([tariff_id])).get(tariff_id)
        if known is None:
            raise NotFound(f"There is no tariff {tariff_id} (any more).", reason="TARIFF_NOT_FOUND")
        return version_at(known.versions, _began(session)) or known.versions[0]

    async def _view(self, cost: SessionCost) -> CostView:
        version = await self._version(cost)
        if version is None:
            return CostView(cost)
        known = (await self._tariffs.get([version.tariff_id])).get(version.tariff_id)
        return CostView(cost, "" if known is None else known.name, version)


def _id_of(version: TariffVersion | None) -> int | None:
    return None if version is None else version.id


def _began(session: CostedSession) -> datetime:
    """A session whose start was never seen began, for all we know, when it was first heard of or ended."""
    if session.started_at is not None:
        return session.started_at
    return session.logged_at if session.stopped_at is None else min(session.logged_at, session.stopped_at)
