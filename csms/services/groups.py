"""Groups: people's own choices of stations, by which everything that they see can be narrowed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from csms.domain.access import Action, Principal, check
from csms.domain.errors import Exhausted, FailedPrecondition, InvalidArgument, NotFound
from csms.ports.feed import Feed, Subject
from csms.ports.sharing import Group, SharingStore
from csms.services.scopes import Scopes

EDITABLE: Final = ("display_name", "description")
MAX_NAME, MAX_TEXT, MAX_GROUPS, MAX_STATIONS = 200, 4_000, 200, 1_000


class Groups:
    """Use cases of people. All raise FailedPrecondition/NOT_A_PERSON for API keys, NotFound for a group that is not the
    caller's, and Unavailable while the database is away. A group that is shown has only what the caller may see."""

    def __init__(self, store: SharingStore, scopes: Scopes, feed: Feed) -> None:
        self._store = store
        self._scopes = scopes
        self._feed = feed

    async def all(self, caller: Principal) -> Sequence[Group]:
        """By name."""
        return [await self._shown(caller, group) for group in await self._store.groups_of(_owner(caller))]

    async def create(self, caller: Principal, display_name: str, description: str) -> Group:
        """Raises InvalidArgument, AlreadyExists, Exhausted."""
        owner = _owner(caller)
        texts = _checked(display_name, description)
        if len(await self._store.groups_of(owner)) >= MAX_GROUPS:
            raise Exhausted(f"You have {MAX_GROUPS} groups already. Remove one first.", reason="TOO_MANY_GROUPS")
        return await self._store.create_group(owner, *texts)

    async def update(
        self, caller: Principal, group_id: int, changes: dict[str, str], *, version: int | None = None
    ) -> Group:
        """Change some of EDITABLE. Raises InvalidArgument, AlreadyExists, StaleVersion."""
        old = await self._own(caller, group_id)
        texts = _checked(changes.get("display_name", old.display_name), changes.get("description", old.description))
        return await self._shown(caller, await self._store.update_group(group_id, *texts, version=version))

    async def delete(self, caller: Principal, group_id: int) -> None:
        """Its stations stay."""
        await self._own(caller, group_id)
        await self._store.delete_group(group_id)

    async def add(self, caller: Principal, group_id: int, station_ids: Sequence[int]) -> Group:
        """Raises InvalidArgument, and NotFound for a station that the caller does not see."""
        _check_count(station_ids)
        group = await self._own(caller, group_id)
        if len({*group.station_ids, *station_ids}) > MAX_STATIONS:
            raise InvalidArgument(f"A group holds up to {MAX_STATIONS} stations.", reason="INVALID_STATIONS")
        unnarrowed = msgspec.structs.replace(caller, group_id=None)
        await self._scopes.check_stations(unnarrowed, Action.READ_STATIONS, station_ids)
        changed = await self._store.change_group(group_id, add=station_ids)
        self._feed.publish(Subject.FIGURES)
        return await self._shown(caller, changed)

    async def remove(self, caller: Principal, group_id: int, station_ids: Sequence[int]) -> Group:
        """Raises InvalidArgument."""
        _check_count(station_ids)
        await self._own(caller, group_id)
        changed = await self._store.change_group(group_id, remove=station_ids)
        self._feed.publish(Subject.FIGURES)
        return await self._shown(caller, changed)

    async def _own(self, caller: Principal, group_id: int) -> Group:
        owner = _owner(caller)
        found = await self._store.find_group(group_id)
        if found is None or found.owner_id != owner:
            raise NotFound(f"You have no group {group_id} (any more).", reason="GROUP_NOT_FOUND")
        return found

    async def _shown(self, caller: Principal, group: Group) -> Group:
        unnarrowed = msgspec.structs.replace(caller, group_id=None)
        seen = await self._scopes.seen_stations(unnarrowed, group.station_ids)
        return msgspec.structs.replace(group, station_ids=tuple(n for n in group.station_ids if n in seen))


def _owner(caller: Principal) -> int:
    check(caller, Action.OWN_ACCOUNT)
    if caller.user_id is None:
        raise FailedPrecondition(
            "An API key has no groups. Narrow its lists by a place, or name the stations.", reason="NOT_A_PERSON"
        )
    return caller.user_id


def _checked(display_name: str, description: str) -> tuple[str, str]:
    display_name, description = display_name.strip(), description.strip()
    if not 0 < len(display_name) <= MAX_NAME or not display_name.isprintable():
        raise InvalidArgument(f"Give the group a name of 1 to {MAX_NAME} characters.", reason="INVALID_NAME")
    if len(description) > MAX_TEXT:
        raise InvalidArgument(f"A description has at most {MAX_TEXT} characters.", reason="TEXT_TOO_LONG")
    return display_name, description


def _check_count(station_ids: Iterable[int]) -> None:
    if not 0 < len(list(station_ids)) <= MAX_STATIONS:
        raise InvalidArgument(f"Name 1 to {MAX_STATIONS} stations.", reason="INVALID_STATIONS")
