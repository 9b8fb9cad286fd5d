"""Parties of roaming: inviting them, registering at them, and the exchange of credentials (OCPI 2.2.1, part 7).

    A   given by hand, so that the other side can begin; thrown away afterwards
    B   what the side that begins gives the other one to show
    C   what the other side gives back

Of what is shown to us only the SHA-256 is kept.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import msgspec
import structlog

from csms.domain.access import Action, Principal, check
from csms.domain.errors import (
    AlreadyExists,
    DomainError,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    StaleVersion,
)
from csms.domain.roaming import (
    Party,
    PartyEndpoint,
    PartyRole,
    PartyState,
    PartyUnreachable,
    check_party_name,
)
from csms.ocpi.describing import business_of
from csms.ocpi.envelope import print_object, read_object
from csms.ocpi.faults import CLIENT_ERROR, NO_MATCHING_ENDPOINTS, UNSUPPORTED_VERSION, UNUSABLE_API, OcpiFault
from csms.ocpi.values import VERSION, Credentials, CredentialsRole, Role, VersionDetails, VersionEntry
from csms.ports.roaming import PartyClient, PartyCounts, PartyStore
from csms.services.audit import note_change
from csms.services.service_book import ROAMING, ServiceBook

_log = structlog.get_logger("csms.roaming")

TOKEN_BYTES: Final = 32
MAX_SECRET: Final = 64


def digest_of(token: str) -> bytes:
    """What is kept of a token that is shown to us."""
    return hashlib.sha256(token.encode()).digest()


def new_token() -> str:
    """43 characters that nobody guesses."""
    return secrets.token_urlsafe(TOKEN_BYTES)


class Invitation(msgspec.Struct, frozen=True):
    """`token` is shown this once."""

    party: Party
    token: str
    versions_url: str


class RoamingParties:
    """Use cases of people, and the answers to parties' credentials. All raise PermissionDenied, Unavailable."""

    def __init__(
        self, store: PartyStore, client: PartyClient, book: ServiceBook, *, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._client = client
        self._book = book
        self._now = now

    # -- people ------------------------------------------------------------------------------------------------------

    async def all(self, caller: Principal) -> Sequence[tuple[Party, PartyCounts]]:
        """By name."""
        check(caller, Action.READ_SYSTEM)
        counts = await self._store.counts()
        return [(party, counts.get(party.id, PartyCounts())) for party in await self._store.parties()]

    async def get(self, caller: Principal, party_id: int) -> tuple[Party, PartyCounts]:
        """Raises NotFound."""
        check(caller, Action.READ_SYSTEM)
        return await self._with_counts(await self._store.party(party_id))

    async def invite(self, caller: Principal, name: str) -> Invitation:
        """A token with which a party may register. Raises InvalidArgument, FailedPrecondition/SERVICE_OFF."""
        check(caller, Action.MANAGE_SERVICES)
        name = check_party_name(name)
        self._must_be_on()
        token = new_token()
        made = await self._store.create_party(Party(0, name, PartyState.INVITED, digest_of(token)))
        note_change(f"roamingParties/{made.id}", after=_audited(made))
        return Invitation(made, token, f"{self._book.roaming.base_url}/versions")

    async def register(self, caller: Principal, name: str, versions_url: str, token: str) -> tuple[Party, PartyCounts]:
        """Register at a party that has invited us. Raises InvalidArgument, AlreadyExists/PARTY_TAKEN,
        FailedPrecondition (it refused), Unavailable (it was not reached)."""
        check(caller, Action.MANAGE_SERVICES)
        name = check_party_name(name)
        if not versions_url.startswith(("https://", "http://")) or len(versions_url) > 255:
            raise InvalidArgument("The address of their versions begins with https://.", reason="INVALID_URL")
        if not 0 < len(token) <= MAX_SECRET or not token.isascii() or not token.isprintable():
            raise InvalidArgument("Their token has 1 to 64 letters, digits and signs.", reason="INVALID_TOKEN")
        self._must_be_on()
        endpoints = await self._read_endpoints(versions_url, token)
        ours = new_token()
        party = await self._store.create_party(
            Party(
                0,
                name,
                PartyState.INVITED,
                digest_of(ours),
                token_to_send=token,
                versions_url=versions_url,
                endpoints=endpoints,
            )
        )
        try:
            theirs = await self._exchange("POST", party, ours)
            kept = await self._store.update_party(self._registered(party, theirs, endpoints, digest_of(ours)))
        except DomainError:
            await self._store.delete_party(party.id)
            raise
        note_change(f"roamingParties/{kept.id}", after=_audited(kept))
        return await self._with_counts(kept)

    async def renew(self, caller: Principal, party_id: int) -> tuple[Party, PartyCounts]:
        """Exchange new credentials, read the endpoints again. Raises NotFound, FailedPrecondition, Unavailable."""
        check(caller, Action.MANAGE_SERVICES)
        self._must_be_on()
        party = await self._store.party(party_id)
        if party.state is PartyState.INVITED:
            raise FailedPrecondition("The party has not registered yet.", reason="NOT_REGISTERED")
        endpoints = await self._read_endpoints(party.versions_url, party.token_to_send)
        ours = new_token()
        # They look at our versions with the new one before they answer.
        changed = await self._store.update_party(
            msgspec.structs.replace(party, token_digest=digest_of(ours), endpoints=endpoints)
        )
        try:
            theirs = await self._exchange("PUT", changed, ours)
            kept = await self._store.update_party(self._registered(changed, theirs, endpoints, digest_of(ours)))
        except DomainError:
            await self._store.update_party(msgspec.structs.replace(changed, token_digest=party.token_digest))
            raise
        note_change(f"roamingParties/{kept.id}")
        return await self._with_counts(kept)

    async def update(
        self, caller: Principal, party_id: int, changes: Party, fields: Sequence[str], *, version: int | None
    ) -> tuple[Party, PartyCounts]:
        """display_name; state to SUSPENDED and back. Raises NotFound, InvalidArgument, StaleVersion."""
        check(caller, Action.MANAGE_SERVICES)
        old = await self._store.party(party_id)
        new = old
        if "display_name" in fields:
            new = msgspec.structs.replace(new, display_name=check_party_name(changes.display_name))
        if "state" in fields and changes.state is not old.state:
            if PartyState.INVITED in (old.state, changes.state):
                raise InvalidArgument("A registered party can be suspended and resumed.", reason="INVALID_STATE")
            new = msgspec.structs.replace(new, state=changes.state)
        kept = await self._store.update_party(new, version=version)
        note_change(f"roamingParties/{party_id}", _audited(old), _audited(kept))
        return await self._with_counts(kept)

    async def delete(self, caller: Principal, party_id: int) -> str:
        """Tell the party, and forget it. What it said where that did not go well. Raises NotFound."""
        check(caller, Action.MANAGE_SERVICES)
        party = await self._store.party(party_id)
        remark = ""
        url = _credentials_url(party.endpoints)
        if party.state is not PartyState.INVITED and url:
            try:
                await self._client.call("DELETE", url, party.token_to_send, party=_code(party))
            except DomainError as error:
                remark = error.message
        await self._store.delete_party(party_id)
        note_change(f"roamingParties/{party_id}", _audited(party))
        return remark

    # -- parties (csms.transport.ocpi) -------------------------------------------------------------------------------

    async def who(self, tokens: Sequence[str]) -> Party | None:
        """Whose token one of these is. Raises Unavailable."""
        for token in tokens:
            if token and (found := await self._store.party_of(digest_of(token))) is not None:
                return found
        return None

    async def accept(self, party: Party, theirs: Credentials, *, again: bool) -> Credentials:
        """Their POST (or, `again`, PUT) of credentials: look at what they have, and give them a new token. Raises
        OcpiFault, Unavailable."""
        try:
            endpoints = await self._read_endpoints(theirs.url, theirs.token)
            ours = new_token()
            kept = await self._store.update_party(self._registered(party, theirs, endpoints, digest_of(ours)))
        except FailedPrecondition as error:
            code = int(error.details.get("ocpi_code", UNUSABLE_API))
            raise OcpiFault(code, error.message) from error
        except PartyUnreachable as error:
            await self._store.note_party(party.id, self._now(), error.message)
            raise OcpiFault(UNUSABLE_API, error.message) from error
        except (AlreadyExists, NotFound, StaleVersion) as error:
            raise OcpiFault(CLIENT_ERROR, error.message) from error
        _log.info("roaming party registered", party=kept.id, code=kept.party_code, again=again)
        return self.credentials(ours)

    async def leave(self, party: Party) -> None:
        """Their DELETE of credentials."""
        await self._store.delete_party(party.id)
        _log.warning("roaming party left", party=party.id, code=party.party_code)

    def credentials(self, token: str) -> Credentials:
        """Ours."""
        settings = self._book.roaming
        role = CredentialsRole(Role.CPO, business_of(settings), settings.party_id, settings.country_code)
        return Credentials(token, f"{settings.base_url}/versions", (role,))

    # -- inside ------------------------------------------------------------------------------------------------------

    async def _read_endpoints(self, versions_url: str, token: str) -> tuple[PartyEndpoint, ...]:
        """Their modules of our version. Raises FailedPrecondition/PARTY_REFUSED, Unavailable."""
        try:
            found = await self._client.call("GET", versions_url, token)
            versions = read_object(list[VersionEntry], found.data)
            url = next((each.url for each in versions if each.version == VERSION), "")
            if not url:
                raise _refused(f"The party does not speak OCPI {VERSION}.", UNSUPPORTED_VERSION)
            details = read_object(VersionDetails, (await self._client.call("GET", url, token)).data)
        except OcpiFault as error:
            raise _refused(f"The party's versions cannot be read. {error.message}", UNUSABLE_API) from error
        endpoints = tuple(PartyEndpoint(each.identifier, each.role.value, each.url) for each in details.endpoints)
        if not _credentials_url(endpoints):
            raise _refused("The party has no credentials module.", NO_MATCHING_ENDPOINTS)
        return endpoints

    async def _exchange(self, method: str, party: Party, ours: str) -> Credentials:
        url = _credentials_url(party.endpoints)
        answer = await self._client.call(method, url, party.token_to_send, print_object(self.credentials(ours)))
        try:
            return read_object(Credentials, answer.data)
        except OcpiFault as error:
            raise _refused(f"The party's credentials cannot be read. {error.message}", UNUSABLE_API) from error

    def _registered(
        self, party: Party, theirs: Credentials, endpoints: tuple[PartyEndpoint, ...], digest: bytes
    ) -> Party:
        roles = tuple(
            PartyRole(each.role.value, each.country_code.upper(), each.party_id.upper(), each.business_details.name)
            for each in theirs.roles
        )
        first = next((role for role in roles if role.role in ("EMSP", "HUB")), roles[0])
        return msgspec.structs.replace(
            party,
            state=PartyState.REGISTERED,
            token_digest=digest,
            token_to_send=theirs.token,
            country_code=first.country_code,
            party_code=first.party_code,
            business_name=first.name,
            roles=roles,
            versions_url=theirs.url,
            endpoints=endpoints,
            registered_at=party.registered_at or self._now(),
        )

    async def _with_counts(self, party: Party) -> tuple[Party, PartyCounts]:
        return party, (await self._store.counts()).get(party.id, PartyCounts())

    def _must_be_on(self) -> None:
        if not self._book.enabled(ROAMING):
            raise FailedPrecondition("Roaming is switched off. Switch it on first.", reason="SERVICE_OFF")


def _credentials_url(endpoints: Sequence[PartyEndpoint]) -> str:
    return next((each.url for each in endpoints if each.identifier == "credentials"), "")


def _code(party: Party) -> tuple[str, str]:
    return party.country_code, party.party_code


def _refused(message: str, code: int) -> FailedPrecondition:
    return FailedPrecondition(message, reason="PARTY_REFUSED", ocpi_code=str(code))


class _Audited(msgspec.Struct, frozen=True):
    """What the audit log says of a party."""

    display_name: str
    state: str
    country_code: str
    party_code: str
    versions_url: str


def _audited(party: Party) -> _Audited:
    return _Audited(party.display_name, party.state.value, party.country_code, party.party_code, party.versions_url)
