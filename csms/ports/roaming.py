"""Where roaming is kept, what it reads of the rest of the house, and how parties are reached. All stores raise
Unavailable while the database is away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from csms.domain.authorization import Token
from csms.domain.roaming import Party, RoamedSession, RoamingStart, RoamingToken, Site
from csms.domain.tariff_book import NamedTariff


class ReleasedObject(msgspec.Struct, frozen=True):
    """An object as it was last told. `key`: its id. `party_id`: who alone may see it; None: everybody. `body`: OCPI's
    JSON. `basis`: a digest of what it was made of. `withdrawn`: it is told no longer."""

    module: str
    key: str
    body: str
    last_updated: datetime
    party_id: int | None = None
    basis: str = ""
    withdrawn: bool = False
    session_id: int | None = None


class PushDraft(msgspec.Struct, frozen=True):
    """Something to send. `path`: below the party's endpoint of the module, or a whole address. A PUT takes the place of
    what waits for the same object."""

    party_id: int
    module: str
    key: str
    method: str
    path: str
    body: str


class Push(msgspec.Struct, frozen=True):
    """Something that waits to be sent. `given_up_at`: nobody tries any more."""

    id: int
    draft: PushDraft
    created_at: datetime
    attempts: int
    next_try_at: datetime
    last_error: str = ""
    given_up_at: datetime | None = None


class PartyCounts(msgspec.Struct, frozen=True):
    """What is kept about a party."""

    tokens: int = 0
    waiting: int = 0
    failed: int = 0


class ToldTokens(msgspec.Struct, frozen=True):
    """What parties told. `at`: the database's time before it was read, and `parties` the registered ones, both for the
    next question. `whole`: these are all there are."""

    at: datetime
    parties: tuple[int, ...]
    tokens: tuple[RoamingToken, ...]
    whole: bool


class PartyStore(Protocol):
    """Parties, and the tokens that they told."""

    async def parties(self) -> Sequence[Party]:
        """By name."""

    async def party(self, party_id: int) -> Party:
        """Raises NotFound/PARTY_NOT_FOUND."""

    async def party_of(self, token_digest: bytes) -> Party | None:
        """Who shows this token."""

    async def create_party(self, party: Party) -> Party:
        """`party.id` is ignored. Raises AlreadyExists/PARTY_TAKEN for a party code that is there."""

    async def update_party(self, party: Party, *, version: int | None = None) -> Party:
        """All of it. Raises NotFound, StaleVersion, AlreadyExists/PARTY_TAKEN."""

    async def note_party(self, party_id: int, at: datetime, error: str = "") -> None:
        """It went well, or (with an error) it did not. No new version."""

    async def note_tokens_read(self, party_id: int, at: datetime) -> None:
        """All of its tokens were read. No new version, and nothing else of the party is touched: it may be exchanging
        credentials at this moment."""

    async def delete_party(self, party_id: int) -> None:
        """With its tokens and what waits for it. Raises NotFound."""

    async def counts(self) -> Mapping[int, PartyCounts]:
        """By party."""

    async def put_tokens(self, tokens: Sequence[RoamingToken]) -> None:
        """Those older than what is known change nothing."""

    async def token(
        self, party_id: int, country_code: str, party_code: str, uid: str, kind: str
    ) -> RoamingToken | None:
        """One; uids are the same in upper and lower case."""

    async def told_tokens(self, since: datetime | None, parties: Sequence[int]) -> ToldTokens:
        """Of registered parties, for the index in memory: those that were told since a moment, while `parties` are
        still the registered ones; else, and without a moment, all."""

    async def page_tokens(
        self, party_id: int, *, query: str, size: int, after: tuple[str, str] | None
    ) -> tuple[Sequence[RoamingToken], int]:
        """In the order of (uid, type), after a place; and how many match in all."""


class ReleaseStore(Protocol):
    """What was told, what waits to be sent, and what parties asked for."""

    async def objects(self, module: str, *, party_id: int | None = None) -> Mapping[str, ReleasedObject]:
        """All of a module by key; for small modules."""

    async def object(self, module: str, key: str) -> ReleasedObject | None:
        """One."""

    async def cdrs_of(self, session_id: int) -> Sequence[ReleasedObject]:
        """The charge records of a session, in the order in which they were made."""

    async def page_objects(
        self,
        module: str,
        party_id: int,
        *,
        offset: int,
        limit: int,
        changed_from: datetime | None,
        changed_to: datetime | None,
    ) -> tuple[Sequence[ReleasedObject], int]:
        """What this party may see, oldest change first, without what was withdrawn; and how many in all."""

    async def page_cdrs(
        self, party_id: int | None, *, size: int, before: tuple[datetime, str] | None
    ) -> Sequence[tuple[ReleasedObject, bool]]:
        """Newest first, before a place; and whether it has reached the party."""

    async def release(self, objects: Sequence[ReleasedObject], pushes: Sequence[PushDraft]) -> None:
        """Both in one transaction."""

    async def due(self, party_id: int, now: datetime, size: int) -> Sequence[Push]:
        """Of each object only the oldest that waits, if its time has come; oldest first."""

    async def sent(self, push_id: int) -> None:
        """Forget it."""

    async def postpone(self, push_id: int, error: str, until: datetime | None, now: datetime) -> None:
        """It went wrong; `until` None: given up."""

    async def retry(self, party_id: int, now: datetime) -> int:
        """All that waits or was given up is due now. How many."""

    async def page_pushes(self, party_id: int | None, *, size: int, after: int) -> Sequence[Push]:
        """In the order of their numbers, after one."""

    async def note_start(self, start: RoamingStart) -> None:
        """A party let a token charge."""

    async def keep_reservation(self, party_id: int, reference: str, reservation_id: int) -> None:
        """What the party calls it, and we."""

    async def reservation(self, party_id: int, reference: str) -> int | None:
        """Ours."""


class RoamingFacts(Protocol):
    """What roaming reads of stations, sessions and prices."""

    async def sites(self) -> Sequence[Site]:
        """Sites that are published, with their outlets."""

    async def tariffs(self) -> Sequence[NamedTariff]:
        """Those that hold somewhere now."""

    async def roamed(self, size: int) -> Sequence[RoamedSession]:
        """Sessions on tokens of registered parties, at published sites, that go on, or whose charge record is still to
        be made (or made anew, since they cost something else now); oldest first."""

    async def roamed_session(self, session_id: int) -> RoamedSession | None:
        """One."""


class Received(msgspec.Struct, frozen=True):
    """A party's answer: `data` is JSON, `next_url` of the page that follows, `location` of what was made."""

    data: bytes
    next_url: str = ""
    location: str = ""


class PartyClient(Protocol):
    """Calls parties by OCPI."""

    async def call(
        self,
        method: str,
        url: str,
        token: str,
        body: bytes | None = None,
        *,
        party: tuple[str, str] = ("", ""),
        timeout: float | None = None,
    ) -> Received:
        """`party`: (country code, party id) for routing headers. Raises PartyUnreachable, PartyRefused."""


class RoamingTokenSource(Protocol):
    """Tokens of parties, in memory, for the index of tags."""

    def find(self, id_token: str) -> Token | None:
        """The token as a tag of ours; None: no party told it, or it may not charge without being asked for."""
