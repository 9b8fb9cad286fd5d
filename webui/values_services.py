"""Services of other companies and the parties of roaming, as the portal shows them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec


class LocationDataSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of map data. The key itself is never told."""

    key_required: bool = False
    has_key: bool = False


class RoamingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of roaming."""

    country_code: str = ""
    party_id: str = ""
    business_name: str = ""
    website: str = ""
    public_url: str = ""
    token_pull_hours: int = 0
    authorize_seconds: int = 0
    currency: str = ""


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """A service. `kind`: LOCATION_DATA or ROAMING; `state`: OFF, WORKING or FAILING."""

    name: str
    kind: str
    enabled: bool
    state: str
    location_data: LocationDataSettings | None = None
    roaming: RoamingSettings | None = None
    missing: tuple[str, ...] = ()
    last_error: str = ""
    last_error_time: datetime | None = None
    last_success_time: datetime | None = None
    addresses: dict[str, str] = {}
    etag: str = ""

    @property
    def key(self) -> str:
        """The key of ``services/{key}``."""
        return self.name.partition("/")[2]


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """All services."""

    services: tuple[Service, ...] = ()


class OneService(msgspec.Struct, frozen=True, kw_only=True):
    """A service."""

    service: Service


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """What a test found."""

    ok: bool
    findings: tuple[str, ...] = ()


class Location(msgspec.Struct, frozen=True, kw_only=True):
    """A site as others see it."""

    place: str
    display_name: str = ""
    published: bool = False
    street: str = ""
    city: str = ""
    postal_code: str = ""
    country: str = ""
    missing: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The number of ``places/{id}``."""
        return self.place.partition("/")[2]


class Locations(msgspec.Struct, frozen=True, kw_only=True):
    """Sites by name."""

    locations: tuple[Location, ...] = ()


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """A party of roaming. `state`: INVITED, REGISTERED or SUSPENDED."""

    name: str
    display_name: str
    state: str
    country_code: str = ""
    party_id: str = ""
    business_name: str = ""
    roles: tuple[str, ...] = ()
    versions_url: str = ""
    modules: tuple[str, ...] = ()
    register_time: datetime | None = None
    tokens_read_time: datetime | None = None
    token_count: int = 0
    waiting_pushes: int = 0
    failed_pushes: int = 0
    last_error: str = ""
    last_error_time: datetime | None = None
    last_success_time: datetime | None = None
    create_time: datetime | None = None
    etag: str = ""

    @property
    def key(self) -> str:
        """The number of ``roamingParties/{id}``."""
        return self.name.partition("/")[2]


class Parties(msgspec.Struct, frozen=True, kw_only=True):
    """Parties by name."""

    parties: tuple[Party, ...] = ()


class OneParty(msgspec.Struct, frozen=True, kw_only=True):
    """A party."""

    party: Party


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent to a party; the token is told this once."""

    party: Party
    token: str
    versions_url: str


class Push(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Something that waits to be sent; without a next try it was given up."""

    id: int
    party: str
    module: str
    key: str
    method: str
    create_time: datetime | None = None
    attempts: int = 0
    next_try_time: datetime | None = None
    last_error: str = ""


class Pushes(msgspec.Struct, frozen=True, kw_only=True):
    """Oldest first."""

    pushes: tuple[Push, ...] = ()
    next_page_token: str = ""


class RoamingToken(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A token that a party has told us."""

    uid: str
    type: str = ""
    contract_id: str = ""
    issuer: str = ""
    visual_number: str = ""
    valid: bool = False
    whitelist: str = ""
    update_time: datetime | None = None


class RoamingTokens(msgspec.Struct, frozen=True, kw_only=True):
    """In the order of their uids."""

    tokens: tuple[RoamingToken, ...] = ()
    next_page_token: str = ""
    total_size: int = 0


class Cdr(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A charge record; a credit takes one back."""

    id: str
    party: str
    session: str
    start_time: datetime | None = None
    end_time: datetime | None = None
    energy_kwh: Decimal | None = None
    currency: str = ""
    total_excl_vat: Decimal | None = None
    total_incl_vat: Decimal | None = None
    credit: bool = False
    credit_of: str = ""
    create_time: datetime | None = None
    delivered: bool = False

    @property
    def session_key(self) -> str:
        """The number of its session."""
        return self.session.partition("/")[2]


class Cdrs(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first."""

    cdrs: tuple[Cdr, ...] = ()
    next_page_token: str = ""
