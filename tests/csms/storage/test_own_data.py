"""What is kept of somebody beside the account, and what is left of it when they go."""

from __future__ import annotations

import json

import pytest

from csms.domain.access import Role
from csms.domain.errors import FailedPrecondition
from csms.storage.access import PostgresAccess
from csms.storage.own_data import PostgresOwnData
from csms.storage.pool import Database

pytestmark = pytest.mark.postgres

SESSION = """
INSERT INTO session (id, station_id_at_start, station_identity, logged_at, progress_at, evse_id, connector_id,
    transaction_id, id_token, authentication, state, energy_wh, power_w, max_power_w, stop_reason, flags,
    needs_reconciliation, meter_value_count, place_id)
VALUES ($1, 1, 'CP-1', now(), now(), 1, 1, $1::text, $2, 'tag', $3, 0, 0, 0, '', '{}', false, 0, 1)
"""


async def a_user_with_a_tag(database: Database) -> int:
    user = await PostgresAccess(database).create_user("eve@example.org", "Eve", "hash", Role.EV_USER)
    await database.execute("INSERT INTO id_token (id_token, user_id) VALUES ('04A1', $1), ('FFFF', NULL)", user.id)
    for number, tag, state in ((1, "04A1", "ENDED"), (2, "LOST", "ENDED"), (3, "FFFF", "ENDED")):
        await database.execute(SESSION.replace("$1::text", f"'{number}'"), number, tag, state)
    await database.execute("UPDATE session SET user_id = $1 WHERE id = 2", user.id)  # on a tag that they had once
    return user.id


@pytest.mark.feature("F-USR-3")
async def test_sessions_stay_and_nothing_tells_whose_they_were(database: Database) -> None:
    user_id = await a_user_with_a_tag(database)
    gone: list[str] = []
    own = PostgresOwnData(database, lambda token: gone.append(token.id_token))
    assert await own.tags_of([user_id]) == {user_id: ["04A1"]}
    parts: dict[str, list[dict[str, object]]] = {}
    async for section, part in own.sections(user_id):
        parts.setdefault(section, []).extend(json.loads(part))
    assert [tag["id_token"] for tag in parts["id_tokens"]] == ["04A1"]
    assert [session["id"] for session in parts["sessions"]] == [2]
    await own.forget(user_id)
    assert gone == ["04A1"]
    rows = await database.fetch("SELECT id_token, user_id FROM session ORDER BY id")
    assert [row["id_token"] for row in rows] == ["deleted-1", "deleted-2", "FFFF"]
    assert [row["user_id"] for row in rows] == [None, None, None]
    assert await own.tags_of([user_id]) == {}


@pytest.mark.feature("F-USR-3", "F-SES-5")
async def test_a_logbook_and_corrections_do_not_tell_either(database: Database) -> None:
    user_id = await a_user_with_a_tag(database)
    await database.execute("UPDATE session SET corrected_id_token = '04A1', vehicle_id = 'AB-12' WHERE id = 2")
    change = "INSERT INTO session_correction (session_id, field, before, after, actor, actor_name, at, reason)"
    for field in ("id_token", "vehicle_id", "energy_wh"):
        await database.execute(f"{change} VALUES (2, '{field}', 'x', 'y', 'users/{user_id}', 'Eve', now(), '')")
    await PostgresOwnData(database).forget(user_id)
    row = await database.fetchrow("SELECT shown_token, vehicle_id FROM session WHERE id = 2")
    assert row is not None
    assert tuple(row) == ("deleted-2", "")
    rows = await database.fetch("SELECT field, before, after, actor_name FROM session_correction ORDER BY id")
    assert [tuple(row) for row in rows] == [
        ("id_token", "", "", ""),
        ("vehicle_id", "", "", ""),
        ("energy_wh", "x", "y", ""),
    ]


async def test_a_session_that_goes_on_keeps_its_user(database: Database) -> None:
    user_id = await a_user_with_a_tag(database)
    await database.execute("UPDATE session SET state = 'ACTIVE' WHERE id = 2")
    with pytest.raises(FailedPrecondition):
        await PostgresOwnData(database).forget(user_id)
    assert await PostgresOwnData(database).tags_of([user_id]) == {user_id: ["04A1"]}
