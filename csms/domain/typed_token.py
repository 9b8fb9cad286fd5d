"""A tag with its kind, as OCPP 2.x writes it (IdTokenType)."""

from __future__ import annotations

import re
from typing import Final

from csms.domain.facts import AdditionalInfo
from csms.domain.values import Value

_HEXADECIMAL: Final = re.compile(r"[0-9A-F]+", re.ASCII).fullmatch
_ISO14443_DIGITS: Final = (8, 14, 20)
"""A UID of ISO 14443 has 4, 7 or 10 bytes."""
_ISO15693_DIGITS: Final = 16


class TypedToken(Value, frozen=True):
    """2.x IdTokenType. `type`: Central, eMAID, ISO14443, ISO15693, KeyCode, Local, MacAddress, NoAuthorization; since
    2.1 any word."""

    id_token: str
    type: str
    additional_info: tuple[AdditionalInfo, ...] = ()


def typed(id_token: str, token_type: str = "") -> TypedToken:
    """The tag with that type; without one, with what its spelling looks like: the UID of a card, else Central (a tag
    that only the central system knows)."""
    return TypedToken(id_token, token_type or _looks_like(id_token.upper()))


def _looks_like(id_token: str) -> str:
    if _HEXADECIMAL(id_token):
        if len(id_token) in _ISO14443_DIGITS:
            return "ISO14443"
        # Its UIDs begin with E0 (ISO 15693-3, 4.1).
        if len(id_token) == _ISO15693_DIGITS and id_token.startswith("E0"):
            return "ISO15693"
    return "Central"
