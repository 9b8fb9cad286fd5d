"""What OCPI's objects are made of. Names and lengths are the specification's (2.2.1, parts 8 to 17).

Numbers are decimals and leave as JSON numbers. Times are in UTC and leave in whole seconds, since a DateTime has at
most 25 characters.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

VERSION: Final = "2.2.1"

Text3 = Annotated[str, Meta(min_length=1, max_length=3)]
CountryCode = Annotated[str, Meta(min_length=2, max_length=2)]
Text16 = Annotated[str, Meta(max_length=16)]
Text20 = Annotated[str, Meta(max_length=20)]
Id36 = Annotated[str, Meta(min_length=1, max_length=36)]
Id39 = Annotated[str, Meta(min_length=1, max_length=39)]
Text45 = Annotated[str, Meta(max_length=45)]
Text64 = Annotated[str, Meta(max_length=64)]
Text100 = Annotated[str, Meta(max_length=100)]
Text255 = Annotated[str, Meta(max_length=255)]
Text512 = Annotated[str, Meta(max_length=512)]
Url = Annotated[str, Meta(min_length=1, max_length=255)]


class Model(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """An object of OCPI. What has its default is left out; what others add of their own is ignored."""


class Role(StrEnum):
    """Of a party (7.3.1)."""

    CPO = "CPO"
    EMSP = "EMSP"
    HUB = "HUB"
    NAP = "NAP"
    NSP = "NSP"
    OTHER = "OTHER"
    SCSP = "SCSP"


class Module(StrEnum):
    """Modules that we have (6.2.3)."""

    CREDENTIALS = "credentials"
    LOCATIONS = "locations"
    SESSIONS = "sessions"
    CDRS = "cdrs"
    TARIFFS = "tariffs"
    TOKENS = "tokens"
    COMMANDS = "commands"


class InterfaceRole(StrEnum):
    """Who owns what a module is about (6.2.2)."""

    SENDER = "SENDER"
    RECEIVER = "RECEIVER"


class DisplayText(Model, frozen=True):
    """Text in a language (16.3)."""

    language: CountryCode
    text: Text512


class Price(Model, frozen=True):
    """16.5."""

    excl_vat: Decimal
    incl_vat: Decimal | None = None


class GeoLocation(Model, frozen=True):
    """Degrees as text (8.4.13)."""

    latitude: Annotated[str, Meta(pattern=r"^-?[0-9]{1,2}\.[0-9]{5,7}$")]
    longitude: Annotated[str, Meta(pattern=r"^-?[0-9]{1,3}\.[0-9]{5,7}$")]


class BusinessDetails(Model, frozen=True):
    """Who somebody is (8.4.2). A logo is not read."""

    name: Text100
    website: str | None = None


class VersionEntry(Model, frozen=True):
    """A version that a party speaks (6.1.2)."""

    version: str
    url: Url


class Endpoint(Model, frozen=True):
    """Where a module is (6.2.2). Identifiers that we do not know are kept and not used."""

    identifier: str
    role: InterfaceRole
    url: Url


class VersionDetails(Model, frozen=True):
    """6.2.1."""

    version: str
    endpoints: tuple[Endpoint, ...]


class CredentialsRole(Model, frozen=True):
    """7.3.1."""

    role: Role
    business_details: BusinessDetails
    party_id: Text3
    country_code: CountryCode


class Credentials(Model, frozen=True):
    """7.2.1. `token` is what the reader is to show from now on."""

    token: Annotated[str, Meta(min_length=1, max_length=64)]
    url: Url
    roles: Annotated[tuple[CredentialsRole, ...], Meta(min_length=1)]


def whole(moment: datetime) -> datetime:
    """As OCPI prints it: UTC, whole seconds."""
    return moment.astimezone(UTC).replace(microsecond=0)


def as_utc(moment: datetime) -> datetime:
    """What a party wrote; without a zone it is UTC (part 16.2)."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def cut(text: str, length: int) -> str:
    """What fits."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
