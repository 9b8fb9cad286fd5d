"""Reservations: written down, then asked of the station, and led on by what it says and by our clock."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

import msgspec
import structlog
import trio

from csms.domain.access import Action, Principal, Reach, reach
from csms.domain.commands import Answer
from csms.domain.errors import DomainError, FailedPrecondition, InvalidArgument, NotFound, PermissionDenied, Unavailable
from csms.domain.facts import Reply, TransactionEventSeen
from csms.domain.ids import parse_id_token
from csms.domain.notifications import NotificationKind
from csms.domain.reservation import (
    ENDED_BY,
    OPEN,
    CancelReservation,
    Reservation,
    ReservationState,
    ReservationStatusUpdated,
    ReserveNow,
    Waiting,
    WaitState,
)
from csms.ports.lease import Lease
from csms.ports.notifications import Notifier
from csms.ports.reservations import ReservationDraft, ReservationFilter, ReservationStore, Vacancy
from csms.ports.stores import StationStore
from csms.services.audit import note_change
from csms.services.remote import DEFAULT_TIMEOUT, CommandOutcome, Remote, Target

T = TypeVar("T")
_log = structlog.get_logger("csms.reservations")

LONGEST: Final = timedelta(days=366)
LOOK_SECONDS: Final = 10.0
"""How often reservations are looked through for those whose time is over."""
MAYBE_HAPPENED: Final = "NO_ANSWER"
MAX_CONNECTOR_TYPE: Final = 20
SOON: Final = timedelta(minutes=1)
"""What begins within this time begins now."""
RETRY: Final = timedelta(minutes=1)
"""How often a station is asked that did not agree to a booked one whose time has come."""
OFFER: Final = timedelta(minutes=15)
"""How long an outlet is kept for somebody who waited for it."""
LONGEST_WAIT: Final = timedelta(days=2)
AT_ONCE: Final = 16
"""How many stations are asked at the same time."""
BOOK_TIMEOUT: Final = 20.0


class ReservationOrder(msgspec.Struct, frozen=True):
    """What to keep free for whom, until when. EVSE None: any (2.x: with a connector of `connector_type`)."""

    id_token: str
    expires_at: datetime
    evse_id: int | None = None
    connector_type: str = ""
    group_id_token: str | None = None
    starts_at: datetime | None = None
    """None: now."""


@dataclass(frozen=True, slots=True)
class Telling:
    """Those whom a reservation is for hear of it, and what its station is called."""

    notifier: Notifier
    stations: StationStore


class ReservationOutcome(msgspec.Struct, frozen=True):
    """The reservation as it is now, and the station's answer."""

    reservation: Reservation
    outcome: CommandOutcome


class Reservations:
    """Use cases of people. All raise PermissionDenied, and Unavailable while the database is away; those that ask the
    station raise what `Remote` raises."""

    def __init__(
        self,
        store: ReservationStore,
        remote: Remote,
        *,
        now: Callable[[], datetime],
        telling: Telling | None = None,
        lease: Lease | None = None,
        running: Callable[[Sequence[Reservation]], None] = lambda _: None,
        told: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`told`: one at this station was made or moved on, and is kept so."""
        self._store = store
        self._remote = remote
        self._scopes = remote.scopes
        self._now = now
        self._telling = telling
        self._lease = lease
        self._running = running
        self._told = told

    async def create(self, caller: Principal, target: Target, order: ReservationOrder) -> ReservationOutcome:
        """Write it down, ask the station. A refusal (Occupied, Faulted, Unavailable, Rejected) is an outcome.

        Where the station gave no answer, the reservation stays in the book: REFUSED when it was never asked, REQUESTED
        when it may hold it. Raises InvalidArgument.
        """
        await self._scopes.check_station(caller, Action.OPERATE_STATIONS, target.station_id)
        draft = self._draft(caller, target.station_id, order)
        await self._scopes.check_tag(caller, Action.OPERATE_STATIONS, draft.id_token)
        if not await self._store.reservable(target.station_id):
            raise FailedPrecondition(
                "Reservations are switched off for this station. Switch them on first, or choose another station.",
                reason="RESERVATIONS_OFF",
            )
        made = await self._store.create(draft, self._now())
        self._told(made.station_id)
        if made.state is ReservationState.BOOKED:
            return ReservationOutcome(made, CommandOutcome(_NOT_ASKED, self._now(), 0.0))
        try:
            outcome = await self._remote.command(caller, target, _order_of(made))
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
        if known.state is ReservationState.BOOKED:  # the station does not know it yet
            moved = await self._move(known, ReservationState.CANCELED, "", "")
            return ReservationOutcome(moved, CommandOutcome(_NOT_ASKED, self._now(), 0.0))
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
        self,
        caller: Principal,
        wanted: ReservationFilter,
        *,
        size: int,
        before: int | None,
        place_id: int | None = None,
    ) -> tuple[Sequence[Reservation], int]:
        """Up to `size` with an id below `before`, newest first; and how many match in all.

        Raises NotFound for a place."""
        scope, places = await self._scopes.narrowed(caller, Action.READ_SESSIONS, place_id, None)
        wanted = msgspec.structs.replace(wanted, scope=scope, place_ids=places)
        return await self._store.page(wanted, size=size, before=before)

    async def reservable(self, caller: Principal, station_id: int) -> bool:
        """Are reservations switched on for the station? Raises NotFound."""
        await self._scopes.check_station(caller, Action.READ_STATIONS, station_id)
        return await self._store.reservable(station_id)

    async def set_reservable(self, caller: Principal, station_id: int, *, reservable: bool) -> None:
        """Those that are made already stay. Raises NotFound."""
        await self._scopes.check_station(caller, Action.EDIT_STATIONS, station_id)
        before = await self._store.reservable(station_id)
        await self._store.set_reservable(station_id, reservable)
        note_change(f"stations/{station_id}", {"reservable": before})

    # -- waiting for an occupied outlet --------------------------------------------------------------------------------

    async def wait(
        self, caller: Principal, station_id: int, id_token: str, *, evse_id: int | None, until: datetime | None
    ) -> Waiting:
        """Put a tag on the waiting list of a station. Raises InvalidArgument, NotFound, AlreadyExists/ALREADY_WAITING,
        FailedPrecondition/RESERVATIONS_OFF."""
        await self._scopes.check_station(caller, Action.OPERATE_STATIONS, station_id)
        tag = parse_id_token(id_token)
        await self._scopes.check_tag(caller, Action.OPERATE_STATIONS, tag)
        if not await self._store.reservable(station_id):
            raise FailedPrecondition(
                "Reservations are switched off for this station, so nobody can wait for it.", reason="RESERVATIONS_OFF"
            )
        now = self._now()
        last = now + LONGEST_WAIT if until is None else until
        if not now < last <= now + LONGEST_WAIT:
            raise InvalidArgument("Wait until a time within the next two days.", reason="INVALID_TIME")
        waiting = Waiting(
            0, station_id, tag, WaitState.WAITING, now, now, last, evse_id or None, created_by=caller.name
        )
        return await self._store.wait(waiting)

    async def leave(self, caller: Principal, waiting_id: int) -> Waiting:
        """Off the list: the own tag, or any at stations that one manages. Raises NotFound,
        FailedPrecondition/NOT_WAITING."""
        found = await self._store.find_waiting(waiting_id)
        if found is None:
            raise _no_waiting(waiting_id)
        try:
            own = found.user_id is not None and found.user_id == caller.user_id
            managed = reach(caller, Action.OPERATE_STATIONS) is Reach.OWN and not own
            action = Action.EDIT_STATIONS if managed else Action.OPERATE_STATIONS
            await self._scopes.check_station(caller, action, found.station_id)
        except (NotFound, PermissionDenied):
            if reach(caller, Action.OPERATE_STATIONS) is Reach.NONE:
                raise
            raise _no_waiting(waiting_id) from None
        left = await self._store.move_waiting(
            waiting_id, WaitState.LEFT, self._now(), only_from=frozenset({WaitState.WAITING})
        )
        if left is None:
            raise FailedPrecondition(
                "This tag does not wait any more. If it was offered an outlet, cancel that reservation instead.",
                reason="NOT_WAITING",
            )
        return left

    async def waiting(
        self, caller: Principal, station_id: int | None, *, size: int, after: int | None
    ) -> tuple[Sequence[Waiting], int]:
        """Those who wait where the caller sees sessions, and the caller's own; the longest first. Raises NotFound."""
        scope = await self._scopes.of(caller, Action.READ_SESSIONS)
        return await self._store.page_waiting(station_id, scope, size=size, after=after)

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
        self._told(station_id)

    async def saw_update(self, station_id: int, fact: ReservationStatusUpdated, _reply: Reply) -> None:
        """The station ended one by itself."""
        state = ENDED_BY.get(fact.status)
        if state is not None:
            await self._store.change(
                fact.reservation_id, state, self._now(), only_from=OPEN, station_id=station_id, status=fact.status
            )
            self._told(station_id)

    async def run(self) -> None:
        """A task for the nursery of the application: end those whose time is over, begin those whose time has come, and
        offer free outlets to those who wait."""
        while True:
            try:
                if self._lease is None or await self._lease.holds():
                    await self.sweep()
                await self._remember()
            except Unavailable:
                pass  # they are no less over when the database is back
            await trio.sleep(LOOK_SECONDS)

    async def sweep(self) -> None:
        """One round of it. Raises Unavailable."""
        now = self._now()
        for ended in await self._store.expire(now):
            self._told(ended.station_id)
            _log.info("a reservation is over", reservation_id=ended.id, state=ended.state.value)
            await self._tell(ended.user_id, "ended", ended)
        for settled in await self._store.settle_waiting(now):
            _log.info("somebody does not wait any more", waiting_id=settled.id, state=settled.state.value)
        limit = trio.CapacityLimiter(AT_ONCE)
        async with trio.open_nursery() as nursery:
            for booked in await self._store.due(now, now - RETRY):
                nursery.start_soon(self._bounded, limit, self._begin, booked)
            for vacancy in await self._store.vacancies(now):
                nursery.start_soon(self._bounded, limit, self._offer, vacancy)

    # -- inside --------------------------------------------------------------------------------------------------------

    async def look_again(self) -> None:
        """Another process has changed the book. Raises Unavailable."""
        await self._remember()

    async def _remember(self) -> None:
        """Tell those who decide about tags which reservations run."""
        self._running(await self._store.running(self._now()))

    async def _bounded(self, limit: trio.CapacityLimiter, work: Callable[[T], Awaitable[None]], about: T) -> None:
        async with limit:
            try:
                await work(about)
            except DomainError as error:
                _log.warning("left for the next round", reason=error.reason)

    async def _begin(self, booked: Reservation) -> None:
        """Its time has come. Until the station agrees, the book alone keeps it, and it is asked again."""
        try:
            outcome = await self._remote.command_of_ours(Target(booked.station_id, BOOK_TIMEOUT), _order_of(booked))
        except DomainError as error:
            await self._store.tried(booked.id, self._now(), error.reason, error.message)
            return
        status, note = _words(outcome.answer)
        if not outcome.answer.accepted:
            await self._store.tried(booked.id, self._now(), status, note)
            return
        begun = await self._move(booked, ReservationState.ACTIVE, status, note)
        await self._tell(begun.user_id, "begun", begun)

    async def _offer(self, vacancy: Vacancy) -> None:
        """Keep the outlet for the first who waits. Whoever the station refuses stays on the list."""
        waiting, now = vacancy.waiting, self._now()
        draft = ReservationDraft(
            waiting.station_id,
            waiting.id_token,
            now,
            (now + OFFER).replace(microsecond=0),
            vacancy.evse_id,
            created_by=waiting.created_by,
        )
        made = await self._store.create(draft, now)
        try:
            outcome = await self._remote.command_of_ours(Target(made.station_id, BOOK_TIMEOUT), _order_of(made))
        except DomainError as error:
            await self._move(made, ReservationState.REFUSED, error.reason, error.message)
            return
        state = ReservationState.ACTIVE if outcome.answer.accepted else ReservationState.REFUSED
        held = await self._move(made, state, *_words(outcome.answer))
        if state is ReservationState.ACTIVE:
            await self._store.move_waiting(
                waiting.id, WaitState.OFFERED, now, only_from={WaitState.WAITING}, reservation_id=held.id
            )
            await self._tell(waiting.user_id, "offered", held)

    async def _tell(self, user_id: int | None, what: str, about: Reservation) -> None:
        if user_id is not None and self._telling is not None:
            station = await self._telling.stations.find(about.station_id)
            values = {
                "event": what,
                "station": "" if station is None else station.label,
                "evse": str(about.evse_id or ""),
            }
            await self._telling.notifier.notify(
                [user_id], NotificationKind.RESERVATION, values, target=f"reservations/{about.id}"
            )

    def _draft(self, caller: Principal, station_id: int, order: ReservationOrder) -> ReservationDraft:
        now = self._now()
        # Whole seconds: the versions print times with different decimals.
        expires_at = order.expires_at.replace(microsecond=0)
        starts_at = now if order.starts_at is None or order.starts_at <= now + SOON else order.starts_at
        if starts_at >= expires_at:
            raise InvalidArgument("A reservation ends after it has begun. Give a later end.", reason="INVALID_TIME")
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
            starts_at,
            expires_at,
            order.evse_id or None,
            order.connector_type,
            parse_id_token(order.group_id_token) if order.group_id_token else None,
            caller.name,
            ReservationState.REQUESTED if starts_at == now else ReservationState.BOOKED,
        )

    async def _seen(self, caller: Principal, action: Action, reservation_id: int) -> Reservation:
        """One of the caller's own tags, or at a station where they manage those of others. Raises NotFound, and
        PermissionDenied to those who never may."""
        await self._scopes.of(caller, action)
        found = await self._find(reservation_id)
        if found.user_id is not None and found.user_id == caller.user_id:
            return found
        if reach(caller, action) is Reach.OWN:
            action = Action.EDIT_STATIONS
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
        self._told(known.station_id)
        await self._remember()
        return changed or await self._store.find(known.id) or known


_NOT_ASKED: Final = Answer("NotAsked", True)
"""The station has nothing to do with it yet."""


def _order_of(made: Reservation) -> ReserveNow:
    return ReserveNow(
        made.id,
        made.id_token,
        made.expires_at,
        evse_id=made.evse_id,
        connector_type=made.connector_type,
        group_id_token=made.group_id_token,
    )


def _no_waiting(waiting_id: int) -> NotFound:
    return NotFound(f"Nobody waits under the number {waiting_id} (any more).", reason="WAITING_NOT_FOUND")


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
