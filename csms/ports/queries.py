"""Reading sides: rows for lists, charts and exports. All raise Unavailable while the database is away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

import msgspec

from csms.domain.access import Scope
from csms.domain.facts import ConnectorStatus, RegistrationStatus, StationBooted
from csms.domain.metering import MeterValue
from csms.domain.topology import SYSTEM_ID
from csms.domain.transaction import SessionState, Transaction


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
    """A session with the names that people know its parts by. `station_id` is None when the station was deleted."""

    transaction: Transaction
    station_id: int | None
    station_display_name: str
    id_token_alias: str
    place_id: int = SYSTEM_ID
    """Of the station, when the session became known."""
    user_id: int | None = None
    """Whose tag it is."""


class SessionFilter(msgspec.Struct, frozen=True):
    """All conditions must hold; empty ones always do."""

    station_id: int | None = None
    id_token: str = ""
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


class SessionPosition(msgspec.Struct, frozen=True):
    """Place in the order of sessions: newest first, by start (or first mention), then by id."""

    at: datetime
    id: int


class SessionTotals(msgspec.Struct, frozen=True):
    """Over all that match."""

    count: int
    energy_wh: float


class StationQueries(Protocol):
    """Stations for people."""

    async def get_stations(self, station_ids: Sequence[int]) -> Sequence[StationView]:
        """Those that exist, in the order asked."""

    async def page_stations(
        self, wanted: StationFilter, *, size: int, after: tuple[str, int] | None
    ) -> tuple[Sequence[StationView], int]:
        """In the order of (identity, id), after a place; and how many match in all."""

    async def summarize(self, wanted: StationFilter) -> FleetSummary:
        """Accepted stations, and how many are pending, in the scope and the places of `wanted`; the rest of it does not
        count."""


class SessionQueries(Protocol):
    """Sessions for people."""

    async def get_sessions(self, session_ids: Sequence[int]) -> Sequence[SessionView]:
        """Those that exist, in the order asked."""

    async def page_sessions(
        self, wanted: SessionFilter, *, size: int, after: SessionPosition | None
    ) -> Sequence[SessionView]:
        """Newest first, after a place."""

    async def total_sessions(self, wanted: SessionFilter) -> SessionTotals:
        """Count and energy of all that match."""

    def stream_sessions(
        self, wanted: SessionFilter, *, after: SessionPosition | None, batch: int
    ) -> AbstractAsyncContextManager[AsyncIterator[Sequence[SessionView]]]:
        """All that match in batches, newest first, from one snapshot, in flat memory."""

    async def page_meter_values(
        self, session_id: int, *, size: int, after: tuple[datetime, int] | None
    ) -> Sequence[tuple[int, MeterValue]]:
        """(digest, meter value) in the order of (time, digest), after a place."""
