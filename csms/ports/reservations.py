"""The book of reservations. All methods raise Unavailable while the database is away."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from csms.domain.access import Scope
from csms.domain.reservation import Reservation, ReservationState


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


class ReservationFilter(msgspec.Struct, frozen=True):
    """All conditions must hold; empty ones always do. `until` and `since`: it touches that span."""

    station_id: int | None = None
    states: tuple[ReservationState, ...] = ()
    id_token: str = ""
    since: datetime | None = None
    until: datetime | None = None
    scope: Scope | None = None
    """What the caller may see."""


class ReservationStore(Protocol):
    """Reservations."""

    async def create(self, draft: ReservationDraft, at: datetime) -> Reservation:
        """REQUESTED, with a number that fits 31 bits and was never given before. Raises NotFound when there is no such
        station."""

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
