"""Tokens (2.2.1, part 12): who of a party's customers may charge."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from csms.ocpi.values import CountryCode, DisplayText, Id36, Model, Text3, Text64


class TokenType(StrEnum):
    """12.4.4."""

    AD_HOC_USER = "AD_HOC_USER"
    APP_USER = "APP_USER"
    OTHER = "OTHER"
    RFID = "RFID"


class WhitelistType(StrEnum):
    """Who decides (12.4.5)."""

    ALWAYS = "ALWAYS"
    ALLOWED = "ALLOWED"
    ALLOWED_OFFLINE = "ALLOWED_OFFLINE"
    NEVER = "NEVER"


class Token(Model, frozen=True):
    """12.3.2."""

    country_code: CountryCode
    party_id: Text3
    uid: Id36
    type: TokenType
    contract_id: Id36
    issuer: Text64
    valid: bool
    whitelist: WhitelistType
    last_updated: datetime
    visual_number: Text64 | None = None
    group_id: Id36 | None = None
    language: CountryCode | None = None


class LocationReferences(Model, frozen=True):
    """Where somebody wants to charge (12.4.3)."""

    location_id: Id36
    evse_uids: tuple[Id36, ...] = ()


class Allowed(StrEnum):
    """12.4.1."""

    ALLOWED = "ALLOWED"
    BLOCKED = "BLOCKED"
    EXPIRED = "EXPIRED"
    NO_CREDIT = "NO_CREDIT"
    NOT_ALLOWED = "NOT_ALLOWED"


class AuthorizationInfo(Model, frozen=True):
    """A party's answer (12.3.1)."""

    allowed: Allowed
    token: Token
    location: LocationReferences | None = None
    authorization_reference: Id36 | None = None
    info: DisplayText | None = None


class TokenPatch(Model, frozen=True):
    """Some fields of a token; `last_updated` always (part 4.1.8)."""

    last_updated: datetime
    contract_id: Id36 | msgspec.UnsetType = msgspec.UNSET
    issuer: Text64 | msgspec.UnsetType = msgspec.UNSET
    valid: bool | msgspec.UnsetType = msgspec.UNSET
    whitelist: WhitelistType | msgspec.UnsetType = msgspec.UNSET
    visual_number: Annotated[str, Meta(max_length=64)] | msgspec.UnsetType | None = msgspec.UNSET
    group_id: Id36 | msgspec.UnsetType | None = msgspec.UNSET
    language: CountryCode | msgspec.UnsetType | None = msgspec.UNSET


def patched(token: Token, patch: TokenPatch) -> Token:
    """The token with what the patch names."""
    changes = {name: value for name in patch.__struct_fields__ if (value := getattr(patch, name)) is not msgspec.UNSET}
    return msgspec.structs.replace(token, **changes)
