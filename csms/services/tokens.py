"""Tags: what people keep of them, and the index in memory that decides within microseconds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
import trio

from csms.domain.access import Action, Principal, Reach, check, reach
from csms.domain.authorization import Token, decide
from csms.domain.errors import DomainError, InvalidArgument, NotFound, Unavailable
from csms.domain.facts import IdTokenInfo
from csms.domain.ids import parse_id_token
from csms.ports.stores import TokenStore, TransactionStore

EDITABLE = ("alias", "blocked", "expires_at", "parent_id_token", "allow_concurrent", "note", "user_id")
MAX_ALIAS, MAX_NOTE = 200, 4_000
RELOAD_SECONDS = 60.0


class MemoryTokenIndex:
    """All tags, and which of them are in use. Implements `csms.ports.stores.TokenIndex`.

    Loaded once, told of every change by `Tokens`, and loaded anew now and then (`reload_for_ever`), so that a change
    whose commit was not heard of, or that another process made, counts within a minute.
    """

    def __init__(self, tokens: Iterable[Token] = ()) -> None:
        self._tokens: dict[str, Token] = {}
        self._members: dict[str, set[str]] = {}
        self._open: dict[str, set[int]] = {}
        self._changes = 0
        self._replace(tokens)

    def __len__(self) -> int:
        return len(self._tokens)

    async def load(self, store: TokenStore, transactions: TransactionStore) -> None:
        """Read everything; before the first station is let in. Raises Unavailable."""
        self._replace(await store.load_all())
        self._open.clear()
        for id_token, session_id in await transactions.open_tokens():
            self.session_opened(id_token, session_id)

    async def reload(self, store: TokenStore) -> None:
        """Read the tags again. Raises Unavailable."""
        while True:
            seen = self._changes
            tokens = await store.load_all()
            if seen == self._changes:  # else a change came while we read, and the list may be older than it
                self._replace(tokens)
                return

    async def reload_for_ever(self, store: TokenStore, *, every: float = RELOAD_SECONDS) -> None:
        """A task for the nursery of the application."""
        while True:
            await trio.sleep(every)
            try:
                await self.reload(store)
            except Unavailable:
                continue  # what is in memory stays good meanwhile

    # -- decisions (csms.ports.stores.TokenIndex) ----------------------------------------------------------------

    def decide(self, id_token: str, now: datetime, *, starting: int | None = None) -> IdTokenInfo:
        """May this tag charge? `starting` is the session about to begin (then other open sessions on the tag count)."""
        token = self._tokens.get(id_token)
        if token is None:
            token = self._tokens.get(_canonical(id_token))
        in_use = False
        if starting is not None and token is not None:
            sessions = self._open.get(token.id_token)
            in_use = sessions is not None and len(sessions - {starting}) > 0
        return decide(token, now, in_use_elsewhere=in_use)

    def session_opened(self, id_token: str, session_id: int) -> None:
        """The tag is in use."""
        if id_token:
            self._open.setdefault(_canonical(id_token), set()).add(session_id)

    def session_ended(self, id_token: str, session_id: int) -> None:
        """The tag is free again."""
        key = _canonical(id_token)
        sessions = self._open.get(key)
        if sessions is not None:
            sessions.discard(session_id)
            if not sessions:
                del self._open[key]

    def group(self, parent_id_token: str) -> frozenset[str]:
        """The tags with this parent: they may stop each other's sessions."""
        return frozenset(self._members.get(_canonical(parent_id_token), ()))

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

    def _replace(self, tokens: Iterable[Token]) -> None:
        self._tokens, self._members = {}, {}
        for token in tokens:
            self._take_in(token)

    def _take_in(self, token: Token) -> None:
        self._tokens[token.id_token] = token
        if token.parent_id_token:
            self._members.setdefault(token.parent_id_token, set()).add(token.id_token)

    def _take_out(self, id_token: str) -> None:
        old = self._tokens.pop(id_token, None)
        if old is None or not old.parent_id_token:
            return
        members = self._members[old.parent_id_token]
        members.discard(id_token)
        if not members:
            del self._members[old.parent_id_token]


def _canonical(id_token: str) -> str:
    """The canonical spelling; what is no tag at all stays as it is, and is in no index."""
    try:
        return parse_id_token(id_token)
    except InvalidArgument:
        return id_token


class TokenPage(msgspec.Struct, frozen=True):
    """Tags in the order of their ids, and how many match in all."""

    tokens: tuple[Token, ...]
    total: int


class Tokens:
    """Use cases of people. A change counts for the very next authorisation.

    All raise PermissionDenied, and Unavailable while the database is away.
    """

    def __init__(self, store: TokenStore, index: MemoryTokenIndex) -> None:
        self._store = store
        self._index = index

    async def get(self, caller: Principal, token_id: int) -> Token:
        """One tag. Raises NotFound."""
        mine = _whose(caller)
        found = await self._find(token_id)
        if mine is not None and found.user_id != mine:
            raise _no_token(token_id)
        return found

    async def page(self, caller: Principal, *, query: str, size: int, after: str) -> TokenPage:
        """Up to `size` tags after an id ("" is the begin) with `query` in id, alias or note."""
        tokens, total = await self._store.page(query=query, size=size, after=after, user_id=_whose(caller))
        return TokenPage(tuple(tokens), total)

    async def create(self, caller: Principal, token: Token) -> Token:
        """Make a tag. Raises InvalidArgument, AlreadyExists/ID_TOKEN_TAKEN."""
        check(caller, Action.EDIT_TOKENS)
        token = _checked(msgspec.structs.replace(token, id_token=parse_id_token(token.id_token)))
        kept = await self._store.create(token)
        self._index.put(kept)
        return kept

    async def update(
        self, caller: Principal, token_id: int, wanted: Token, fields: Sequence[str], *, version: int | None = None
    ) -> Token:
        """Take the named fields (of EDITABLE) from `wanted`. Raises InvalidArgument, NotFound, StaleVersion."""
        check(caller, Action.EDIT_TOKENS)
        present = await self._find(token_id)
        changes = {field: getattr(wanted, field) for field in fields if field in EDITABLE}
        token = _checked(msgspec.structs.replace(present, **changes))
        # Without an etag the version read just now guards the fields that this change does not name.
        kept = await self._store.update(token, version=present.version if version is None else version)
        self._index.put(kept)
        return kept

    async def delete(self, caller: Principal, token_id: int) -> None:
        """Remove a tag; sessions keep its id. Raises NotFound."""
        check(caller, Action.EDIT_TOKENS)
        self._index.remove(await self._store.delete(token_id))

    async def _find(self, token_id: int) -> Token:
        found = await self._store.find(token_id)
        if found is None:
            raise _no_token(token_id)
        return found


def _whose(caller: Principal) -> int | None:
    """Whose tags the caller sees; None: everybody's. Raises PermissionDenied."""
    if reach(caller, Action.READ_TOKENS) is Reach.OWN and caller.user_id is not None:
        return caller.user_id
    check(caller, Action.READ_TOKENS)
    return None


def _no_token(token_id: int) -> NotFound:
    return NotFound(f"There is no tag {token_id} (any more).", reason="ID_TOKEN_NOT_FOUND")


def _checked(token: Token) -> Token:
    """Texts without blanks, the parent in canonical spelling. Raises InvalidArgument."""
    alias, note = token.alias.strip(), token.note.strip()
    if len(alias) > MAX_ALIAS or len(note) > MAX_NOTE or "\0" in alias + note:
        raise InvalidArgument(
            f"A tag's alias has at most {MAX_ALIAS} characters and its note at most {MAX_NOTE}.",
            reason="TEXT_TOO_LONG",
        )
    parent = None
    if token.parent_id_token:
        try:
            parent = parse_id_token(token.parent_id_token)
        except DomainError as error:
            raise InvalidArgument(f"The parent is not a tag. {error.message}", reason="INVALID_PARENT") from error
    return msgspec.structs.replace(token, alias=alias, note=note, parent_id_token=parent)
