"""The tags in memory: who may charge where is decided without asking anybody, within microseconds."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from datetime import datetime

import trio

from csms.domain.authorization import Token, canonical, decide
from csms.domain.card_number import spellings
from csms.domain.errors import Unavailable
from csms.domain.facts import IdTokenInfo
from csms.domain.reservation import Reservation
from csms.ports.outlets import OpenOutlets
from csms.ports.roaming import RoamingTokenSource
from csms.ports.stores import TokenStore, TransactionStore
from csms.ports.tokens import TokenChanges

LOOK_SECONDS = 60.0
FULL_SECONDS = 3600.0
"""So often all is read again, whatever was noted; each process at its own time."""
_NOWHERE: frozenset[int] = frozenset()


class MemoryTokenIndex:
    """All tags, which of them are in use, where anyone may charge, and who has charged what they may. Implements
    `csms.ports.stores.TokenIndex`. A decision is a handful of look-ups in dictionaries.

    Loaded once, told of every change by `Tokens`; what changed since is read when another process says so, and now and
    then (`catch_up_for_ever`), so that a change whose commit was not heard of counts within a minute.
    """

    def __init__(self, tokens: Iterable[Token] = ()) -> None:
        self._tokens: dict[str, Token] = {}
        self._members: dict[str, set[str]] = {}
        self._cards: dict[str, set[str]] = {}  # spelling of a card's number → tags that may be meant
        self._open: dict[str, set[int]] = {}
        self._opened_as: dict[tuple[str, int], str] = {}
        self._places: Mapping[int, frozenset[int]] = {}
        self._free: frozenset[int] = _NOWHERE
        self._open_outlets: dict[int, frozenset[tuple[int, int]]] = {}
        self._reserved: dict[int, list[Reservation]] = {}
        self._spent_users: frozenset[int] = _NOWHERE
        self._spent_groups: frozenset[str] = frozenset()
        self._changes = 0
        self._guests: RoamingTokenSource | None = None
        self._as_of: datetime | None = None
        self._meanwhile: list[tuple[bool, str, int]] | None = None
        self._replace(tokens)

    def also_ask(self, guests: RoamingTokenSource) -> None:
        """From now on a tag that is none of ours may be one of a roaming party's customers."""
        self._guests = guests

    def __len__(self) -> int:
        return len(self._tokens)

    async def load(self, store: TokenStore, transactions: TransactionStore) -> None:
        """Read everything; before the first station is let in. Raises Unavailable."""
        self._as_of = None
        await self.catch_up(store)
        self._open.clear()
        self._opened_as.clear()
        for id_token, session_id in await transactions.open_tokens():
            self.session_opened(id_token, session_id)

    async def catch_up(self, store: TokenStore, *, full: bool = False) -> None:
        """Read what changed since the last time, or everything. Raises Unavailable."""
        while True:
            seen, since = self._changes, None if full else self._as_of
            found = await store.load_changed(since)
            if seen == self._changes:  # else a change came while we read, and the list may be older than it
                break
        if since is None:
            self._replace(found.tokens)
        else:
            self._take(found)
        self._as_of = found.at

    async def reload_open(self, transactions: TransactionStore) -> None:
        """Read again which tags are in use. Raises Unavailable."""
        self._meanwhile = []
        try:
            found = await transactions.open_tokens()
        finally:
            meanwhile, self._meanwhile = self._meanwhile, None
        self._open.clear()
        self._opened_as.clear()
        for id_token, session_id in found:
            self.session_opened(id_token, session_id)
        for opened, id_token, session_id in meanwhile or ():
            (self.session_opened if opened else self.session_ended)(id_token, session_id)

    async def catch_up_for_ever(self, store: TokenStore, *, every: float = LOOK_SECONDS) -> None:
        """A task for the nursery of the application."""
        full_at = trio.current_time() + FULL_SECONDS * random.uniform(0.5, 1.0)  # noqa: S311  spreads, hides nothing
        while True:
            await trio.sleep(every)
            try:
                await self.catch_up(store, full=trio.current_time() >= full_at)
            except Unavailable:
                continue  # what is in memory stays good meanwhile
            if trio.current_time() >= full_at:
                full_at = trio.current_time() + FULL_SECONDS

    # -- decisions (csms.ports.stores.TokenIndex) ----------------------------------------------------------------

    def decide(
        self, id_token: str, now: datetime, *, starting: int | None = None, station_id: int | None = None
    ) -> IdTokenInfo:
        """See `TokenIndex.decide`."""
        token = self.find(id_token)
        if token is None:
            return decide(None, now)
        open_here = self._sessions(token.id_token) or self._sessions(canonical(id_token))
        elsewhere = station_id is not None and not token.valid_at(station_id, self._places.get(station_id, _NOWHERE))
        spent = token.user_id in self._spent_users or token.parent_id_token in self._spent_groups
        if starting is None:
            # Whoever charges must be able to stop, and some stations ask before they let somebody.
            return decide(token, now, elsewhere=elsewhere, spent=spent and not open_here)
        in_use, goes_on = bool(open_here - {starting}), starting in open_here
        return decide(token, now, in_use_elsewhere=in_use, elsewhere=elsewhere, spent=spent and not goes_on)

    def anyone_may(self, station_id: int, evse_id: int | None, connector_id: int | None) -> bool:
        """See `TokenIndex.anyone_may`."""
        if station_id in self._free:
            return True
        outlets = self._open_outlets.get(station_id)
        if outlets is None:
            return False
        if evse_id is None:
            return True
        if connector_id is None:
            return any(evse == evse_id for evse, _ in outlets)
        return (evse_id, connector_id) in outlets

    def kept_from(self, station_id: int, evse_id: int, id_token: str, group: str | None, at: datetime) -> bool:
        """See `TokenIndex.kept_from`."""
        for each in self._reserved.get(station_id, ()):
            if each.evse_id == evse_id and each.starts_at <= at < each.expires_at:
                if id_token == each.id_token or (group and group == each.group_id_token):
                    return False
                card = self.find(id_token)  # perhaps the same one, spelt otherwise
                return card is None or card is not self.find(each.id_token)
        return False

    def reserve(self, running: Iterable[Reservation]) -> None:
        """These reservations run, and no others."""
        reserved: dict[int, list[Reservation]] = {}
        for each in running:
            reserved.setdefault(each.station_id, []).append(each)
        self._reserved = reserved

    def find(self, id_token: str) -> Token | None:
        """The tag in this spelling, or the only one that can be the same card."""
        token = self._tokens.get(id_token)
        if token is None:
            spelt = canonical(id_token)
            token = self._tokens.get(spelt) or self._only(self._cards.get(spelt))
            if token is None and self._guests is not None:
                token = self._guests.find(spelt)
        return token

    def same_card(self, text: str) -> tuple[Token, ...]:
        """All that can be meant by a card's number in any form; the very tag first."""
        exact = self._tokens.get(canonical(text))
        found = {} if exact is None else {exact.id_token: exact}
        for spelling in spellings(text):
            for name in sorted(self._cards.get(spelling, ())):
                found[name] = self._tokens[name]
        return tuple(found.values())

    def session_opened(self, id_token: str, session_id: int) -> None:
        """The tag is in use."""
        if self._meanwhile is not None:
            self._meanwhile.append((True, id_token, session_id))
        if id_token:
            token = self.find(id_token)
            key = canonical(id_token) if token is None else token.id_token
            self._opened_as[id_token, session_id] = key
            self._open.setdefault(key, set()).add(session_id)

    def session_ended(self, id_token: str, session_id: int) -> None:
        """The tag is free again."""
        if self._meanwhile is not None:
            self._meanwhile.append((False, id_token, session_id))
        key = self._opened_as.pop((id_token, session_id), None) or canonical(id_token)
        sessions = self._open.get(key)
        if sessions is not None:
            sessions.discard(session_id)
            if not sessions:
                del self._open[key]

    def group(self, parent_id_token: str) -> frozenset[str]:
        """The tags with this parent: they may stop each other's sessions."""
        return frozenset(self._members.get(canonical(parent_id_token), ()))

    @property
    def stations(self) -> frozenset[int]:
        """Those that exist, as far as is known."""
        return frozenset(self._places)

    def places_of(self, station_id: int | None) -> frozenset[int]:
        """The places in which it stands, as far as is known."""
        return self._places.get(station_id or 0, _NOWHERE)

    # -- changes ---------------------------------------------------------------------------------------------------

    def put(self, token: Token) -> None:
        """A tag was made or changed."""
        self._changes += 1
        self._take_out(token.id_token)
        self._take_in(token)

    def remove(self, token: Token) -> None:
        """A tag was deleted."""
        self._changes += 1
        self._take_out(token.id_token)

    def set_open(self, found: OpenOutlets, places: Mapping[int, frozenset[int]]) -> None:
        """Where anyone may charge, and in which places each station stands (its own, and those above)."""
        outlets: dict[int, set[tuple[int, int]]] = {}
        for station_id, evse_id, connector_id in found.connectors:
            outlets.setdefault(station_id, set()).add((evse_id, connector_id))
        self._free, self._places = found.station_ids, places
        self._open_outlets = {station_id: frozenset(each) for station_id, each in outlets.items()}

    def set_spent(self, users: frozenset[int], groups: frozenset[str]) -> None:
        """Who has charged what they may in this month."""
        self._spent_users, self._spent_groups = users, groups

    # -- inside ----------------------------------------------------------------------------------------------------

    def _sessions(self, key: str) -> set[int]:
        return self._open.get(key) or set()

    def _only(self, names: set[str] | None) -> Token | None:
        return self._tokens[next(iter(names))] if names is not None and len(names) == 1 else None

    def _replace(self, tokens: Iterable[Token]) -> None:
        """Most are as they were."""
        gone = dict(self._tokens)
        for token in tokens:
            if gone.pop(token.id_token, None) != token:
                self._take_out(token.id_token)
                self._take_in(token)
        for id_token in gone:
            self._take_out(id_token)

    def _take(self, found: TokenChanges) -> None:
        changed = {token.id_token: token for token in found.tokens}
        for id_token in found.gone:
            if id_token not in changed:  # else it was made anew
                self._take_out(id_token)
        for id_token, token in changed.items():
            if self._tokens.get(id_token) != token:
                self._take_out(id_token)
                self._take_in(token)

    def _take_in(self, token: Token) -> None:
        self._tokens[token.id_token] = token
        if token.parent_id_token:
            self._members.setdefault(token.parent_id_token, set()).add(token.id_token)
        for spelling in spellings(token.id_token):
            self._cards.setdefault(spelling, set()).add(token.id_token)

    def _take_out(self, id_token: str) -> None:
        old = self._tokens.pop(id_token, None)
        if old is None:
            return
        if old.parent_id_token:
            _discard(self._members, old.parent_id_token, id_token)
        for spelling in spellings(id_token):
            _discard(self._cards, spelling, id_token)


def _discard(table: dict[str, set[str]], key: str, member: str) -> None:
    members = table[key]
    members.discard(member)
    if not members:
        del table[key]
