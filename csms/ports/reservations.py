"""The book of reservations. All methods raise Unavailable while the database is away."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from csms.domain.access import Scope
from csms.domain.reservation import Reservation, ReservationState, Waiting, WaitState


class ReservationDraft(msgspec.Struct, frozen=True):
    """One to be written down; see `Reservation`."""

    station_id: int
    id_token: str
    starts_at: datetime
    expires_at: datetime
    evse_id: int | None = None
    connector_type: str = ""
    group_id_token: str | None = None
    created_by: str = ""
    state: ReservationState = ReservationState.REQUESTED


class ReservationFilter(msgspec.Struct, frozen=True):
    """All conditions must hold; empty ones always do. `until` and `since`: it touches that span."""

    station_id: int | None = None
    states: tuple[ReservationState, ...] = ()
    id_token: str = ""
    since: datetime | None = None
    until: datetime | None = None
    place_ids: frozenset[int] = frozenset()
    user_id: int | None = None
    """Of this user's tags."""
    scope: Scope | None = None
    """What the caller may see."""


class Vacancy(msgspec.Struct, frozen=True):
    """An outlet that is free, and the first who waits for it."""

    waiting: Waiting
    evse_id: int


class ReservationStore(Protocol):
    """Reservations, and who waits for outlets."""

    async def create(self, draft: ReservationDraft, at: datetime) -> Reservation:
        """With a number that fits 31 bits and was never given before, for the user whose tag it is.

        Raises NotFound when there is no such station, AlreadyExists/ALREADY_RESERVED when another open one takes that
        EVSE, or all of them, within its time."""

    async def running(self, now: datetime) -> Sequence[Reservation]:
        """Open ones of one EVSE that have begun, or begin within a minute."""

    async def due(self, now: datetime, retry_before: datetime) -> Sequence[Reservation]:
        """BOOKED ones whose time has come, and which were not tried since `retry_before`."""

    async def tried(self, reservation_id: int, at: datetime, status: str, note: str) -> None:
        """The station was asked and did not agree (yet)."""

    async def reservable(self, station_id: int) -> bool:
        """May this station be reserved? Raises NotFound."""

    async def set_reservable(self, station_id: int, reservable: bool) -> None:
        """Raises NotFound."""

    async def wait(self, waiting: Waiting) -> Waiting:
        """`waiting.id`, `user_id` and `place` are ignored. Raises NotFound, AlreadyExists/ALREADY_WAITING."""

    async def find_waiting(self, waiting_id: int) -> Waiting | None:
        """By id."""

    async def page_waiting(
        self, station_id: int | None, scope: Scope | None, *, size: int, after: int | None
    ) -> tuple[Sequence[Waiting], int]:
        """Those who wait (open ones), the longest first, with an id above `after`; and how many in all. A scope's own
        user sees the own ones."""

    async def move_waiting(
        self,
        waiting_id: int,
        state: WaitState,
        at: datetime,
        *,
        only_from: Collection[WaitState],
        reservation_id: int | None = None,
    ) -> Waiting | None:
        """None: it is not in one of these states."""

    async def settle_waiting(self, now: datetime) -> Sequence[Waiting]:
        """Move on those whose reservation is over (TAKEN when it was used, else MISSED), and those who have waited long
        enough (LEFT)."""

    async def vacancies(self, now: datetime) -> Sequence[Vacancy]:
        """Of each online station with a free EVSE (Available, no session, no open reservation that has begun or begins
        within the next quarter of an hour): the first who waits for it and was not offered one."""

    async def find(self, reservation_id: int) -> Reservation | None:
        """By id."""

    async def page(
        self, wanted: ReservationFilter, *, size: int, before: int | None = None
    ) -> tuple[Sequence[Reservation], int]:
        """Newest first, with an id below `before`; and how many match in all."""

    async def change(
        self,
        reservation_id: int,
        state: ReservationState,
        at: datetime,
        *,
        only_from: Collection[ReservationState],
        station_id: int | None = None,
        status: str = "",
        note: str = "",
    ) -> Reservation | None:
        """Move it on, if it is (still) in one of these states and at that station; empty texts stay what they were.
        None: it is not."""

    async def expire(self, now: datetime) -> Sequence[Reservation]:
        """End all open ones whose time is over: USED where a session began with it, else EXPIRED. Those ended now."""
