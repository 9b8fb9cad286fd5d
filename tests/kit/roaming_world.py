"""The use cases of third-party services over stores in memory."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from csms.domain.access import Action, Principal, check
from csms.domain.roaming import Party, PartyEndpoint, PartyRole, PartyState
from csms.domain.third_party import RoamingSettings
from csms.domain.topology import Tree
from csms.services.roaming_parties import RoamingParties, digest_of
from csms.services.roaming_tokens import RoamingTokenIndex, RoamingTokens
from csms.services.service_book import ServiceBook
from csms.services.third_parties import ThirdParties
from tests.kit.fake_roaming import FakeFacts, FakePartyClient, FakeRoaming, FakeServices

SETTINGS = RoamingSettings("SE", "CHA", "Chargehouse", "", "https://csms.example.org", 24, 5, "SEK")
MODULES = (("credentials", "SENDER"), ("tokens", "SENDER"), *((name, "RECEIVER") for name in ("locations", "sessions")))


def a_party(**changes: Any) -> Party:
    """Registered; shows `theirs`."""
    modules = (*MODULES, ("cdrs", "RECEIVER"), ("tariffs", "RECEIVER"))
    made = Party(
        0,
        "Moving",
        PartyState.REGISTERED,
        digest_of("theirs"),
        "ours",
        "NL",
        "TNM",
        "The Moving Company",
        (PartyRole("EMSP", "NL", "TNM", "The Moving Company"),),
        "https://emsp.example.org/versions",
        tuple(PartyEndpoint(name, role, f"https://emsp.example.org/{name}") for name, role in modules),
    )
    return msgspec.structs.replace(made, **changes)


class RoamingWorld:
    """`roaming` keeps parties and what they were told, `client` is how they are reached."""

    def __init__(self, tree: Callable[[], Tree], now: Callable[[], datetime]) -> None:
        self.now = now
        self.services = FakeServices()
        self.roaming = FakeRoaming(now)
        self.facts = FakeFacts()
        self.client = FakePartyClient()
        self.book = ServiceBook(self.services)
        self.index = RoamingTokenIndex(self.book, now=now)
        self.tokens = RoamingTokens(self.roaming, self.roaming, self.client, self.index, self.book, now=now)
        self.parties = RoamingParties(self.roaming, self.client, self.book, now=now)
        self.use_cases = ThirdParties(
            self.services, self.roaming, self.roaming, self.facts, self.client, self.book, tree, lambda: None, now=now
        )

    async def switch_on(self, settings: RoamingSettings = SETTINGS) -> None:
        await self.services.change("roaming", settings=settings, enabled=True)
        await self.book.load()

    async def add_party(self, **changes: Any) -> Party:
        return await self.roaming.create_party(a_party(**changes))


class FakeWork:
    """csms.services.third_party_work.RoamingWork."""

    def __init__(self, world: RoamingWorld) -> None:
        self._world = world
        self.pulled: list[int] = []

    async def pull(self, caller: Principal, party_id: int) -> int:
        check(caller, Action.MANAGE_SERVICES)
        return await self._world.tokens.pull(await self._world.roaming.party(party_id))

    async def retry(self, caller: Principal, party_id: int) -> int:
        check(caller, Action.MANAGE_SERVICES)
        await self._world.roaming.party(party_id)
        return await self._world.roaming.retry(party_id, self._world.now())

    async def reload_tokens(self) -> None:
        await self._world.index.load(self._world.roaming)

    def pull_soon(self, party: Party) -> None:
        self.pulled.append(party.id)
