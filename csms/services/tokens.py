"""Tags: what people keep of them. The index in memory, which decides, is told of every change."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec
import trio

from csms.domain.access import Action, Principal, Reach, check, denied, reach
from csms.domain.authorization import TagKind, Token
from csms.domain.card_number import is_surely_hexadecimal
from csms.domain.errors import AlreadyExists, DomainError, InvalidArgument, NotFound, PermissionDenied
from csms.domain.ids import parse_id_token
from csms.ports.people import PeopleStore
from csms.ports.stores import TokenStore
from csms.ports.tokens import TagPolicy, TokenFilter
from csms.services.audit import note_change
from csms.services.scopes import Scopes
from csms.services.token_index import MemoryTokenIndex

__all__ = ["ImportReport", "ImportRow", "MemoryTokenIndex", "RowError", "TokenPage", "Tokens"]

EDITABLE: Final = (
    "alias",
    "blocked",
    "expires_at",
    "parent_id_token",
    "allow_concurrent",
    "note",
    "user_id",
    "type",
    "valid_from",
    "valid_station_ids",
    "valid_place_ids",
)
OF_USERS: Final = frozenset({"alias", "type", "note", "blocked"})
"""What users change of their own tags."""
MAX_ALIAS, MAX_NOTE = 200, 4_000
MAX_VALID_AT: Final = 1_000
MAX_OWN_TAGS: Final = 20
MAX_IMPORT: Final = 5_000


class TokenPage(msgspec.Struct, frozen=True):
    """Tags in the order asked for, and how many match in all."""

    tokens: tuple[Token, ...]
    total: int


class ImportRow(msgspec.Struct, frozen=True):
    """A tag to be made. Whose it is may be said by an e-mail address."""

    token: Token
    user_email: str = ""


class RowError(msgspec.Struct, frozen=True):
    """What is wrong with a row (counted from 0)."""

    row: int
    reason: str
    message: str


class ImportReport(msgspec.Struct, frozen=True):
    """What came of an import: errors, or how many tags were made (0 in a dry run)."""

    imported: int
    errors: tuple[RowError, ...] = ()


class Tokens:
    """Use cases of people. A change counts for the very next authorisation. `reread` tells the index of stations that
    are new.

    All raise PermissionDenied, and Unavailable while the database is away.
    """

    def __init__(
        self,
        store: TokenStore,
        index: MemoryTokenIndex,
        *,
        scopes: Scopes | None = None,
        people: PeopleStore | None = None,
        reread: Callable[[], Awaitable[None]] = trio.lowlevel.checkpoint,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._index = index
        self._scopes = scopes
        self._people = people
        self._reread = reread
        self._now = now

    @property
    def now(self) -> datetime:
        """By the clock that tags are judged with."""
        return self._now()

    async def get(self, caller: Principal, token_id: int) -> Token:
        """One tag. Raises NotFound."""
        mine = _whose(caller, Action.READ_TOKENS)
        return await self._find(token_id, mine)

    async def page(
        self, caller: Principal, wanted: TokenFilter, *, size: int, after: tuple[str, int] | None = None
    ) -> TokenPage:
        """Up to `size` tags after a place in the list. EV users get their own."""
        mine = _whose(caller, Action.READ_TOKENS)
        if mine is not None:
            if wanted.user_id not in (None, mine):
                return TokenPage((), 0)
            wanted = msgspec.structs.replace(wanted, user_id=mine)
        places = self._index.places_of(wanted.station_id)
        wanted = msgspec.structs.replace(wanted, now=self._now(), place_ids=places)
        tokens, total = await self._store.page(wanted, size=size, after=after)
        return TokenPage(tuple(tokens), total)

    async def look_up(self, caller: Principal, text: str) -> Token:
        """The tag of a card, by its number in any form. Raises NotFound, also when several can be meant."""
        mine = _whose(caller, Action.READ_TOKENS)
        found = [token for token in self._index.same_card(text) if mine is None or token.user_id == mine]
        exact = [token for token in found if token.id_token == text.strip().upper()]
        if len(exact or found) != 1:
            several = "Several tags can be meant by this number." if found else "There is no tag with this number."
            raise NotFound(f"{several} Search the list of tags.", reason="ID_TOKEN_NOT_FOUND")
        return await self._find((exact or found)[0].id, mine)

    async def create(self, caller: Principal, token: Token) -> Token:
        """Make a tag; without an id, a virtual one gets one that cannot be guessed.

        Raises InvalidArgument, NotFound, AlreadyExists with ID_TOKEN_TAKEN or SAME_CARD.
        """
        if reach(caller, Action.EDIT_TOKENS) is Reach.OWN:
            token = await self._as_own(caller, token)
        else:
            check(caller, Action.EDIT_TOKENS)
        token = _checked(_with_id(token))
        await self._check_places(caller, token)
        self._check_card(token)
        kept = await self._store.create(token)
        self._index.put(kept)
        note_change(f"idTokens/{kept.id}", None, kept)
        return kept

    async def update(
        self, caller: Principal, token_id: int, wanted: Token, fields: Sequence[str], *, version: int | None = None
    ) -> Token:
        """Take the named fields (of EDITABLE) from `wanted`. Raises InvalidArgument, NotFound, StaleVersion."""
        mine = _whose(caller, Action.EDIT_TOKENS)
        present = await self._find(token_id, mine)
        changes = {field: getattr(wanted, field) for field in fields if field in EDITABLE}
        if mine is not None and not changes.keys() <= OF_USERS:
            raise denied(caller, Action.EDIT_TOKENS)
        if "blocked" in changes and changes["blocked"] != present.blocked:
            if mine is not None and present.blocked and not present.blocked_by_user:
                raise PermissionDenied("An operator has blocked this tag. Ask them.", reason="BLOCKED_BY_OPERATOR")
            changes["blocked_by_user"] = mine is not None and bool(changes["blocked"])
        token = _checked(msgspec.structs.replace(present, **changes))
        if "valid_station_ids" in changes or "valid_place_ids" in changes:
            await self._check_places(caller, token)
        # Without an etag the version read just now guards the fields that this change does not name.
        kept = await self._store.update(token, version=present.version if version is None else version)
        self._index.put(kept)
        note_change(f"idTokens/{kept.id}", present, kept)
        return kept

    async def delete(self, caller: Principal, token_id: int) -> None:
        """Remove a tag; sessions keep its id. Raises NotFound."""
        check(caller, Action.EDIT_TOKENS)
        gone = await self._store.delete(token_id)
        self._index.remove(gone)
        note_change(f"idTokens/{gone.id}", gone, None)

    async def import_rows(self, caller: Principal, rows: Sequence[ImportRow], *, dry_run: bool) -> ImportReport:
        """Make all of them or, if one is wrong, none. Raises InvalidArgument for more than MAX_IMPORT."""
        check(caller, Action.EDIT_TOKENS)
        if len(rows) > MAX_IMPORT:
            raise InvalidArgument(f"Import at most {MAX_IMPORT} tags at once.", reason="TOO_MANY_ROWS")
        good: list[Token] = []
        errors: list[RowError] = []
        seen: dict[str, int] = {}
        for number, row in enumerate(rows):
            try:
                token = _checked(_with_id(await self._owned(row)))
                if seen.setdefault(token.id_token, number) != number:
                    raise AlreadyExists(
                        f"Row {seen[token.id_token] + 1} has the same tag. Keep one of them.", reason="DUPLICATE_ROW"
                    )
                if (known := self._index.find(token.id_token)) is not None and known.id_token == token.id_token:
                    raise AlreadyExists("There is already a tag with this id.", reason="ID_TOKEN_TAKEN")
                self._check_card(token)
                await self._check_places(caller, token)
            except DomainError as error:
                errors.append(RowError(number, error.reason, error.message))
            else:
                good.append(token)
        if errors or dry_run or not good:
            return ImportReport(0, tuple(errors))
        for kept in await self._store.create_all(good):
            self._index.put(kept)
        note_change("idTokens", None, ImportReport(len(good)))
        return ImportReport(len(good))

    async def policy(self, caller: Principal) -> TagPolicy:
        """What is decided for all tags; whoever sees tags sees it."""
        _whose(caller, Action.READ_TOKENS)
        return await self._store.policy()

    async def set_policy(self, caller: Principal, policy: TagPolicy) -> TagPolicy:
        """Decide it."""
        check(caller, Action.EDIT_TOKENS)
        before = await self._store.policy()
        await self._store.set_policy(policy)
        note_change("tagPolicy", before, policy)
        return policy

    # -- inside ----------------------------------------------------------------------------------------------------

    async def _find(self, token_id: int, mine: int | None) -> Token:
        found = await self._store.find(token_id)
        if found is None or (mine is not None and found.user_id != mine):
            raise _no_token(token_id)
        return found

    async def _as_own(self, caller: Principal, token: Token) -> Token:
        """Of a user, by themselves: what they may not decide is as it is without anybody's decision."""
        if caller.user_id is None or not (await self._store.policy()).users_register_tags:
            raise denied(caller, Action.EDIT_TOKENS)
        _, held = await self._store.page(TokenFilter(user_id=caller.user_id, now=self._now()), size=1)
        if held >= MAX_OWN_TAGS:
            raise InvalidArgument(f"You have {held} tags already. Ask an operator for more.", reason="TOO_MANY_TAGS")
        return Token(
            0,
            token.id_token,
            alias=token.alias,
            note=token.note,
            user_id=caller.user_id,
            kind=token.kind,
            type=token.type,
        )

    async def _owned(self, row: ImportRow) -> Token:
        email = row.user_email.strip()
        if not email:
            return row.token
        person = None if self._people is None else await self._people.find_by_email(email)
        if person is None:
            raise NotFound(f"There is no user {email}. Make the user first.", reason="USER_NOT_FOUND")
        return msgspec.structs.replace(row.token, user_id=person.id)

    async def _check_places(self, caller: Principal, token: Token) -> None:
        """Where it is valid must exist. Raises NotFound."""
        if self._scopes is None:
            return
        for place_id in token.valid_place_ids:
            self._scopes.within(place_id)
        wanted = set(token.valid_station_ids)
        if wanted - self._index.stations:
            await self._reread()
        if missing := wanted - self._index.stations:
            raise NotFound(f"There is no station {min(missing)} (any more).", reason="STATION_NOT_FOUND")

    def _check_card(self, token: Token) -> None:
        """A card in two spellings would be two tags, of which one may be blocked. Raises AlreadyExists/SAME_CARD."""
        for other in self._index.same_card(token.id_token):
            certain = is_surely_hexadecimal(token.id_token) or is_surely_hexadecimal(other.id_token)
            if other.id_token != token.id_token and certain:
                raise AlreadyExists(
                    f"This is the card of the tag {other.id_token} in another spelling. Use that one.",
                    reason="SAME_CARD",
                )


def _whose(caller: Principal, action: Action) -> int | None:
    """Whose tags the caller may do it with; None: everybody's. Raises PermissionDenied."""
    if reach(caller, action) is Reach.OWN and caller.user_id is not None:
        return caller.user_id
    check(caller, action)
    return None


def _no_token(token_id: int) -> NotFound:
    return NotFound(f"There is no tag {token_id} (any more).", reason="ID_TOKEN_NOT_FOUND")


def _with_id(token: Token) -> Token:
    """Its id as tags are spelt. Raises InvalidArgument."""
    if token.kind is TagKind.VIRTUAL and not token.id_token.strip():
        # 80 random bits; OCPP 1.6 has room for 20 characters.
        return msgspec.structs.replace(token, id_token=secrets.token_hex(10).upper())
    return msgspec.structs.replace(token, id_token=parse_id_token(token.id_token))


def _checked(token: Token) -> Token:
    """Texts without blanks, the parent in canonical spelling, places once each. Raises InvalidArgument."""
    alias, note = token.alias.strip(), token.note.strip()
    if len(alias) > MAX_ALIAS or len(note) > MAX_NOTE or "\0" in alias + note:
        raise InvalidArgument(
            f"A tag's alias has at most {MAX_ALIAS} characters and its note at most {MAX_NOTE}.",
            reason="TEXT_TOO_LONG",
        )
    if token.valid_from is not None and token.expires_at is not None and token.expires_at <= token.valid_from:
        raise InvalidArgument("The validity of a tag begins before it ends.", reason="INVALID_VALIDITY")
    if len(token.valid_station_ids) + len(token.valid_place_ids) > MAX_VALID_AT:
        raise InvalidArgument(
            f"A tag names at most {MAX_VALID_AT} stations and places. Name places in which the stations stand.",
            reason="TOO_MANY_STATIONS",
        )
    parent = None
    if token.parent_id_token:
        try:
            parent = parse_id_token(token.parent_id_token)
        except DomainError as error:
            raise InvalidArgument(f"The parent is not a tag. {error.message}", reason="INVALID_PARENT") from error
    return msgspec.structs.replace(
        token,
        alias=alias,
        note=note,
        parent_id_token=parent,
        valid_station_ids=_once(token.valid_station_ids),
        valid_place_ids=_once(token.valid_place_ids),
    )


def _once(numbers: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(set(numbers)))
