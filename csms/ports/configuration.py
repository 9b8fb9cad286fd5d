"""What stations are to be set to, templates for it, and where the server is with each station. All methods raise
Unavailable while the database is away."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from csms.domain.access import Scope
from csms.domain.configuration import Desired, Template
from csms.domain.variable_names import VariablePlace


class ConfigurationStatus(msgspec.Struct, frozen=True):
    """Where the server is with a station. Vendor, model and firmware: of when its configuration was read last.

    `apply_due`: templates wait to be made wishes (`apply_template_id`; None: all that fit). `upload_due`: wishes wait
    for the station. `requested_at`: when somebody last asked for either. `failure`: why the last attempt at it failed,
    a sentence. `drifted`: what the alarm tells of."""

    station_id: int
    vendor: str = ""
    model: str = ""
    firmware_version: str = ""
    read_at: datetime | None = None
    templated_at: datetime | None = None
    apply_due: bool = False
    apply_template_id: int | None = None
    apply_by: str = ""
    upload_due: bool = False
    requested_at: datetime | None = None
    attempts: int = 0
    not_before: datetime | None = None
    failure: str = ""
    compared_at: datetime | None = None
    drifted: tuple[str, ...] = ()


class StationNow(msgspec.Struct, frozen=True):
    """A station with something to be done, as it is now."""

    station_id: int
    online: bool
    protocol: str
    vendor: str
    model: str
    firmware_version: str
    booted_at: datetime | None
    status: ConfigurationStatus


class DriftFilter(msgspec.Struct, frozen=True):
    """All conditions must hold; empty ones always do. `drifted_only`: without wishes that are only not sent or were
    refused. `query`: part of the identity or the display name."""

    drifted_only: bool = False
    query: str = ""
    place_ids: frozenset[int] = frozenset()
    scope: Scope | None = None


class DriftRow(msgspec.Struct, frozen=True):
    """A station that is not as wanted: how many of its variables drifted, wait to be sent, were refused, wait for a
    start. `names`: the first few."""

    station_id: int
    identity: str
    display_name: str
    online: bool
    drifted: int
    unsent: int
    refused: int
    reboot: int
    names: tuple[str, ...]
    since: datetime | None
    """When the first one drifted."""


class ConfigurationStore(Protocol):
    """Wishes, templates, and what is due."""

    async def desired(self, station_id: int) -> Sequence[Desired]:
        """All of a station, in the order of their places."""

    async def want(self, station_id: int, wishes: Sequence[Desired]) -> None:
        """Put these in the place of those that there were. Raises NotFound when there is no such station."""

    async def drop(self, station_id: int, places: Collection[VariablePlace]) -> int:
        """Nothing is wanted of these any more. How many there were."""

    async def note(self, station_id: int, wishes: Sequence[Desired]) -> None:
        """What became of them; those that somebody changed (another `set_at`) or dropped meanwhile stay as they are."""

    async def note_comparison(
        self, station_id: int, wishes: Sequence[Desired], drifted: Sequence[str], at: datetime, alarm: bytes | None
    ) -> None:
        """As `note`; and what has drifted is known now. `alarm`: JSON for the inbox of alarms. All or nothing."""

    async def now(self, station_id: int) -> StationNow:
        """The station as it is. Raises NotFound."""

    async def put_status(self, status: ConfigurationStatus) -> None:
        """All but `compared_at` and `drifted`; what is due stays as it is if it was asked for anew meanwhile (another
        `requested_at`). A station that is gone is left out."""

    async def request(
        self,
        station_ids: Collection[int],
        at: datetime,
        *,
        apply: bool = False,
        template_id: int | None = None,
        by: str = "",
        upload: bool = False,
    ) -> int:
        """Have templates applied, wishes uploaded. How many stations."""

    async def due(
        self, now: datetime, booted_before: datetime, *, size: int, but: Collection[int]
    ) -> Sequence[StationNow]:
        """Accepted stations with something to be done: templates to be applied; and of those that are online, and
        connected and booted before a moment: a configuration to be read (never read, other hardware or firmware, or
        started since it took something that needed it), wishes to be uploaded. Without some."""

    async def uncompared(self, size: int) -> Sequence[int]:
        """Stations that told something of what is wanted of them after it was last compared."""

    async def page_drift(
        self, wanted: DriftFilter, *, size: int, after: tuple[str, int] | None
    ) -> tuple[Sequence[DriftRow], int]:
        """In the order of (identity, id), after a place; and how many match in all."""

    async def candidates(self, place_ids: frozenset[int], scope: Scope | None) -> Sequence[StationNow]:
        """Accepted stations that booted once, in these places (none: everywhere) and the scope."""

    async def templates(self) -> Sequence[Template]:
        """All, the highest priority first, then by name."""

    async def find_template(self, template_id: int) -> Template:
        """Raises NotFound/TEMPLATE_NOT_FOUND."""

    async def create_template(self, template: Template) -> Template:
        """Raises AlreadyExists/TEMPLATE_EXISTS."""

    async def update_template(self, template: Template, *, version: int | None) -> Template:
        """Raises NotFound, StaleVersion, AlreadyExists."""

    async def delete_template(self, template_id: int) -> None:
        """Wishes made of it stay. Raises NotFound."""
