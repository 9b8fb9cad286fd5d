"""Where tariffs and the cost of sessions are kept. All methods raise Unavailable while the database is away.

For readers in SQL: `session_cost` has one row for each ended session whose cost was computed (its last revision).
`currency = ''` and `tariff_version_id IS NULL` mean that no tariff held.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

import msgspec

from csms.domain.consumption import Sample
from csms.domain.tariff import Tariff
from csms.domain.tariff_book import Assignment, InForce, NamedTariff, SessionCost, Target, TariffVersion


class TariffStore(Protocol):
    """Tariffs, their versions and assignments."""

    async def page(
        self, *, query: str, retired: bool, size: int, after: tuple[str, int] | None
    ) -> tuple[Sequence[NamedTariff], int]:
        """With all versions, in the order of (name in lower case, id), after a place; and how many match in all.
        `retired`: those too."""

    async def get(self, tariff_ids: Sequence[int]) -> Mapping[int, NamedTariff]:
        """Those that exist."""

    async def version(self, version_id: int) -> TariffVersion | None:
        """One version."""

    async def create(self, name: str, description: str, terms: Tariff, valid_from: datetime) -> NamedTariff:
        """With its first version. Raises AlreadyExists/TARIFF_NAME_TAKEN."""

    async def update(
        self, tariff: NamedTariff, *, terms: Tariff | None, valid_from: datetime, version: int | None
    ) -> NamedTariff:
        """Name, description, retired; with `terms` one more version. Raises NotFound, StaleVersion, AlreadyExists."""

    async def delete(self, tariff_id: int) -> None:
        """Raises NotFound, and FailedPrecondition/TARIFF_IN_USE when it is or was assigned, or a session was priced
        by it."""

    async def assign(self, target: Target, tariff_id: int | None, at: datetime) -> Assignment | None:
        """From now on that tariff (None: none) holds there, and the one before no longer. Raises NotFound."""

    async def assignments(self, *, tariff_id: int | None = None, target: Target | None = None) -> Sequence[Assignment]:
        """Those that hold now, by target."""

    async def assigned_since(self, at: datetime) -> Sequence[Assignment]:
        """Those that hold, and those that held at `at` or later; by target, the older first."""

    async def in_force(self, targets: Sequence[Target], at: datetime) -> Sequence[InForce]:
        """What held then, at most one for each target; those whose tariff had no version in force are left out."""

    async def driver(self, id_token: str) -> tuple[int | None, str]:
        """(user, group) of a tag; (None, "") for one that is not known."""


class CostedSession(msgspec.Struct, frozen=True):
    """What the cost of a session depends on. Energy in Wh. `group`: the parent of its tag. `plugged_out_at`: None when
    it is not known. `ended`: is it over?"""

    session_id: int
    station_id: int | None
    evse_id: int
    place_id: int
    user_id: int | None
    group: str
    started_at: datetime | None
    stopped_at: datetime | None
    logged_at: datetime
    energy_wh: float
    ended: bool
    plugged_out_at: datetime | None = None
    meter_start_wh: float | None = None


class DueCost(msgspec.Struct, frozen=True):
    """An order to compute the cost of a session. `driver_changed`: its tag or user was corrected, so that another
    tariff may hold."""

    number: int
    session_id: int
    driver_changed: bool = False


class Spending(msgspec.Struct, frozen=True):
    """What was spent in one currency, VAT included."""

    currency: str
    gross: Decimal
    energy_wh: float


class ShownCost(msgspec.Struct, frozen=True):
    """A session under way at a station that shows what it costs. `transaction_id`: OCPP's."""

    session_id: int
    station_id: int
    transaction_id: str


class SessionCostStore(Protocol):
    """What sessions cost."""

    async def shown(self, size: int) -> Sequence[ShownCost]:
        """Sessions of OCPP 2.x under way at stations that are online and said that they show costs (variable Enabled,
        instance Cost, of TariffCostCtrlr)."""

    async def due(self, size: int) -> Sequence[DueCost]:
        """Sessions whose cost is to be computed, oldest order first."""

    async def settled(self, orders: Sequence[int]) -> None:
        """These orders are done."""

    async def session(self, session_id: int) -> CostedSession | None:
        """What its cost depends on."""

    async def readings(self, session_id: int) -> Sequence[Sample]:
        """Its meter curve in the order of time."""

    async def keep(self, cost: SessionCost, *, after: int, at: datetime) -> SessionCost | None:
        """As the revision that follows `after` (0: none yet), which is kept among the earlier ones. None when another
        process was faster; nothing is changed then."""

    async def costs(self, session_ids: Sequence[int]) -> Mapping[int, SessionCost]:
        """The last revision of each that has one."""

    async def earlier(self, session_id: int) -> Sequence[SessionCost]:
        """The revisions before the last, newest first."""

    async def spent(
        self, *, user_id: int | None = None, group: str = "", since: datetime, until: datetime
    ) -> Sequence[Spending]:
        """By ended sessions that began in that span, of a user or of the tags of a group, by currency."""
