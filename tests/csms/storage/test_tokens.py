"""What the contract cannot see of the tags in PostgreSQL."""

from __future__ import annotations

import pytest

from csms.domain.access import Role
from csms.domain.authorization import Token
from csms.storage.access import PostgresAccess
from csms.storage.pool import Database
from csms.storage.tokens import PostgresTokens
from tests.kit.records import T0

pytestmark = pytest.mark.postgres


async def test_every_field_survives_and_nul_does_not(database: Database) -> None:
    tokens = PostgresTokens(database)
    made = await tokens.create(Token(0, "TAG", "Va\0n", True, T0, "PAR\0ENT", True, "no\0te"))
    assert made.created_at is not None
    assert made == Token(made.id, "TAG", "Van", True, T0, "PARENT", True, "note", 1, made.created_at, made.updated_at)


LONG_AGO = """
ALTER TABLE id_token DISABLE TRIGGER id_token_changes;
UPDATE id_token SET changed_at = now() - interval '1 hour';
ALTER TABLE id_token ENABLE TRIGGER id_token_changes
"""


async def test_only_what_changed_is_read_again_also_by_way_of_its_user(database: Database) -> None:
    tokens, people = PostgresTokens(database), PostgresAccess(database)
    anna = await people.create_user("anna@example.org", "Anna", "x", Role.EV_USER)
    mine, other, third = await tokens.create_all([Token(0, "A", user_id=anna.id), Token(0, "B"), Token(0, "C")])
    await database.execute(LONG_AGO)
    at = (await tokens.load_changed(None)).at

    async def changed() -> list[str]:
        found = await tokens.load_changed(at)
        return [*sorted(each.id_token for each in found.tokens), *(f"-{each}" for each in found.gone)]

    assert await changed() == []
    await database.execute("UPDATE app_user SET last_sign_in_at = now()")
    assert await changed() == []
    await database.execute("UPDATE app_user SET blocked = true")
    assert await changed() == ["A"]
    assert (await tokens.load_changed(at)).tokens[0].user_blocked
    await tokens.update(Token(other.id, "B", blocked=True), version=None)
    await tokens.delete(third.id)
    assert await changed() == ["A", "B", "-C"]
    await database.execute(LONG_AGO)
    await database.execute("DELETE FROM app_user")  # the tag loses its user
    assert await changed() == ["A", "-C"]
    assert (await tokens.find(mine.id)) == (await tokens.load_changed(at)).tokens[0]
