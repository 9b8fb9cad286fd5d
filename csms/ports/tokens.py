"""What tags are asked for by: filters and orders of lists."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from csms.domain.authorization import TagKind, TagState, TagType, Token


class TokenOrder(StrEnum):
    """By what. Ties are broken by our id."""

    ID_TOKEN = "ID_TOKEN"  # noqa: S105  no password
    ALIAS = "ALIAS"
    USER = "USER"
    """By the e-mail address; nobody's first."""
    EXPIRY = "EXPIRY"
    """Those without an end last."""
    CREATED = "CREATED"


class TokenFilter(msgspec.Struct, frozen=True):
    """Which tags, in which order. None and empty: all. `query`: part of the tag, the alias, the note, or the user's
    e-mail or name; or a card's number in any form (`csms.domain.card_number`). `station_id`: valid there, where
    `place_ids` are the places in which it stands. `now` is what `state` is told by."""

    query: str = ""
    user_id: int | None = None
    type: TagType | None = None
    kind: TagKind | None = None
    state: TagState | None = None
    now: datetime = datetime.min.replace(tzinfo=UTC)
    station_id: int | None = None
    place_ids: frozenset[int] = frozenset()
    parent_id_token: str = ""
    order: TokenOrder = TokenOrder.ID_TOKEN
    descending: bool = False


class TokenChanges(msgspec.Struct, frozen=True):
    """What changed since a moment: tags as they are now, and tags that are no more. `at`: the database's time before it
    was read, for the next question."""

    at: datetime
    tokens: tuple[Token, ...]
    gone: tuple[str, ...] = ()


class TagPolicy(msgspec.Struct, frozen=True):
    """What operators decide for all tags."""

    users_register_tags: bool = False
    """EV users may register tags of their own."""


def place_of(token: Token, order: TokenOrder) -> tuple[str, int]:
    """Where it stands in a list in this order."""
    match order:
        case TokenOrder.ID_TOKEN:
            key = token.id_token
        case TokenOrder.ALIAS:
            key = token.alias
        case TokenOrder.USER:
            key = token.user_email
        case TokenOrder.EXPIRY:
            key = "~" if token.expires_at is None else moment_key(token.expires_at)
        case TokenOrder.CREATED:
            key = "" if token.created_at is None else moment_key(token.created_at)
    return key, token.id


def moment_key(moment: datetime) -> str:
    """A time as a text that orders as times do."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
