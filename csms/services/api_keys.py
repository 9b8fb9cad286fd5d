"""Keys of internal systems: a role, narrowed to actions and sites where it should be, and an end."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from csms.domain.access import Action, ApiKey, Principal, Role, check
from csms.domain.errors import InvalidArgument
from csms.ports.stores import AccessStore
from csms.services.access import API_KEY_PREFIX, AccessControl, digest_of
from csms.services.audit import note_change


class ApiKeys:
    """Use cases of administrators. All raise Unavailable while the database is away."""

    def __init__(
        self,
        store: AccessStore,
        access: AccessControl | None = None,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._access = access
        self._now = now

    async def create(
        self,
        caller: Principal,
        display_name: str,
        role: Role,
        expires_at: datetime | None,
        *,
        actions: frozenset[Action] | None = None,
        site_ids: frozenset[int] = frozenset(),
    ) -> tuple[ApiKey, str]:
        """A key and its secret, which is nowhere else. Sites narrow a key of the role site administrator, which needs
        some. Raises InvalidArgument."""
        check(caller, Action.MANAGE_KEYS)
        display_name = display_name.strip()
        if not 0 < len(display_name) <= 100 or not display_name.isprintable():
            raise InvalidArgument(
                "Give the key a name of 1 to 100 characters that says what it is for.", reason="INVALID_NAME"
            )
        if expires_at is not None and expires_at <= self._now():
            raise InvalidArgument("The key would have expired already. Give a later time.", reason="INVALID_TIME")
        if site_ids and role is not Role.SITE_ADMINISTRATOR:
            raise InvalidArgument(
                "Only a key of the role site administrator counts at some sites and not at others.",
                reason="INVALID_SITES",
            )
        secret = API_KEY_PREFIX + secrets.token_urlsafe(32)
        hint = secret[: len(API_KEY_PREFIX) + 4]
        key = await self._store.create_api_key(
            display_name, role, digest_of(secret), hint, expires_at, actions=actions, site_ids=site_ids
        )
        note_change(f"apiKeys/{key.id}")
        return key, secret

    async def page(self, caller: Principal, *, size: int, before: int | None) -> Sequence[ApiKey]:
        """Newest first, with an id below `before`."""
        check(caller, Action.MANAGE_KEYS)
        return await self._store.page_api_keys(size=size, before=before)

    async def delete(self, caller: Principal, key_id: int) -> None:
        """End a key at once (in other processes within CACHE_SECONDS). Raises NotFound."""
        check(caller, Action.MANAGE_KEYS)
        await self._store.delete_api_key(key_id)
        if self._access is not None:
            self._access.forget(lambda principal: principal.name == f"apiKeys/{key_id}")
