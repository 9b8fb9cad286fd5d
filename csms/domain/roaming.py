"""Roaming: parties, the tokens of their customers, and who decides whether one may charge.

A party is INVITED (it has a token of ours and may register), REGISTERED (both have exchanged credentials), or
SUSPENDED (switched off by us for a while).
"""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from enum import StrEnum

import msgspec

from csms.domain.errors import FailedPrecondition, InvalidArgument, Unavailable
from csms.domain.facts import ConnectorStatus
from csms.domain.tariff import Tariff
from csms.domain.tariff_book import SessionCost
from csms.domain.third_party import PublishedSite
from csms.domain.topology import Place

MAX_NAME = 200


class PartyUnreachable(Unavailable):
    """The party did not answer, or not in a way that OCPI knows; it may go better later."""

    default_reason = "PARTY_UNREACHABLE"


class PartyRefused(FailedPrecondition):
    """The party answered, and said no; the same again will not go better."""

    default_reason = "PARTY_REFUSED"


class PartyState(StrEnum):
    """How far a party has come."""

    INVITED = "INVITED"
    REGISTERED = "REGISTERED"
    SUSPENDED = "SUSPENDED"


class PartyRole(msgspec.Struct, frozen=True):
    """One of its roles, in OCPI's words."""

    role: str
    country_code: str
    party_code: str
    name: str = ""


class PartyEndpoint(msgspec.Struct, frozen=True):
    """Where one of its modules is."""

    identifier: str
    role: str
    url: str


class Party(msgspec.Struct, frozen=True):
    """`token_digest`: SHA-256 of what it shows us. `token_to_send`: what we show it."""

    id: int
    display_name: str
    state: PartyState
    token_digest: bytes
    token_to_send: str = ""
    country_code: str = ""
    party_code: str = ""
    business_name: str = ""
    roles: tuple[PartyRole, ...] = ()
    versions_url: str = ""
    endpoints: tuple[PartyEndpoint, ...] = ()
    registered_at: datetime | None = None
    tokens_read_at: datetime | None = None
    last_error: str = ""
    last_error_at: datetime | None = None
    last_success_at: datetime | None = None
    version: int = 1
    created_at: datetime | None = None

    def url_of(self, identifier: str, role: str) -> str:
        """Of one of its modules; empty: it has none."""
        return next(
            (each.url for each in self.endpoints if each.identifier == identifier and each.role == role),
            "",
        )


def check_party_name(name: str) -> str:
    """Without blanks around it. Raises InvalidArgument."""
    name = name.strip()
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise InvalidArgument(f"A party has a name of 1 to {MAX_NAME} characters.", reason="INVALID_NAME")
    return name


class RoamingToken(msgspec.Struct, frozen=True):
    """A token that a party told. `id_token`: the uid in the spelling of our tags. `body`: OCPI's JSON of it."""

    party_id: int
    country_code: str
    party_code: str
    uid: str
    type: str
    id_token: str
    contract_id: str
    valid: bool
    whitelist: str
    body: str
    last_updated: datetime

    @property
    def decided_here(self) -> bool:
        """We may let it charge without asking (OCPI 2.2.1 12.4.5)."""
        return self.whitelist in ("ALWAYS", "ALLOWED")

    @property
    def decided_offline(self) -> bool:
        """We may let it charge when the party cannot be asked."""
        return self.whitelist != "NEVER"


class RoamingStart(msgspec.Struct, frozen=True):
    """How a party let a token charge: a command of its own, or its answer when we asked."""

    party_id: int
    id_token: str
    station_id: int
    authorization_reference: str
    method: str
    """COMMAND or AUTH_REQUEST."""
    at: datetime


# -- what is told to parties -------------------------------------------------------------------------------------------


class Plug(msgspec.Struct, frozen=True):
    """A connector. `type` in OCPI's words (`IEC_62196_T2`) or OCPP's (`cCCS2`), empty when nobody has said it. W."""

    connector_id: int
    type: str = ""
    max_power_w: int = 0


class Outlet(msgspec.Struct, frozen=True):
    """An EVSE as parties are told of it. `reference`: its EVSE id where the operator gave one."""

    station_id: int
    identity: str
    evse_id: int
    online: bool
    statuses: tuple[ConnectorStatus, ...]
    plugs: tuple[Plug, ...]
    changed_at: datetime
    reference: str = ""
    floor: str = ""
    tariff_id: int | None = None
    label: str = ""
    number: str = ""
    """The operator's own."""

    @property
    def uid(self) -> str:
        """What parties call it."""
        return f"{self.station_id}-{self.evse_id}"


class Site(msgspec.Struct, frozen=True):
    """A site as parties are told of it. `missing`: what keeps it from being told."""

    place: Place
    published: PublishedSite
    time_zone: str
    outlets: tuple[Outlet, ...] = ()


class RoamedSession(msgspec.Struct, frozen=True):
    """A session on a party's token. Wh, W. `cost` None: not reckoned (yet)."""

    session_id: int
    token: RoamingToken
    station_id: int
    identity: str
    evse_id: int
    connector_id: int
    place_id: int
    started_at: datetime
    ended_at: datetime | None
    changed_at: datetime
    energy_wh: float
    remote: bool
    meter_serial: str = ""
    authorization_reference: str = ""
    method: str = ""
    cost: SessionCost | None = None
    terms: Tariff | None = None
    tariff_id: int | None = None


LONGEST_TAG = 20
"""Of OCPP 1.6."""


def tag_of(uid: str) -> str:
    """What a party's token is at stations. Ids of apps are often too long for them: those get a short name that
    is always the same."""
    text = uid.strip().upper()
    if len(text) <= LONGEST_TAG:
        return text
    return "R" + base64.b32encode(hashlib.sha256(text.encode()).digest()).decode()[: LONGEST_TAG - 1]


def read_outlet_uid(uid: str) -> tuple[int, int] | None:
    """(station, EVSE) of what parties call an outlet; None when it is none of ours."""
    station, dash, evse = uid.partition("-")
    numbers = all(part.isascii() and part.isdecimal() and len(part) < 10 for part in (station, evse))
    return (int(station), int(evse)) if dash and numbers else None
