"""Sending what waits for parties: of each object in its order, again and again until it is through.

A party that does not answer is tried again later and later, at most hourly, for as long as it takes. One that says no
to an object is asked a few times more; then the object is given up, and people see it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import structlog
import trio

from csms.domain.errors import DomainError, Unavailable
from csms.domain.roaming import Party, PartyRefused, PartyState
from csms.ports.lease import Lease
from csms.ports.roaming import PartyClient, PartyStore, Push, PushDraft, ReleaseStore
from csms.ports.third_party import ServiceStore
from csms.services.service_book import ROAMING, ServiceBook

_log = structlog.get_logger("csms.roaming")

LOOK_SECONDS: Final = 1.0
BATCH: Final = 50
FIRST_PAUSE: Final = timedelta(seconds=5)
LONGEST_PAUSE: Final = timedelta(hours=1)
REFUSALS: Final = 5
COMMAND_TRIES: Final = 6
"""Results of commands: who asked does not wait for ever."""


class RoamingSender:
    """`run` is a task for the nursery of the application; only one process does it."""

    def __init__(
        self,
        releases: ReleaseStore,
        parties: PartyStore,
        services: ServiceStore,
        client: PartyClient,
        book: ServiceBook,
        lease: Lease,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._releases = releases
        self._parties = parties
        self._services = services
        self._client = client
        self._book = book
        self._lease = lease
        self._now = now
        self._busy: set[int] = set()
        self._rests: dict[int, datetime] = {}
        self._woken = trio.Event()

    def wake(self) -> None:
        """Something was put."""
        self._woken.set()

    async def run(self) -> None:
        """For ever; parties do not wait for each other."""
        async with trio.open_nursery() as nursery:
            while True:
                self._woken = trio.Event()
                try:
                    if self._book.enabled(ROAMING) and await self._lease.holds():
                        await self._serve_all(nursery)
                except Unavailable:
                    _log.debug("pushes wait for the database")
                with trio.move_on_after(LOOK_SECONDS):
                    await self._woken.wait()

    async def _serve_all(self, nursery: trio.Nursery) -> None:
        now = self._now()
        for party in await self._parties.parties():
            rest = self._rests.get(party.id)
            ready = party.state is PartyState.REGISTERED and party.id not in self._busy
            if ready and (rest is None or rest <= now):
                self._busy.add(party.id)
                nursery.start_soon(self._serve, party)

    async def _serve(self, party: Party) -> None:
        try:
            await self.send_due(party)
        except Unavailable:
            _log.debug("pushes wait for the database", party=party.id)
        finally:
            self._busy.discard(party.id)

    async def retry(self, party_id: int) -> int:
        """All that waits for a party or was given up is tried now. How many."""
        count = await self._releases.retry(party_id, self._now())
        self._rests.pop(party_id, None)
        self.wake()
        return count

    async def send_due(self, party: Party) -> None:
        """What is due. Raises Unavailable (the database)."""
        while batch := await self._releases.due(party.id, self._now(), BATCH):
            for push in batch:
                if not await self._send(party, push):
                    return

    async def _send(self, party: Party, push: Push) -> bool:
        """False: the party cannot be reached, so that the rest can wait."""
        draft, now = push.draft, self._now()
        try:
            url = _url(party, draft)
            body = draft.body.encode() if draft.body else None
            await self._client.call(
                draft.method, url, party.token_to_send, body, party=(party.country_code, party.party_code)
            )
        except PartyRefused as error:
            await self._refused(party, push, error)
            return True
        except DomainError as error:
            until = now + min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(push.attempts, 12))
            give_up = draft.module == "commands" and push.attempts + 1 >= COMMAND_TRIES
            await self._releases.postpone(push.id, error.message, None if give_up else until, now)
            await self._failed(party, error.message)
            if draft.module == "commands":  # it has an address of its own
                return True
            self._rests[party.id] = until
            return False
        self._rests.pop(party.id, None)
        await self._releases.sent(push.id)
        await self._parties.note_party(party.id, now)
        await self._services.note(ROAMING, now)
        return True

    async def _refused(self, party: Party, push: Push, error: PartyRefused) -> None:
        draft, now = push.draft, self._now()
        if draft.method == "PATCH":
            # They do not know what we change: tell them all of it.
            whole = await self._releases.object(draft.module, draft.key)
            if whole is not None:
                path = "/".join(draft.path.split("/")[:3])
                await self._releases.release(
                    [], [PushDraft(party.id, draft.module, draft.key, "PUT", path, whole.body)]
                )
                return
        if draft.method == "DELETE":  # what they do not have need not go
            await self._releases.sent(push.id)
            return
        give_up = push.attempts + 1 >= REFUSALS
        until = None if give_up else now + FIRST_PAUSE * 2**push.attempts
        await self._releases.postpone(push.id, error.message, until, now)
        await self._failed(party, f"{draft.module} {draft.key}: {error.message}")

    async def _failed(self, party: Party, why: str) -> None:
        now = self._now()
        await self._parties.note_party(party.id, now, why)
        await self._services.note(ROAMING, now, f"{party.display_name}: {why}")
        _log.warning("push not delivered", party=party.id, why=why)


def _url(party: Party, draft: PushDraft) -> str:
    """Raises PartyRefused when the party has no such module (any more)."""
    if draft.module == "commands":
        return draft.path
    base = party.url_of(draft.module, "RECEIVER")
    if not base:
        raise PartyRefused(f"The party has no module {draft.module} to send to.")
    return f"{base.rstrip('/')}/{draft.path}" if draft.path else base
