"""What parties may ask for (OCPI 2.2.1), by path below `/ocpi`:

/versions                                       parties that are invited, too
/2.2.1                                          what modules we have
/2.2.1/credentials                              GET, POST, PUT, DELETE
/2.2.1/sender/locations[/{id}[/{evse}[/{connector}]]]    GET
/2.2.1/sender/sessions, cdrs, tariffs           GET, lists with pages
/2.2.1/receiver/tokens/{country}/{party}/{uid}  GET, PUT, PATCH
/2.2.1/receiver/commands/{command}              POST
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl, unquote

import msgspec

from csms.domain.roaming import Party, PartyState
from csms.ocpi.commands import SHAPES, CommandType
from csms.ocpi.envelope import (
    decoded_token,
    page_headers,
    print_answer,
    print_object,
    read_authorization,
    read_object,
    read_page,
)
from csms.ocpi.faults import (
    CLIENT_ERROR,
    INVALID_PARAMETERS,
    UNKNOWN_LOCATION,
    UNKNOWN_TOKEN,
    OcpiFault,
    invalid,
    not_allowed,
    not_found,
)
from csms.ocpi.locations import Location
from csms.ocpi.tokens import Token, TokenPatch, TokenType, patched
from csms.ocpi.values import (
    VERSION,
    Credentials,
    Endpoint,
    InterfaceRole,
    Module,
    VersionDetails,
    VersionEntry,
)
from csms.ports.roaming import PartyStore, ReleasedObject, ReleaseStore
from csms.services.roaming_commands import RoamingCommands, check_owner
from csms.services.roaming_parties import RoamingParties
from csms.services.roaming_tokens import RoamingTokens
from csms.services.service_book import ROAMING, ServiceBook

_SENDER: Final = (Module.LOCATIONS, Module.SESSIONS, Module.CDRS, Module.TARIFFS)
_LISTS: Final = frozenset(module.value for module in _SENDER)
_RECEIVER: Final = (Module.TOKENS, Module.COMMANDS)


class Asked(msgspec.Struct, frozen=True):
    """A request, as far as it matters here."""

    method: str
    path: str
    query: dict[str, str]
    authorization: str
    body: bytes


class Told(msgspec.Struct, frozen=True):
    """An envelope, and headers beside it."""

    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


def read_query(text: str) -> dict[str, str]:
    """The last of each name."""
    return dict(parse_qsl(text, max_num_fields=50, keep_blank_values=True)) if text.count("&") < 50 else {}


class OcpiRoutes:
    """Who asks, and what for."""

    def __init__(
        self,
        parties: RoamingParties,
        tokens: RoamingTokens,
        commands: RoamingCommands,
        store: PartyStore,
        releases: ReleaseStore,
        book: ServiceBook,
        pull_soon: Callable[[Party], None],
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._parties = parties
        self._tokens = tokens
        self._commands = commands
        self._store = store
        self._releases = releases
        self._book = book
        self._pull_soon = pull_soon
        self._now = now

    def envelope(self, data: bytes | None = None) -> bytes:
        """1000."""
        return print_answer(self._now(), data)

    async def answer(self, asked: Asked) -> Told:
        """Raises OcpiFault, DomainError."""
        if not self._book.enabled(ROAMING):
            raise not_found("Roaming is switched off here.")
        party = await self._who(asked)
        parts = [unquote(part) for part in asked.path.strip("/").split("/")][1:]
        if any(not part or "\0" in part for part in parts):
            raise not_found("There is nothing here.")
        match parts:
            case ["versions"]:
                return self._only_get(asked, self._versions())
            case [version] if version == VERSION:
                return self._only_get(asked, self._details())
            case [version, "credentials"] if version == VERSION:
                return await self._credentials(party, asked)
        if party.state is not PartyState.REGISTERED:
            raise OcpiFault(CLIENT_ERROR, "Register first: POST your credentials.", http_status=401)
        match parts:
            case [version, "sender", module, *rest] if version == VERSION and module in _LISTS:
                return await self._sender(party, asked, module, rest)
            case [version, "receiver", "tokens", country, code, uid] if version == VERSION:
                return await self._token(party, asked, country, code, uid)
            case [version, "receiver", "commands", command] if version == VERSION:
                return await self._command(party, asked, command)
        raise not_found("There is nothing here.")

    async def _who(self, asked: Asked) -> Party:
        shown = read_authorization(asked.authorization)
        party = await self._parties.who((decoded_token(shown), shown))
        if party is None:
            raise OcpiFault(CLIENT_ERROR, "This credentials token is not known.", http_status=401)
        if party.state is PartyState.SUSPENDED:
            raise OcpiFault(CLIENT_ERROR, "This connection is suspended.", http_status=403)
        return party

    def _only_get(self, asked: Asked, data: bytes) -> Told:
        if asked.method not in ("GET", "HEAD"):
            raise not_allowed("This can be read only.")
        return Told(self.envelope(data))

    # -- versions and credentials ------------------------------------------------------------------------------------

    def _versions(self) -> bytes:
        return print_object([VersionEntry(VERSION, f"{self._book.roaming.base_url}/{VERSION}")])

    def _details(self) -> bytes:
        base = f"{self._book.roaming.base_url}/{VERSION}"
        # Credentials have no side of their own; SENDER is what 6.2.2 asks for then.
        endpoints = [Endpoint(Module.CREDENTIALS.value, InterfaceRole.SENDER, f"{base}/credentials")]
        endpoints += [Endpoint(each.value, InterfaceRole.SENDER, f"{base}/sender/{each.value}") for each in _SENDER]
        endpoints += [
            Endpoint(each.value, InterfaceRole.RECEIVER, f"{base}/receiver/{each.value}") for each in _RECEIVER
        ]
        return print_object(VersionDetails(VERSION, tuple(endpoints)))

    async def _credentials(self, party: Party, asked: Asked) -> Told:
        registered = party.state is PartyState.REGISTERED
        if asked.method == "GET":
            shown = read_authorization(asked.authorization)
            return Told(self.envelope(print_object(self._parties.credentials(decoded_token(shown) or shown))))
        if asked.method in ("POST", "PUT"):
            if registered is not (asked.method == "PUT"):
                raise not_allowed("PUT when you are registered, POST when you are not.")
            theirs = read_object(Credentials, asked.body)
            ours = await self._parties.accept(party, theirs, again=registered)
            self._pull_soon(await self._store.party(party.id))
            return Told(self.envelope(print_object(ours)))
        if asked.method == "DELETE":
            if not registered:
                raise not_allowed("You are not registered.")
            await self._parties.leave(party)
            return Told(self.envelope())
        raise not_allowed("GET, POST, PUT or DELETE.")

    # -- what we send ------------------------------------------------------------------------------------------------

    async def _sender(self, party: Party, asked: Asked, module: str, rest: list[str]) -> Told:
        if asked.method != "GET":
            raise not_allowed("This can be read only.")
        if not rest:
            return await self._list(party, asked, module)
        if module != "locations" or len(rest) > 3:
            raise not_found("There is nothing here.")
        kept = await self._releases.object("locations", rest[0])
        if kept is None or kept.withdrawn:
            raise not_found("There is no such location.", UNKNOWN_LOCATION)
        if len(rest) == 1:
            return Told(self.envelope(kept.body.encode()))
        location = read_object(Location, kept.body.encode())
        evse = next((each for each in location.evses if each.uid == rest[1]), None)
        if evse is None:
            raise not_found("There is no such EVSE.", UNKNOWN_LOCATION)
        if len(rest) == 2:
            return Told(self.envelope(print_object(evse)))
        connector = next((each for each in evse.connectors if each.id == rest[2]), None)
        if connector is None:
            raise not_found("There is no such connector.", UNKNOWN_LOCATION)
        return Told(self.envelope(print_object(connector)))

    async def _list(self, party: Party, asked: Asked, module: str) -> Told:
        page = read_page(asked.query)
        if module == "sessions" and page.date_from is None:
            raise invalid("Say from when on: date_from.")
        found, total = await self._releases.page_objects(
            module,
            party.id,
            offset=page.offset,
            limit=page.limit,
            changed_from=page.date_from,
            changed_to=page.date_to,
        )
        url = f"{self._book.roaming.base_url}/{VERSION}/sender/{module}"
        return Told(self.envelope(_joined(found)), page_headers(url, asked.query, page, len(found), total))

    # -- what we receive ---------------------------------------------------------------------------------------------

    async def _token(self, party: Party, asked: Asked, country: str, code: str, uid: str) -> Told:
        kind = asked.query.get("type", "") or TokenType.RFID.value
        if kind not in set(TokenType):
            raise OcpiFault(INVALID_PARAMETERS, "There is no such type of token.")
        check_owner(party, country, code)
        country, code = country.upper(), code.upper()
        if asked.method == "PUT":
            token = read_object(Token, asked.body)
            if (token.country_code.upper(), token.party_id.upper(), token.uid.upper()) != (country, code, uid.upper()):
                raise OcpiFault(INVALID_PARAMETERS, "The token is not the one that the address names.")
            await self._tokens.take_in(party, [token])
            return Told(self.envelope())
        kept = await self._store.token(party.id, country, code, uid, kind)
        if kept is None:
            raise not_found("There is no such token.", UNKNOWN_TOKEN)
        if asked.method == "GET":
            return Told(self.envelope(kept.body.encode()))
        if asked.method == "PATCH":
            patch = read_object(TokenPatch, asked.body)
            await self._tokens.take_in(party, [patched(read_object(Token, kept.body.encode()), patch)])
            return Told(self.envelope())
        raise not_allowed("GET, PUT or PATCH.")

    async def _command(self, party: Party, asked: Asked, command: str) -> Told:
        if asked.method != "POST":
            raise not_allowed("Commands are posted.")
        if command not in set(CommandType):
            raise not_found("There is no such command.")
        wanted = read_object(SHAPES[CommandType(command)], asked.body)
        return Told(self.envelope(print_object(await self._commands.take(party, wanted))))


def _joined(objects: Sequence[ReleasedObject]) -> bytes:
    """A JSON array of what is JSON already."""
    return f"[{','.join(each.body for each in objects)}]".encode()
