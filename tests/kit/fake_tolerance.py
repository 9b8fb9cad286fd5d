"""Rule sets in memory; the same contract as PostgreSQL's (tests/contracts/test_tolerance.py)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import msgspec

from csms.domain.errors import AlreadyExists, NotFound, StaleVersion
from csms.ports.tolerance import RuleSet, StationKind
from tests.kit.fake_tables import FakeTables, clean


class FakeTolerance:
    """See csms.ports.tolerance.ToleranceStore. Begins empty."""

    def __init__(self, tables: FakeTables) -> None:
        self._tables = tables
        self._sets: dict[int, RuleSet] = {}
        self._ids = itertools.count(1)

    async def load_all(self) -> Sequence[RuleSet]:
        self._tables.check()
        return sorted(self._sets.values(), key=lambda each: each.title)

    async def find(self, rule_set_id: int) -> RuleSet | None:
        self._tables.check()
        return self._sets.get(rule_set_id)

    async def create(self, rule_set: RuleSet) -> RuleSet:
        await self._must_be_free(rule_set, 0)
        now = self._tables.now()
        new = msgspec.structs.replace(clean(rule_set), id=next(self._ids), version=1, created_at=now, updated_at=now)
        self._sets[new.id] = new
        return new

    async def update(self, rule_set: RuleSet, *, version: int | None) -> RuleSet:
        old = await self._must(rule_set.id)
        await self._must_be_free(rule_set, old.id)
        if version is not None and version != old.version:
            raise StaleVersion("Somebody else has changed this rule set meanwhile. Reload it and try again.")
        self._sets[old.id] = msgspec.structs.replace(
            clean(rule_set), version=old.version + 1, created_at=old.created_at, updated_at=self._tables.now()
        )
        return self._sets[old.id]

    async def delete(self, rule_set_id: int) -> None:
        await self._must(rule_set_id)
        del self._sets[rule_set_id]

    async def station_kinds(self) -> Sequence[StationKind]:
        self._tables.check()
        return [
            StationKind(row.id, row.boot.vendor, row.boot.model, row.boot.firmware_version)
            for row in self._tables.stations.values()
            if row.boot is not None
        ]

    async def _must(self, rule_set_id: int) -> RuleSet:
        found = await self.find(rule_set_id)
        if found is None:
            raise NotFound(f"There is no rule set {rule_set_id} (any more).", reason="RULE_SET_NOT_FOUND")
        return found

    async def _must_be_free(self, rule_set: RuleSet, but: int) -> None:
        if any(each.title == rule_set.title and each.id != but for each in await self.load_all()):
            raise AlreadyExists(f"There is already a rule set called {rule_set.title!r}.", reason="RULE_SET_TAKEN")
