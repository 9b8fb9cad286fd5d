"""Corrections, closures, logbooks and orders of sessions, on the fakes and on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
import pytest

from csms.aio import open_door
from csms.domain.authorization import Token
from csms.domain.errors import InvalidArgument, NotFound
from csms.domain.facts import ConnectorStatus, RegistrationStatus
from csms.domain.records import CableRecord, LinkRecord, Record, SessionRecord, StatusRecord
from csms.domain.session_changes import Change, Corrections, Logbook
from csms.domain.transaction import Flag, SessionState, Transaction
from csms.ports.queries import (
    LogbookState,
    SessionFilter,
    SessionOrder,
    SessionPosition,
    SessionQueries,
    SessionView,
    Sorting,
    Span,
    Times,
)
from csms.ports.session_changes import SessionChanges, WaitingLogbook
from csms.ports.stores import StationStore, TokenStore
from csms.storage.pool import Database, open_database
from csms.storage.records import write
from csms.storage.session_changes import PostgresSessionChanges
from csms.storage.session_lists import PostgresSessionQueries
from csms.storage.stations import PostgresStations
from csms.storage.tokens import PostgresTokens
from tests.kit.fake_queries import FakeSessionQueries
from tests.kit.fake_session_changes import FakeSessionChanges
from tests.kit.fake_stores import FakeStations, FakeTokens
from tests.kit.fake_tables import FakeTables
from tests.kit.records import T0, a_transaction, after

NO_ONE = Corrections()


@dataclass
class Desk:
    """What the contract is about, and how records get in."""

    changes: SessionChanges
    queries: SessionQueries
    stations: StationStore
    tokens: TokenStore
    tables: FakeTables | None
    database: Database | None

    async def write(self, *records: Record) -> None:
        if self.tables is not None:
            self.tables.write(list(records))
        elif self.database is not None:
            await self.database.transaction(write, list(records))

    async def station(self, identity: str = "CP-1") -> int:
        return (await self.stations.create(identity, RegistrationStatus.ACCEPTED)).id

    async def ended(self, number: int, station: int, *, minutes: float = 60, wh: float = 5_000.0) -> Transaction:
        """A session that began `number` hours after T0."""
        t = started(number, station)
        at = T0 + timedelta(hours=number, minutes=minutes)
        t.end(at, wh, "Local", at)
        await self.write(SessionRecord(t))
        return t

    async def view_of(self, number: int) -> SessionView:
        (view,) = await self.queries.get_sessions([number])
        return view


def started(number: int, station: int) -> Transaction:
    t = a_transaction(number, station)
    begin = T0 + timedelta(hours=number)
    t.started_at = t.logged_at = t.progress_at = begin
    t.evse_id = 1
    t.register.read(0.0, begin)
    t.meter_start_wh = 0.0
    return t


@asynccontextmanager
async def fakes() -> AsyncIterator[Desk]:
    tables = FakeTables()
    yield Desk(
        FakeSessionChanges(tables), FakeSessionQueries(tables), FakeStations(tables), FakeTokens(tables), tables, None
    )


@asynccontextmanager
async def postgres(url: str) -> AsyncIterator[Desk]:
    async with open_door() as door, open_database(door, url, max_size=3) as database:
        yield Desk(
            PostgresSessionChanges(database),
            PostgresSessionQueries(database),
            PostgresStations(database),
            PostgresTokens(database),
            None,
            database,
        )


@pytest.fixture(params=["fake", pytest.param("postgres", marks=pytest.mark.postgres)])
async def desk(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    made = fakes() if request.param == "fake" else postgres(request.getfixturevalue("database_url"))
    async with made as desk:
        yield desk


def change(field: str, before: str = "", to: str = "", reason: str = "the meter was wrong") -> Change:
    return Change(field, before, to, "users/1", "Ada", T0, reason)


@pytest.mark.feature("F-SES-8")
async def test_what_the_station_tells_later_overwrites_no_correction(desk: Desk) -> None:
    station = await desk.station()
    t = await desk.ended(1, station)
    right = Corrections(4_000.0, after(60), after(4_000), "OTHER")
    assert await desk.changes.correct(1, right, None, [change("energy_wh", "5000", "4000")], NO_ONE)
    t.register.read(6_000.0, T0 + timedelta(hours=3))
    t.stopped_at, t.progress_at = T0 + timedelta(hours=3), T0 + timedelta(hours=3)
    await desk.write(SessionRecord(t))
    view = await desk.view_of(1)
    assert (view.energy_wh, view.began_at, view.ended_at, view.id_token) == (4_000.0, after(60), after(4_000), "OTHER")
    assert (view.transaction.energy_wh, view.transaction.stopped_at) == (6_000.0, T0 + timedelta(hours=3))
    assert view.corrections.fields == ("energy_wh", "start_time", "stop_time", "id_token")
    assert (await desk.queries.summarize_sessions(SessionFilter())).energy_wh == 4_000.0
    assert [c.after for c in await desk.changes.changes(1)] == ["4000"]
    assert [
        v.transaction.id for v in await desk.queries.page_sessions(SessionFilter(id_token="other"), size=9, after=None)
    ] == [1]


@pytest.mark.feature("F-SES-8")
async def test_of_two_who_correct_at_once_the_second_looks_again(desk: Desk) -> None:
    station = await desk.station()
    await desk.ended(1, station)
    right = Corrections(energy_wh=1.0)
    assert await desk.changes.correct(1, right, None, [change("energy_wh")], NO_ONE)
    assert not await desk.changes.correct(1, Corrections(energy_wh=2.0), None, [change("energy_wh")], NO_ONE)
    assert await desk.changes.correct(1, NO_ONE, None, [change("energy_wh")], right)
    await desk.write(SessionRecord(started(2, station)))
    assert not await desk.changes.correct(2, right, None, [], NO_ONE)
    assert not await desk.changes.correct(99, right, None, [], NO_ONE)


@pytest.mark.feature("F-SES-8")
async def test_a_closed_session_ends_with_its_last_value_until_its_own_end_comes(desk: Desk) -> None:
    station = await desk.station()
    t = started(1, station)
    t.register.read(2_500.0, after(7_200))
    t.last_meter_at = after(7_200)
    await desk.write(SessionRecord(t))
    assert await desk.changes.close(1, msgspec.structs.replace(change("state"), at=after(9_000), reason="gone"))
    assert not await desk.changes.close(1, change("state"))
    view = await desk.view_of(1)
    assert (view.transaction.state, view.ended_at, view.energy_wh) == (SessionState.ENDED, after(7_200), 2_500.0)
    assert view.transaction.flags == (Flag.CLOSED_BY_SERVER,)
    assert view.closure is not None
    assert (view.closure.reason, view.closure.by, view.overruled) == ("gone", "users/1", False)
    t.progress_at = after(8_000)  # a value on its way does not open it again
    await desk.write(SessionRecord(t))
    assert (await desk.view_of(1)).transaction.state is SessionState.ENDED
    t.end(after(10_000), 3_000.0, "Local", after(20_000))
    await desk.write(SessionRecord(t))
    view = await desk.view_of(1)
    assert (view.ended_at, view.energy_wh, view.transaction.flags, view.overruled) == (after(10_000), 3_000.0, (), True)


@pytest.mark.feature("F-SES-8")
async def test_lost_sessions_are_found_and_those_that_live_are_not(desk: Desk) -> None:
    gone, free, busy = [await desk.station(f"CP-{n}") for n in range(3)]
    now = T0 + timedelta(hours=24)
    for number, station in enumerate((gone, free, busy), 1):
        online = station is not gone
        await desk.write(LinkRecord(station, True, T0, 1))
        if not online:
            await desk.write(LinkRecord(station, False, T0, 1))
        status = ConnectorStatus.AVAILABLE if station == free else ConnectorStatus.CHARGING
        await desk.write(StatusRecord(station, 1, 1, status, "NoError", "", "", "", T0, T0))
        await desk.write(SessionRecord(started(number, station)))
    hour = 3_600.0
    found = await desk.changes.lost(now, offline_for=hour, available_for=hour, size=9)
    assert [(lost.session_id, lost.reason) for lost in found] == [(1, "OFFLINE"), (2, "CONNECTOR_FREE")]
    assert await desk.changes.lost(now, offline_for=None, available_for=None, size=9) == []
    assert await desk.changes.lost(now, offline_for=48 * hour, available_for=48 * hour, size=9) == []
    await desk.write(SessionRecord(started(9, busy)))
    assert [lost.reason for lost in await desk.changes.lost(now, offline_for=None, available_for=None, size=9)] == [
        "ANOTHER_BEGAN"
    ]
    await desk.stations.delete(gone)
    reasons = [lost.reason for lost in await desk.changes.lost(now, offline_for=None, available_for=None, size=9)]
    assert "STATION_DELETED" in reasons


@pytest.mark.feature("F-SES-5")
async def test_what_was_written_down_with_a_start_gets_to_its_session(desk: Desk) -> None:
    station = await desk.station()
    assert not await desk.changes.demands_logbook(station)
    await desk.changes.set_logbook(station, True)
    assert await desk.changes.demands_logbook(station)
    with pytest.raises(NotFound):
        await desk.changes.set_logbook(99, True)
    for number in (7, 8):
        said = WaitingLogbook(station, number, Logbook(12_000 + number, "AB-12", "visit"), "users/1", "Ada", T0)
        await desk.changes.keep_waiting(said)
    await desk.changes.forget_waiting(station, 8)
    assert await desk.changes.land_waiting(T0) == []
    for number, remote in ((1, 7), (2, 8)):
        t = started(number, station)
        t.remote_start_id = remote
        await desk.write(SessionRecord(t))
    assert list(await desk.changes.land_waiting(T0)) == [(station, 1)]
    assert list(await desk.changes.land_waiting(T0)) == []
    first, second = await desk.view_of(1), await desk.view_of(2)
    assert first.logbook == Logbook(12_007, "AB-12", "visit")
    assert (second.logbook, second.logbook_demanded) == (Logbook(), True)
    assert {c.field for c in await desk.changes.changes(1)} == {"mileage_km", "vehicle_id", "purpose"}
    assert await desk.changes.write_logbook(2, Logbook(1, "X", note="n", reference_number="r"), [change("note")])
    assert (await desk.view_of(2)).logbook == Logbook(1, "X", note="n", reference_number="r")
    assert not await desk.changes.write_logbook(99, Logbook(), [])


@pytest.mark.feature("F-SES-2")
async def test_every_order_pages_both_ways_without_gaps(desk: Desk) -> None:
    stations = [await desk.station(f"CP-{n}") for n in range(2)]
    for number in range(1, 8):
        await desk.ended(number, stations[number % 2], minutes=70 - 7 * (number % 4), wh=1_000.0 * (number % 3))
    await desk.write(SessionRecord(started(8, stations[0])))
    for order in SessionOrder:
        for ascending in (True, False):
            sorting = Sorting(order, ascending=ascending)
            seen: list[int] = []
            place: SessionPosition | None = None
            while page := await desk.queries.page_sessions(SessionFilter(), size=3, after=place, sorting=sorting):
                seen += [view.transaction.id for view in page]
                place = SessionPosition(page[-1].sort_key, page[-1].transaction.id)
            async with desk.queries.stream_sessions(SessionFilter(), after=None, batch=3, sorting=sorting) as batches:
                streamed = [view.transaction.id async for batch in batches for view in batch]
            assert seen == streamed, order
            assert sorted(seen) == list(range(1, 9)), order
            if order in (SessionOrder.ENERGY, SessionOrder.DURATION, SessionOrder.STOP_TIME, SessionOrder.MAX_POWER):
                assert seen[-1 if ascending else 0] == 8  # it goes on


@pytest.mark.feature("F-SES-2")
async def test_every_column_filters(desk: Desk) -> None:
    station, other = await desk.station("CP-North"), await desk.station("CP-South")
    await desk.tokens.create(Token(0, "04A1B2C3", alias="Ada's card"))
    t = await desk.ended(1, station, minutes=30, wh=7_000.0)
    t.id_token, t.max_power_w, t.error_codes, t.evse_id = "04A1B2C3", 11_000.0, ("OtherError",), 2
    await desk.write(SessionRecord(t))
    await desk.ended(2, other, minutes=90, wh=1_000.0)
    await desk.changes.correct(2, Corrections(energy_wh=900.0), None, [], NO_ONE)
    await desk.changes.write_logbook(1, Logbook(5, "AB-12"), [])
    await desk.changes.set_logbook(other, True)
    begin = T0 + timedelta(hours=1)

    async def found(**wanted: object) -> list[int]:
        page = await desk.queries.page_sessions(SessionFilter(**wanted), size=9, after=None)  # type: ignore[arg-type]
        return [view.transaction.id for view in page]

    assert await found(session_id=1) == await found(station_ids=(station,)) == await found(evse_id=2) == [1]
    assert await found(energy_wh=Span(5_000.0)) == await found(max_power_w=Span(10_000.0, 12_000.0)) == [1]
    assert await found(energy_wh=Span(most=950.0)) == await found(duration_s=Span(least=3_600.0)) == [2]
    assert await found(meter_stop_wh=Span(least=4_000.0)) == [1]
    assert await found(meter_start_wh=Span(most=0.0), evse_id=2) == [1]
    assert await found(meter_start_wh=Span(least=1.0)) == []
    assert await found(stopped=Times(end=begin + timedelta(hours=1))) == [1]
    assert await found(logged=Times(start=begin + timedelta(minutes=1))) == [2]
    assert await found(has_errors=True) == await found(vehicle_query="b-1") == await found(corrected=False) == [1]
    assert await found(corrected=True) == await found(has_errors=False) == [2]
    assert await found(logbook=LogbookState.FILLED) == [1]
    assert await found(logbook=LogbookState.MISSING) == [2]
    assert await found(station_query="north") == await found(id_token_query="ada") == [1]
    assert await found(stop_reasons=("Local",)) == [2, 1]
    assert await found(stop_reasons=("Remote",)) == await found(flags=("CLOSED_BY_SERVER",)) == []
    assert await found(id_token=str(0x04A1B2C3)) == await found(id_token="04:a1:b2:c3") == [1]
    assert await found(id_token=str(0xC3B2A104)) == [1]


async def test_the_cable_and_the_history_of_a_connector(desk: Desk) -> None:
    station = await desk.station()
    await desk.ended(1, station)

    def told(status: ConnectorStatus, at: datetime, *, error: str = "NoError", changed: bool = True) -> StatusRecord:
        return StatusRecord(station, 1, 1, status, error, "", "", "", at, at, changed)

    later = T0 + timedelta(hours=2)
    await desk.write(told(ConnectorStatus.FAULTED, after(4_000), error="GroundFailure"))
    await desk.write(told(ConnectorStatus.FAULTED, after(4_100), error="GroundFailure", changed=False))
    await desk.write(told(ConnectorStatus.AVAILABLE, later))
    await desk.write(CableRecord(station, 1, 1, later))
    await desk.write(CableRecord(station, 1, 1, later + timedelta(hours=1)))
    assert (await desk.view_of(1)).transaction.plugged_out_at == later
    found = await desk.changes.statuses(station, 1, 1, T0, later, 9)
    assert [(entry.status, entry.error_code) for entry in found] == [
        (ConnectorStatus.FAULTED, "GroundFailure"),
        (ConnectorStatus.AVAILABLE, "NoError"),
    ]


@pytest.mark.postgres
async def test_a_place_that_belongs_to_another_order_is_told(database: Database) -> None:
    place = SessionPosition("no time", 1)
    with pytest.raises(InvalidArgument):
        await PostgresSessionQueries(database).page_sessions(SessionFilter(), size=1, after=place)
