"""Identifiers: parsed once, then trusted.

Stations, sessions, tags and users have ids of *ours* (positive 64-bit integers from a sequence that never
repeats). What a
station calls itself (`Identity`) is a field of the station and may change when hardware is swapped.
"""

from __future__ import annotations

from typing import NewType

from csms.domain.errors import InvalidArgument

StationId = NewType("StationId", int)
SessionId = NewType("SessionId", int)
"""Also the transactionId that OCPP 1.6 stations are given, so it stays below 2³¹."""
TokenId = NewType("TokenId", int)
UserId = NewType("UserId", int)
ApiKeyId = NewType("ApiKeyId", int)
Identity = NewType("Identity", str)
"""The OCPP identity: the last part of the connection URL."""
IdToken = NewType("IdToken", str)
"""An idTag (1.x) or idToken (2.x) in the canonical spelling that `parse_id_token` gives."""

EvseId = int
"""1.6 connector n is EVSE n, connector 1; EVSE 0 is the station as a whole."""

MAX_IDENTITY_LENGTH = 255
MAX_ID_TOKEN_LENGTH = 36
_FORBIDDEN_IN_IDENTITY = frozenset('/\\?#%"<>')


def parse_identity(text: str) -> Identity:
    """Check a station identity: 1 to 255 printable characters, none of `/ \\ ? # % " < >`, no blank at either end.

    Raises InvalidArgument with reason INVALID_IDENTITY.
    """
    if not 0 < len(text) <= MAX_IDENTITY_LENGTH:
        raise InvalidArgument(
            f"A station identity has 1 to {MAX_IDENTITY_LENGTH} characters; this one has {len(text)}.",
            reason="INVALID_IDENTITY",
        )
    if not text.isprintable() or text != text.strip() or not _FORBIDDEN_IN_IDENTITY.isdisjoint(text):
        raise InvalidArgument(
            "A station identity has only printable characters, no blank at either end and none of"
            ' / \\ ? # % " < >. Use letters, digits and - _ . : instead.',
            reason="INVALID_IDENTITY",
        )
    return Identity(text)


def parse_id_token(text: str) -> IdToken:
    """Canonical form of a tag: OCPP calls idTags case-insensitive (1.6 §7.27 CiString), so they are kept in upper
    case.

    Raises InvalidArgument with reason INVALID_ID_TOKEN.
    """
    token = text.strip().upper()
    if not 0 < len(token) <= MAX_ID_TOKEN_LENGTH or not token.isprintable():
        raise InvalidArgument(
            f"A tag has 1 to {MAX_ID_TOKEN_LENGTH} printable characters, for example 04A2B3C4D5E680.",
            reason="INVALID_ID_TOKEN",
        )
    return IdToken(token)
