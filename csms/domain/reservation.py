"""Reservations, and what stations tell of them (OCPP 2.x block H; 1.6 Reservation).

Ours is the book: a reservation is written down before the station is asked, and whatever the station says moves it on.

    BOOKED ── its time has come, and so on as below; until the station agrees, it is asked again and again
    REQUESTED ── the station agreed ──▶ ACTIVE ── a session began with it ──▶ USED
        │                                 ├── somebody took it back ────────▶ CANCELED
        │ it did not                      ├── its time is over ─────────────▶ EXPIRED
        ▼                                 └── the station gave it up ───────▶ REMOVED
    REFUSED

Who finds the outlet occupied may wait. When it is free, it is reserved for the first of those who wait, for a
quarter of an hour:

    WAITING ── the outlet is free ──▶ OFFERED ── a session began ──▶ TAKEN
       └── left, or waited too long ──▶ LEFT      └── nobody came ──▶ MISSED
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from csms.domain.applying import Applied, Context, Handler, event
from csms.domain.commands import Command
from csms.domain.facts import Fact
from csms.domain.ids import StationId

MAX_RESERVATION_ID: Final = 2**31 - 1


class ReservationState(StrEnum):
    """Where a reservation is."""

    BOOKED = "BOOKED"
    """It begins later; the station is not asked before."""
    REQUESTED = "REQUESTED"
    """The station was asked and has not answered (yet): it may hold it or not."""
    ACTIVE = "ACTIVE"
    REFUSED = "REFUSED"
    USED = "USED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    REMOVED = "REMOVED"


OPEN: Final = frozenset({ReservationState.BOOKED, ReservationState.REQUESTED, ReservationState.ACTIVE})
"""It may still be used."""


class Reservation(msgspec.Struct, frozen=True):
    """An EVSE kept free for a tag. `id` is also OCPP's reservationId: it fits 31 bits and is never given twice.

    `evse_id` None: any EVSE of the station (2.x: any with a connector of `connector_type`, if that is given).
    `status` is the station's last word on it (Accepted, Occupied, Faulted, …), or the reason why there is none;
    `note` a sentence for people.
    """

    id: int
    station_id: int
    state: ReservationState
    id_token: str
    starts_at: datetime
    expires_at: datetime
    created_at: datetime
    updated_at: datetime
    evse_id: int | None = None
    connector_type: str = ""
    group_id_token: str | None = None
    status: str = ""
    note: str = ""
    created_by: str = ""
    ended_at: datetime | None = None
    user_id: int | None = None
    """Whose tag it is."""


class WaitState(StrEnum):
    """Where somebody who waits is."""

    WAITING = "WAITING"
    OFFERED = "OFFERED"
    TAKEN = "TAKEN"
    MISSED = "MISSED"
    LEFT = "LEFT"


WAITS: Final = frozenset({WaitState.WAITING, WaitState.OFFERED})


class Waiting(msgspec.Struct, frozen=True):
    """Somebody who waits for an outlet: EVSE None: any of the station. `until`: how long at most. `place` counts from 1
    in the order of those who wait for the same station; 0: it is over."""

    id: int
    station_id: int
    id_token: str
    state: WaitState
    created_at: datetime
    updated_at: datetime
    until: datetime
    evse_id: int | None = None
    user_id: int | None = None
    reservation_id: int | None = None
    created_by: str = ""
    place: int = 0


# -- what stations are told --------------------------------------------------------------------------------------------


class ReserveNow(Command, frozen=True):
    """H01 (1.6 §5.13). EVSE None: any (2.x: with a connector of `connector_type`). The same id again replaces it.

    `group_id_token` (1.6 parentIdTag): any tag of that group may use it. `token_type` and `connector_type` are 2.x's;
    a type left out is what the tag looks like.
    """

    reservation_id: int
    id_token: str
    expires_at: datetime
    evse_id: int | None = None
    connector_type: str = ""
    group_id_token: str | None = None
    token_type: str = ""


class CancelReservation(Command, frozen=True):
    """H02 (1.6 §5.1)."""

    reservation_id: int


# -- what stations tell ------------------------------------------------------------------------------------------------


class ReservationStatusUpdated(Fact, frozen=True):
    """ReservationStatusUpdate (H04). `status`: Expired, Removed; since 2.1 NoTransaction (it was used, but no
    transaction came of it)."""

    reservation_id: int
    status: str


ENDED_BY: Final = {
    "Expired": ReservationState.EXPIRED,
    "Removed": ReservationState.REMOVED,
    "NoTransaction": ReservationState.USED,
}
"""What becomes of a reservation by the station's own word."""

_TOLD: Final = {
    "Expired": "has expired unused",
    "Removed": "was removed by the station",
    "NoTransaction": "was used, but no transaction came of it",
}


def _status_updated(fact: ReservationStatusUpdated, station_id: StationId, context: Context) -> Applied:
    told = f"Reservation {fact.reservation_id} {_TOLD.get(fact.status, f'is now {fact.status}')}."
    return Applied(records=[event(station_id, context, "ReservationStatusUpdate", told, body=fact)])


HANDLERS: Final[dict[type[Fact], Handler]] = {ReservationStatusUpdated: _status_updated}
