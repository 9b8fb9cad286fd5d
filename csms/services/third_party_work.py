"""What people ask of roaming's tasks: read a party's tokens now, try again what waits."""

from __future__ import annotations

from typing import Protocol

import structlog
import trio

from csms.domain.access import Action, Principal, check
from csms.domain.errors import DomainError
from csms.domain.roaming import Party
from csms.ports.roaming import PartyStore
from csms.services.audit import note_change
from csms.services.roaming_sending import RoamingSender
from csms.services.roaming_tokens import RoamingTokenIndex, RoamingTokens

_log = structlog.get_logger("csms.roaming")


class RoamingWork(Protocol):
    """See `RoamingTasks`."""

    async def pull(self, caller: Principal, party_id: int) -> int: ...

    async def retry(self, caller: Principal, party_id: int) -> int: ...

    async def reload_tokens(self) -> None: ...

    def pull_soon(self, party: Party) -> None: ...


class RoamingTasks:
    """All raise PermissionDenied, Unavailable."""

    def __init__(
        self,
        store: PartyStore,
        tokens: RoamingTokens,
        index: RoamingTokenIndex,
        sender: RoamingSender,
        ground: trio.Nursery,
    ) -> None:
        self._store = store
        self._tokens = tokens
        self._index = index
        self._sender = sender
        self._ground = ground

    async def pull(self, caller: Principal, party_id: int) -> int:
        """Read all of its tokens. How many. Raises NotFound, FailedPrecondition/PARTY_REFUSED."""
        check(caller, Action.MANAGE_SERVICES)
        count = await self._tokens.pull(await self._store.party(party_id))
        note_change(f"roamingParties/{party_id}")
        return count

    async def retry(self, caller: Principal, party_id: int) -> int:
        """How many are tried. Raises NotFound."""
        check(caller, Action.MANAGE_SERVICES)
        await self._store.party(party_id)
        note_change(f"roamingParties/{party_id}")
        return await self._sender.retry(party_id)

    async def reload_tokens(self) -> None:
        """A party was suspended, resumed or removed: its tokens count (no more)."""
        await self._index.load(self._store)

    def pull_soon(self, party: Party) -> None:
        """It has just registered: read its tokens in the background."""
        if party.url_of("tokens", "SENDER"):
            self._ground.start_soon(self._pull, party)

    async def _pull(self, party: Party) -> None:
        try:
            count = await self._tokens.pull(party)
            _log.info("tokens read", party=party.id, tokens=count)
        except DomainError as error:
            _log.warning("tokens not read", party=party.id, why=error.message)
