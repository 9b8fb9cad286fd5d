"""What lists and updates have in common: page sizes, page tokens, field masks, etags."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from google.protobuf.message import Message

from csms.domain.errors import InvalidArgument, StaleVersion

DEFAULT_PAGE, MAX_PAGE = 50, 1_000
_MAX_TOKEN = 2_000
_CHECKSUM = 8

MAX_PAGE_BYTES = 3 * 1024 * 1024
"""Below the 4 MiB that gRPC clients take unless told otherwise."""

Value = str | int
M = TypeVar("M", bound=Message)


def page_size(asked: int, *, default: int = DEFAULT_PAGE, maximum: int = MAX_PAGE) -> int:
    """0 → default, too big → clamped. Raises InvalidArgument when negative."""
    if asked < 0:
        raise InvalidArgument(
            f"page_size is {asked}; give 0 for the default or a number up to {maximum}.", reason="INVALID_PAGE_SIZE"
        )
    return min(asked or default, maximum)


def fitting(messages: Iterable[M]) -> list[M]:
    """As many as fit into one response, at least one: pages may be shorter than asked."""
    fit: list[M] = []
    size = 0
    for message in messages:
        size += message.ByteSize() + 8
        if fit and size > MAX_PAGE_BYTES:
            break
        fit.append(message)
    return fit


def make_token(position: Sequence[Value], query: bytes) -> str:
    """An opaque token for a place in the answer to `query` (any bytes that tell queries apart)."""
    content = json.dumps(list(position), separators=(",", ":"), ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(_checksum(content, query) + content).rstrip(b"=").decode()


def read_token(token: str, query: bytes, kinds: tuple[type[Value], ...]) -> tuple[Value, ...] | None:
    """The place, with values of these kinds; None for the empty token of a first page.

    Raises InvalidArgument/INVALID_PAGE_TOKEN when the token is damaged or belongs to another query.
    """
    if not token:
        return None
    if len(token) > _MAX_TOKEN:
        raise _bad_token()
    try:
        data = base64.b64decode(token.encode() + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
        checksum, content = data[:_CHECKSUM], data[_CHECKSUM:]
        if checksum != _checksum(content, query):
            raise _bad_token()
        values = json.loads(content)
    except (binascii.Error, ValueError) as error:
        raise _bad_token() from error
    if not isinstance(values, list) or [type(value) for value in values] != list(kinds):
        raise _bad_token()
    return tuple(values)


def _checksum(content: bytes, query: bytes) -> bytes:
    digest = hashlib.blake2b(content, digest_size=_CHECKSUM, person=b"chargehouse.page"[:16])
    digest.update(b"\0" + hashlib.sha256(query).digest())
    return digest.digest()


def _bad_token() -> InvalidArgument:
    return InvalidArgument(
        "This page token is damaged or belongs to another query. Ask for the first page again (with an empty token).",
        reason="INVALID_PAGE_TOKEN",
    )


def moment_value(moment: datetime) -> str:
    """A time as a value of a page token."""
    return moment.astimezone(UTC).isoformat()


def read_moment(value: Value) -> datetime:
    """The time in a page token. Raises InvalidArgument."""
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise _bad_token() from error
    if moment.tzinfo is None:
        raise _bad_token()
    return moment


def masked_fields(paths: Iterable[str], allowed: Mapping[str, str]) -> tuple[str, ...]:
    """The fields that an update mask names, as the domain calls them (`allowed`: path → domain name). `*`: all.

    Raises InvalidArgument/INVALID_FIELD_MASK when it names none, or one that cannot be changed.
    """
    named = list(dict.fromkeys(paths))
    if named == ["*"]:
        return tuple(allowed.values())
    unknown = [path for path in named if path not in allowed]
    if unknown or not named:
        wrong = f"{', '.join(unknown)} cannot be changed." if unknown else "The update mask names no field."
        raise InvalidArgument(f"{wrong} Name some of {', '.join(allowed)}.", reason="INVALID_FIELD_MASK")
    return tuple(allowed[path] for path in named)


def read_etag(etag: str) -> int | None:
    """The version that an etag stands for; None for an empty one. Raises StaleVersion for one that we never gave."""
    if not etag:
        return None
    if not (etag.isascii() and etag.isdecimal() and len(etag) < 19):
        raise StaleVersion("This etag is not one that the server gave. Read the thing again, then change it.")
    return int(etag)
