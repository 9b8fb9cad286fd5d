"""Where it is kept whose a station is, with whom it is shared, and in which groups it is. All methods raise Unavailable
while the database is away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from csms.domain.access import ShareLevel


class Standing(msgspec.Struct, frozen=True):
    """Where a station stands and what somebody may do with it: `level` is MANAGE for its owner, None when it is not
    shared with them."""

    station_id: int
    place_id: int
    level: ShareLevel | None = None


class Person(msgspec.Struct, frozen=True):
    """A user, for those who share with them."""

    id: int
    email: str
    display_name: str


class Share(msgspec.Struct, frozen=True):
    """A station is shared with somebody."""

    station_id: int
    person: Person
    level: ShareLevel


class Group(msgspec.Struct, frozen=True):
    """A user's own choice of stations. `station_ids` in order."""

    id: int
    owner_id: int
    display_name: str
    description: str = ""
    station_ids: tuple[int, ...] = ()
    version: int = 1


class SharingStore(Protocol):
    """Shares, owners, groups, and the sites of site administrators."""

    async def standings(self, station_ids: Iterable[int], user_id: int | None) -> Mapping[int, Standing]:
        """Of those stations that exist, as far as this user is concerned."""

    async def stations_of(self, user_id: int) -> Sequence[Standing]:
        """All stations that the user owns or that are shared with them; `level` is never None."""

    async def sites_of(self, user_id: int) -> frozenset[int]:
        """The sites of a site administrator."""

    async def set_sites(self, user_id: int, site_ids: Iterable[int]) -> None:
        """These and no others. Raises NotFound for the user, and for a site that does not exist."""

    async def is_tag_of(self, user_id: int, id_token: str) -> bool:
        """Does this tag (in canonical spelling) belong to the user?"""

    # -- owners and shares -----------------------------------------------------------------------------------------

    async def find_person(self, email: str) -> Person | None:
        """Case does not matter."""

    async def owner_of(self, station_id: int) -> Person | None:
        """None: nobody's, or there is no such station."""

    async def set_owner(self, station_id: int, user_id: int | None) -> None:
        """None: nobody's. Raises NotFound."""

    async def shares_of(self, station_id: int) -> Sequence[Share]:
        """In the order of e-mails."""

    async def share(self, station_id: int, user_id: int, level: ShareLevel) -> Share:
        """Make it, or change its level. Raises NotFound."""

    async def unshare(self, station_id: int, user_id: int) -> None:
        """Raises NotFound/SHARE_NOT_FOUND."""

    # -- groups ----------------------------------------------------------------------------------------------------

    async def groups_of(self, owner_id: int) -> Sequence[Group]:
        """By name."""

    async def find_group(self, group_id: int) -> Group | None:
        """By id."""

    async def create_group(self, owner_id: int, display_name: str, description: str) -> Group:
        """Raises AlreadyExists/GROUP_NAME_TAKEN."""

    async def update_group(self, group_id: int, display_name: str, description: str, *, version: int | None) -> Group:
        """Raises NotFound, StaleVersion, AlreadyExists/GROUP_NAME_TAKEN."""

    async def delete_group(self, group_id: int) -> None:
        """Raises NotFound."""

    async def change_group(self, group_id: int, *, add: Iterable[int] = (), remove: Iterable[int] = ()) -> Group:
        """Stations that do not exist are left out. Raises NotFound."""
