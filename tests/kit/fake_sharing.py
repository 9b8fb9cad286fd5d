"""SharingStore in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from csms.domain.access import ShareLevel, User
from csms.domain.errors import AlreadyExists, NotFound, StaleVersion
from csms.ports.sharing import Group, Person, Share, Standing
from tests.kit.fake_tables import FakeTables


class FakeSharing:
    """As PostgreSQL would. `users` gives all people; `sites` those of each."""

    def __init__(self, tables: FakeTables, users: Callable[[], Iterable[User]]) -> None:
        self._tables = tables
        self._users = users
        self.sites: dict[int, frozenset[int]] = {}
        self.owners: dict[int, int] = {}
        self.levels: dict[tuple[int, int], ShareLevel] = {}
        self._groups: dict[int, Group] = {}
        self._next = 1

    async def standings(self, station_ids: Iterable[int], user_id: int | None) -> Mapping[int, Standing]:
        self._tables.check()
        return {number: self._standing(number, user_id) for number in station_ids if number in self._tables.stations}

    async def stations_of(self, user_id: int) -> Sequence[Standing]:
        self._tables.check()
        found = (self._standing(number, user_id) for number in sorted(self._tables.stations))
        return [standing for standing in found if standing.level is not None]

    def _standing(self, station_id: int, user_id: int | None) -> Standing:
        level = None
        if user_id is not None:
            level = self.levels.get((station_id, user_id))
            if self.owners.get(station_id) == user_id:
                level = ShareLevel.MANAGE
        return Standing(station_id, self._tables.stations[station_id].place_id, level)

    async def sites_of(self, user_id: int) -> frozenset[int]:
        self._tables.check()
        return self.sites.get(user_id, frozenset())

    async def set_sites(self, user_id: int, site_ids: Iterable[int]) -> None:
        self._tables.check()
        wanted = frozenset(site_ids)
        if self._person(user_id) is None or not wanted <= self._tables.place_ids:
            raise NotFound("There is no such user, or no such site (any more).", reason="SITE_NOT_FOUND")
        self.sites[user_id] = wanted

    async def is_tag_of(self, user_id: int, id_token: str) -> bool:
        self._tables.check()
        return any(t.user_id == user_id and t.id_token == id_token for t in self._tables.tokens.values())

    async def find_person(self, email: str) -> Person | None:
        self._tables.check()
        return next((_of(user) for user in self._users() if user.email.lower() == email.lower()), None)

    async def owner_of(self, station_id: int) -> Person | None:
        self._tables.check()
        return self._person(self.owners[station_id]) if station_id in self.owners else None

    async def set_owner(self, station_id: int, user_id: int | None) -> None:
        self._station(station_id)
        if user_id is None:
            self.owners.pop(station_id, None)
            return
        self._user(user_id)
        self.owners[station_id] = user_id

    async def shares_of(self, station_id: int) -> Sequence[Share]:
        self._tables.check()
        found = [
            self._share(*key) for key in self.levels if key[0] == station_id and station_id in self._tables.stations
        ]
        return sorted(found, key=lambda share: share.person.email.lower())

    async def share(self, station_id: int, user_id: int, level: ShareLevel) -> Share:
        self._station(station_id)
        self._user(user_id)
        self.levels[station_id, user_id] = level
        return self._share(station_id, user_id)

    async def unshare(self, station_id: int, user_id: int) -> None:
        self._tables.check()
        if self.levels.pop((station_id, user_id), None) is None:
            raise NotFound("The station is not shared with this user (any more).", reason="SHARE_NOT_FOUND")

    async def groups_of(self, owner_id: int) -> Sequence[Group]:
        self._tables.check()
        found = [self._present(group) for group in self._groups.values() if group.owner_id == owner_id]
        return sorted(found, key=lambda group: group.display_name.lower())

    async def find_group(self, group_id: int) -> Group | None:
        self._tables.check()
        return self._present(self._groups[group_id]) if group_id in self._groups else None

    async def create_group(self, owner_id: int, display_name: str, description: str) -> Group:
        self._tables.check()
        self._user(owner_id)
        self._unique(owner_id, display_name, 0)
        made = self._groups[self._next] = Group(self._next, owner_id, display_name, description)
        self._next += 1
        return made

    async def update_group(self, group_id: int, display_name: str, description: str, *, version: int | None) -> Group:
        old = self._group(group_id)
        if version not in (None, old.version):
            raise StaleVersion("The group has been changed meanwhile. Reload it and try again.")
        self._unique(old.owner_id, display_name, group_id)
        self._groups[group_id] = msgspec.structs.replace(
            old, display_name=display_name, description=description, version=old.version + 1
        )
        return self._present(self._groups[group_id])

    async def delete_group(self, group_id: int) -> None:
        self._group(group_id)
        del self._groups[group_id]

    async def change_group(self, group_id: int, *, add: Iterable[int] = (), remove: Iterable[int] = ()) -> Group:
        old = self._group(group_id)
        members = ({*old.station_ids, *add} & set(self._tables.stations)) - set(remove)
        self._groups[group_id] = msgspec.structs.replace(old, station_ids=tuple(sorted(members)))
        return self._groups[group_id]

    # -- inside ----------------------------------------------------------------------------------------------------

    def _present(self, group: Group) -> Group:
        there = tuple(number for number in group.station_ids if number in self._tables.stations)
        return msgspec.structs.replace(group, station_ids=there)

    def _person(self, user_id: int) -> Person | None:
        return next((_of(user) for user in self._users() if user.id == user_id), None)

    def _share(self, station_id: int, user_id: int) -> Share:
        return Share(station_id, self._user(user_id), self.levels[station_id, user_id])

    def _user(self, user_id: int) -> Person:
        found = self._person(user_id)
        if found is None:
            raise NotFound(f"There is no user {user_id} (any more).", reason="USER_NOT_FOUND")
        return found

    def _station(self, station_id: int) -> None:
        self._tables.check()
        if station_id not in self._tables.stations:
            raise NotFound(f"There is no station {station_id} (any more).", reason="STATION_NOT_FOUND")

    def _group(self, group_id: int) -> Group:
        self._tables.check()
        if group_id not in self._groups:
            raise NotFound(f"There is no group {group_id} (any more).", reason="GROUP_NOT_FOUND")
        return self._groups[group_id]

    def _unique(self, owner_id: int, display_name: str, but: int) -> None:
        for group in self._groups.values():
            same = group.owner_id == owner_id and group.display_name.lower() == display_name.lower()
            if same and group.id != but:
                raise AlreadyExists(
                    "You have a group of that name already. Give another name.", reason="GROUP_NAME_TAKEN"
                )


def _of(user: User) -> Person:
    return Person(user.id, user.email, user.display_name)
