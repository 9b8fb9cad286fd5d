"""The stores in memory, on the tables of a FakeJournal; each passes the contract of its port (tests/contracts)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from csms.domain.access import Action, ApiKey, Role, User
from csms.domain.authorization import Token
from csms.domain.card_number import spellings
from csms.domain.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, StaleVersion
from csms.domain.facts import RegistrationStatus, StatusChanged
from csms.domain.metering import MeterValue, SampledValue
from csms.domain.records import MeterRecord
from csms.domain.station import StationState
from csms.domain.transaction import Flag, SessionState, StartKey, Transaction
from csms.ports.stores import RefusedAttempts, StationRow
from csms.ports.tokens import TagPolicy, TokenChanges, TokenFilter, place_of
from tests.kit.fake_tables import FakeTables, StationData

_samples = msgspec.json.Decoder(list[tuple[str, float, str, str, str, str, str | None]])


def meter_value_of(record: MeterRecord) -> MeterValue:
    """What the record was made of."""
    return MeterValue(record.measured_at, tuple(SampledValue(*s) for s in _samples.decode(record.samples)))


def _row(s: StationData) -> StationRow:
    return StationRow(
        s.id,
        s.identity,
        s.display_name,
        s.description,
        s.address,
        s.registration,
        s.password_hash,
        s.version,
        s.next_password_hashes,
        s.security_profile,
        ()
        if s.boot is None
        else tuple(each for each in (s.boot.serial_number, s.boot.charge_box_serial_number) if each),
    )


class FakeStations:
    """StationStore and StateLoader."""

    def __init__(self, tables: FakeTables) -> None:
        self._tables = tables

    async def find(self, station_id: int) -> StationRow | None:
        self._tables.check()
        found = self._tables.stations.get(station_id)
        return None if found is None else _row(found)

    async def find_by_identity(self, identity: str) -> StationRow | None:
        self._tables.check()
        return next((_row(s) for s in self._tables.stations.values() if s.identity == identity), None)

    async def create(
        self,
        identity: str,
        registration: RegistrationStatus,
        *,
        display_name: str = "",
        description: str = "",
        address: str = "",
        place_id: int = 1,
    ) -> StationRow:
        await self._check_free(identity, 0)
        if place_id not in self._tables.place_ids:
            raise NotFound(f"There is no place {place_id} (any more).", reason="PLACE_NOT_FOUND")
        station_id, now = next(self._tables.station_ids), self._tables.now()
        station = StationData(station_id, identity, registration, now, now, display_name, description, address)
        station.place_id = place_id
        self._tables.stations[station_id] = station
        return _row(station)

    async def create_newcomers(
        self, identities: Sequence[str], registration: RegistrationStatus
    ) -> Sequence[StationRow]:
        there = {identity: await self.find_by_identity(identity) for identity in identities}
        return [row or await self.create(identity, registration) for identity, row in there.items()]

    async def note_attempt(self, station_id: int, at: datetime, remote_address: str) -> None:
        self._tables.check()
        if (station := self._tables.stations.get(station_id)) is not None:
            station.attempts, station.last_attempt_at, station.remote_address = station.attempts + 1, at, remote_address

    async def update(self, station_id: int, changes: dict[str, str], *, version: int | None = None) -> StationRow:
        if not changes.keys() <= {"identity", "display_name", "description", "address"}:
            raise InvalidArgument("That cannot be changed.")
        station = self._tables.station(station_id)
        if version is not None and version != station.version:
            raise StaleVersion("Somebody else has changed this station meanwhile. Reload it and try again.")
        if "identity" in changes:
            await self._check_free(changes["identity"], station_id)
        for name, text in changes.items():
            setattr(station, name, text)
        station.version, station.updated_at = station.version + 1, self._tables.now()
        return _row(station)

    async def set_registration(self, station_id: int, registration: RegistrationStatus) -> StationRow:
        station = self._tables.station(station_id)
        station.registration, station.updated_at = registration, self._tables.now()
        return _row(station)

    async def set_password_hash(self, station_id: int, password_hash: str | None) -> None:
        station = self._tables.station(station_id)
        station.password_hash, station.updated_at = password_hash, self._tables.now()
        station.next_password_hashes = ()
        if password_hash is None and station.security_profile < 3:
            station.security_profile = 0

    async def add_next_password_hash(self, station_id: int, password_hash: str) -> None:
        station = self._tables.station(station_id)
        station.next_password_hashes += (password_hash,)

    async def drop_next_password_hash(self, station_id: int, password_hash: str) -> None:
        station = self._tables.station(station_id)
        station.next_password_hashes = tuple(each for each in station.next_password_hashes if each != password_hash)

    async def note_sign_in(self, station_id: int, security_profile: int, password_hash: str | None = None) -> None:
        self._tables.check()
        if (station := self._tables.stations.get(station_id)) is None:
            return
        station.security_profile = max(station.security_profile, security_profile)
        if password_hash in station.next_password_hashes:
            station.password_hash, station.next_password_hashes = password_hash, ()

    async def set_security_profile(self, station_id: int, security_profile: int) -> None:
        self._tables.station(station_id).security_profile = security_profile

    async def note_refusals(self, refusals: Sequence[RefusedAttempts]) -> Sequence[tuple[str, int]]:
        self._tables.check()
        known = []
        for each in refusals:
            for station in self._tables.stations.values():
                if station.identity == each.identity:
                    known.append((station.identity, station.id))
                    station.failed_attempts += each.count
                    station.last_failed_attempt_at = each.at
                    station.last_failed_attempt_reason = each.reason
                    station.last_failed_attempt_address = each.remote_address.replace("\0", "")
        return known

    async def delete(self, station_id: int) -> None:
        self._tables.station(station_id)
        del self._tables.stations[station_id]
        for key in [key for key in self._tables.connectors if key[0] == station_id]:
            del self._tables.connectors[key]

    async def all_offline(self) -> None:
        self._tables.check()
        for station in self._tables.stations.values():
            station.online, station.link_epoch = False, 0

    async def load_state(self, station_id: int) -> StationState:
        station = self._tables.station(station_id)
        transactions = {t.id: t.snapshot() for t in self._tables.open_sessions(station_id)}
        progress = {t.id: t.progress_at for t in transactions.values()}
        for record in sorted(self._tables.meter_values.values(), key=lambda r: (r.received_at, r.measured_at)):
            if record.session_id in transactions and record.received_at > progress[record.session_id]:
                transactions[record.session_id].fold_in(meter_value_of(record), record.received_at)
        state = StationState(
            station_id, station.identity, station.registration, open_transactions=transactions.values()
        )
        for r in self._tables.connectors.values():
            if r.station_id == station_id:
                state.statuses[r.evse_id, r.connector_id] = StatusChanged(
                    r.evse_id, r.connector_id, r.status, r.error_code, r.info, r.vendor_id, r.vendor_error_code, r.at
                )
        return state

    async def _check_free(self, identity: str, but: int) -> None:
        found = await self.find_by_identity(identity)
        if found is not None and found.id != but:
            raise AlreadyExists(f"There is already a station with the identity {identity}.", reason="IDENTITY_TAKEN")


class FakeTransactions:
    """TransactionStore."""

    def __init__(self, tables: FakeTables) -> None:
        self._tables = tables

    async def find_start(self, key: StartKey) -> Transaction | None:
        self._tables.check()
        return next((t.snapshot() for t in self._tables.sessions.values() if t.start_key == key), None)

    async def find_transaction(self, station_id: int, transaction_id: str) -> Transaction | None:
        self._tables.check()
        found = [
            t
            for t in self._tables.sessions.values()
            if t.station_id == station_id and t.transaction_id == transaction_id
        ]
        return max(found, key=lambda t: t.id).snapshot() if found else None

    async def find_end(
        self, station_id: int, transaction_id: str, stopped_at: datetime, meter_wh: float | None
    ) -> Transaction | None:
        self._tables.check()
        wanted = (station_id, transaction_id, stopped_at, meter_wh)
        for t in self._tables.sessions.values():
            if (t.station_id, t.transaction_id, t.stopped_at, t.meter_stop_wh) == wanted:
                return t.snapshot()
        return None

    async def find_orphan_end(
        self, station_id: int, id_token: str, after: datetime, meter_wh: float | None
    ) -> Transaction | None:
        self._tables.check()
        found = [
            (t.stopped_at, t.id)
            for t in self._tables.sessions.values()
            if t.station_id == station_id
            and t.started_at is None
            and t.sequence is None
            and t.state is SessionState.ENDED
            and Flag.START_MISSING in t.flags
            and t.stopped_at is not None
            and t.stopped_at >= after
            and t.id_token in (id_token, "")
            and (meter_wh is None or t.meter_stop_wh is None or t.meter_stop_wh >= meter_wh)
        ]
        return self._tables.sessions[min(found)[1]].snapshot() if found else None

    async def reserve_session_ids(self, count: int) -> Sequence[int]:
        self._tables.check()
        return list(itertools.islice(self._tables.session_ids, count))

    async def open_tokens(self) -> Sequence[tuple[str, int]]:
        self._tables.check()
        return sorted(((t.id_token, t.id) for t in self._tables.open_sessions() if t.id_token), key=lambda p: p[1])


class FakeTokens:
    """TokenStore. `people` are those whose tags they may be; None: anybody's."""

    def __init__(self, tables: FakeTables, people: Callable[[], Sequence[User]] | None = None) -> None:
        self._tables = tables
        self._people = people
        self._policy = TagPolicy()
        self._gone: set[str] = set()

    async def load_all(self) -> Sequence[Token]:
        self._tables.check()
        return [self._joined(t) for t in sorted(self._tables.tokens.values(), key=lambda t: t.id_token)]

    async def load_changed(self, since: datetime | None) -> TokenChanges:
        """All that there are, which is more than enough."""
        tokens = tuple(await self.load_all())
        gone = self._gone - {token.id_token for token in tokens}
        return TokenChanges(self._tables.now(), tokens, () if since is None else tuple(gone))

    async def find(self, token_id: int) -> Token | None:
        self._tables.check()
        found = self._tables.tokens.get(token_id)
        return None if found is None else self._joined(found)

    async def page(
        self, wanted: TokenFilter, *, size: int, after: tuple[str, int] | None = None
    ) -> tuple[Sequence[Token], int]:
        found = [t for t in await self.load_all() if _token_fits(t, wanted)]
        found.sort(key=lambda t: place_of(t, wanted.order), reverse=wanted.descending)
        if after is None:
            return found[:size], len(found)
        behind = [t for t in found if (place_of(t, wanted.order) > after) is not wanted.descending]
        return [t for t in behind if place_of(t, wanted.order) != after][:size], len(found)

    async def create(self, token: Token) -> Token:
        return (await self.create_all([token]))[0]

    async def create_all(self, tokens: Sequence[Token]) -> Sequence[Token]:
        self._tables.check()
        known = {t.id_token for t in self._tables.tokens.values()}
        for token in tokens:
            if token.id_token in known:
                raise AlreadyExists(f"There is already a tag {token.id_token}.", reason="ID_TOKEN_TAKEN")
            known.add(token.id_token)
            self._check_user(token)
        now, made = self._tables.now(), []
        for token in tokens:
            new = msgspec.structs.replace(
                token, id=next(self._tables.token_ids), version=1, created_at=now, updated_at=now
            )
            self._tables.tokens[new.id] = new
            made.append(self._joined(new))
        return made

    async def update(self, token: Token, *, version: int | None) -> Token:
        old = self._must(token.id)
        self._check_user(token)
        if version is not None and version != old.version:
            raise StaleVersion("Somebody else has changed this tag meanwhile. Reload it and try again.")
        new = msgspec.structs.replace(
            token,
            id_token=old.id_token,
            kind=old.kind,
            version=old.version + 1,
            created_at=old.created_at,
            updated_at=self._tables.now(),
        )
        self._tables.tokens[token.id] = new
        return self._joined(new)

    async def delete(self, token_id: int) -> Token:
        self._must(token_id)
        gone = self._joined(self._tables.tokens.pop(token_id))
        self._gone.add(gone.id_token)
        return gone

    async def policy(self) -> TagPolicy:
        self._tables.check()
        return self._policy

    async def set_policy(self, policy: TagPolicy) -> None:
        self._tables.check()
        self._policy = policy

    def _must(self, token_id: int) -> Token:
        self._tables.check()
        if token_id not in self._tables.tokens:
            raise NotFound(f"There is no tag {token_id} (any more).", reason="ID_TOKEN_NOT_FOUND")
        return self._tables.tokens[token_id]

    def _check_user(self, token: Token) -> None:
        if self._people is None or token.user_id is None:
            return
        if token.user_id not in {user.id for user in self._people()}:
            raise NotFound(f"There is no user {token.user_id} (any more).", reason="USER_NOT_FOUND")

    def _joined(self, token: Token) -> Token:
        people = {} if self._people is None else {user.id: user for user in self._people()}
        user = people.get(token.user_id or 0)
        if user is None:
            return token
        return msgspec.structs.replace(
            token, user_email=user.email, user_name=user.display_name, user_blocked=user.blocked
        )


def _token_fits(token: Token, wanted: TokenFilter) -> bool:
    query = wanted.query.strip()
    texts = (token.id_token, token.alias, token.note, token.user_email, token.user_name)
    here = wanted.station_id is None or token.valid_at(wanted.station_id, wanted.place_ids)
    return (
        here
        and wanted.user_id in (None, token.user_id)
        and wanted.type in (None, token.type)
        and wanted.kind in (None, token.kind)
        and wanted.state in (None, token.state(wanted.now))
        and wanted.parent_id_token in ("", token.parent_id_token)
        and (
            any(query.casefold() in text.casefold() for text in texts)
            or not set(spellings(query)).isdisjoint(spellings(token.id_token))
        )
    )


class _SignIn(msgspec.Struct):
    user_id: int
    expires_at: datetime
    lifetime: timedelta
    used_at: datetime | None = None
    id: int = 0
    address: str = ""
    client: str = ""


class FakeAccess:
    """AccessStore."""

    def __init__(self) -> None:
        self._users: dict[int, User] = {}
        self._sign_ins: dict[bytes, _SignIn] = {}
        self._keys: dict[int, tuple[bytes, ApiKey]] = {}
        self._sign_in_ids = itertools.count(1)
        self._ids = itertools.count(1)

    def everybody(self) -> Sequence[User]:
        """All people."""
        return list(self._users.values())

    def put(self, user: User) -> None:
        """In the place of the one with this id."""
        self._users[user.id] = user

    async def find_user_by_email(self, email: str) -> User | None:
        return next((u for u in self._users.values() if u.email.lower() == email.lower()), None)

    async def find_user(self, user_id: int) -> User | None:
        return self._users.get(user_id)

    async def create_user(self, email: str, display_name: str, password_hash: str, role: Role) -> User:
        if await self.find_user_by_email(email) is not None:
            raise AlreadyExists(f"There is already a user {email}.", reason="EMAIL_TAKEN")
        user = User(next(self._ids), email, display_name, password_hash, role)
        self._users[user.id] = user
        return user

    async def count_users(self) -> int:
        return len(self._users)

    async def set_password_hash(self, user_id: int, password_hash: str) -> None:
        user = self._user(user_id)
        self._users[user_id] = msgspec.structs.replace(user, password_hash=password_hash, must_change_password=False)

    async def create_sign_in(
        self, digest: bytes, user_id: int, expires_at: datetime, *, address: str = "", client: str = ""
    ) -> None:
        self._user(user_id)
        made = _SignIn(user_id, expires_at, expires_at - datetime.now(UTC))
        made.id, made.address, made.client = next(self._sign_in_ids), address, client
        self._sign_ins[digest] = made

    async def find_sign_in(self, digest: bytes, now: datetime) -> User | None:
        found = self._sign_ins.get(digest)
        if found is None or found.expires_at <= now:
            return None
        if found.used_at is None or found.used_at < now - timedelta(minutes=1):
            found.used_at, found.expires_at = now, max(found.expires_at, now + found.lifetime)
        return self._users[found.user_id]

    async def delete_sign_in(self, digest: bytes) -> None:
        self._sign_ins.pop(digest, None)

    async def delete_sign_ins(self, user_id: int, *, keep: bytes | None = None) -> None:
        self._sign_ins = {d: s for d, s in self._sign_ins.items() if s.user_id != user_id or d == keep}

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
        key = ApiKey(next(self._ids), display_name, role, hint, datetime.now(UTC), expires_at, None, actions, site_ids)
        self._keys[key.id] = digest, key
        return key

    async def find_api_key(self, digest: bytes, now: datetime) -> ApiKey | None:
        key = next((key for known, key in self._keys.values() if known == digest), None)
        if key is None or (key.expires_at is not None and key.expires_at <= now):
            return None
        if key.last_used_at is None or key.last_used_at < now - timedelta(minutes=1):
            key = msgspec.structs.replace(key, last_used_at=now)
            self._keys[key.id] = digest, key
        return key

    async def page_api_keys(self, *, size: int, before: int | None) -> Sequence[ApiKey]:
        found = [key for _, key in self._keys.values() if before is None or key.id < before]
        return sorted(found, key=lambda key: -key.id)[:size]

    async def delete_api_key(self, key_id: int) -> None:
        if self._keys.pop(key_id, None) is None:
            raise NotFound(f"There is no API key {key_id} (any more).", reason="API_KEY_NOT_FOUND")

    def _user(self, user_id: int) -> User:
        if user_id not in self._users:
            raise NotFound(f"There is no user {user_id} (any more).", reason="USER_NOT_FOUND")
        return self._users[user_id]


class FakeRequests:
    """RequestMemory (that never forgets by time)."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], tuple[bytes, bytes | None]] = {}

    async def begin(self, caller: str, method: str, request_id: str, digest: bytes) -> bytes | None:
        key = (caller, method, request_id)
        if key not in self._known:
            self._known[key] = digest, None
            return None
        known, answer = self._known[key]
        if known != digest:
            raise InvalidArgument("This request id was used for another request.", reason="REQUEST_ID_REUSED")
        if answer is None:
            raise FailedPrecondition("The same request is still under way.", reason="REQUEST_IN_PROGRESS")
        return answer

    async def finish(self, caller: str, method: str, request_id: str, answer: bytes) -> None:
        digest, _ = self._known[caller, method, request_id]
        self._known[caller, method, request_id] = digest, answer

    async def forget(self, caller: str, method: str, request_id: str) -> None:
        self._known.pop((caller, method, request_id), None)
