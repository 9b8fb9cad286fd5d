"""Whose stations are, and with whom they are shared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from csms.domain.access import Action, Principal, ShareLevel
from csms.domain.errors import InvalidArgument, NotFound
from csms.ports.feed import Feed, Subject
from csms.ports.sharing import Person, Share, SharingStore
from csms.services.scopes import Scopes

MOST_AT_ONCE: Final = 1000
OFFERED: Final = (
    Action.OPERATE_STATIONS,
    Action.CONFIGURE_STATIONS,
    Action.EDIT_STATIONS,
    Action.SHARE_STATIONS,
    Action.ASSIGN_STATIONS,
    Action.ADMIT_STATIONS,
    Action.READ_STATION_SECRETS,
    Action.READ_MESSAGES,
    Action.READ_ALARMS,
)
"""What somebody asks about before it is offered to them."""


class Shares(msgspec.Struct, frozen=True):
    """Whose a station is, and all with whom it is shared, in the order of e-mails."""

    owner: Person | None
    shares: tuple[Share, ...]


class Sharing:
    """Use cases of people. All raise NotFound, PermissionDenied, and Unavailable while the database is away."""

    def __init__(self, store: SharingStore, scopes: Scopes, feed: Feed) -> None:
        self._store = store
        self._scopes = scopes
        self._feed = feed

    async def shares(self, caller: Principal, station_id: int) -> Shares:
        """For those who may manage the station."""
        await self._scopes.check_station(caller, Action.SHARE_STATIONS, station_id)
        found = await self._store.shares_of(station_id)
        owner = await self._store.owner_of(station_id)
        if owner is None and not found:
            await self._must_exist(station_id)
        return Shares(owner, tuple(found))

    async def access(self, caller: Principal, station_ids: Sequence[int]) -> dict[int, frozenset[Action]]:
        """What the caller may do with each of those that they see. Raises InvalidArgument for too many."""
        if len(station_ids) > MOST_AT_ONCE:
            raise InvalidArgument(f"Name at most {MOST_AT_ONCE} stations.", reason="TOO_MANY_STATIONS")
        return await self._scopes.access(caller, station_ids, OFFERED)

    async def keeps(self, caller: Principal) -> bool:
        """Is the caller a driver who owns a station, or manages one that is shared with them?"""
        return await self._scopes.keeps(caller)

    async def share(self, caller: Principal, station_id: int, email: str, level: ShareLevel) -> Share:
        """Let somebody see, operate or manage it; or change what they may."""
        await self._scopes.check_station(caller, Action.SHARE_STATIONS, station_id)
        person = await self._person(email)
        made = await self._store.share(station_id, person.id, level)
        self._feed.publish(Subject.STATION, station_id)
        return made

    async def unshare(self, caller: Principal, station_id: int, user_id: int) -> None:
        """Everybody may let go of what is shared with them."""
        action = Action.READ_STATIONS if user_id == caller.user_id else Action.SHARE_STATIONS
        await self._scopes.check_station(caller, action, station_id)
        await self._scopes.remember([station_id], user_ids=[user_id])
        await self._store.unshare(station_id, user_id)
        self._feed.publish(Subject.STATION, station_id)

    async def set_owner(self, caller: Principal, station_id: int, email: str) -> Person:
        """Assign the station to somebody."""
        await self._scopes.check_station(caller, Action.ASSIGN_STATIONS, station_id)
        person = await self._person(email)
        before = await self._store.owner_of(station_id)
        await self._scopes.remember([station_id], user_ids=[] if before is None else [before.id])
        await self._store.set_owner(station_id, person.id)
        self._feed.publish(Subject.STATION, station_id)
        return person

    async def release(self, caller: Principal, station_id: int) -> None:
        """Nobody's any more, and shared with nobody. For its owner, and for those who assign stations."""
        owner = await self._store.owner_of(station_id)
        mine = owner is not None and owner.id == caller.user_id
        action = Action.SHARE_STATIONS if mine else Action.ASSIGN_STATIONS
        await self._scopes.check_station(caller, action, station_id)
        shares = await self._store.shares_of(station_id)
        users = {share.person.id for share in shares} | ({owner.id} if owner is not None else set())
        await self._scopes.remember([station_id], user_ids=users)
        await self._store.set_owner(station_id, None)
        for share in shares:
            await self._unshare(share)
        self._feed.publish(Subject.STATION, station_id)

    async def _unshare(self, share: Share) -> None:
        try:
            await self._store.unshare(share.station_id, share.person.id)
        except NotFound:  # somebody else was faster
            return

    async def _person(self, email: str) -> Person:
        found = await self._store.find_person(email.strip())
        if found is None:
            raise NotFound(
                "There is no user with this e-mail address. Have an administrator invite them first.",
                reason="USER_NOT_FOUND",
            )
        return found

    async def _must_exist(self, station_id: int) -> None:
        if station_id not in await self._store.standings([station_id], None):
            raise NotFound(f"There is no station {station_id} (any more).", reason="STATION_NOT_FOUND")
