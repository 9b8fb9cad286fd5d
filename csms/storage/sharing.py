"""Owners, shares, groups, and the sites of site administrators."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import asyncpg

from csms.domain.access import ShareLevel
from csms.domain.errors import AlreadyExists, NotFound, StaleVersion
from csms.ports.sharing import Group, Person, Share, Standing
from csms.storage.pool import Database
from csms.storage.text import clean, fits_bigint

__all__ = ["PostgresSharing"]

STANDINGS_SQL = """
SELECT station.id, station.place_id, CASE WHEN owner_id = $2 THEN 'manage' ELSE level END AS level
FROM station LEFT JOIN station_share AS share ON share.station_id = station.id AND share.user_id = $2
WHERE station.id = ANY($1::bigint[])
"""
STATIONS_OF_SQL = """
SELECT id, place_id, 'manage' AS level FROM station WHERE owner_id = $1
UNION ALL
SELECT id, place_id, level FROM station_share JOIN station ON station.id = station_id
WHERE user_id = $1 AND owner_id IS DISTINCT FROM $1
ORDER BY id
"""
SITES_SQL = "SELECT place_id FROM user_site WHERE user_id = $1"
SET_SITES_SQL = """
WITH gone AS (DELETE FROM user_site WHERE user_id = $1 AND NOT place_id = ANY($2::bigint[]))
INSERT INTO user_site (user_id, place_id) SELECT $1::bigint, unnest($2::bigint[]) ON CONFLICT DO NOTHING
"""
TAG_OF_SQL = "SELECT EXISTS (SELECT FROM id_token WHERE user_id = $1 AND id_token = $2)"
FIND_PERSON_SQL = "SELECT id, email, display_name FROM app_user WHERE lower(email) = lower($1)"
OWNER_SQL = """
SELECT app_user.id, email, app_user.display_name FROM station JOIN app_user ON app_user.id = owner_id
WHERE station.id = $1
"""
SET_OWNER_SQL = "UPDATE station SET owner_id = $2, updated_at = now() WHERE id = $1 RETURNING id"
SHARES_SQL = """
SELECT station_id, user_id AS id, email, display_name, level
FROM station_share JOIN app_user ON app_user.id = user_id WHERE station_id = $1 ORDER BY lower(email), user_id
"""
SHARE_SQL = """
WITH made AS (
    INSERT INTO station_share (station_id, user_id, level) VALUES ($1, $2, $3)
    ON CONFLICT (station_id, user_id) DO UPDATE SET level = excluded.level RETURNING *)
SELECT station_id, user_id AS id, email, display_name, level FROM made JOIN app_user ON app_user.id = user_id
"""
UNSHARE_SQL = "DELETE FROM station_share WHERE station_id = $1 AND user_id = $2 RETURNING station_id"

_GROUP = """
SELECT g.*, ARRAY(SELECT station_id FROM station_group_member AS m WHERE m.group_id = g.id ORDER BY 1) AS station_ids
"""
GROUPS_SQL = f"{_GROUP} FROM station_group AS g WHERE owner_id = $1 ORDER BY lower(display_name), id"
FIND_GROUP_SQL = f"{_GROUP} FROM station_group AS g WHERE id = $1"
CREATE_GROUP_SQL = """
INSERT INTO station_group (owner_id, display_name, description) VALUES ($1, $2, $3) RETURNING id
"""
UPDATE_GROUP_SQL = """
UPDATE station_group SET display_name = $2, description = $3, version = version + 1, updated_at = now()
WHERE id = $1 AND ($4::integer IS NULL OR version = $4) RETURNING id
"""
DELETE_GROUP_SQL = "DELETE FROM station_group WHERE id = $1 RETURNING id"
JOIN_GROUP_SQL = """
INSERT INTO station_group_member (group_id, station_id)
SELECT $1::bigint, id FROM station WHERE id = ANY($2::bigint[]) ON CONFLICT DO NOTHING
"""
LEAVE_GROUP_SQL = "DELETE FROM station_group_member WHERE group_id = $1 AND station_id = ANY($2::bigint[])"


class PostgresSharing:
    """csms.ports.sharing.SharingStore on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def standings(self, station_ids: Iterable[int], user_id: int | None) -> Mapping[int, Standing]:
        """Of those stations that exist, as far as this user is concerned."""
        ids = [number for number in station_ids if fits_bigint(number)]
        return {row["id"]: _standing(row) for row in await self._database.fetch(STANDINGS_SQL, ids, user_id)}

    async def stations_of(self, user_id: int) -> Sequence[Standing]:
        """All stations that the user owns or that are shared with them."""
        return [_standing(row) for row in await self._database.fetch(STATIONS_OF_SQL, user_id)]

    async def sites_of(self, user_id: int) -> frozenset[int]:
        """The sites of a site administrator."""
        return frozenset(row["place_id"] for row in await self._database.fetch(SITES_SQL, user_id))

    async def set_sites(self, user_id: int, site_ids: Iterable[int]) -> None:
        """See `SharingStore.set_sites`."""
        ids = sorted(set(site_ids))
        if not fits_bigint(user_id) or not all(fits_bigint(number) for number in ids):
            raise _no_user_or_site()
        try:
            await self._database.execute(SET_SITES_SQL, user_id, ids)
        except asyncpg.ForeignKeyViolationError as error:
            raise _no_user_or_site() from error

    async def is_tag_of(self, user_id: int, id_token: str) -> bool:
        """Does this tag belong to the user?"""
        return bool(await self._database.fetchval(TAG_OF_SQL, user_id, clean(id_token)))

    # -- owners and shares -----------------------------------------------------------------------------------------

    async def find_person(self, email: str) -> Person | None:
        """Case does not matter."""
        return _person(await self._database.fetchrow(FIND_PERSON_SQL, clean(email)))

    async def owner_of(self, station_id: int) -> Person | None:
        """None: nobody's, or there is no such station."""
        return _person(await self._database.fetchrow(OWNER_SQL, station_id)) if fits_bigint(station_id) else None

    async def set_owner(self, station_id: int, user_id: int | None) -> None:
        """See `SharingStore.set_owner`."""
        try:
            found = await self._database.fetchval(SET_OWNER_SQL, station_id, user_id) if fits_bigint(station_id) else 0
        except asyncpg.ForeignKeyViolationError as error:
            raise _no_user(user_id) from error
        if not found:
            raise _no_station(station_id)

    async def shares_of(self, station_id: int) -> Sequence[Share]:
        """In the order of e-mails."""
        if not fits_bigint(station_id):
            return []
        return [_share(row) for row in await self._database.fetch(SHARES_SQL, station_id)]

    async def share(self, station_id: int, user_id: int, level: ShareLevel) -> Share:
        """See `SharingStore.share`."""
        if not fits_bigint(station_id):
            raise _no_station(station_id)
        try:
            row = await self._database.fetchrow(SHARE_SQL, station_id, user_id, level)
        except asyncpg.ForeignKeyViolationError as error:
            if error.constraint_name == "station_share_user_id_fkey":
                raise _no_user(user_id) from error
            raise _no_station(station_id) from error
        if row is None:
            raise _no_user(user_id)
        return _share(row)

    async def unshare(self, station_id: int, user_id: int) -> None:
        """See `SharingStore.unshare`."""
        known = fits_bigint(station_id) and fits_bigint(user_id)
        if not known or not await self._database.fetchval(UNSHARE_SQL, station_id, user_id):
            raise NotFound("The station is not shared with this user (any more).", reason="SHARE_NOT_FOUND")

    # -- groups ----------------------------------------------------------------------------------------------------

    async def groups_of(self, owner_id: int) -> Sequence[Group]:
        """By name."""
        return [_group(row) for row in await self._database.fetch(GROUPS_SQL, owner_id)]

    async def find_group(self, group_id: int) -> Group | None:
        """By id."""
        row = await self._database.fetchrow(FIND_GROUP_SQL, group_id) if fits_bigint(group_id) else None
        return None if row is None else _group(row)

    async def create_group(self, owner_id: int, display_name: str, description: str) -> Group:
        """See `SharingStore.create_group`."""
        return await self._must(await self._write(CREATE_GROUP_SQL, owner_id, clean(display_name), clean(description)))

    async def update_group(self, group_id: int, display_name: str, description: str, *, version: int | None) -> Group:
        """See `SharingStore.update_group`."""
        await self._must(group_id)
        texts = clean(display_name), clean(description)
        if not await self._write(UPDATE_GROUP_SQL, group_id, *texts, version):
            raise StaleVersion("The group has been changed meanwhile. Reload it and try again.")
        return await self._must(group_id)

    async def delete_group(self, group_id: int) -> None:
        """See `SharingStore.delete_group`."""
        if not fits_bigint(group_id) or not await self._database.fetchval(DELETE_GROUP_SQL, group_id):
            raise _no_group(group_id)

    async def change_group(self, group_id: int, *, add: Iterable[int] = (), remove: Iterable[int] = ()) -> Group:
        """See `SharingStore.change_group`."""
        await self._must(group_id)
        try:
            await self._database.execute(JOIN_GROUP_SQL, group_id, [each for each in add if fits_bigint(each)])
        except asyncpg.ForeignKeyViolationError as error:
            raise _no_group(group_id) from error
        await self._database.execute(LEAVE_GROUP_SQL, group_id, [each for each in remove if fits_bigint(each)])
        return await self._must(group_id)

    async def _write(self, sql: str, *values: object) -> int:
        try:
            return int(await self._database.fetchval(sql, *values) or 0)
        except asyncpg.UniqueViolationError as error:
            raise AlreadyExists(
                "You have a group of that name already. Give another name.", reason="GROUP_NAME_TAKEN"
            ) from error
        except asyncpg.ForeignKeyViolationError as error:
            raise NotFound("You have no account any more.", reason="USER_NOT_FOUND") from error

    async def _must(self, group_id: int) -> Group:
        found = await self.find_group(group_id)
        if found is None:
            raise _no_group(group_id)
        return found


def _standing(row: asyncpg.Record) -> Standing:
    return Standing(row["id"], row["place_id"], None if row["level"] is None else ShareLevel(row["level"]))


def _person(row: asyncpg.Record | None) -> Person | None:
    return None if row is None else Person(row["id"], row["email"], row["display_name"])


def _share(row: asyncpg.Record) -> Share:
    return Share(row["station_id"], Person(row["id"], row["email"], row["display_name"]), ShareLevel(row["level"]))


def _group(row: asyncpg.Record) -> Group:
    stations = tuple(row["station_ids"])
    return Group(row["id"], row["owner_id"], row["display_name"], row["description"], stations, row["version"])


def _no_station(station_id: int) -> NotFound:
    return NotFound(f"There is no station {station_id} (any more).", reason="STATION_NOT_FOUND")


def _no_user(user_id: int | None) -> NotFound:
    return NotFound(f"There is no user {user_id} (any more).", reason="USER_NOT_FOUND")


def _no_group(group_id: int) -> NotFound:
    return NotFound(f"There is no group {group_id} (any more).", reason="GROUP_NOT_FOUND")


def _no_user_or_site() -> NotFound:
    return NotFound("There is no such user, or no such site (any more).", reason="SITE_NOT_FOUND")
