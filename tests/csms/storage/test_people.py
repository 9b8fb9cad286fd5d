"""What only PostgreSQL can do wrong with people: two at once. The rest: tests/contracts/test_people.py."""

from __future__ import annotations

import pytest
import trio

from csms.domain.access import Role
from csms.domain.errors import FailedPrecondition
from csms.domain.people import Preferences
from csms.storage.access import PostgresAccess
from csms.storage.people import PostgresPeople
from csms.storage.pool import Database

pytestmark = pytest.mark.postgres


async def test_two_administrators_who_remove_each_other_do_not_both_succeed(database: Database) -> None:
    people, access = PostgresPeople(database), PostgresAccess(database)
    ids = [
        (await access.create_user(f"{number}@example.org", "Root", "hash", Role.ADMINISTRATOR)).id
        for number in range(2)
    ]
    refused: list[str] = []

    async def remove(user_id: int) -> None:
        try:
            await people.delete(user_id)
        except FailedPrecondition as error:
            refused.append(error.reason)

    async with trio.open_nursery() as nursery:
        for user_id in ids:
            nursery.start_soon(remove, user_id)
    assert refused == ["LAST_ADMINISTRATOR"]


async def test_settings_of_another_version_are_the_usual_ones(database: Database) -> None:
    people, access = PostgresPeople(database), PostgresAccess(database)
    user = await access.create_user("a@example.org", "A", "hash", Role.SUPPORT)
    await database.execute("""UPDATE app_user SET preferences = '{"theme":"pink"}'""")
    assert await people.preferences(user.id) == Preferences()
