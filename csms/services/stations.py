"""Stations as people keep them: read, make, edit, admit, refuse; and what happens to a stranger at the door."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Protocol

import msgspec
import structlog
import trio

from csms.domain.access import Action, Principal
from csms.domain.errors import (
    DomainError,
    Exhausted,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    Unavailable,
)
from csms.domain.facts import RegistrationStatus
from csms.domain.ids import parse_identity
from csms.domain.topology import SYSTEM_ID
from csms.ports.directory import Directory
from csms.ports.feed import Feed, Subject
from csms.ports.queries import (
    BY_IDENTITY,
    ConnectorFilter,
    ConnectorRow,
    FleetSummary,
    StationFilter,
    StationQueries,
    StationSorting,
    StationView,
)
from csms.ports.stores import StationRow, StationStore
from csms.services.scopes import Scopes

EDITABLE = ("identity", "display_name", "description", "address")
MAX_TEXT = {"display_name": 200, "description": 4_000, "address": 500}
MIN_PASSWORD, MAX_PASSWORD = 16, 40  # OCPP 2.0.1 part 2, A00 and BasicAuthPassword; 1.6 whitepaper AuthorizationKey

_log = structlog.get_logger("csms.stations")


class HashPassword(Protocol):
    """What to store for a secret; `generated` says that it is random enough for one plain hash. Slow otherwise."""

    def __call__(self, secret: bytes, *, generated: bool) -> str:
        """The stored form."""


class StationPage(msgspec.Struct, frozen=True):
    """Stations in the order asked. `revision`: the feed stood there before the page was read."""

    stations: tuple[StationView, ...]
    total: int
    revision: int


class Stations:
    """Use cases of people. All raise PermissionDenied, and Unavailable while the database is away."""

    def __init__(
        self,
        stations: StationStore,
        queries: StationQueries,
        directory: Directory,
        feed: Feed,
        scopes: Scopes,
        *,
        hash_password: HashPassword,
        generate_password: Callable[[], str],
    ) -> None:
        self._stations = stations
        self._queries = queries
        self._directory = directory
        self._feed = feed
        self._scopes = scopes
        self._hash_password = hash_password
        self._generate_password = generate_password

    async def get(self, caller: Principal, station_id: int) -> StationView:
        """One station. Raises NotFound."""
        await self._scopes.check_station(caller, Action.READ_STATIONS, station_id)
        return await self._view(station_id)

    async def page(
        self,
        caller: Principal,
        wanted: StationFilter,
        *,
        size: int,
        after: tuple[str, int] | None,
        sorting: StationSorting = BY_IDENTITY,
        bare: bool = False,
    ) -> StationPage:
        """Up to `size` stations after a place (sort key, id) in the order asked, of those that the caller sees. `bare`:
        without their connectors and sessions.

        Raises NotFound for a place or a group to narrow to, InvalidArgument."""
        wanted = await self._narrowed(caller, wanted)
        revision = self._feed.revision
        stations, total = await self._queries.page_stations(wanted, size=size, after=after, sorting=sorting, bare=bare)
        return StationPage(tuple(stations), total, revision)

    async def page_connectors(
        self, caller: Principal, wanted: ConnectorFilter, *, size: int, after: tuple[str, int, int, int] | None
    ) -> tuple[Sequence[ConnectorRow], int]:
        """Connectors of stations that the caller sees, after a place (identity, station id, EVSE, connector); and how
        many match. Raises NotFound for a place or a group to narrow to."""
        wanted = msgspec.structs.replace(wanted, stations=await self._narrowed(caller, wanted.stations))
        return await self._queries.page_connectors(wanted, size=size, after=after)

    async def summarize(
        self, caller: Principal, place_id: int | None = None, group_id: int | None = None
    ) -> FleetSummary:
        """Numbers over all stations that the caller sees; in a place and a group, where given. Raises NotFound."""
        wanted = StationFilter(place_id=place_id, group_id=group_id)
        return await self._queries.summarize(await self._narrowed(caller, wanted))

    async def create(
        self,
        caller: Principal,
        identity: str,
        *,
        display_name: str = "",
        description: str = "",
        address: str = "",
        place_id: int = SYSTEM_ID,
    ) -> StationView:
        """Make a station known; it is accepted at its first boot. Raises InvalidArgument, NotFound, AlreadyExists."""
        await self._scopes.check_place(caller, Action.ADMIT_STATIONS, place_id)
        if place_id != SYSTEM_ID:
            self._scopes.check_holds_stations(place_id)
        texts = checked_texts({"display_name": display_name, "description": description, "address": address})
        row = await self._stations.create(
            parse_identity(identity), RegistrationStatus.ACCEPTED, place_id=place_id, **texts
        )
        self._feed.publish(Subject.STATION, row.id)
        return await self._view(row.id)

    async def update(
        self, caller: Principal, station_id: int, changes: dict[str, str], *, version: int | None = None
    ) -> StationView:
        """Change some of EDITABLE. A station whose identity changed must come again under the new one.

        Raises InvalidArgument, NotFound, StaleVersion, AlreadyExists.
        """
        await self._scopes.check_station(caller, Action.EDIT_STATIONS, station_id)
        changes = checked_texts(changes)
        await self._stations.update(station_id, changes, version=version)
        await self._changed(station_id)
        if "identity" in changes:
            await self._directory.disconnect(station_id, "The station's identity was changed.")
        return await self._view(station_id)

    async def delete(self, caller: Principal, station_id: int) -> None:
        """Remove a station and close its connection; its sessions stay. Raises NotFound."""
        await self._scopes.check_station(caller, Action.ADMIT_STATIONS, station_id)
        await self._scopes.remember([station_id])
        await self._stations.delete(station_id)
        self._feed.publish(Subject.STATION_DELETED, station_id)
        await self._directory.refresh(station_id)
        await self._directory.disconnect(station_id, "The station was deleted.")

    async def accept(self, caller: Principal, station_id: int) -> StationView:
        """Let a station in. Raises NotFound."""
        await self._scopes.check_station(caller, Action.ADMIT_STATIONS, station_id)
        await self._stations.set_registration(station_id, RegistrationStatus.ACCEPTED)
        await self._changed(station_id)
        return await self._view(station_id)

    async def reject(self, caller: Principal, station_id: int) -> StationView:
        """Refuse a station and close its connection. Raises NotFound."""
        await self._scopes.check_station(caller, Action.ADMIT_STATIONS, station_id)
        await self._stations.set_registration(station_id, RegistrationStatus.REJECTED)
        await self._changed(station_id)
        await self._directory.disconnect(station_id, "The station was rejected.")
        return await self._view(station_id)

    async def set_password(self, caller: Principal, station_id: int, password: str = "") -> str:
        """Set the given password, or a strong new one when it is empty; the one that is now valid.

        Raises InvalidArgument, NotFound.
        """
        await self._scopes.check_station(caller, Action.ADMIT_STATIONS, station_id)
        generated = not password
        password = self._generate_password() if generated else checked_password(password)
        hash_it = partial(self._hash_password, password.encode(), generated=generated)
        password_hash = await trio.to_thread.run_sync(hash_it)
        await self._stations.set_password_hash(station_id, password_hash)
        await self._changed(station_id)
        return password

    async def remove_password(self, caller: Principal, station_id: int) -> None:
        """The station connects without a password from now on, where the server allows that. Raises NotFound."""
        await self._scopes.check_station(caller, Action.ADMIT_STATIONS, station_id)
        await self._stations.set_password_hash(station_id, None)
        await self._changed(station_id)

    async def disconnect(self, caller: Principal, station_id: int) -> None:
        """Close the station's connection. Raises NotFound, FailedPrecondition/STATION_OFFLINE."""
        await self._scopes.check_station(caller, Action.OPERATE_STATIONS, station_id)
        if await self._directory.disconnect(station_id, f"Disconnected by {caller.display_name}."):
            return
        if await self._stations.find(station_id) is None:
            raise _no_station(station_id)
        raise FailedPrecondition("The station is offline, so there is nothing to close.", reason="STATION_OFFLINE")

    async def _narrowed(self, caller: Principal, wanted: StationFilter) -> StationFilter:
        scope, places = await self._scopes.narrowed(caller, Action.READ_STATIONS, wanted.place_id, wanted.group_id)
        return msgspec.structs.replace(wanted, scope=scope, place_ids=places)

    async def _changed(self, station_id: int) -> None:
        self._feed.publish(Subject.STATION, station_id)
        await self._directory.refresh(station_id)

    async def _view(self, station_id: int) -> StationView:
        found = await self._queries.get_stations([station_id])
        if not found:
            raise _no_station(station_id)
        return found[0]


def checked_password(password: str) -> str:
    """The password as it is. Raises InvalidArgument when OCPP does not allow it."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD or not (password.isascii() and password.isprintable()):
        raise InvalidArgument(
            f"A station's password has {MIN_PASSWORD} to {MAX_PASSWORD} letters, digits and signs (OCPP allows no"
            " others). Leave it empty to have a strong one made.",
            reason="INVALID_PASSWORD",
        )
    return password


def _no_station(station_id: int) -> NotFound:
    return NotFound(f"There is no station {station_id} (any more).", reason="STATION_NOT_FOUND")


def checked_texts(changes: dict[str, str]) -> dict[str, str]:
    """Texts without blanks at their ends. Raises InvalidArgument."""
    checked = {}
    for field, text in changes.items():
        if field not in EDITABLE:
            raise InvalidArgument(f"{field} cannot be changed; {', '.join(EDITABLE)} can.", reason="INVALID_FIELD")
        if field == "identity":
            checked[field] = str(parse_identity(text))
            continue
        text = text.strip()
        if len(text) > MAX_TEXT[field] or "\0" in text:
            raise InvalidArgument(
                f"{field} has at most {MAX_TEXT[field]} characters; this one has {len(text)}.", reason="TEXT_TOO_LONG"
            )
        checked[field] = text
    return checked


class UnknownStationPolicy(StrEnum):
    """What happens to a station that nobody has made known."""

    REFUSE = "refuse"
    PENDING = "pending"
    ACCEPT = "accept"


@dataclass(slots=True, eq=False)
class _Knock:
    """A stranger at the door, and what came of it."""

    identity: str
    remote_address: str
    answered: bool = False
    row: StationRow | None = None
    failed: DomainError | None = None


class Onboarding:
    """Answers the door's question: who is this, and may it come in?

    Under `pending` a stranger becomes a row that waits for an operator; at most `max_pending` of them, so that
    nobody fills the database by knocking under ever new names. `refused` counts refusals by reason.
    """

    COUNT_SECONDS = 10.0
    """How long the number of waiting stations is believed before it is read again."""
    LOG_SECONDS = 60.0
    MOST_AT_ONCE = 500
    """Strangers that are made known by one statement."""

    def __init__(
        self,
        stations: StationStore,
        queries: StationQueries,
        feed: Feed,
        *,
        policy: UnknownStationPolicy,
        max_pending: int = 1_000,
    ) -> None:
        self._stations = stations
        self._queries = queries
        self._feed = feed
        self.policy = policy
        self._max_pending = max_pending
        self._pending = 0
        self._counted_at: float | None = None
        self._logged_at: dict[str, float] = {}
        self._creating = trio.Lock()  # one at a time, so that the bound holds when a thousand knock at once
        self._knocks: dict[_Knock, None] = {}  # unanswered, in their order
        self.refused: Counter[str] = Counter()

    async def admit(self, identity: str, remote_address: str, now: datetime) -> StationRow | None:
        """The station's row, made on the spot where the policy says so; None: refuse it.

        A pending station gets its row too: it may connect, boot and be told so (OCPP 1.6 §4.2). Raises Unavailable,
        and Exhausted when too many strangers wait already.
        """
        row = await self._stations.find_by_identity(identity)
        if row is None:
            row = await self._stranger(identity, remote_address)
        if row is not None and row.registration is not RegistrationStatus.ACCEPTED:
            await self._stations.note_attempt(row.id, now, remote_address)
            self._feed.publish(Subject.STATION, row.id)
        return row

    async def _stranger(self, identity: str, remote_address: str) -> StationRow | None:
        if self.policy is UnknownStationPolicy.REFUSE:
            self._refuse("UNKNOWN_STATION", identity, remote_address)
            return None
        try:
            parse_identity(identity)
        except InvalidArgument as error:
            self._refuse(error.reason, identity, remote_address)
            return None
        knock = _Knock(identity, remote_address)
        self._knocks[knock] = None
        try:
            async with self._creating:
                if not knock.answered:  # else whoever was first has answered it with its own
                    await self._answer(
                        [knock, *(each for each in self._knocks if each is not knock)][: self.MOST_AT_ONCE]
                    )
        finally:
            self._knocks.pop(knock, None)
        if knock.failed is not None:
            raise knock.failed
        return knock.row

    async def _answer(self, knocks: Sequence[_Knock]) -> None:
        """One statement for all that have knocked while the last one was under way: a commit each would be slow."""
        accepted = self.policy is UnknownStationPolicy.ACCEPT
        wanted = list(dict.fromkeys(each.identity for each in knocks))
        try:
            room = len(wanted) if accepted else max(0, self._max_pending - await self._count_pending())
            registration = RegistrationStatus.ACCEPTED if accepted else RegistrationStatus.PENDING
            rows = await self._stations.create_newcomers(wanted[:room], registration) if room else ()
        except Unavailable as error:  # for all of them: each would wait as long for the same
            self._settle(knocks, {}, error)
            return
        made = {row.identity: row for row in rows}
        self._pending += 0 if accepted else len(made)
        for row in rows:
            self._feed.publish(Subject.STATION, row.id)
        self._settle(knocks, made, None)

    def _settle(self, knocks: Sequence[_Knock], made: dict[str, StationRow], error: Unavailable | None) -> None:
        for knock in knocks:
            knock.answered, knock.row, knock.failed = True, made.get(knock.identity), error
            self._knocks.pop(knock, None)
            if knock.row is None and error is None:
                self._refuse("TOO_MANY_PENDING", knock.identity, knock.remote_address)
                knock.failed = Exhausted(
                    "Too many unknown stations wait for an operator. Ask the operator to make this one known first.",
                    reason="TOO_MANY_PENDING",
                )

    async def _count_pending(self) -> int:
        now = trio.current_time()
        if self._counted_at is None or now - self._counted_at >= self.COUNT_SECONDS:
            waiting = StationFilter(registrations=(RegistrationStatus.PENDING,))
            _, self._pending = await self._queries.page_stations(waiting, size=1, after=None)
            self._counted_at = now
        return self._pending

    def _refuse(self, reason: str, identity: str, remote_address: str) -> None:
        self.refused[reason] += 1
        now = trio.current_time()
        if now - self._logged_at.get(reason, -self.LOG_SECONDS) >= self.LOG_SECONDS:  # a storm fills no disk
            self._logged_at[reason] = now
            _log.warning(
                "station refused",
                reason=reason,
                identity=identity[:255],
                remote_address=remote_address,
                refused=self.refused[reason],
            )
