"""What the contract cannot see of the tags in PostgreSQL."""

from __future__ import annotations

import pytest

from csms.domain.authorization import Token
from csms.storage.pool import Database
from csms.storage.tokens import PostgresTokens
from tests.kit.records import T0

pytestmark = pytest.mark.postgres


async def test_every_field_survives_and_nul_does_not(database: Database) -> None:
    tokens = PostgresTokens(database)
    made = await tokens.create(Token(0, "TAG", "Va\0n", True, T0, "PAR\0ENT", True, "no\0te"))
    assert made.created_at is not None
    assert made == Token(made.id, "TAG", "Van", True, T0, "PARENT", True, "note", 1, made.created_at, made.updated_at)
