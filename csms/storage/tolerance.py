"""Rule sets for stations that deviate."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from csms.domain.errors import AlreadyExists, NotFound, StaleVersion
from csms.ports.tolerance import RuleSet, StationKind
from csms.storage.pool import Database
from csms.storage.text import clean, fits_bigint

__all__ = ["PostgresTolerance"]

ALL_RULE_SETS_SQL = "SELECT * FROM tolerance_rule_set ORDER BY title"
FIND_RULE_SET_SQL = "SELECT * FROM tolerance_rule_set WHERE id = $1"
CREATE_RULE_SET_SQL = """
INSERT INTO tolerance_rule_set (title, vendor, model, firmware, rules, time_zone, enabled, note)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING *
"""
UPDATE_RULE_SET_SQL = """
UPDATE tolerance_rule_set SET
    title = $2, vendor = $3, model = $4, firmware = $5, rules = $6, time_zone = $7, enabled = $8, note = $9,
    version = version + 1, updated_at = now()
WHERE id = $1 AND ($10::integer IS NULL OR version = $10) RETURNING *
"""
DELETE_RULE_SET_SQL = "DELETE FROM tolerance_rule_set WHERE id = $1 RETURNING id"
STATION_KINDS_SQL = "SELECT id, vendor, model, firmware_version FROM station WHERE booted_at IS NOT NULL"


class PostgresTolerance:
    """csms.ports.tolerance.ToleranceStore on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load_all(self) -> Sequence[RuleSet]:
        """In the order of their titles."""
        return [_rule_set(row) for row in await self._database.fetch(ALL_RULE_SETS_SQL)]

    async def find(self, rule_set_id: int) -> RuleSet | None:
        """By our id."""
        if not fits_bigint(rule_set_id):
            return None
        row = await self._database.fetchrow(FIND_RULE_SET_SQL, rule_set_id)
        return None if row is None else _rule_set(row)

    async def create(self, rule_set: RuleSet) -> RuleSet:
        """`rule_set.id` is ignored. Raises AlreadyExists/RULE_SET_TAKEN."""
        try:
            row = await self._database.fetchrow(CREATE_RULE_SET_SQL, *_fields(rule_set))
        except asyncpg.UniqueViolationError as error:
            raise _taken(rule_set) from error
        return _rule_set(_must(row, 0))

    async def update(self, rule_set: RuleSet, *, version: int | None) -> RuleSet:
        """All of it. Raises NotFound, StaleVersion, AlreadyExists."""
        if await self.find(rule_set.id) is None:
            raise _no_rule_set(rule_set.id)
        try:
            row = await self._database.fetchrow(UPDATE_RULE_SET_SQL, rule_set.id, *_fields(rule_set), version)
        except asyncpg.UniqueViolationError as error:
            raise _taken(rule_set) from error
        if row is None:
            raise StaleVersion("Somebody else has changed this rule set meanwhile. Reload it and try again.")
        return _rule_set(row)

    async def delete(self, rule_set_id: int) -> None:
        """Raises NotFound."""
        if not fits_bigint(rule_set_id):
            raise _no_rule_set(rule_set_id)
        _must(await self._database.fetchrow(DELETE_RULE_SET_SQL, rule_set_id), rule_set_id)

    async def station_kinds(self) -> Sequence[StationKind]:
        """All stations that ever booted."""
        return [StationKind(*row) for row in await self._database.fetch(STATION_KINDS_SQL)]


def _fields(rule_set: RuleSet) -> tuple[object, ...]:
    return (
        clean(rule_set.title),
        clean(rule_set.vendor),
        clean(rule_set.model),
        clean(rule_set.firmware),
        [clean(rule) for rule in rule_set.rules],
        clean(rule_set.time_zone),
        rule_set.enabled,
        clean(rule_set.note),
    )


def _rule_set(row: asyncpg.Record) -> RuleSet:
    values = {name: row[name] for name in RuleSet.__struct_fields__}
    return RuleSet(**{**values, "rules": tuple(values["rules"])})


def _must(row: asyncpg.Record | None, rule_set_id: int) -> asyncpg.Record:
    if row is None:
        raise _no_rule_set(rule_set_id)
    return row


def _no_rule_set(rule_set_id: int) -> NotFound:
    return NotFound(f"There is no rule set {rule_set_id} (any more).", reason="RULE_SET_NOT_FOUND")


def _taken(rule_set: RuleSet) -> AlreadyExists:
    return AlreadyExists(
        f"There is already a rule set called {rule_set.title!r}. Change that one instead.", reason="RULE_SET_TAKEN"
    )
