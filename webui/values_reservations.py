"""Reservations and those who wait, as the portal shows them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from webui.values import CommandResult as _CommandResult
from webui.values import Connection, Evse


class ReservationState(StrEnum):
    """Where a reservation is."""

    UNSPECIFIED = "UNSPECIFIED"
    BOOKED = "BOOKED"
    REQUESTED = "REQUESTED"
    ACTIVE = "ACTIVE"
    USED = "USED"
    EXPIRED = "EXPIRED"
    CANCELED = "CANCELED"
    REFUSED = "REFUSED"
    REMOVED = "REMOVED"


OPEN: Final = frozenset({ReservationState.BOOKED, ReservationState.REQUESTED, ReservationState.ACTIVE})
"""These keep an outlet, or will."""


class StationBrief(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A station with its outlets, as far as choosing one needs it."""

    name: str
    identity: str
    display_name: str
    address: str
    place: str
    connection_state: Connection
    evses: tuple[Evse, ...]
    reservable: bool = True

    @property
    def key(self) -> str:
        """The id of ``stations/{id}``."""
        return self.name.partition("/")[2]

    @property
    def label(self) -> str:
        """What people call it."""
        return self.display_name or self.identity

    @property
    def online(self) -> bool:
        """Is it connected?"""
        return self.connection_state is Connection.ONLINE


class StationBriefs(msgspec.Struct, frozen=True, kw_only=True):
    """A page of stations."""

    stations: tuple[StationBrief, ...] = ()
    next_page_token: str = ""
    total_size: int = 0


class OneStation(msgspec.Struct, frozen=True, kw_only=True):
    """One station."""

    station: StationBrief


class Reservation(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An outlet kept free for a tag."""

    name: str
    station: str
    state: ReservationState
    id_token: str
    group_id_token: str = ""
    evse_id: int = 0
    connector_type: str = ""
    start_time: datetime | None = None
    expire_time: datetime | None = None
    end_time: datetime | None = None
    create_time: datetime | None = None
    update_time: datetime | None = None
    status: str = ""
    note: str = ""
    creator: str = ""
    user: str = ""

    @property
    def key(self) -> str:
        """The number of ``reservations/{id}``."""
        return self.name.partition("/")[2]

    @property
    def station_key(self) -> str:
        """The id of its station."""
        return self.station.partition("/")[2]

    @property
    def open(self) -> bool:
        """Does it keep an outlet, or will it?"""
        return self.state in OPEN

    @property
    def until(self) -> datetime | None:
        """When it is over, or was."""
        return self.expire_time if self.open else (self.end_time or self.expire_time)


class ReservationPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of reservations."""

    reservations: tuple[Reservation, ...] = ()
    next_page_token: str = ""
    total_size: int = 0


class OneReservation(msgspec.Struct, frozen=True, kw_only=True):
    """One reservation."""

    reservation: Reservation


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a station answered."""

    accepted: bool = False
    status: str = ""
    error_code: str = ""
    error_description: str = ""

    @property
    def result(self) -> _CommandResult:
        """As the sentences for people want it."""
        return _CommandResult(
            accepted=self.accepted,
            status=self.status,
            error_code=self.error_code,
            error_description=self.error_description,
            latency=None,
        )


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """A reservation, and what the station said about it."""

    reservation: Reservation
    result: Answer


class WaitState(StrEnum):
    """Where somebody who waits is."""

    UNSPECIFIED = "UNSPECIFIED"
    WAITING = "WAITING"
    OFFERED = "OFFERED"
    TAKEN = "TAKEN"
    MISSED = "MISSED"
    LEFT = "LEFT"


class Waiting(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A tag that waits for an occupied outlet. `place` counts from 1."""

    name: str
    station: str
    evse_id: int = 0
    id_token: str = ""
    user: str = ""
    state: WaitState = WaitState.UNSPECIFIED
    place: int = 0
    reservation: str = ""
    create_time: datetime | None = None
    until_time: datetime | None = None

    @property
    def key(self) -> str:
        """The number of ``waiting/{id}``."""
        return self.name.partition("/")[2]

    @property
    def reservation_key(self) -> str:
        """The number of the reservation that it was offered, empty when none."""
        return self.reservation.partition("/")[2]


class WaitingPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of those who wait."""

    waiting: tuple[Waiting, ...] = ()
    next_page_token: str = ""
    total_size: int = 0


class Reservable(msgspec.Struct, frozen=True, kw_only=True):
    """Are reservations switched on for a station?"""

    reservable: bool


class Tag(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A tag to choose."""

    name: str
    id_token: str
    alias: str = ""
    blocked: bool = False
    state: str = ""
    user: str = ""
    type: str = ""
    expire_time: datetime | None = None

    @property
    def key(self) -> str:
        """The id of ``idTokens/{id}``."""
        return self.name.partition("/")[2]

    @property
    def label(self) -> str:
        """Alias and id."""
        return f"{self.alias} ({self.id_token})" if self.alias else self.id_token

    @property
    def valid(self) -> bool:
        """Does it count now?"""
        return self.state == "VALID"


class Tags(msgspec.Struct, frozen=True, kw_only=True):
    """Tags to choose from."""

    id_tokens: tuple[Tag, ...] = ()
    total_size: int = 0


class Place(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A place to narrow a list to."""

    name: str
    display_name: str
    kind: str
    parent: str = ""
    time_zone: str = ""

    @property
    def key(self) -> str:
        """The id of ``places/{id}``."""
        return self.name.partition("/")[2]


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """The tree, each place before those below it."""

    places: tuple[Place, ...] = ()
