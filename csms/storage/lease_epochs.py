"""Who does the work that is done once, as the database knows it. See `csms.storage.fencing`."""

from __future__ import annotations

from typing import Final

from csms.storage.fencing import WorkElsewhere, WorkToken
from csms.storage.pool import Database

__all__ = ["LeaseEpochs"]

ADVANCE_SQL: Final = """
INSERT INTO lease_epoch AS e (name, made_us, revision, holder) VALUES ($1, $2, $3, $4)
ON CONFLICT (name) DO UPDATE SET
    made_us = excluded.made_us, revision = excluded.revision, holder = excluded.holder, taken_at = now()
WHERE (e.made_us, e.revision) <= (excluded.made_us, excluded.revision)
RETURNING revision
"""
CONFIRM_SQL: Final = "SELECT true FROM lease_epoch WHERE name = $1 AND made_us = $2 AND revision = $3"


class LeaseEpochs:
    """One lease's. `holder`: for people who look. All raise Unavailable."""

    def __init__(self, database: Database, name: str, holder: str) -> None:
        self._database = database
        self._name = name
        self._holder = holder

    def token(self, made_us: int, revision: int) -> WorkToken:
        """As its holder has it from the bus."""
        return WorkToken(self._name, made_us, revision)

    async def advance(self, token: WorkToken) -> None:
        """From now on older holders write nothing. Raises WorkElsewhere when there is a newer one."""
        if await self._database.fetchval(ADVANCE_SQL, *token, self._holder) is None:
            raise WorkElsewhere("A newer process does this work already.")

    async def confirm(self, token: WorkToken) -> None:
        """Raises WorkElsewhere when there is a newer one."""
        if await self._database.fetchval(CONFIRM_SQL, *token) is None:
            raise WorkElsewhere("Another process does this work now.")
