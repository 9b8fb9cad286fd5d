"""What changed while nobody could be told."""

from __future__ import annotations

import pytest

from csms.domain.facts import RegistrationStatus
from csms.storage.missed import PostgresMissed
from csms.storage.pool import Database
from csms.storage.stations import PostgresStations

pytestmark = pytest.mark.postgres

LONG_AGO = "UPDATE station SET updated_at = now() - interval '1 day' WHERE id = ANY($1::bigint[])"
SESSION = """
INSERT INTO session (
    id, station_id, station_id_at_start, station_identity, logged_at, progress_at, evse_id, connector_id,
    transaction_id, id_token, authentication, state, energy_wh, power_w, max_power_w, stop_reason, flags,
    needs_reconciliation, meter_value_count)
VALUES ($1, $2, $2, 'CP', now(), now(), 1, 1, $1::text, '', '', $3, 0, 0, 0, '', '{}', false, 0)
"""


async def test_stations_that_people_changed_or_deleted_are_found(database: Database) -> None:
    stations, missed = PostgresStations(database), PostgresMissed(database)
    rows = [await stations.create(f"CP-{number}", RegistrationStatus.ACCEPTED) for number in range(3)]
    ids = [row.id for row in rows]
    await database.execute(LONG_AGO, ids)
    assert await missed.stations_changed(ids, within_s=300) == []
    await stations.set_registration(ids[0], RegistrationStatus.REJECTED)
    await stations.delete(ids[1])
    assert sorted(await missed.stations_changed(ids, within_s=300)) == ids[:2]
    assert await missed.stations_changed([], within_s=300) == []


async def test_sessions_that_were_ended_are_found_and_those_not_yet_written_are_none(database: Database) -> None:
    station = (await PostgresStations(database).create("CP-1", RegistrationStatus.ACCEPTED)).id
    for session_id, state in ((1, "ACTIVE"), (2, "ENDED")):
        await database.execute(SESSION.replace("$1::text", f"'{session_id}'"), session_id, station, state)
    assert await PostgresMissed(database).sessions_ended([1, 2, 3]) == [2]
