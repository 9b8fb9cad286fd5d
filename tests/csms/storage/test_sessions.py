"""What the contracts cannot see of the sessions in PostgreSQL."""

from __future__ import annotations

import pytest
import trio

from csms.domain.facts import ChargingState, TransactionExtras
from csms.domain.transaction import Flag, Numbering, SessionState, Transaction
from csms.ports.queries import SessionFilter
from csms.storage.pool import Database
from csms.storage.records import write
from csms.storage.session_lists import PostgresSessionQueries
from csms.storage.session_select import SessionSelect
from csms.storage.sessions import PostgresTransactions
from tests.kit.records import T0, a_session_record, a_transaction, after

pytestmark = pytest.mark.postgres


def test_only_what_is_asked_for_is_in_the_statement() -> None:
    assert "WHERE" not in SessionSelect(SessionFilter()).numbers(1)
    select = SessionSelect(SessionFilter(state=SessionState.ACTIVE))
    assert "s.state = $1" in select.all()
    assert select.args == [SessionState.ACTIVE]


async def test_every_field_of_a_transaction_survives(database: Database) -> None:
    transaction = a_transaction(7, 1)
    transaction.soc_percent, transaction.reservation_id = 55.5, 2**31
    transaction.sequence, transaction.token_seq = Numbering(((0, 4), (7, 7))), 2
    transaction.charging_state, transaction.remote_start_id = ChargingState.CHARGING, 2**31 - 1
    transaction.stop_id_token, transaction.extras = "OTHER", TransactionExtras(cable_max_current=32.0)
    transaction.plugged_in_at, transaction.plugged_out_at = after(1), after(8)
    transaction.goal_reached_at, transaction.soc_start_percent = after(7), 20.5
    transaction.error_codes = ("GroundFailure/E-17", "OtherError")
    transaction.supersede(after(9), after(10))
    transaction.flag(Flag.METER_SWAPPED)
    await database.transaction(write, [a_session_record(transaction)])
    found = await PostgresTransactions(database).find_transaction(1, "7")
    assert found == transaction
    defaults = Transaction(transaction.id, transaction.station_id, "", T0, T0)
    same = [name for name in Transaction.__struct_fields__ if getattr(transaction, name) == getattr(defaults, name)]
    assert set(same) <= {
        "id",
        "station_id",
        "logged_at",
        "connector_id",
        "authorization_status",
        "authentication",
        "power_w",
        "max_power_w",
        "stop_reason",
        "meter_value_count",
        "last_meter_at",
    }


async def test_two_who_reserve_ids_at_once_never_get_the_same(database: Database) -> None:
    ids: list[int] = []

    async def reserve() -> None:
        ids.extend(await PostgresTransactions(database).reserve_session_ids(50))

    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(reserve)
    assert len(set(ids)) == 400


async def test_an_export_left_early_gives_its_connection_back(database: Database) -> None:
    await database.transaction(
        write, [a_session_record(a_transaction(n, 1, started_at=after(n))) for n in range(1, 30)]
    )
    queries = PostgresSessionQueries(database)
    for _ in range(6):  # more than there are connections
        async with queries.stream_sessions(SessionFilter(), after=None, batch=5) as batches:
            async for _batch in batches:
                break
    assert (await queries.total_sessions(SessionFilter())).count == 29
