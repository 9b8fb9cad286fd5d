"""Reservations: written down, then asked of the station, and led on by what it says and by our clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec
import structlog
import trio

from csms.domain.access import Action, Principal
from csms.domain.commands import Answer
from csms.domain.errors import DomainError, FailedPrecondition, InvalidArgument, NotFound, PermissionDenied, Unavailable
from csms.domain.facts import Reply, TransactionEventSeen
from csms.domain.ids import parse_id_token
from csms.domain.reservation import (
    ENDED_BY,
    OPEN,
    CancelReservation,
    Reservation,
    ReservationState,
    ReservationStatusUpdated,
    ReserveNow,
)
from csms.ports.reservations import ReservationDraft, ReservationFilter, ReservationStore
from csms.services.remote import DEFAULT_TIMEOUT, CommandOutcome, Remote, Target

_log = structlog.get_logger("csms.reservations")

LONGEST: Final = timedelta(days=366)
LOOK_SECONDS: Final = 10.0
"""How often reservations are looked through for those whose time is over."""
MAYBE_HAPPENED: Final = "NO_ANSWER"
MAX_CONNECTOR_TYPE: Final = 20


class ReservationOrder(msgspec.Struct, frozen=True):
    """What to keep free for whom, until when. EVSE None: any (2.x: with a connector of `connector_type`)."""

    id_token: str
    expires_at: datetime
    evse_id: int | None = None
    connector_type: str = ""
    group_id_token: str | None = None


class ReservationOutcome(msgspec.Struct, frozen=True):
    """The reservation as it is now, and the station's answer."""

    reservation: Reservation
    outcome: CommandOutcome


class Reservations:
    """Use cases of people. All raise PermissionDenied, and Unavailable while the database is away; those that ask the
    station raise what `Remote` raises."""

    def __init__(self, store: ReservationStore, remote: Remote, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._remote = remote
        self._scopes = remote.scopes
        self._now = now

    async def create(self, caller: Principal, target: Target, order: ReservationOrder) -> ReservationOutcome:
        """Write it down, ask the station. A refusal (Occupied, Faulted, Unavailable, Rejected) is an outcome.

        Where the station gave no answer, the reservation stays in the book: REFUSED when it was never asked, REQUESTED
        when it may hold it. Raises InvalidArgument.
        """
        await self._scopes.check_station(caller, Action.OPERATE_STATIONS, target.station_id)
        draft = self._draft(caller, target.station_id, order)
        await self._scopes.check_tag(caller, Action.OPERATE_STATIONS, draft.id_token)
        made = await self._store.create(draft, self._now())
        command = ReserveNow(
            made.id,
            made.id_token,
            made.expires_at,
            evse_id=made.evse_id,
            connector_type=made.connector_type,
            group_id_token=made.group_id_token,
        )
        try:
            outcome = await self._remote.command(caller, target, command)
        except DomainError as error:
            state = ReservationState.REQUESTED if error.reason == MAYBE_HAPPENED else ReservationState.REFUSED
            await self._move(made, state, error.reason, error.message)
            raise
        answer = outcome.answer
        state = ReservationState.ACTIVE if answer.accepted else ReservationState.REFUSED
        return ReservationOutcome(await self._move(made, state, *_words(answer)), outcome)

    async def cancel(
        self,
        caller: Principal,
        target: Target | None,
        reservation_id: int,
        *,
        timeout_s: float = DEFAULT_TIMEOUT,
        wait_for_station: bool = False,
    ) -> ReservationOutcome:
        """Take it back. One that the station does not know (any more) is over for us too, and its note says so.
        `target` None: the reservation's own station, with what follows.

        Raises NotFound, InvalidArgument/STATION_MISMATCH, FailedPrecondition/RESERVATION_ENDED.
        """
        known = await self._seen(caller, Action.OPERATE_STATIONS, reservation_id)
        if target is None:
            target = Target(known.station_id, timeout_s, wait_for_station)
        elif target.station_id != known.station_id:
            raise InvalidArgument(
                "The reservation is at another station. Leave the station out: the reservation knows it.",
                reason="STATION_MISMATCH",
            )
        if known.state not in OPEN:
            raise _ended(known)
        outcome = await self._remote.command(caller, target, CancelReservation(known.id))
        status, note = _words(outcome.answer)
        if outcome.answer.error_code:
            return ReservationOutcome(await self._move(known, known.state, status, note), outcome)
        if not outcome.answer.accepted:
            note = "The station did not know this reservation (any more)." + (f" {note}" if note else "")
        return ReservationOutcome(await self._move(known, ReservationState.CANCELED, status, note), outcome)

    async def get(self, caller: Principal, reservation_id: int) -> Reservation:
        """One reservation. Raises NotFound."""
        return await self._seen(caller, Action.READ_SESSIONS, reservation_id)

    async def page(
        self, caller: Principal, wanted: ReservationFilter, *, size: int, before: int | None
    ) -> tuple[Sequence[Reservation], int]:
        """Up to `size` with an id below `before`, newest first; and how many match in all."""
        scope = await self._scopes.of(caller, Action.READ_SESSIONS)
        wanted = msgspec.structs.replace(wanted, scope=scope)
        return await self._store.page(wanted, size=size, before=before)

    # -- what stations tell ------------------------------------------------------------------------------------------

    async def saw_transaction(self, station_id: int, fact: TransactionEventSeen, _reply: Reply) -> None:
        """A session began with a reservation: it is USED, even if our clock had ended it (a start from an offline
        queue)."""
        if fact.reservation_id is None:
            return
        await self._store.change(
            fact.reservation_id,
            ReservationState.USED,
            self._now(),
            only_from=OPEN | {ReservationState.EXPIRED},
            station_id=station_id,
        )

    async def saw_update(self, station_id: int, fact: ReservationStatusUpdated, _reply: Reply) -> None:
        """The station ended one by itself."""
        state = ENDED_BY.get(fact.status)
        if state is not None:
            await self._store.change(
                fact.reservation_id, state, self._now(), only_from=OPEN, station_id=station_id, status=fact.status
            )

    async def run(self) -> None:
        """A task for the nursery of the application: end those whose time is over."""
        while True:
            try:
                for ended in await self._store.expire(self._now()):
                    _log.info("a reservation is over", reservation_id=ended.id, state=ended.state.value)
            except Unavailable:
                pass  # they are no less over when the database is back
            await trio.sleep(LOOK_SECONDS)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _draft(self, caller: Principal, station_id: int, order: ReservationOrder) -> ReservationDraft:
        now = self._now()
        # Whole seconds: the versions print times with different decimals.
        expires_at = order.expires_at.replace(microsecond=0)
        if not now < expires_at <= now + LONGEST:
            raise InvalidArgument(
                "A reservation ends in the future, within a year. Give a later (or an earlier) time.",
                reason="INVALID_TIME",
            )
        if order.evse_id is not None and order.evse_id < 0:
            raise InvalidArgument("EVSEs count from 1; 0 means any.", reason="INVALID_EVSE")
        if order.evse_id and order.connector_type:
            raise InvalidArgument(
                "Reserve an EVSE or any with a type of connector, not both.", reason="EVSE_AND_CONNECTOR_TYPE"
            )
        if len(order.connector_type) > MAX_CONNECTOR_TYPE:
            raise InvalidArgument("A connector's type is a short word, such as cCCS2.", reason="INVALID_CONNECTOR_TYPE")
        return ReservationDraft(
            station_id,
            parse_id_token(order.id_token),
            now,
            expires_at,
            order.evse_id or None,
            order.connector_type,
            parse_id_token(order.group_id_token) if order.group_id_token else None,
            caller.name,
        )

    async def _seen(self, caller: Principal, action: Action, reservation_id: int) -> Reservation:
        """One at a station where the caller may do it. Raises NotFound, and PermissionDenied to those who never may."""
        await self._scopes.of(caller, action)
        found = await self._find(reservation_id)
        try:
            await self._scopes.check_station(caller, action, found.station_id)
        except (NotFound, PermissionDenied):  # who sees the station only is not told of it
            raise _no_reservation(reservation_id) from None
        return found

    async def _find(self, reservation_id: int) -> Reservation:
        found = await self._store.find(reservation_id)
        if found is None:
            raise _no_reservation(reservation_id)
        return found

    async def _move(self, known: Reservation, state: ReservationState, status: str, note: str) -> Reservation:
        """Move it on; where the station has ended it meanwhile, that stays."""
        changed = await self._store.change(known.id, state, self._now(), only_from=OPEN, status=status, note=note)
        return changed or await self._store.find(known.id) or known


def _words(answer: Answer) -> tuple[str, str]:
    """The station's word, and what it said besides."""
    said = (answer.error_description, answer.reason_code, answer.additional_info)
    return answer.error_code or answer.status, ": ".join(part for part in said if part)


def _ended(reservation: Reservation) -> FailedPrecondition:
    return FailedPrecondition(
        f"The reservation is over already ({reservation.state.value}), so there is nothing to take back.",
        reason="RESERVATION_ENDED",
        state=reservation.state.value,
    )


def _no_reservation(reservation_id: int) -> NotFound:
    return NotFound(f"There is no reservation {reservation_id}.", reason="RESERVATION_NOT_FOUND")
