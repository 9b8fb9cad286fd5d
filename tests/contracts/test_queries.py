"""What lists, charts and exports promise."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from csms.domain.authorization import Token
from csms.domain.facts import ConnectorStatus, RegistrationStatus, StationBooted
from csms.domain.records import BootRecord, LinkRecord, Record, StatusRecord
from csms.domain.transaction import Flag, SessionState
from csms.ports.queries import (
    ActiveSession,
    ConnectorFilter,
    SessionFilter,
    SessionPosition,
    SessionView,
    StationFilter,
    StationOrder,
    StationSorting,
)
from tests.kit.records import (
    T0,
    a_meter_record,
    a_meter_value,
    a_session_record,
    a_status_record,
    a_transaction,
    after,
)
from tests.kit.storage_world import Storage, storage, storage_url

__all__ = ["storage", "storage_url"]


async def fleet(storage: Storage) -> list[int]:
    """Five stations, CP-0 to CP-4; see the statuses below."""
    ids = [await storage.station(f"CP-{n}") for n in range(5)]
    await storage.stations.set_registration(ids[3], RegistrationStatus.PENDING)
    await storage.stations.update(ids[0], {"display_name": "Yard 100%", "description": "by the gate", "address": "Way"})
    await storage.stations.set_password_hash(ids[0], "hash")
    boot = StationBooted("Vendor", "Model X", "SER-1", "1.0", "icc", "imsi", "type", "MET-1", "BOX-1", "PowerUp")
    running = a_transaction((await storage.transactions.reserve_session_ids(1))[0], ids[1])
    running.read(a_meter_value(after(5), 1500.0, 7000.0), after(5))
    records: list[Record] = [
        BootRecord(ids[1], after(1), boot),
        LinkRecord(ids[1], True, T0, 1, "ocpp1.6", "192.0.2.7"),
        LinkRecord(ids[3], True, T0, 2, "ocpp1.6", "192.0.2.8"),
        a_status_record(ids[1], ConnectorStatus.CHARGING),
        a_status_record(ids[1], ConnectorStatus.AVAILABLE, evse_id=0),
        a_status_record(ids[2], ConnectorStatus.FAULTED, evse_id=0, error_code="GroundFailure"),
        a_status_record(ids[2], ConnectorStatus.AVAILABLE, evse_id=2),
        a_status_record(ids[3], ConnectorStatus.FAULTED),
        a_session_record(running),
    ]
    await storage.journal.put(records).durable()
    return ids


async def test_a_station_is_shown_with_all_that_is_known(storage: Storage) -> None:
    ids = await fleet(storage)
    shown = await storage.station_queries.get_stations([ids[1], 10**30, 999, ids[0]])
    assert [view.id for view in shown] == [ids[1], ids[0]]
    one = shown[0]
    assert one.boot is not None
    assert (one.boot.serial_number, one.boot.reason, one.booted_at) == ("SER-1", "PowerUp", after(1))
    assert (one.online, one.protocol, one.remote_address) == (True, "ocpp1.6", "192.0.2.7")
    assert (one.connected_at, one.last_seen_at, one.has_password) == (T0, after(1), False)
    assert [(c.evse_id, c.connector_id, c.status) for c in one.connectors] == [
        (0, 1, ConnectorStatus.AVAILABLE),
        (1, 1, ConnectorStatus.CHARGING),
    ]
    assert one.sessions == (ActiveSession(one.sessions[0].session_id, 1, 7000.0, 500.0),)
    assert (shown[1].boot, shown[1].connected_at, shown[1].has_password) == (None, None, True)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (StationFilter(), [0, 1, 2, 3, 4]),
        (StationFilter(query="cp-1"), [1]),
        (StationFilter(query="100%"), [0]),
        (StationFilter(query="%"), [0]),
        (StationFilter(query="_"), []),
        (StationFilter(query="GATE"), [0]),
        (StationFilter(query="gate Way"), []),
        (StationFilter(query="model x"), [1]),
        (StationFilter(query="box-1"), [1]),
        (StationFilter(query="met-1"), [1]),
        (StationFilter(query="  ser-1 "), [1]),
        (StationFilter(registrations=(RegistrationStatus.PENDING, RegistrationStatus.REJECTED)), [3]),
        (StationFilter(online=True), [1, 3]),
        (StationFilter(online=False), [0, 2, 4]),
        (StationFilter(connector_statuses=(ConnectorStatus.AVAILABLE,)), [2]),
        (StationFilter(connector_statuses=(ConnectorStatus.FAULTED,)), [2, 3]),
        (StationFilter("cp", (RegistrationStatus.ACCEPTED,), True, (ConnectorStatus.CHARGING,)), [1]),
    ],
)
async def test_stations_are_filtered(storage: Storage, wanted: StationFilter, expected: list[int]) -> None:
    ids = await fleet(storage)
    page, total = await storage.station_queries.page_stations(wanted, size=10, after=None)
    assert [view.id for view in page] == [ids[n] for n in expected]
    assert total == len(expected)


async def test_a_bare_list_has_the_same_stations_without_what_is_at_them(storage: Storage) -> None:
    ids = await fleet(storage)
    await storage.reservations.set_reservable(ids[1], reservable=False)
    whole, total = await storage.station_queries.page_stations(StationFilter(), size=10, after=None)
    bare, same_total = await storage.station_queries.page_stations(StationFilter(), size=10, after=None, bare=True)
    assert same_total == total
    assert [(each.id, each.identity, each.online) for each in bare] == [(v.id, v.identity, v.online) for v in whole]
    assert [each.reservable for each in whole] == [each.reservable for each in bare] == [n != 1 for n in range(5)]


async def test_stations_are_paged_without_a_gap_or_a_repeat(storage: Storage) -> None:
    await fleet(storage)
    await storage.station("cp-lower")
    await storage.station("Ä")
    seen: list[str] = []
    after_: tuple[str, int] | None = None
    while True:
        page, total = await storage.station_queries.page_stations(StationFilter(), size=3, after=after_)
        assert total == 7
        if not page:
            break
        seen += [view.identity for view in page]
        after_ = (page[-1].identity, page[-1].id)
    assert seen == ["CP-0", "CP-1", "CP-2", "CP-3", "CP-4", "cp-lower", "Ä"]


async def test_the_fleet_in_numbers(storage: Storage) -> None:
    await fleet(storage)
    summary = await storage.station_queries.summarize(StationFilter())
    assert (summary.total, summary.online, summary.pending, summary.faulted) == (4, 1, 1, 1)
    assert (summary.active_sessions, summary.power_w) == (1, 7000.0)
    assert summary.connectors == ((ConnectorStatus.AVAILABLE, 1), (ConnectorStatus.CHARGING, 1))


async def history(storage: Storage) -> list[int]:
    """Six sessions at two stations, the fourth without a start."""
    one, two = await storage.station("CP-1"), await storage.station("CP-2")
    await storage.stations.update(two, {"display_name": "Depot"})
    await storage.tokens.create(Token(0, "TAG", alias="Van_7"))
    ids = list(await storage.transactions.reserve_session_ids(6))
    transactions = [
        a_transaction(ids[0], one, started_at=after(0)),
        a_transaction(ids[1], two, identity="CP-2", started_at=after(100), id_token="OTHER"),
        a_transaction(ids[2], one, started_at=after(100)),
        a_transaction(ids[3], one, started_at=None, received_at=after(150)),
        a_transaction(ids[4], one, started_at=after(200), id_token=""),
        a_transaction(ids[5], two, identity="CP-2", started_at=after(50)),
    ]
    for n, transaction in enumerate(transactions[:4]):
        transaction.end(after(300), 1000.0 + 100.0 * (n + 1), "Local", after(300))
    transactions[3].flag(Flag.START_MISSING)
    await storage.journal.put([a_session_record(t) for t in transactions]).durable()
    return ids


NEWEST_FIRST = [4, 3, 2, 1, 5, 0]


@pytest.mark.feature("F-SES-1")
@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (SessionFilter(), NEWEST_FIRST),
        (SessionFilter(id_token="TAG"), [3, 2, 5, 0]),
        (SessionFilter(state=SessionState.ACTIVE), [4, 5]),
        (SessionFilter(started_from=after(100)), [4, 3, 2, 1]),
        (SessionFilter(started_to=after(100)), [5, 0]),
        (SessionFilter(started_from=after(50), started_to=after(150)), [2, 1, 5]),
        (SessionFilter(needs_reconciliation=True), [3]),
        (SessionFilter(query="depot"), [1, 5]),
        (SessionFilter(query="cp-2"), [1, 5]),
        (SessionFilter(query="n_7"), [3, 2, 5, 0]),
        (SessionFilter(query="%"), []),
        (SessionFilter(query="othe"), [1]),
        (SessionFilter(query="99999999999999999999999"), []),
        (SessionFilter(id_token="TAG", state=SessionState.ENDED, query="van", started_from=T0), [3, 2, 0]),
    ],
)
async def test_sessions_are_filtered_and_totalled(storage: Storage, wanted: SessionFilter, expected: list[int]) -> None:
    ids = await history(storage)
    page = await storage.session_queries.page_sessions(wanted, size=10, after=None)
    assert [view.transaction.id for view in page] == [ids[n] for n in expected]
    totals = await storage.session_queries.total_sessions(wanted)
    assert totals.count == len(expected)
    assert totals.energy_wh == sum(view.transaction.energy_wh for view in page)


async def test_sessions_are_found_by_their_number_and_by_their_station(storage: Storage) -> None:
    ids = await history(storage)
    station = await storage.stations.find_by_identity("CP-2")
    assert station is not None
    page = await storage.session_queries.page_sessions(SessionFilter(station_id=station.id), size=10, after=None)
    assert [view.transaction.id for view in page] == [ids[1], ids[5]]
    assert {view.station_display_name for view in page} == {"Depot"}
    page = await storage.session_queries.page_sessions(SessionFilter(query=f"#{ids[4]}"), size=10, after=None)
    assert [view.transaction.id for view in page] == [ids[4]]
    shown = await storage.session_queries.get_sessions([ids[0], 10**30, ids[1]])
    assert [view.transaction.id for view in shown] == [ids[0], ids[1]]
    assert [view.id_token_alias for view in shown] == ["Van_7", ""]


def place(view: SessionView) -> SessionPosition:
    return SessionPosition(view.sort_key, view.transaction.id)


@pytest.mark.feature("F-SES-1")
async def test_sessions_are_paged_and_streamed_without_a_gap_or_a_repeat(storage: Storage) -> None:
    ids = await history(storage)
    seen: list[int] = []
    after_: SessionPosition | None = None
    while page := await storage.session_queries.page_sessions(SessionFilter(), size=2, after=after_):
        seen += [view.transaction.id for view in page]
        after_ = place(page[-1])
    assert seen == [ids[n] for n in NEWEST_FIRST]
    sizes: list[int] = []
    streamed: list[Sequence[SessionView]] = []
    async with storage.session_queries.stream_sessions(SessionFilter(), after=None, batch=4) as batches:
        async for batch in batches:
            sizes.append(len(batch))
            streamed.append(batch)
    assert sizes == [4, 2]
    assert [view.transaction.id for batch in streamed for view in batch] == seen
    async with storage.session_queries.stream_sessions(SessionFilter(), after=place(streamed[0][3]), batch=4) as rest:
        assert [view.transaction.id async for batch in rest for view in batch] == seen[4:]


async def test_meter_values_are_paged_in_the_order_of_their_times(storage: Storage) -> None:
    station, session = await storage.station(), await storage.session_id()
    times = [after(1), after(2), after(2), after(3), datetime(1970, 1, 1, tzinfo=T0.tzinfo), after(4)]
    records = [a_meter_record(station, at, float(n), session_id=session) for n, at in enumerate(times)]
    await storage.journal.put([*records, a_meter_record(station, after(9), 1.0)]).durable()
    seen = []
    after_ = None
    while page := await storage.session_queries.page_meter_values(session, size=2, after=after_):
        seen += [value for _, value in page]
        after_ = (page[-1][1].timestamp, page[-1][0])
    assert [value.timestamp for value in seen] == sorted(times)
    assert a_meter_value(after(3), 3.0) in seen
    assert list(await storage.session_queries.page_meter_values(10**30, size=2, after=None)) == []


@pytest.mark.feature("F-STA-3")
async def test_stations_are_found_by_column_and_sorted_by_what_people_pick(storage: Storage) -> None:
    names = ("CP-3", "CP-1", "CP-2")
    ids = {name: await storage.station(name) for name in names}
    await storage.stations.update(ids["CP-1"], {"display_name": "zoo"})
    await storage.stations.update(ids["CP-2"], {"display_name": "Arcade"})
    boots = [
        BootRecord(ids["CP-1"], T0, StationBooted("Acme", "Two_1", firmware_version="2.0")),
        BootRecord(ids["CP-3"], T0, StationBooted("Beta", "One", firmware_version="1.9")),
    ]
    await storage.journal.put(boots).durable()

    async def page(order: StationOrder, *, descending: bool = False, **wanted: Any) -> list[str]:
        found: list[str] = []
        place: tuple[str, int] | None = None
        while True:
            views, total = await storage.station_queries.page_stations(
                StationFilter(**wanted), size=1, after=place, sorting=StationSorting(order, descending)
            )
            if not views:
                assert total == len(found)
                return found
            found.append(views[0].identity)
            place = views[0].sort_key, views[0].id

    assert await page(StationOrder.IDENTITY) == ["CP-1", "CP-2", "CP-3"]
    assert await page(StationOrder.IDENTITY, descending=True) == ["CP-3", "CP-2", "CP-1"]
    assert await page(StationOrder.DISPLAY_NAME) == ["CP-2", "CP-3", "CP-1"]
    assert await page(StationOrder.MODEL) == ["CP-2", "CP-1", "CP-3"]
    assert await page(StationOrder.FIRMWARE_VERSION, descending=True) == ["CP-1", "CP-3", "CP-2"]
    assert await page(StationOrder.CREATE_TIME) == list(names)
    assert sorted(await page(StationOrder.LAST_SEEN_TIME)) == sorted(names)
    assert await page(StationOrder.IDENTITY, model="o_") == ["CP-1"]
    assert await page(StationOrder.IDENTITY, vendor="acme", firmware_version="2") == ["CP-1"]
    assert await page(StationOrder.IDENTITY, identity="cp-3") == ["CP-3"]
    assert await page(StationOrder.IDENTITY, protocol="ocpp2.1") == []
    assert await page(StationOrder.IDENTITY, created_before=T0 - timedelta(days=30_000)) == []
    assert await page(StationOrder.IDENTITY, owned_by=7) == []
    assert await page(StationOrder.IDENTITY, shared_with=7) == []


@pytest.mark.feature("F-STA-4")
async def test_connectors_of_all_stations_are_listed_with_when_they_changed(storage: Storage) -> None:
    one, two = await storage.station("CP-1"), await storage.station("CP-2")
    records = [
        StatusRecord(one, 0, 0, ConnectorStatus.AVAILABLE, "NoError", "", "", "", T0, T0),
        StatusRecord(one, 2, 1, ConnectorStatus.CHARGING, "NoError", "", "", "", after(60), after(60)),
        StatusRecord(one, 1, 1, ConnectorStatus.FAULTED, "GroundFailure", "", "", "", after(30), after(30)),
        StatusRecord(two, 1, 2, ConnectorStatus.CHARGING, "NoError", "", "", "", after(90), after(90)),
    ]
    await storage.journal.put(records).durable()

    async def places(**wanted: Any) -> list[tuple[str, int, int]]:
        rows, total = await storage.station_queries.page_connectors(ConnectorFilter(**wanted), size=9, after=None)
        assert total == len(rows)
        return [(row.identity, row.connector.evse_id, row.connector.connector_id) for row in rows]

    assert await places() == [("CP-1", 1, 1), ("CP-1", 2, 1), ("CP-2", 1, 2)]
    assert await places(statuses=(ConnectorStatus.CHARGING,)) == [("CP-1", 2, 1), ("CP-2", 1, 2)]
    assert await places(changed_from=after(60), changed_before=after(90)) == [("CP-1", 2, 1)]
    assert await places(stations=StationFilter(query="cp-2")) == [("CP-2", 1, 2)]
    first, total = await storage.station_queries.page_connectors(ConnectorFilter(), size=1, after=None)
    place = (first[0].identity, first[0].station_id, 1, 1)
    rest, _ = await storage.station_queries.page_connectors(ConnectorFilter(), size=9, after=place)
    assert (len(rest), total, first[0].connector.error_code) == (2, 3, "GroundFailure")
