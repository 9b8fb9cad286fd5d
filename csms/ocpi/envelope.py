"""The envelope of every answer, the headers around it, and pages (2.2.1, part 4.1)."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

import msgspec

from csms.ocpi.faults import CLIENT_ERROR, SUCCESS, OcpiFault, invalid
from csms.ocpi.values import Model, as_utc, whole

MAX_LIMIT: Final = 100
"""Objects of a page."""
MAX_OFFSET: Final = 10_000_000

T = TypeVar("T")
_encoder: Final = msgspec.json.Encoder(decimal_format="number")
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


class _Answer(msgspec.Struct, omit_defaults=True):
    status_code: int
    timestamp: datetime
    data: msgspec.Raw | None = None
    status_message: str | None = None


class Received(msgspec.Struct, frozen=True):
    """What a party answered: `data` is its JSON still."""

    status_code: int
    data: msgspec.Raw = msgspec.Raw()
    status_message: str | None = None


class Page(msgspec.Struct, frozen=True):
    """What a list was asked for."""

    offset: int = 0
    limit: int = MAX_LIMIT
    date_from: datetime | None = None
    date_to: datetime | None = None


def print_object(value: object) -> bytes:
    """JSON."""
    return _encoder.encode(value)


def read_object(kind: type[T], content: bytes | msgspec.Raw) -> T:
    """Raises OcpiFault/2001 that says where it is wrong."""
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind)
    try:
        value: T = decoder.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise invalid(f"This is not as OCPI 2.2.1 has it: {error}") from error
    return value


def print_answer(now: datetime, data: bytes | Model | None = None) -> bytes:
    """1000, with data (an object, or its JSON)."""
    raw = None if data is None else msgspec.Raw(data if isinstance(data, bytes) else print_object(data))
    return _encoder.encode(_Answer(SUCCESS, whole(now), raw))


def print_fault(now: datetime, fault: OcpiFault) -> bytes:
    """Its code and sentence."""
    return _encoder.encode(_Answer(fault.code, whole(now), status_message=fault.message[:255]))


def read_answer(content: bytes) -> Received:
    """Raises OcpiFault for what is no envelope."""
    return read_object(Received, content)


# -- headers -------------------------------------------------------------------------------------------------------


def read_authorization(header: str) -> str:
    """The token of `Authorization: Token <base64>`; also one that came as it is, as parties of 2.1.1 still send it
    (4.1.3 asks for base64). Raises OcpiFault with HTTP 401."""
    scheme, _, text = header.strip().partition(" ")
    if scheme.lower() != "token" or not text.strip():
        raise OcpiFault(CLIENT_ERROR, "Show your credentials token: Authorization: Token <base64>.", http_status=401)
    return text.strip()


def decoded_token(text: str) -> str:
    """Out of its base64; empty when it is none."""
    try:
        return base64.b64decode(text, validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return ""


def print_authorization(token: str) -> str:
    """For the header."""
    return "Token " + base64.b64encode(token.encode()).decode()


# -- pages ---------------------------------------------------------------------------------------------------------


def read_page(query: dict[str, str]) -> Page:
    """Raises OcpiFault/2001."""
    offset, limit = _number(query, "offset", 0, MAX_OFFSET), _number(query, "limit", MAX_LIMIT, MAX_OFFSET)
    if limit < 1:
        raise invalid("limit is at least 1.")
    return Page(offset, min(limit, MAX_LIMIT), _moment(query, "date_from"), _moment(query, "date_to"))


def page_headers(url: str, query: dict[str, str], page: Page, count: int, total: int) -> tuple[tuple[str, str], ...]:
    """Link (when there is more), X-Total-Count, X-Limit (4.1.7)."""
    headers = [("X-Total-Count", str(total)), ("X-Limit", str(MAX_LIMIT))]
    after = page.offset + count
    if count and after < total:
        following = urlencode({**query, "offset": str(after), "limit": str(page.limit)})
        headers.insert(0, ("Link", f'<{url}?{following}>; rel="next"'))
    return tuple(headers)


def next_link(header: str) -> str:
    """The address of the next page; empty: there is none."""
    for part in header.split(","):
        address, _, rest = part.partition(";")
        if 'rel="next"' in rest.replace(" ", "") or "rel=next" in rest.replace(" ", ""):
            return address.strip().removeprefix("<").removesuffix(">")
    return ""


def _number(query: dict[str, str], name: str, default: int, most: int) -> int:
    text = query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise invalid(f"{name} is a number of 0 to {most}.")
    return min(int(text), most)


def _moment(query: dict[str, str], name: str) -> datetime | None:
    text = query.get(name, "")
    if not text:
        return None
    try:
        return as_utc(msgspec.convert(text.replace(" ", "+"), datetime))
    except msgspec.ValidationError as error:
        raise invalid(f"{name} is a time like 2026-01-31T12:00:00Z.") from error
