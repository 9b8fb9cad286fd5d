"""Local authorisation lists: what stations should know of our tags, brought to them.

A sending that was interrupted leaves doubt, so every sync first asks the station for its version. If that is the one
which it last accepted, it holds what it held then, and the difference is enough; else it gets the whole list.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final
from weakref import WeakKeyDictionary

import msgspec
import trio

from csms.domain import local_list as lists
from csms.domain.access import Action, Principal
from csms.domain.commands import Answer
from csms.domain.errors import FailedPrecondition, InvalidArgument, NotFound
from csms.domain.ids import parse_id_token
from csms.domain.local_list import GetLocalListVersion, HeldList, LocalListEntry, LocalListVersion, SendLocalList
from csms.ports.inventory import Inventory, VariableFilter
from csms.ports.local_lists import LocalListStore
from csms.ports.queries import StationQueries
from csms.ports.stores import StationStore, TokenStore
from csms.services.remote import CommandOutcome, Remote, Target

MAX_ENTRIES: Final = 10_000
"""In one order of a person."""
PER_MESSAGE: Final = 100
"""Entries a message, where the station does not tell how many it takes."""
_LONGEST_TAG_1X: Final = 20
_UNKNOWN_ACTION: Final = frozenset({"NotImplemented", "NotSupported"})

# How many entries a message and a list may have: 1.6's keys, and 2.x's variables of LocalAuthListCtrlr.
_PER_MESSAGE: Final = (("", "SendLocalListMaxLength"), ("LocalAuthListCtrlr", "ItemsPerMessage"))
_CAPACITY: Final = (("", "LocalAuthListMaxLength"),)


_LOCKS: Final[WeakKeyDictionary[Remote, dict[int, trio.Lock]]] = WeakKeyDictionary()
"""One sending a station at a time, whoever of those who share a `Remote` sends (people, operations)."""


class SyncState(StrEnum):
    """How a sync ended."""

    UNCHANGED = "UNCHANGED"
    """The station holds the list already; nothing was sent."""
    UPDATED = "UPDATED"
    NOT_SUPPORTED = "NOT_SUPPORTED"
    """The station keeps no list."""
    FAILED = "FAILED"
    """The station did not take it, not even in full."""


class SyncReport(msgspec.Struct, frozen=True):
    """What became of a sync. `outcome` is the station's last answer; `left_out` are tags that it cannot hold; `note` a
    sentence for people."""

    state: SyncState
    outcome: CommandOutcome
    version: int = 0
    full: bool = False
    messages: int = 0
    entries: int = 0
    left_out: tuple[str, ...] = ()
    note: str = ""


class _Sent(msgspec.Struct):
    """How far a sending came."""

    outcome: CommandOutcome
    messages: int = 0


class LocalLists:
    """Use cases of people. All raise PermissionDenied, Unavailable while the database is away, and what `Remote`
    raises where the station gives no answer. One sending a station at a time: others wait."""

    def __init__(
        self,
        store: LocalListStore,
        tokens: TokenStore,
        remote: Remote,
        inventory: Inventory,
        stations: StationStore,
        queries: StationQueries,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._tokens = tokens
        self._remote = remote
        self._scopes = remote.scopes
        self._inventory = inventory
        self._stations = stations
        self._queries = queries
        self._now = now
        self._locks = _LOCKS.setdefault(remote, {})

    async def sync(self, caller: Principal, target: Target, *, full: bool = False) -> SyncReport:
        """Bring our tags to the station, as a difference where that is enough. `full`: the whole list in any case.

        Raises FailedPrecondition/LOCAL_LIST_TOO_LONG when the station cannot hold that many.
        """
        await self._scopes.check_station(caller, Action.CONFIGURE_STATIONS, target.station_id)
        async with self._lock(target.station_id):
            asked, told = await self._ask_version(caller, target)
            if told is None:
                return _no_version(asked)
            wanted, left_out = await self._wanted(target.station_id)
            held = await self._held(target.station_id)
            known = held.certain and held.version == told
            changes = lists.differences(held.entries, wanted)
            if known and not full and not changes:
                return SyncReport(SyncState.UNCHANGED, asked, told, entries=len(wanted), left_out=left_out)
            above = max(told, held.sent_version, held.version)
            per_message = await self._per_message(target.station_id)
            differential = known and told > 0 and not full and len(changes) <= len(wanted)
            if differential and lists.fits(above, -(-len(changes) // per_message)):
                sent = await self._send(caller, target, changes, held, False, above, per_message)
                if sent.outcome.answer.accepted:
                    return await self._report(target.station_id, sent, full=False, left_out=left_out)
                if _not_supported(sent.outcome.answer):
                    return _refused(sent, full=False)
                # VersionMismatch, Failed, an error: whatever it holds, the whole list replaces it.
                above = max(above, (await self._held(target.station_id)).sent_version)
            sent = await self._send(caller, target, wanted, HeldList(target.station_id), True, above, per_message)
            if sent.outcome.answer.accepted:
                return await self._report(target.station_id, sent, full=True, left_out=left_out)
            return _refused(sent, full=True)

    async def send(
        self, caller: Principal, target: Target, entries: Sequence[LocalListEntry], *, full: bool, version: int = 0
    ) -> tuple[CommandOutcome, int]:
        """Send these very entries in one message; version 0: the next one. The station's answer, and the version.

        Raises InvalidArgument.
        """
        await self._scopes.check_station(caller, Action.CONFIGURE_STATIONS, target.station_id)
        checked = _checked(entries, full=full)
        if not 0 <= version <= lists.MAX_VERSION:
            raise InvalidArgument(
                "The version of a list is a number up to 2³¹-1; 0 takes the next one.", reason="INVALID_VERSION"
            )
        async with self._lock(target.station_id):
            held = await self._held(target.station_id)
            above = max(held.sent_version, held.version)
            if version == 0 and not lists.fits(above, 1) and not full:
                raise FailedPrecondition(
                    "The version numbers of this station are used up. Send a full list, which begins anew.",
                    reason="VERSIONS_USED_UP",
                )
            base = msgspec.structs.replace(held, certain=held.certain and held.version > 0)
            command = lists.updates(checked, full=full, above=above, per_message=max(1, len(checked)))[0]
            if version:
                command = msgspec.structs.replace(command, version=version)
            sent = await self._one(caller, target, command, base)
            return sent, command.version

    async def get_version(self, caller: Principal, target: Target) -> tuple[CommandOutcome, int | None]:
        """Ask the station; None where its answer was an error. -1: it cannot keep a list."""
        await self._scopes.check_station(caller, Action.OPERATE_STATIONS, target.station_id)
        outcome = await self._remote.command(caller, target, GetLocalListVersion())
        version = outcome.answer.result.version if isinstance(outcome.answer.result, LocalListVersion) else None
        held = await self._store.find(target.station_id)
        if held is not None and held.certain and version is not None and version != held.version:
            await self._store.put(msgspec.structs.replace(held, certain=False), self._now())
        return outcome, version

    async def get(self, caller: Principal, station_id: int) -> HeldList:
        """What we believe that the station holds. Raises NotFound."""
        await self._scopes.check_station(caller, Action.CONFIGURE_STATIONS, station_id)
        held = await self._held(station_id)
        if held.updated_at is None and await self._stations.find(station_id) is None:
            raise NotFound(f"There is no station {station_id} (any more).", reason="STATION_NOT_FOUND")
        return held

    # -- inside --------------------------------------------------------------------------------------------------------

    def _lock(self, station_id: int) -> trio.Lock:
        if len(self._locks) > 1_000:
            for number in [number for number, lock in self._locks.items() if not lock.locked()]:
                del self._locks[number]
        return self._locks.setdefault(station_id, trio.Lock())

    async def _held(self, station_id: int) -> HeldList:
        return await self._store.find(station_id) or HeldList(station_id)

    async def _ask_version(self, caller: Principal, target: Target) -> tuple[CommandOutcome, int | None]:
        action = Action.CONFIGURE_STATIONS
        outcome = await self._remote.command(caller, target, GetLocalListVersion(), action)
        result = outcome.answer.result
        if isinstance(result, LocalListVersion) and result.version != lists.NOT_SUPPORTED:
            return outcome, result.version
        return outcome, None

    async def _wanted(self, station_id: int) -> tuple[tuple[LocalListEntry, ...], tuple[str, ...]]:
        """(what the station should hold, the tags that it cannot)."""
        views = await self._queries.get_stations([station_id])
        above = self._scopes.places_above(views[0].place_id) if views else frozenset()
        valid = [token for token in await self._tokens.load_all() if token.valid_at(station_id, above)]
        entries = lists.entries_of(valid, self._now())
        old = bool(views) and views[0].protocol.startswith("ocpp1.")
        capacity = await self._number(station_id, _CAPACITY)
        kept, left_out = lists.trimmed(entries, limit=capacity, longest=_LONGEST_TAG_1X if old else None)
        if capacity is not None and len(kept) > capacity:
            raise FailedPrecondition(
                f"The station can hold {capacity} tags, and there are {len(kept)} that may charge. Send a list of"
                " your choice instead.",
                reason="LOCAL_LIST_TOO_LONG",
            )
        return kept, left_out

    async def _per_message(self, station_id: int) -> int:
        return await self._number(station_id, _PER_MESSAGE) or PER_MESSAGE

    async def _number(self, station_id: int, places: Sequence[tuple[str, str]]) -> int | None:
        """The first of these variables (component, variable) that the station told and that is a number above 0."""
        for component, variable in places:
            wanted = VariableFilter(component=component, variable=variable)
            found, _ = await self._inventory.page_variables(station_id, wanted, size=10)
            for view in found:
                if view.value is not None and view.value.strip().isdecimal() and int(view.value) > 0:
                    return int(view.value)
        return None

    async def _send(
        self,
        caller: Principal,
        target: Target,
        entries: Sequence[LocalListEntry],
        held: HeldList,
        full: bool,
        above: int,
        per_message: int,
    ) -> _Sent:
        """Message after message, until one is not accepted. Each may take as long as the target says."""
        sent: _Sent | None = None
        for command in lists.updates(entries, full=full, above=above, per_message=per_message):
            outcome = await self._one(caller, target, command, held)
            sent = _Sent(outcome, 1 if sent is None else sent.messages + 1)
            if not outcome.answer.accepted:
                break
            held = await self._held(target.station_id)
        if sent is None:
            raise AssertionError("there is always a message")
        return sent

    async def _one(self, caller: Principal, target: Target, command: SendLocalList, held: HeldList) -> CommandOutcome:
        """Send one update and keep what the station holds then."""
        await self._store.sending(target.station_id, command.version, self._now())
        outcome = await self._remote.command(caller, target, command, Action.CONFIGURE_STATIONS)
        if outcome.answer.accepted:
            certain = command.full or held.certain
            entries = lists.applied(held.entries, command)
            now = self._now()
            await self._store.put(HeldList(held.station_id, command.version, 0, certain, entries, now), now)
        return outcome

    async def _report(self, station_id: int, sent: _Sent, *, full: bool, left_out: tuple[str, ...]) -> SyncReport:
        held = await self._held(station_id)
        return SyncReport(
            SyncState.UPDATED, sent.outcome, held.version, full, sent.messages, len(held.entries), left_out
        )


def _not_supported(answer: Answer) -> bool:
    return answer.status == "NotSupported" or answer.error_code in _UNKNOWN_ACTION


def _no_version(asked: CommandOutcome) -> SyncReport:
    answer = asked.answer
    if answer.error_code and not _not_supported(answer):
        note = f"The station did not tell its list's version: {answer.error_code} {answer.error_description}".rstrip()
        return SyncReport(SyncState.FAILED, asked, note=f"{note.rstrip('.')}. Nothing was sent.")
    return SyncReport(
        SyncState.NOT_SUPPORTED, asked, note="The station keeps no local list, or it is switched off there."
    )


def _refused(sent: _Sent, *, full: bool) -> SyncReport:
    answer = sent.outcome.answer
    if _not_supported(answer):
        state, note = SyncState.NOT_SUPPORTED, "The station keeps no local list, or it is switched off there."
    else:
        why = answer.error_code or answer.status
        said = answer.error_description or answer.additional_info or answer.reason_code
        state = SyncState.FAILED
        note = f"The station did not take the whole list: {why}{f' ({said})' if said else ''}. Try again later."
    return SyncReport(state, sent.outcome, full=full, messages=sent.messages, note=note)


def _checked(entries: Sequence[LocalListEntry], *, full: bool) -> tuple[LocalListEntry, ...]:
    """In canonical spelling, each tag once. Raises InvalidArgument."""
    if len(entries) > MAX_ENTRIES:
        raise InvalidArgument(f"At most {MAX_ENTRIES} tags go into one order.", reason="TOO_MANY_ENTRIES")
    if full and any(entry.status is None for entry in entries):
        raise InvalidArgument(
            "A full list names the tags that are in it; to take tags out, send a differential one.",
            reason="NOTHING_TO_REMOVE",
        )
    if not full and not entries:
        raise InvalidArgument("A differential update changes at least one tag.", reason="NOTHING_TO_CHANGE")
    made: dict[str, LocalListEntry] = {}
    for entry in entries:
        id_token = parse_id_token(entry.id_token)
        if id_token in made:
            raise InvalidArgument(f"The tag {id_token} is named twice.", reason="DUPLICATE_TAG")
        parent = parse_id_token(entry.parent_id_token) if entry.parent_id_token else None
        made[id_token] = msgspec.structs.replace(entry, id_token=id_token, parent_id_token=parent)
    return tuple(made.values())
