"""What actors and services keep: narrow roles, not one engine. All methods raise Unavailable while the database is
away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from csms.domain.access import Action, ApiKey, Role, User
from csms.domain.authorization import Token
from csms.domain.facts import IdTokenInfo, RegistrationStatus
from csms.domain.station import StationState
from csms.domain.topology import SYSTEM_ID
from csms.domain.transaction import StartKey, Transaction
from csms.ports.tokens import TagPolicy, TokenChanges, TokenFilter


class StationRow(msgspec.Struct, frozen=True):
    """What people keep of a station, and what the door must know. `version` guards edits (etag).

    `next_password_hashes`: passwords sent to the station that it has not signed in with yet; each is as good as
    `password_hash` until one is proven. `security_profile` (0 to 3) is the highest that it has proven; it may not come
    with less. `serial_numbers`: what it told at its last boot (1.6: of the charge point and of the charge box).
    """

    id: int
    identity: str
    display_name: str
    description: str
    address: str
    registration: RegistrationStatus
    password_hash: str | None
    version: int
    next_password_hashes: tuple[str, ...] = ()
    security_profile: int = 0
    serial_numbers: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What people call it: its name, or its identity while it has none."""
        return self.display_name or self.identity


class RefusedAttempts(msgspec.Struct, frozen=True):
    """Attempts to connect as a station that failed to prove it: how many since the last time they were noted, and
    when, why (one word) and from where the last one came."""

    identity: str
    count: int
    at: datetime
    reason: str
    remote_address: str


class StationStore(Protocol):
    """Stations as people edit them and as the door knows them."""

    async def find(self, station_id: int) -> StationRow | None:
        """By our id."""

    async def find_by_identity(self, identity: str) -> StationRow | None:
        """By OCPP identity."""

    async def create(
        self,
        identity: str,
        registration: RegistrationStatus,
        *,
        display_name: str = "",
        description: str = "",
        address: str = "",
        place_id: int = SYSTEM_ID,
    ) -> StationRow:
        """Raises AlreadyExists/IDENTITY_TAKEN, NotFound for the place."""

    async def create_newcomers(
        self, identities: Sequence[str], registration: RegistrationStatus
    ) -> Sequence[StationRow]:
        """Those that are not there yet, in the system itself. Returns the rows of all, also of those that were."""

    async def note_attempt(self, station_id: int, at: datetime, remote_address: str) -> None:
        """A station that is not accepted connected once more."""

    async def update(self, station_id: int, changes: dict[str, str], *, version: int | None = None) -> StationRow:
        """Change identity, display_name, description, address. Raises NotFound, StaleVersion, AlreadyExists."""

    async def set_registration(self, station_id: int, registration: RegistrationStatus) -> StationRow:
        """Raises NotFound."""

    async def set_password_hash(self, station_id: int, password_hash: str | None) -> None:
        """The one password from now on; those under way to the station are forgotten. None: it needs no password, so
        that the profiles 1 and 2 are no longer asked of it. Raises NotFound."""

    async def add_next_password_hash(self, station_id: int, password_hash: str) -> None:
        """One more that the station may sign in with. Raises NotFound."""

    async def drop_next_password_hash(self, station_id: int, password_hash: str) -> None:
        """The station did not take it. Raises NotFound."""

    async def note_sign_in(self, station_id: int, security_profile: int, password_hash: str | None = None) -> None:
        """It proved this profile (a lower one than before changes nothing). With `password_hash` it proved that new
        password: it is the one from now on."""

    async def set_security_profile(self, station_id: int, security_profile: int) -> None:
        """What it must prove at least. Raises NotFound."""

    async def note_refusals(self, refusals: Sequence[RefusedAttempts]) -> Sequence[tuple[str, int]]:
        """Count failed attempts. (identity, id) of the stations that exist."""

    async def delete(self, station_id: int) -> None:
        """Remove it; its sessions and meter values stay. Raises NotFound."""

    async def all_offline(self) -> None:
        """At start: no station has a link yet."""


class StateLoader(Protocol):
    """Builds an actor's memory."""

    async def load_state(self, station_id: int) -> StationState:
        """Registration, statuses and open transactions (with meter values newer than their snapshot folded in).

        Raises NotFound when there is no such station (any more).
        """


class TransactionStore(Protocol):
    """Transactions that are no longer, or not yet, in an actor's memory."""

    async def find_start(self, key: StartKey) -> Transaction | None:
        """The transaction that this very start opened before."""

    async def find_transaction(self, station_id: int, transaction_id: str) -> Transaction | None:
        """By the id that the station uses."""

    async def find_end(
        self, station_id: int, transaction_id: str, stopped_at: datetime, meter_wh: float | None
    ) -> Transaction | None:
        """The transaction that this very end has ended before, whatever a station calls it that has no id for it."""

    async def find_orphan_end(
        self, station_id: int, id_token: str, after: datetime, meter_wh: float | None
    ) -> Transaction | None:
        """An ended transaction whose start is missing and which a start at `after` with this meter would fit:
        ended at or
        after it, meter not below, tag the same or none. The earliest such."""

    async def reserve_session_ids(self, count: int) -> Sequence[int]:
        """Ids from the sequence; never the same twice, whatever happens."""

    async def open_tokens(self) -> Sequence[tuple[str, int]]:
        """(tag, session id) of all open sessions, for the index of tags in use."""


class TokenStore(Protocol):
    """Tags."""

    async def load_all(self) -> Sequence[Token]:
        """In the order of their ids."""

    async def load_changed(self, since: datetime | None) -> TokenChanges:
        """For the index in memory: what changed since (and some more), None: all."""

    async def find(self, token_id: int) -> Token | None:
        """By our id."""

    async def page(
        self, wanted: TokenFilter, *, size: int, after: tuple[str, int] | None = None
    ) -> tuple[Sequence[Token], int]:
        """In the order asked for, after one (`csms.ports.tokens.place_of`); and how many match in all."""

    async def create(self, token: Token) -> Token:
        """`token.id` is ignored. Raises AlreadyExists/ID_TOKEN_TAKEN, NotFound for the user."""

    async def create_all(self, tokens: Sequence[Token]) -> Sequence[Token]:
        """All or none. Raises as `create`."""

    async def policy(self) -> TagPolicy:
        """What is decided for all tags."""

    async def set_policy(self, policy: TagPolicy) -> None:
        """From now on."""

    async def update(self, token: Token, *, version: int | None) -> Token:
        """Raises NotFound, StaleVersion."""

    async def delete(self, token_id: int) -> Token:
        """What was deleted. Raises NotFound."""


class TokenIndex(Protocol):
    """Authorisation from memory."""

    def decide(
        self, id_token: str, now: datetime, *, starting: int | None = None, station_id: int | None = None
    ) -> IdTokenInfo:
        """The decision; `starting` is the session about to begin (then other open sessions on the tag count). Without
        a station it does not matter where the tag is valid."""

    def anyone_may(self, station_id: int, evse_id: int | None, connector_id: int | None) -> bool:
        """Is the tag no matter there (free vend, an outlet in the mode OPEN)? Unknown ones are None: then, at any
        outlet of the station or of the EVSE?"""

    def kept_from(self, station_id: int, evse_id: int, id_token: str, group: str | None, at: datetime) -> bool:
        """Is the EVSE reserved at that time for another tag, and another group?"""

    def session_opened(self, id_token: str, session_id: int) -> None:
        """The tag is in use."""

    def session_ended(self, id_token: str, session_id: int) -> None:
        """The tag is free again."""


class AccessStore(Protocol):
    """People, their sign-ins, and keys of internal systems. Secrets come as SHA-256 digests, passwords as argon2
    hashes."""

    async def find_user_by_email(self, email: str) -> User | None:
        """Case does not matter."""

    async def find_user(self, user_id: int) -> User | None:
        """By id."""

    async def create_user(self, email: str, display_name: str, password_hash: str, role: Role) -> User:
        """Raises AlreadyExists/EMAIL_TAKEN."""

    async def count_users(self) -> int:
        """None at the very first start."""

    async def set_password_hash(self, user_id: int, password_hash: str) -> None:
        """Raises NotFound."""

    async def create_sign_in(
        self, digest: bytes, user_id: int, expires_at: datetime, *, address: str = "", client: str = ""
    ) -> None:
        """A session token was given out. Raises NotFound."""

    async def find_sign_in(self, digest: bytes, now: datetime) -> User | None:
        """The user whose unexpired session token has this digest; a use prolongs it (written at most once a minute)."""

    async def delete_sign_in(self, digest: bytes) -> None:
        """Signed out."""

    async def delete_sign_ins(self, user_id: int, *, keep: bytes | None = None) -> None:
        """All of a user's, but one."""

    async def create_api_key(
        self,
        display_name: str,
        role: Role,
        digest: bytes,
        hint: str,
        expires_at: datetime | None,
        *,
        actions: frozenset[Action] | None = None,
        site_ids: frozenset[int] = frozenset(),
    ) -> ApiKey:
        """Only the digest of the secret is kept."""

    async def find_api_key(self, digest: bytes, now: datetime) -> ApiKey | None:
        """The unexpired key with this digest; its last use is noted (at most once a minute)."""

    async def page_api_keys(self, *, size: int, before: int | None) -> Sequence[ApiKey]:
        """Newest first, with an id below `before`."""

    async def delete_api_key(self, key_id: int) -> None:
        """Raises NotFound."""


class RequestMemory(Protocol):
    """Mutations that were asked with a request id, remembered for 24 hours."""

    async def begin(self, caller: str, method: str, request_id: str, digest: bytes) -> bytes | None:
        """None: go on, and call `finish` or `forget`. Bytes: the answer given before.

        Raises FailedPrecondition/REQUEST_IN_PROGRESS while the first is still under way,
        InvalidArgument/REQUEST_ID_REUSED when
        the id was used for another request (another digest).
        """

    async def finish(self, caller: str, method: str, request_id: str, answer: bytes) -> None:
        """Remember the answer."""

    async def forget(self, caller: str, method: str, request_id: str) -> None:
        """It failed before anything happened: may be asked again."""
