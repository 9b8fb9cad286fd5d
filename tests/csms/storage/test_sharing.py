"""What only PostgreSQL can get wrong of shares; the rest is in tests/contracts/test_sharing.py."""

from __future__ import annotations

import pytest

from csms.domain.access import Role, ShareLevel
from csms.domain.errors import NotFound
from csms.domain.facts import RegistrationStatus
from csms.storage.access import PostgresAccess
from csms.storage.pool import Database
from csms.storage.sharing import PostgresSharing
from csms.storage.stations import PostgresStations

pytestmark = pytest.mark.postgres


async def test_it_is_told_what_is_missing_the_user_or_the_station(database: Database) -> None:
    sharing = PostgresSharing(database)
    station = (await PostgresStations(database).create("CP-SHARED", RegistrationStatus.ACCEPTED)).id
    user = await PostgresAccess(database).create_user("shared@example.org", "Shared", "hash", Role.EV_USER)
    with pytest.raises(NotFound) as refused:
        await sharing.share(station, 999_999, ShareLevel.VIEW)
    assert refused.value.reason == "USER_NOT_FOUND"
    with pytest.raises(NotFound) as refused:
        await sharing.share(999_999, user.id, ShareLevel.VIEW)
    assert refused.value.reason == "STATION_NOT_FOUND"


async def test_a_user_who_goes_takes_shares_and_groups_along_and_leaves_stations(database: Database) -> None:
    sharing = PostgresSharing(database)
    station = (await PostgresStations(database).create("CP-LEFT", RegistrationStatus.ACCEPTED)).id
    user = await PostgresAccess(database).create_user("going@example.org", "Going", "hash", Role.EV_USER)
    await sharing.set_owner(station, user.id)
    await sharing.share(station, user.id, ShareLevel.VIEW)
    group = await sharing.create_group(user.id, "Mine", "")
    await database.execute("DELETE FROM app_user WHERE id = $1", user.id)
    assert await sharing.owner_of(station) is None
    assert await sharing.shares_of(station) == []
    assert await sharing.find_group(group.id) is None
    assert station in await sharing.standings([station], None)
