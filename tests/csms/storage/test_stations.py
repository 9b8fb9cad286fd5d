"""What the contract of the stores cannot see of the stations in PostgreSQL."""

from __future__ import annotations

import asyncpg
import pytest
import trio

from csms.domain.errors import StaleVersion
from csms.domain.facts import RegistrationStatus
from csms.storage.pool import Database
from csms.storage.station_lists import PostgresStationQueries
from csms.storage.stations import PostgresStations

pytestmark = pytest.mark.postgres


async def test_many_stations_cost_no_more_statements_than_one(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    stations = PostgresStations(database)
    ids = [(await stations.create(f"CP-{n}", RegistrationStatus.ACCEPTED)).id for n in range(50)]
    asked: list[str] = []
    fetch = asyncpg.Connection.fetch

    async def counting(self: asyncpg.Connection, sql: str, *args: object, **kwargs: object) -> object:
        asked.append(sql)
        return await fetch(self, sql, *args, **kwargs)

    monkeypatch.setattr(asyncpg.Connection, "fetch", counting)
    assert len(await PostgresStationQueries(database).get_stations(ids)) == 50
    assert len(asked) <= 3


async def test_of_two_edits_at_once_of_the_same_version_one_is_stale(database: Database) -> None:
    stations = PostgresStations(database)
    station = (await stations.create("CP-1", RegistrationStatus.ACCEPTED)).id
    stale: list[str] = []

    async def edit(name: str) -> None:
        try:
            await stations.update(station, {"display_name": name}, version=1)
        except StaleVersion:
            stale.append(name)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(edit, "A")
        nursery.start_soon(edit, "B")
    assert len(stale) == 1
