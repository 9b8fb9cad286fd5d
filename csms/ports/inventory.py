"""What stations told about themselves: their events, the things they hold, their variables, and their jobs.

Actors write these through the journal (EventRecord, ItemRecord, VariableRecord, JobRecord); services read them, and
begin and end jobs. All methods raise Unavailable while the database is away.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from csms.domain.access import Scope
from csms.domain.records import JobKind, JobState


class StationEvent(msgspec.Struct, frozen=True):
    """An entry of a station's event log. `id` grows; `body` is a JSON object."""

    id: int
    station_id: int
    at: datetime
    received_at: datetime
    kind: str
    summary: str
    evse_id: int | None
    severity: int | None
    body: bytes


class EventFilter(msgspec.Struct, frozen=True):
    """All conditions must hold; empty ones always do. `severity` None: any, else that one or graver."""

    station_id: int | None = None
    kinds: tuple[str, ...] = ()
    severity: int | None = None
    query: str = ""
    at_from: datetime | None = None
    at_to: datetime | None = None
    scope: Scope | None = None
    """What the caller may see."""


class Item(msgspec.Struct, frozen=True):
    """A thing that a station holds. `body` is a JSON object."""

    station_id: int
    kind: str
    key: str
    at: datetime
    body: bytes


class VariableKey(msgspec.Struct, frozen=True):
    """The place of an attribute in a station's device model."""

    component: str
    component_instance: str
    evse_id: int
    connector_id: int
    variable: str
    variable_instance: str
    attribute_type: str


class VariableView(msgspec.Struct, frozen=True):
    """An attribute of a variable as last told. `characteristics` is a JSON object."""

    key: VariableKey
    value: str | None
    mutability: str
    persistent: bool
    constant: bool
    characteristics: bytes
    at: datetime


class VariableFilter(msgspec.Struct, frozen=True):
    """All conditions must hold; empty ones always do. `query`: part of a component's, a variable's name or a value."""

    component: str = ""
    variable: str = ""
    evse_id: int | None = None
    query: str = ""


class Job(msgspec.Struct, frozen=True):
    """Something that takes a station longer than an answer. `id` is also OCPP's requestId. `request` is a JSON object:
    what was asked. `status` is the station's last word; `detail` all that it told besides."""

    id: int
    station_id: int
    kind: JobKind
    state: JobState
    status: str
    detail: str
    request: bytes
    parts: tuple[int, ...]
    last_part: int | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None


class Inventory(Protocol):
    """Reads what stations told, and keeps jobs."""

    async def page_events(self, wanted: EventFilter, *, size: int, before: int | None = None) -> Sequence[StationEvent]:
        """Newest first, with an id below `before`."""

    async def items(self, station_id: int, kind: str) -> Sequence[Item]:
        """All of a kind, in the order of their keys."""

    async def put_item(self, station_id: int, kind: str, key: str, body: bytes | None, at: datetime) -> None:
        """As `ItemRecord`, from a service: what a station accepted, it holds. None: it is gone."""

    async def drop_items(self, station_id: int, kind: str, *, before: datetime) -> int:
        """Forget those not told since `before` (after a full report). How many."""

    async def page_variables(
        self, station_id: int, wanted: VariableFilter, *, size: int, after: VariableKey | None = None
    ) -> tuple[Sequence[VariableView], int]:
        """In the order of their keys, after a place; and how many match in all."""

    async def put_variable(
        self, station_id: int, key: VariableKey, value: str | None, at: datetime, *, mutability: str = ""
    ) -> None:
        """A value that the station accepted or gave in an answer; what else is known of the variable stays, its
        mutability too where none is given."""

    async def drop_variables(self, station_id: int, *, before: datetime) -> int:
        """Forget those not told since `before` (after a full report). How many."""

    async def begin_job(self, station_id: int, kind: JobKind, request: bytes, at: datetime) -> Job:
        """A new one, REQUESTED, with an id that fits 31 bits. Raises NotFound when there is no such station."""

    async def find_job(self, job_id: int) -> Job | None:
        """By id."""

    async def change_job(
        self, job_id: int, state: JobState, at: datetime, *, status: str = "", detail: str = ""
    ) -> Job:
        """From a service: the answer to the order, or giving it up. A finished job stays as it is. Raises NotFound."""

    async def page_jobs(
        self,
        station_id: int | None,
        kinds: Sequence[JobKind] = (),
        *,
        unfinished: bool = False,
        size: int,
        before: int | None = None,
        scope: Scope | None = None,
    ) -> Sequence[Job]:
        """Newest first, with an id below `before`; of stations in the scope."""
