"""Tokens of roaming parties: known to the index of tags, and asked about where the party wants to decide itself.

    whitelist         who decides (OCPI 2.2.1 12.4.5)
    ----------------  ----------------------------------------------------------------------------
    ALWAYS, ALLOWED   we, from what the party told
    ALLOWED_OFFLINE   the party; we, when it cannot be asked
    NEVER             the party alone

Whoever asks happens before the station is answered (`prepare` of csms.services.consulting); the party's word is kept
for the start of the session that follows, and for the start that the party itself asks for.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog
import trio

from csms.domain.authorization import Token, canonical
from csms.domain.errors import DomainError, Unavailable
from csms.domain.facts import AuthorizationAsked
from csms.domain.roaming import Party, PartyState, RoamingStart, RoamingToken, tag_of
from csms.ocpi.envelope import print_object, read_object
from csms.ocpi.faults import OcpiFault
from csms.ocpi.locations import Location
from csms.ocpi.tokens import Allowed, AuthorizationInfo, LocationReferences
from csms.ocpi.tokens import Token as OcpiToken
from csms.ocpi.values import as_utc
from csms.ports.roaming import PartyClient, PartyStore, ReleaseStore
from csms.services.service_book import ROAMING, ServiceBook

_log = structlog.get_logger("csms.roaming")

WORD_COUNTS: Final = timedelta(minutes=15)
"""How long a party's yes counts for the session that follows."""
RELOAD_SECONDS: Final = 60.0
FULL_SECONDS: Final = 3600.0
"""So often all is read again, whatever was noted; each process at its own time."""
MAX_PAGES: Final = 10_000


class RoamingTokenIndex:
    """csms.ports.roaming.RoamingTokenSource. `load` before the first station is let in, and now and then."""

    def __init__(self, book: ServiceBook, *, now: Callable[[], datetime]) -> None:
        self._book = book
        self._now = now
        self._tokens: dict[str, RoamingToken] = {}
        self._words: dict[str, tuple[bool, datetime]] = {}
        self._as_of: datetime | None = None
        self._parties: tuple[int, ...] = ()
        self._puts = 0

    def __len__(self) -> int:
        return len(self._tokens)

    async def load(self, store: PartyStore, *, full: bool = False) -> None:
        """Read what was told since the last time, or everything. Raises Unavailable."""
        while True:
            before = self._puts
            found = await store.told_tokens(None if full else self._as_of, self._parties)
            if not found.whole or before == self._puts:  # else some were told here while we read
                break
        if found.whole:
            self.replace(found.tokens)
        else:
            self.put(found.tokens)
        self._as_of, self._parties = found.at, found.parties

    async def reload_for_ever(self, store: PartyStore, *, every: float = RELOAD_SECONDS) -> None:
        """A task for the nursery of the application."""
        full_at = trio.current_time() + FULL_SECONDS * random.uniform(0.5, 1.0)  # noqa: S311  spreads, hides nothing
        while True:
            await trio.sleep(every)
            self._forget_words()
            try:
                await self.load(store, full=trio.current_time() >= full_at)
            except Unavailable:
                continue  # what is in memory stays good meanwhile
            if trio.current_time() >= full_at:
                full_at = trio.current_time() + FULL_SECONDS

    def replace(self, tokens: Iterable[RoamingToken]) -> None:
        """All of them."""
        self._tokens = {}
        self.put(tokens)

    def put(self, tokens: Iterable[RoamingToken]) -> None:
        """They were told or changed. Of two parties that told the same, the one that is known longer counts."""
        self._puts += 1
        for token in tokens:
            known = self._tokens.get(token.id_token)
            older = known is not None and known.party_id == token.party_id and known.last_updated > token.last_updated
            if known is None or (token.party_id <= known.party_id and not older):
                self._tokens[token.id_token] = token

    def token(self, id_token: str) -> RoamingToken | None:
        """As it was told; None while roaming is off."""
        return self._tokens.get(canonical(id_token)) if self._book.enabled(ROAMING) else None

    def say(self, id_token: str, *, allowed: bool) -> None:
        """A party's word."""
        self._words[id_token] = allowed, self._now() + WORD_COUNTS

    def find(self, id_token: str) -> Token | None:
        """See `RoamingTokenSource.find`."""
        known = self._tokens.get(id_token)
        if known is None or not self._book.enabled(ROAMING):
            return None
        word = self._words.get(id_token)
        allowed = word[0] if word is not None and word[1] > self._now() else None
        if allowed is None and not known.decided_offline:
            return None
        blocked = not allowed if allowed is not None else not known.valid
        return Token(0, known.id_token, blocked=blocked, allow_concurrent=known.type != "RFID")

    def _forget_words(self) -> None:
        now = self._now()
        self._words = {tag: word for tag, word in self._words.items() if word[1] > now}


class RoamingTokens:
    """Asks parties: for all their tokens, and whether one may charge."""

    def __init__(
        self,
        parties: PartyStore,
        releases: ReleaseStore,
        client: PartyClient,
        index: RoamingTokenIndex,
        book: ServiceBook,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._parties = parties
        self._releases = releases
        self._client = client
        self._index = index
        self._book = book
        self._now = now

    async def take_in(self, party: Party, tokens: Sequence[OcpiToken]) -> None:
        """Keep what the party told; it counts for the very next authorisation. Raises Unavailable."""
        kept = [as_kept(party, token) for token in tokens]
        if kept:
            await self._parties.put_tokens(kept)
            self._index.put(kept)

    async def pull(self, party: Party) -> int:
        """Read all of a party's tokens, page by page (OCPI 2.2.1 12.2.1). How many. Raises Unavailable,
        FailedPrecondition."""
        url = party.url_of("tokens", "SENDER")
        count = 0
        for _ in range(MAX_PAGES):
            if not url:
                break
            page = await self._client.call(
                "GET", url, party.token_to_send, party=(party.country_code, party.party_code)
            )
            try:
                tokens = read_object(list[OcpiToken], page.data)
            except OcpiFault as error:
                raise Unavailable(f"The party's tokens cannot be read. {error.message}", reason="PARTY_DATA") from error
            await self.take_in(party, tokens)
            count += len(tokens)
            url = page.next_url
        await self._parties.note_tokens_read(party.id, self._now())
        return count

    async def pull_for_ever(self, *, look: float = 60.0) -> None:
        """A task: from every party as often as the settings say, while roaming is on."""
        while True:
            try:
                if self._book.enabled(ROAMING) and self._book.roaming.token_pull_hours:
                    await self._pull_due()
            except Unavailable:
                _log.info("tokens not read: the database is away")
            await trio.sleep(look)

    async def _pull_due(self) -> None:
        oldest = self._now() - timedelta(hours=self._book.roaming.token_pull_hours)
        for party in await self._parties.parties():
            read = party.tokens_read_at
            if party.state is not PartyState.REGISTERED or (read is not None and read > oldest):
                continue
            if not party.url_of("tokens", "SENDER"):
                continue
            try:
                count = await self.pull(party)
                await self._parties.note_party(party.id, self._now())
                _log.info("tokens read", party=party.id, tokens=count)
            except DomainError as error:
                await self._parties.note_party(party.id, self._now(), error.message)
                _log.warning("tokens not read", party=party.id, why=error.message)

    # -- one token, now ------------------------------------------------------------------------------------------------

    async def prepare(self, station_id: int, asked: AuthorizationAsked) -> None:
        """Before a station is answered: ask the party where it wants to be asked. Never longer than the settings say.
        Raises DomainError."""
        known = self._index.token(asked.id_token)
        if known is None or known.decided_here:
            return
        party = await self._parties.party(known.party_id)
        url = party.url_of("tokens", "SENDER")
        if not url:
            return
        location = await self._location_of(station_id)
        body = None if location is None else print_object(location)
        answer = await self._client.call(
            "POST",
            f"{url.rstrip('/')}/{known.uid}/authorize?type={known.type}",
            party.token_to_send,
            body,
            party=(party.country_code, party.party_code),
            timeout=float(self._book.roaming.authorize_seconds),
        )
        try:
            info = read_object(AuthorizationInfo, answer.data)
        except OcpiFault as error:
            raise Unavailable(f"The party's answer cannot be read. {error.message}", reason="PARTY_DATA") from error
        self._index.say(known.id_token, allowed=info.allowed is Allowed.ALLOWED)
        if info.allowed is Allowed.ALLOWED:
            reference = info.authorization_reference or ""
            at = self._now()
            await self._releases.note_start(
                RoamingStart(party.id, known.id_token, station_id, reference, "AUTH_REQUEST", at)
            )

    async def _location_of(self, station_id: int) -> LocationReferences | None:
        """Where the driver stands, when that is published. Which EVSE it is, Authorize does not say."""
        prefix = f"{station_id}-"
        for kept in (await self._releases.objects("locations")).values():
            if f'"uid":"{prefix}' not in kept.body:
                continue
            evses = read_object(Location, kept.body.encode()).evses
            return LocationReferences(kept.key, tuple(evse.uid for evse in evses if evse.uid.startswith(prefix)))
        return None


def as_kept(party: Party, token: OcpiToken) -> RoamingToken:
    """The token of a party, as we keep it."""
    return RoamingToken(
        party.id,
        token.country_code.upper(),
        token.party_id.upper(),
        token.uid,
        token.type.value,
        tag_of(token.uid),
        token.contract_id,
        token.valid,
        token.whitelist.value,
        print_object(token).decode(),
        as_utc(token.last_updated),
    )
