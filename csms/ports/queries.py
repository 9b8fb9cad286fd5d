"""Reading sides: rows for lists, charts and exports. All raise Unavailable while the database is away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

import msgspec

from csms.domain.access import Scope
from csms.domain.facts import ConnectorStatus, RegistrationStatus, StationBooted
from csms.domain.metering import MeterValue
from csms.domain.session_changes import Closure, Corrections, Logbook
from csms.domain.topology import SYSTEM_ID
from csms.domain.transaction import Authentication, SessionState, Transaction


class ConnectorView(msgspec.Struct, frozen=True):
    """A connector as last reported."""

    evse_id: int
    connector_id: int
    status: ConnectorStatus
    error_code: str
    info: str
    vendor_error_code: str
    at: datetime


class ActiveSession(msgspec.Struct, frozen=True):
    """A session under way at an EVSE."""

    session_id: int
    evse_id: int
    power_w: float
    energy_wh: float


class StationView(msgspec.Struct, frozen=True):
    """All that a list or a page shows of a station."""

    id: int
    identity: str
    display_name: str
    description: str
    address: str
    registration: RegistrationStatus
    online: bool
    protocol: str
    remote_address: str
    connected_at: datetime | None
    last_seen_at: datetime | None
    boot: StationBooted | None
    booted_at: datetime | None
    connectors: tuple[ConnectorView, ...]
    """EVSE 0 is the station itself."""
    sessions: tuple[ActiveSession, ...]
    has_password: bool
    attempts: int
    created_at: datetime
    updated_at: datetime
    version: int
    security_profile: int = 0
    """The highest that it has proven (0 to 3)."""
    password_change_pending: bool = False
    """A new password was sent to it, and it has not signed in with it yet."""
    failed_attempts: int = 0
    """How often somebody failed to prove to be it; the rest is about the last time."""
    last_failed_attempt_at: datetime | None = None
    last_failed_attempt_reason: str = ""
    last_failed_attempt_address: str = ""
    place_id: int = SYSTEM_ID
    owner_id: int | None = None
    """Whose it is."""
    reservable: bool = True
    sort_key: str = ""
    """Its place in the order that was asked for."""


class StationOrder(StrEnum):
    """What lists of stations can be sorted by."""

    IDENTITY = "identity"
    DISPLAY_NAME = "display_name"
    MODEL = "model"
    FIRMWARE_VERSION = "firmware_version"
    CREATE_TIME = "create_time"
    LAST_SEEN_TIME = "last_seen_time"


class StationSorting(msgspec.Struct, frozen=True):
    """By what, and which way; stations with the same value are in the order of their numbers, the same way."""

    order: StationOrder = StationOrder.IDENTITY
    descending: bool = False


BY_IDENTITY = StationSorting()


class StationFilter(msgspec.Struct, frozen=True):
    """All conditions must hold; empty ones always do."""

    query: str = ""
    registrations: tuple[RegistrationStatus, ...] = ()
    online: bool | None = None
    connector_statuses: tuple[ConnectorStatus, ...] = ()
    place_id: int | None = None
    group_id: int | None = None
    """These two for services, which fill in the next two by them."""
    place_ids: frozenset[int] = frozenset()
    """Where they stand."""
    scope: Scope | None = None
    """What the caller may see."""
    identity: str = ""
    vendor: str = ""
    model: str = ""
    firmware_version: str = ""
    """These four: part of it, case does not matter."""
    protocol: str = ""
    created_from: datetime | None = None
    created_before: datetime | None = None
    owned_by: int | None = None
    """A user."""
    shared_with: int | None = None
    """A user."""


class ConnectorFilter(msgspec.Struct, frozen=True):
    """Connectors of these stations, themselves in any of these statuses, which began in this span."""

    stations: StationFilter = StationFilter()
    statuses: tuple[ConnectorStatus, ...] = ()
    changed_from: datetime | None = None
    changed_before: datetime | None = None


class ConnectorRow(msgspec.Struct, frozen=True):
    """A line of the list of connectors."""

    station_id: int
    identity: str
    display_name: str
    place_id: int
    online: bool
    connector: ConnectorView


class FleetSummary(msgspec.Struct, frozen=True):
    """Numbers over all stations."""

    total: int
    online: int
    pending: int
    faulted: int
    active_sessions: int
    power_w: float
    connectors: tuple[tuple[ConnectorStatus, int], ...]


class SessionView(msgspec.Struct, frozen=True):
    """A session with the names that people know its parts by. `station_id` is None when the station was deleted.

    `transaction` is what the station told; what holds is in the properties: corrected where somebody corrected it."""

    transaction: Transaction
    station_id: int | None
    station_display_name: str
    id_token_alias: str
    place_id: int = SYSTEM_ID
    """Of the station, when the session became known."""
    user_id: int | None = None
    """Whose tag it is."""
    sort_key: str = ""
    """Its place in the order that was asked for."""
    corrections: Corrections = Corrections()
    closure: Closure | None = None
    logbook: Logbook = Logbook()
    logbook_demanded: bool = False
    site: str = ""
    floor: str = ""
    site_address: str = ""
    city: str = ""
    postal_code: str = ""
    country: str = ""
    user_email: str = ""
    user_first_name: str = ""
    user_last_name: str = ""
    customer_number: str = ""
    employee_number: str = ""
    charging_profiles: tuple[str, ...] = ()
    cost: Decimal | None = None
    """With taxes; None: no tariff, or not worked out yet."""
    currency: str = ""
    energy_cost: Decimal | None = None
    """The part of it that was for energy."""
    id_token_type: str = ""
    outlet_id: str = ""
    """As people call the outlet; else the number of its EVSE."""

    @property
    def began_at(self) -> datetime:
        """Its start; where that was never seen, when it became known."""
        return self.corrections.started_at or self.transaction.started_at or self.transaction.logged_at

    @property
    def ended_at(self) -> datetime | None:
        """None: it goes on."""
        t = self.transaction
        if t.state is SessionState.ACTIVE:
            return None
        return self.corrections.stopped_at or t.stopped_at or t.stop_logged_at or t.logged_at

    @property
    def duration_s(self) -> float | None:
        """None: it goes on."""
        return None if self.ended_at is None else (self.ended_at - self.began_at).total_seconds()

    @property
    def energy_wh(self) -> float:
        """What was charged."""
        corrected = self.corrections.energy_wh
        return self.transaction.energy_wh if corrected is None else corrected

    @property
    def average_power_w(self) -> float | None:
        """None: it goes on, or lasted no time."""
        return None if not self.duration_s or self.duration_s < 0 else self.energy_wh * 3600.0 / self.duration_s

    @property
    def idle_s(self) -> float | None:
        """From when the vehicle had enough to the end; None: not known."""
        goal = self.transaction.goal_reached_at
        return None if goal is None or self.ended_at is None else max(0.0, (self.ended_at - goal).total_seconds())

    @property
    def id_token(self) -> str:
        """The tag."""
        return self.transaction.id_token if self.corrections.id_token is None else self.corrections.id_token

    @property
    def overruled(self) -> bool:
        """It was closed without the station's word, which came after all."""
        return self.closure is not None and not self.transaction.end_is_provisional


class LogbookState(StrEnum):
    """Of a session, for filters."""

    FILLED = "FILLED"
    MISSING = "MISSING"
    """The station demands it."""


class SessionOrder(StrEnum):
    """What sessions are ordered by. What goes on counts as endless in all that is known at its end only."""

    START_TIME = "START_TIME"
    STOP_TIME = "STOP_TIME"
    DURATION = "DURATION"
    ENERGY = "ENERGY"
    MAX_POWER = "MAX_POWER"
    STATION = "STATION"
    ID_TOKEN = "ID_TOKEN"  # noqa: S105 - not a password
    SERVER_LOG_TIME = "SERVER_LOG_TIME"
    NUMBER = "NUMBER"


class Sorting(msgspec.Struct, frozen=True):
    """By what, and which way; sessions with the same value are in the order of their numbers, the same way."""

    order: SessionOrder = SessionOrder.START_TIME
    ascending: bool = False


NEWEST_FIRST = Sorting()


class Span(msgspec.Struct, frozen=True):
    """At least, at most; None: open."""

    least: float | None = None
    most: float | None = None

    def holds(self, value: float) -> bool:
        """Is it inside?"""
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)


class Times(msgspec.Struct, frozen=True):
    """From (inclusive), to (exclusive); None: open."""

    start: datetime | None = None
    end: datetime | None = None

    def holds(self, at: datetime | None) -> bool:
        """Is it inside? None is after all times."""
        if at is None:
            return self.end is None
        return (self.start is None or at >= self.start) and (self.end is None or at < self.end)


class SessionFilter(msgspec.Struct, frozen=True):
    """All conditions must hold; empty ones always do. Texts whose name ends in `_query` and `query` are parts of what
    they look for, in any case of letters."""

    station_id: int | None = None
    id_token: str = ""
    """In any spelling (csms.domain.card_number)."""
    state: SessionState | None = None
    started_from: datetime | None = None
    started_to: datetime | None = None
    query: str = ""
    needs_reconciliation: bool = False
    place_id: int | None = None
    group_id: int | None = None
    """These two for services, which fill in the next two by them."""
    place_ids: frozenset[int] = frozenset()
    """Where the station stood then."""
    scope: Scope | None = None
    """What the caller may see."""
    session_id: int | None = None
    station_ids: tuple[int, ...] = ()
    evse_id: int | None = None
    authentications: tuple[Authentication, ...] = ()
    energy_wh: Span = Span()
    max_power_w: Span = Span()
    meter_start_wh: Span = Span()
    meter_stop_wh: Span = Span()
    duration_s: Span = Span()
    stopped: Times = Times()
    logged: Times = Times()
    user_id: int | None = None
    user_query: str = ""
    station_query: str = ""
    id_token_query: str = ""
    stop_reasons: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    """Any of them."""
    has_errors: bool | None = None
    logbook: LogbookState | None = None
    vehicle_query: str = ""
    corrected: bool | None = None
    transaction_id: str = ""
    reservation_id: int | None = None


class SessionPosition(msgspec.Struct, frozen=True):
    """Place in an order of sessions: `sort_key` of a view in that order, and its number."""

    key: str
    id: int


class CostTotal(msgspec.Struct, frozen=True):
    """With taxes, in one currency."""

    currency: str
    amount: Decimal


class SessionTotals(msgspec.Struct, frozen=True):
    """Over all that match; corrected values count. Durations are those of sessions that have ended."""

    count: int
    energy_wh: float
    active_count: int = 0
    duration_s: float = 0.0
    max_power_w: float = 0.0
    costs: tuple[CostTotal, ...] = ()


class StationQueries(Protocol):
    """Stations for people."""

    async def get_stations(self, station_ids: Sequence[int]) -> Sequence[StationView]:
        """Those that exist, in the order asked."""

    async def page_stations(
        self,
        wanted: StationFilter,
        *,
        size: int,
        after: tuple[str, int] | None,
        sorting: StationSorting = BY_IDENTITY,
        bare: bool = False,
    ) -> tuple[Sequence[StationView], int]:
        """In the order asked, after a place (sort key, id); and how many match in all. `bare`: nobody looks at their
        connectors and sessions, which may be left out. Raises InvalidArgument/INVALID_PAGE_TOKEN for a place in another
        order."""

    async def page_connectors(
        self, wanted: ConnectorFilter, *, size: int, after: tuple[str, int, int, int] | None
    ) -> tuple[Sequence[ConnectorRow], int]:
        """In the order of (identity, station id, EVSE, connector), after a place; and how many match in all."""

    async def summarize(self, wanted: StationFilter) -> FleetSummary:
        """Accepted stations, and how many are pending, in the scope and the places of `wanted`; the rest of it does not
        count."""


class SessionQueries(Protocol):
    """Sessions for people."""

    async def get_sessions(self, session_ids: Sequence[int]) -> Sequence[SessionView]:
        """Those that exist, in the order asked."""

    async def page_sessions(
        self, wanted: SessionFilter, *, size: int, after: SessionPosition | None, sorting: Sorting = NEWEST_FIRST
    ) -> Sequence[SessionView]:
        """In the order asked, after a place. Raises InvalidArgument for a place of another order."""

    async def total_sessions(self, wanted: SessionFilter) -> SessionTotals:
        """Count and energy of all that match."""

    async def summarize_sessions(self, wanted: SessionFilter) -> SessionTotals:
        """All totals of all that match."""

    def stream_sessions(
        self,
        wanted: SessionFilter,
        *,
        after: SessionPosition | None,
        batch: int,
        sorting: Sorting = NEWEST_FIRST,
    ) -> AbstractAsyncContextManager[AsyncIterator[Sequence[SessionView]]]:
        """All that match in batches, in the order asked, from one snapshot, in flat memory."""

    async def page_meter_values(
        self, session_id: int, *, size: int, after: tuple[datetime, int] | None
    ) -> Sequence[tuple[int, MeterValue]]:
        """(digest, meter value) in the order of (time, digest), after a place."""
