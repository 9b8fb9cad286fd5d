"""The book of reservations on PostgreSQL: what memory cannot show (the rest is in tests/contracts)."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
import trio

from csms.domain.facts import RegistrationStatus
from csms.domain.reservation import MAX_RESERVATION_ID, OPEN, ReservationState
from csms.ports.reservations import ReservationDraft
from csms.storage.pool import Database
from csms.storage.stations import PostgresStations
from csms.storage.waiting import PostgresReservationBook
from tests.kit.records import T0

pytestmark = pytest.mark.postgres


HOUR = timedelta(hours=1)


async def a_draft(database: Database) -> ReservationDraft:
    station = await PostgresStations(database).create("CP-1", RegistrationStatus.ACCEPTED)
    return ReservationDraft(station.id, "TAG", T0, T0 + HOUR)


async def test_numbers_end_where_31_bits_do(database: Database) -> None:
    store, draft = PostgresReservationBook(database), await a_draft(database)
    await database.execute(f"ALTER SEQUENCE reservation_id_seq RESTART {MAX_RESERVATION_ID}")
    last = await store.create(draft, T0)
    assert last.id == MAX_RESERVATION_ID
    assert await store.find(MAX_RESERVATION_ID) == last
    with pytest.raises(Exception, match="reservation_id_seq"):
        await store.create(msgspec.structs.replace(draft, starts_at=draft.expires_at, expires_at=T0 + 2 * HOUR), T0)


async def test_of_many_who_end_it_at_once_one_does(database: Database) -> None:
    store, draft = PostgresReservationBook(database), await a_draft(database)
    made = await store.create(draft, T0)
    ended: list[ReservationState] = []

    async def end(state: ReservationState) -> None:
        if await store.change(made.id, state, T0, only_from=OPEN) is not None:
            ended.append(state)

    async with trio.open_nursery() as nursery:
        for state in (ReservationState.CANCELED, ReservationState.USED, ReservationState.REMOVED):
            nursery.start_soon(end, state)
    found = await store.find(made.id)
    assert found is not None
    assert ended == [found.state]
