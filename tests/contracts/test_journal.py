"""What every journal promises: order, all or nothing per put, once however often, and that a culprit harms nobody."""

from __future__ import annotations

import random

import pytest
import trio

from csms.domain.facts import ConnectorStatus, RegistrationStatus, StationBooted
from csms.domain.records import BootRecord, LinkRecord, Record, RegistrationRecord, SeenRecord
from csms.domain.transaction import Flag
from csms.ports.journal import RecordConflict
from csms.ports.queries import SessionFilter, StationView
from tests.kit.records import T0, a_meter_record, a_session_record, a_status_record, a_transaction, after
from tests.kit.storage_world import Storage, storage, storage_url

__all__ = ["storage", "storage_url"]


async def view(storage: Storage, station_id: int) -> StationView:
    return (await storage.station_queries.get_stations([station_id]))[0]


@pytest.mark.feature("F-OCPP-8")
async def test_what_a_ticket_calls_durable_can_be_read(storage: Storage) -> None:
    station, session = await storage.station(), await storage.session_id()
    transaction = a_transaction(session, station)
    await storage.journal.wait_room()
    records: list[Record] = [
        a_session_record(transaction),
        a_meter_record(station, after(10), 1010.0, session_id=session),
    ]
    ticket = storage.journal.put([*records, a_status_record(station, ConnectorStatus.CHARGING)])
    await ticket.durable()
    await ticket.durable()  # a second look costs nothing
    found = await storage.transactions.find_transaction(station, str(session))
    assert found == transaction
    values = await storage.session_queries.page_meter_values(session, size=10, after=None)
    assert [value.timestamp for _, value in values] == [after(10)]
    assert [c.status for c in (await view(storage, station)).connectors] == [ConnectorStatus.CHARGING]


@pytest.mark.feature("F-OCPP-8")
async def test_who_leaves_a_note_is_called_once_when_it_is_on_disk(storage: Storage) -> None:
    station = await storage.station()
    called: list[bool] = []
    ticket = storage.journal.put([a_status_record(station, ConnectorStatus.CHARGING)])
    if ticket.when_done(lambda: called.append(ticket.kept)):  # a journal in memory may have been quicker
        assert not called
    await ticket.durable()
    assert ticket.kept
    assert called in ([True], [])
    assert not ticket.when_done(lambda: called.append(False))
    assert called in ([True], [])


async def test_a_note_at_refused_records_is_called_too_and_they_are_not_kept(storage: Storage) -> None:
    called: list[bool] = []
    station = await storage.station()
    ticket = storage.journal.put([a_status_record(station, ConnectorStatus.AVAILABLE, evse_id=2**40)])
    noted = ticket.when_done(lambda: called.append(ticket.kept))
    with pytest.raises(RecordConflict):
        await ticket.durable()
    assert not ticket.kept
    assert called == ([False] if noted else [])


async def test_nothing_to_write_is_durable_too(storage: Storage) -> None:
    await storage.journal.put([]).durable()


async def test_many_actors_are_let_go_and_all_is_there(storage: Storage) -> None:
    stations = [await storage.station(f"CP-{n}") for n in range(20)]
    ids = list(await storage.transactions.reserve_session_ids(len(stations)))

    async def actor(station: int, session: int) -> None:
        transaction = a_transaction(session, station)
        await storage.journal.put([a_session_record(transaction)]).durable()
        for n in range(1, 11):
            await storage.journal.wait_room()
            record = a_meter_record(station, after(n), 1000.0 + n, session_id=session)
            await storage.journal.put([record]).durable()
            if random.random() < 0.2:
                await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        for station, session in zip(stations, ids, strict=True):
            nursery.start_soon(actor, station, session)
    for session in ids:
        values = await storage.session_queries.page_meter_values(session, size=100, after=None)
        assert [value.timestamp for _, value in values] == [after(n) for n in range(1, 11)]


@pytest.mark.feature("F-OCPP-9")
async def test_everything_put_twice_is_there_once(storage: Storage) -> None:
    station, session = await storage.station(), await storage.session_id()
    records: list[Record] = [
        BootRecord(station, T0, StationBooted("Vendor", "Model")),
        LinkRecord(station, True, T0, 1, "ocpp1.6", "192.0.2.7"),
        SeenRecord(station, after(5)),
        RegistrationRecord(station, T0, RegistrationStatus.PENDING),
        a_status_record(station, ConnectorStatus.CHARGING),
        a_session_record(a_transaction(session, station)),
        a_meter_record(station, after(1), 1001.0, session_id=session),
    ]
    await storage.journal.put(records).durable()
    once = await view(storage, station)
    await storage.journal.put(records + records).durable()
    await storage.journal.put(records).durable()
    assert await view(storage, station) == once
    assert once.attempts == 1
    assert (await storage.session_queries.total_sessions(SessionFilter())).count == 1
    assert len(await storage.session_queries.page_meter_values(session, size=10, after=None)) == 1


async def test_the_newest_of_one_batch_decides(storage: Storage) -> None:
    station, session = await storage.station(), await storage.session_id()
    transaction = a_transaction(session, station)
    first = a_session_record(transaction)
    transaction.end(after(60), 2000.0, "Local", after(61))
    tickets = [
        storage.journal.put([first, a_status_record(station, ConnectorStatus.CHARGING, T0)]),
        storage.journal.put([a_session_record(transaction)]),
        storage.journal.put([a_status_record(station, ConnectorStatus.FINISHING, after(61))]),
        storage.journal.put([a_status_record(station, ConnectorStatus.AVAILABLE, after(62))]),
    ]
    for ticket in tickets:
        await ticket.durable()
    assert await storage.transactions.find_transaction(station, str(session)) == transaction
    assert [c.status for c in (await view(storage, station)).connectors] == [ConnectorStatus.AVAILABLE]


@pytest.mark.feature("F-OCPP-9")
async def test_an_older_snapshot_never_overwrites_a_newer_one(storage: Storage) -> None:
    station, session = await storage.station(), await storage.session_id()
    transaction = a_transaction(session, station)
    running = a_session_record(transaction)
    transaction.end(after(60), 2000.0, "Local", transaction.progress_at)  # at the very time of the start
    await storage.journal.put([a_session_record(transaction)]).durable()
    await storage.journal.put([running]).durable()
    assert await storage.transactions.find_transaction(station, str(session)) == transaction
    transaction.progress_at = after(100)
    transaction.flag(Flag.STOP_CONFLICT)
    newer = a_session_record(transaction)
    transaction.progress_at = after(99)
    transaction.stop_reason = "older"
    await storage.journal.put([newer]).durable()
    await storage.journal.put([a_session_record(transaction)]).durable()
    assert await storage.transactions.find_transaction(station, str(session)) == newer.transaction


@pytest.mark.feature("F-OCPP-8")
async def test_a_start_that_another_session_has_is_refused_and_harms_nobody_else(storage: Storage) -> None:
    station, other = await storage.station(), await storage.station("CP-2")
    first, second, third = await storage.transactions.reserve_session_ids(3)
    await storage.journal.put([a_session_record(a_transaction(first, station))]).durable()
    good = [storage.journal.put([a_meter_record(other, after(n), 10.0 * n, session_id=third)]) for n in range(10)]
    culprit = storage.journal.put(
        [a_meter_record(station, T0, 1.0, session_id=second), a_session_record(a_transaction(second, station))]
    )
    good.append(storage.journal.put([a_session_record(a_transaction(third, other))]))
    good += [storage.journal.put([a_meter_record(other, after(n), 10.0 * n, session_id=third)]) for n in range(10, 20)]
    for ticket in good:
        await ticket.durable()
    with pytest.raises(RecordConflict):
        await culprit.durable()
    with pytest.raises(RecordConflict):
        await culprit.durable()
    assert await storage.transactions.find_transaction(station, str(second)) is None
    assert list(await storage.session_queries.page_meter_values(second, size=10, after=None)) == []  # none of it
    assert len(await storage.session_queries.page_meter_values(third, size=100, after=None)) == 20


async def test_a_number_that_fits_no_column_is_refused_and_harms_nobody_else(storage: Storage) -> None:
    station = await storage.station()
    good = storage.journal.put([a_status_record(station, ConnectorStatus.AVAILABLE)])
    culprit = storage.journal.put([a_status_record(station, ConnectorStatus.AVAILABLE, evse_id=2**40)])
    await good.durable()
    with pytest.raises(RecordConflict):
        await culprit.durable()
    assert len((await view(storage, station)).connectors) == 1


async def test_nul_and_half_surrogates_in_a_stations_text_are_left_out(storage: Storage) -> None:
    station, session = await storage.station(), await storage.session_id()
    transaction = a_transaction(session, station, id_token="T\0AG")
    boot = BootRecord(station, T0, StationBooted("Ve\0ndor", "M"))
    status = a_status_record(station, ConnectorStatus.FAULTED, info="wet\0")
    await storage.journal.put([boot, status, a_session_record(transaction)]).durable()
    shown = await view(storage, station)
    assert shown.boot == StationBooted("Vendor", "M")
    assert shown.connectors[0].info == "wet"
    found = await storage.transactions.find_transaction(station, str(session))
    assert found is not None
    assert found.id_token == "TAG"


async def test_a_stale_link_cannot_put_its_successor_offline(storage: Storage) -> None:
    station = await storage.station()
    links = [
        LinkRecord(station, True, T0, 5, "ocpp1.6", "192.0.2.7"),
        LinkRecord(station, True, after(1), 6, "ocpp2.0.1", "192.0.2.8"),
        LinkRecord(station, False, after(2), 5),
    ]
    for link in links:
        await storage.journal.put([link]).durable()
    shown = await view(storage, station)
    assert (shown.online, shown.protocol, shown.remote_address) == (True, "ocpp2.0.1", "192.0.2.8")
    assert shown.connected_at == after(1)
    tickets = [storage.journal.put([link]) for link in (*links, LinkRecord(station, False, after(3), 6))]
    for ticket in tickets:
        await ticket.durable()
    shown = await view(storage, station)
    assert (shown.online, shown.protocol, shown.connected_at) == (False, "ocpp2.0.1", None)
    await storage.stations.all_offline()
    await storage.journal.put([LinkRecord(station, True, after(9), 1, "ocpp1.6")]).durable()  # after a restart
    assert (await view(storage, station)).online


async def test_what_a_deleted_station_still_says_poisons_nothing(storage: Storage) -> None:
    station, other = await storage.station(), await storage.station("CP-2")
    before, later = await storage.transactions.reserve_session_ids(2)
    await storage.journal.put([a_session_record(a_transaction(before, station))]).durable()
    await storage.stations.delete(station)
    transaction = a_transaction(before, station)
    transaction.end(after(60), 2000.0, "Local", after(60))
    said: list[list[Record]] = [
        [a_session_record(transaction), a_session_record(a_transaction(later, station, started_at=after(70)))],
        [a_meter_record(station, after(1), 1001.0, session_id=before)],
        [a_status_record(station, ConnectorStatus.AVAILABLE), a_status_record(other, ConnectorStatus.CHARGING)],
        [LinkRecord(station, False, after(2), 3), SeenRecord(station, T0)],
        [
            BootRecord(station, T0, StationBooted("V", "M")),
            RegistrationRecord(station, T0, RegistrationStatus.PENDING),
        ],
    ]
    tickets = [storage.journal.put(records) for records in said]
    for ticket in tickets:
        await ticket.durable()
    shown = await storage.session_queries.get_sessions([later, before])
    assert [(s.station_id, s.transaction.station_id, s.station_display_name) for s in shown] == [
        (None, station, "CP-1")
    ] * 2
    assert shown[1].transaction == transaction
    assert len((await view(storage, other)).connectors) == 1
