"""What roaming keeps, in memory; and a party that answers as a test says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from csms.domain.errors import AlreadyExists, NotFound, StaleVersion, Unavailable
from csms.domain.roaming import Party, PartyState, RoamedSession, RoamingStart, RoamingToken, Site
from csms.domain.tariff_book import NamedTariff
from csms.domain.third_party import (
    LocationDataSettings,
    PublishedSite,
    RoamingSettings,
    Service,
    ServiceKind,
    ServiceSettings,
)
from csms.ports.roaming import PartyCounts, Push, PushDraft, Received, ReleasedObject, ToldTokens

replace = msgspec.structs.replace


class FakeServices:
    """csms.ports.third_party.ServiceStore. `places`: those that exist; None: any."""

    def __init__(self, places: Callable[[], set[int]] | None = None) -> None:
        self._places = places
        self._services = {
            "location-data": Service("location-data", ServiceKind.LOCATION_DATA, False, LocationDataSettings()),
            "roaming": Service("roaming", ServiceKind.ROAMING, False, RoamingSettings()),
        }
        self._sites: dict[int, PublishedSite] = {}
        self.away = False

    def _check(self) -> None:
        if self.away:
            raise Unavailable("The database is away.")

    async def all(self) -> Sequence[Service]:
        self._check()
        return list(self._services.values())

    async def get(self, key: str) -> Service:
        self._check()
        if key not in self._services:
            raise NotFound("There is no such service.", reason="SERVICE_NOT_FOUND")
        return self._services[key]

    async def change(
        self,
        key: str,
        *,
        settings: ServiceSettings | None = None,
        enabled: bool | None = None,
        version: int | None = None,
    ) -> Service:
        old = await self.get(key)
        if version is not None and version != old.version:
            raise StaleVersion("Somebody else has changed this service meanwhile.")
        made = replace(
            old,
            settings=old.settings if settings is None else settings,
            enabled=old.enabled if enabled is None else enabled,
            version=old.version + 1,
        )
        self._services[key] = made
        return made

    async def note(self, key: str, at: datetime, error: str = "") -> None:
        old = await self.get(key)
        if error:
            self._services[key] = replace(old, last_error=error, last_error_at=at)
        else:
            self._services[key] = replace(old, last_success_at=at)

    async def sites(self) -> Sequence[PublishedSite]:
        self._check()
        return [self._sites[number] for number in sorted(self._sites)]

    async def put_site(self, site: PublishedSite) -> None:
        self._check()
        if self._places is not None and site.place_id not in self._places():
            raise NotFound(f"There is no place {site.place_id} (any more).", reason="PLACE_NOT_FOUND")
        self._sites[site.place_id] = site


class FakeRoaming:
    """csms.ports.roaming.PartyStore and ReleaseStore."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._parties: dict[int, Party] = {}
        self._tokens: dict[tuple[int, str, str, str, str], RoamingToken] = {}
        self._told_at: dict[tuple[int, str, str, str, str], datetime] = {}
        self._objects: dict[tuple[str, str], ReleasedObject] = {}
        self._pushes: dict[int, Push] = {}
        self._reservations: dict[tuple[int, str], int] = {}
        self.starts: list[RoamingStart] = []
        self._next = 1

    def _number(self) -> int:
        self._next += 1
        return self._next - 1

    # -- parties -----------------------------------------------------------------------------------------------------

    async def parties(self) -> Sequence[Party]:
        return sorted(self._parties.values(), key=lambda party: (party.display_name.lower(), party.id))

    async def party(self, party_id: int) -> Party:
        if party_id not in self._parties:
            raise NotFound(f"There is no roaming party {party_id} (any more).", reason="PARTY_NOT_FOUND")
        return self._parties[party_id]

    async def party_of(self, token_digest: bytes) -> Party | None:
        return next((party for party in self._parties.values() if party.token_digest == token_digest), None)

    async def create_party(self, party: Party) -> Party:
        made = replace(party, id=self._number(), version=1, created_at=self._now())
        self._unique(made)
        self._parties[made.id] = made
        return made

    async def update_party(self, party: Party, *, version: int | None = None) -> Party:
        old = await self.party(party.id)
        if version is not None and version != old.version:
            raise StaleVersion("Somebody else has changed this party meanwhile.")
        self._unique(party)
        made = replace(
            party,
            version=old.version + 1,
            created_at=old.created_at,
            last_error=old.last_error,
            last_error_at=old.last_error_at,
            last_success_at=old.last_success_at,
        )
        self._parties[party.id] = made
        return made

    def _unique(self, party: Party) -> None:
        code = (party.country_code, party.party_code)
        others = [each for each in self._parties.values() if each.id != party.id]
        if any(party.party_code and code == (each.country_code, each.party_code) for each in others):
            raise AlreadyExists("This party is known already.", reason="PARTY_TAKEN")

    async def note_tokens_read(self, party_id: int, at: datetime) -> None:
        if (old := self._parties.get(party_id)) is not None:
            self._parties[party_id] = replace(old, tokens_read_at=at)

    async def note_party(self, party_id: int, at: datetime, error: str = "") -> None:
        old = self._parties.get(party_id)
        if old is None:
            return
        if error:
            self._parties[party_id] = replace(old, last_error=error, last_error_at=at)
        else:
            self._parties[party_id] = replace(old, last_success_at=at)

    async def delete_party(self, party_id: int) -> None:
        await self.party(party_id)
        del self._parties[party_id]
        self._tokens = {key: token for key, token in self._tokens.items() if key[0] != party_id}
        self._pushes = {key: push for key, push in self._pushes.items() if push.draft.party_id != party_id}

    async def counts(self) -> Mapping[int, PartyCounts]:
        def of(number: int) -> PartyCounts:
            pushes = [push for push in self._pushes.values() if push.draft.party_id == number]
            failed = sum(push.given_up_at is not None for push in pushes)
            return PartyCounts(sum(key[0] == number for key in self._tokens), len(pushes) - failed, failed)

        return {number: of(number) for number in self._parties}

    async def put_tokens(self, tokens: Sequence[RoamingToken]) -> None:
        for token in tokens:
            await self.party(token.party_id)
            key = (token.party_id, token.country_code, token.party_code, token.uid, token.type)
            old = self._tokens.get(key)
            if old is None or old.last_updated <= token.last_updated:
                self._tokens[key] = token
                self._told_at[key] = datetime.now(UTC)

    async def token(
        self, party_id: int, country_code: str, party_code: str, uid: str, kind: str
    ) -> RoamingToken | None:
        exact = self._tokens.get((party_id, country_code, party_code, uid, kind))
        wanted = (party_id, country_code, party_code, uid.lower(), kind)
        same = (token for key, token in self._tokens.items() if (*key[:3], key[3].lower(), key[4]) == wanted)
        return exact or next(same, None)

    async def told_tokens(self, since: datetime | None, parties: Sequence[int]) -> ToldTokens:
        good = tuple(sorted(party.id for party in self._parties.values() if party.state is PartyState.REGISTERED))
        whole = since is None or good != tuple(parties)
        found = [
            token
            for key, token in self._tokens.items()
            if token.party_id in good and (whole or since is None or self._told_at[key] > since)
        ]
        return ToldTokens(datetime.now(UTC), good, tuple(found), whole)

    async def page_tokens(
        self, party_id: int, *, query: str, size: int, after: tuple[str, str] | None
    ) -> tuple[Sequence[RoamingToken], int]:
        text = query.strip().lower()
        found = [
            token
            for token in self._tokens.values()
            if token.party_id == party_id and (text in token.uid.lower() or text in token.contract_id.lower())
        ]
        found.sort(key=lambda token: (token.uid, token.type))
        rest = [token for token in found if after is None or (token.uid, token.type) > after]
        return rest[:size], len(found)

    # -- releases ----------------------------------------------------------------------------------------------------

    async def objects(self, module: str, *, party_id: int | None = None) -> Mapping[str, ReleasedObject]:
        return {
            key: each
            for (name, key), each in self._objects.items()
            if name == module and party_id in (None, each.party_id)
        }

    async def object(self, module: str, key: str) -> ReleasedObject | None:
        return self._objects.get((module, key))

    async def cdrs_of(self, session_id: int) -> Sequence[ReleasedObject]:
        found = [each for (name, _), each in self._objects.items() if name == "cdrs" and each.session_id == session_id]
        return sorted(found, key=lambda each: (len(each.key), each.key))

    async def page_objects(
        self,
        module: str,
        party_id: int,
        *,
        offset: int,
        limit: int,
        changed_from: datetime | None,
        changed_to: datetime | None,
    ) -> tuple[Sequence[ReleasedObject], int]:
        found = [
            each
            for (name, _), each in self._objects.items()
            if name == module
            and each.party_id in (None, party_id)
            and not each.withdrawn
            and (changed_from is None or each.last_updated >= changed_from)
            and (changed_to is None or each.last_updated < changed_to)
        ]
        found.sort(key=lambda each: (each.last_updated, each.key))
        return found[offset : offset + limit], len(found)

    async def page_cdrs(
        self, party_id: int | None, *, size: int, before: tuple[datetime, str] | None
    ) -> Sequence[tuple[ReleasedObject, bool]]:
        found = [
            each
            for (name, _), each in self._objects.items()
            if name == "cdrs"
            and party_id in (None, each.party_id)
            and (before is None or (each.last_updated, each.key) < before)
        ]
        found.sort(key=lambda each: (each.last_updated, each.key), reverse=True)
        waiting = {
            (push.draft.party_id, push.draft.key) for push in self._pushes.values() if push.draft.module == "cdrs"
        }
        return [(each, (each.party_id, each.key) not in waiting) for each in found[:size]]

    async def release(self, objects: Sequence[ReleasedObject], pushes: Sequence[PushDraft]) -> None:
        for each in objects:
            self._objects[each.module, each.key] = each
        for draft in pushes:
            if draft.party_id not in self._parties:
                continue
            if draft.method != "POST":
                self._pushes = {key: push for key, push in self._pushes.items() if not _replaced(push.draft, draft)}
            number, now = self._number(), self._now()
            self._pushes[number] = Push(number, draft, now, 0, now)

    async def due(self, party_id: int, now: datetime, size: int) -> Sequence[Push]:
        first: dict[tuple[str, str], Push] = {}
        for push in self._pushes.values():
            if push.draft.party_id == party_id and push.given_up_at is None:
                first.setdefault((push.draft.module, push.draft.key), push)
        return [push for push in first.values() if push.next_try_at <= now][:size]

    async def sent(self, push_id: int) -> None:
        self._pushes.pop(push_id, None)

    async def postpone(self, push_id: int, error: str, until: datetime | None, now: datetime) -> None:
        push = self._pushes.get(push_id)
        if push is not None:
            self._pushes[push_id] = replace(
                push,
                attempts=push.attempts + 1,
                last_error=error,
                next_try_at=until or push.next_try_at,
                given_up_at=now if until is None else None,
            )

    async def retry(self, party_id: int, now: datetime) -> int:
        mine = [push for push in self._pushes.values() if push.draft.party_id == party_id]
        for push in mine:
            self._pushes[push.id] = replace(push, next_try_at=now, given_up_at=None, attempts=0)
        return len(mine)

    async def page_pushes(self, party_id: int | None, *, size: int, after: int) -> Sequence[Push]:
        found = [
            push
            for push in self._pushes.values()
            if push.id > after and (party_id is None or push.draft.party_id == party_id)
        ]
        return found[:size]

    async def note_start(self, start: RoamingStart) -> None:
        if start.party_id in self._parties:
            self.starts.append(start)

    async def keep_reservation(self, party_id: int, reference: str, reservation_id: int) -> None:
        if party_id in self._parties:
            self._reservations[party_id, reference] = reservation_id

    async def reservation(self, party_id: int, reference: str) -> int | None:
        return self._reservations.get((party_id, reference))


def _replaced(old: PushDraft, new: PushDraft) -> bool:
    if (old.party_id, old.module, old.key) != (new.party_id, new.module, new.key):
        return False
    if new.method in ("PUT", "DELETE"):
        return old.method in ("PUT", "PATCH")
    return old.method == "PATCH" and old.path == new.path


class FakeFacts:
    """csms.ports.roaming.RoamingFacts: what a test puts in."""

    def __init__(self) -> None:
        self.told: list[Site] = []
        self.named: list[NamedTariff] = []
        self.charged: list[RoamedSession] = []

    async def sites(self) -> Sequence[Site]:
        return self.told

    async def tariffs(self) -> Sequence[NamedTariff]:
        return self.named

    async def roamed(self, size: int) -> Sequence[RoamedSession]:
        return self.charged[:size]

    async def roamed_session(self, session_id: int) -> RoamedSession | None:
        return next((each for each in self.charged if each.session_id == session_id), None)


class FakePartyClient:
    """csms.ports.roaming.PartyClient: `calls` are (method, url, body); `answer` says what comes back."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, bytes | None]] = []
        self.answer: Callable[[str, str, bytes | None], Awaitable[Received]] = _nothing

    async def call(
        self,
        method: str,
        url: str,
        token: str,
        body: bytes | None = None,
        *,
        party: tuple[str, str] = ("", ""),
        timeout: float | None = None,
    ) -> Received:
        self.calls.append((method, url, body))
        return await self.answer(method, url, body)


async def _nothing(method: str, url: str, body: bytes | None) -> Received:
    return Received(b"[]")


class FakeLease:
    """Ours."""

    async def holds(self) -> bool:
        return True

    async def release(self) -> None:
        """Nothing."""
