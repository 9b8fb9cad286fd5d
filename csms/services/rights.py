"""The rights of somebody who is not there: for what they have ordered and the server does later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

import trio

from csms.domain.access import Principal
from csms.ports.stores import AccessStore
from csms.services.access import principal_of

CACHE_SECONDS: Final = 10.0


class Rights:
    """Principals by their names, as they are now. Raises Unavailable while the database is away."""

    def __init__(self, store: AccessStore, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._known: dict[str, tuple[Principal | None, float]] = {}

    async def of(self, name: str) -> Principal | None:
        """`users/3` or `apiKeys/3`; None: gone, blocked or expired. Believed for CACHE_SECONDS."""
        known = self._known.get(name)
        if known is not None and trio.current_time() < known[1]:
            return known[0]
        found = await self._look_up(name)
        if len(self._known) > 1_000:
            self._known.clear()
        self._known[name] = (found, trio.current_time() + CACHE_SECONDS)
        return found

    async def _look_up(self, name: str) -> Principal | None:
        collection, _, number = name.partition("/")
        if not number.isdecimal():
            return None
        if collection == "users":
            user = await self._store.find_user(int(number))
            return None if user is None or user.blocked else principal_of(user, b"")
        keys = await self._store.page_api_keys(size=1, before=int(number) + 1)
        if not keys or keys[0].id != int(number):
            return None
        key = keys[0]
        if key.expires_at is not None and key.expires_at <= self._now():
            return None
        return Principal(name, key.display_name, key.role, site_ids=key.site_ids, actions=key.actions)
