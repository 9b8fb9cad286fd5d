"""Session ids at hand: taken from the database in blocks, before they are needed."""

from __future__ import annotations

from collections import deque
from typing import Final

import trio

from csms.domain.errors import Unavailable
from csms.ports.stores import TransactionStore

BLOCK: Final = 100


class SessionIds:
    """One for all actors of a node. Ids that are never used are lost, which is no harm: they only grow."""

    def __init__(self, store: TransactionStore, *, block: int = BLOCK) -> None:
        self._store = store
        self._block = block
        self._ids: deque[int] = deque()
        self._refilling = trio.Lock()

    async def take(self) -> int:
        """The next id. Raises Unavailable when there is none at hand and the database is away."""
        while not self._ids:
            await self._refill(0)
        taken = self._ids.popleft()
        if len(self._ids) < self._block // 4 and not self._refilling.locked():
            # Whoever comes here first pays for the next block; while there are ids left, the others go on.
            try:
                await self._refill(self._block // 4)
            except Unavailable:
                pass  # it is tried again with the next one; until then there are some left
            except BaseException:
                self.give_back(taken)
                raise
        return taken

    def give_back(self, session_id: int) -> None:
        """It was not needed after all."""
        self._ids.appendleft(session_id)

    async def _refill(self, enough: int) -> None:
        async with self._refilling:
            if len(self._ids) <= enough:
                self._ids.extend(await self._store.reserve_session_ids(self._block))
