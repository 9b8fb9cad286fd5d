"""Records become one statement per kind, each the newest of its subject."""

from __future__ import annotations

from csms.domain.facts import ConnectorStatus
from csms.domain.records import LinkRecord, MeterRecord, SeenRecord
from csms.storage.records import HISTORY_SQL, LINK_DOWN_SQL, LINK_UP_SQL, METER_SQL, SEEN_SQL, STATUS_SQL, statements
from tests.kit.records import T0, a_meter_record, a_status_record, after


def test_one_statement_per_kind_however_many_records() -> None:
    records = [a_meter_record(n, T0, 1.0) for n in range(5)] + [
        a_status_record(1, ConnectorStatus.CHARGING),
        a_status_record(1, ConnectorStatus.FINISHING),
    ]
    todo = dict(statements(records))
    assert list(todo) == [STATUS_SQL, HISTORY_SQL, METER_SQL]
    assert todo[STATUS_SQL][3] == (ConnectorStatus.FINISHING,)
    assert todo[METER_SQL][0] == (0, 1, 2, 3, 4)
    assert statements([]) == []


def test_meter_records_have_the_order_of_the_columns() -> None:
    columns = METER_SQL.split("(", 1)[1].split(")", 1)[0]
    assert tuple(name.strip() for name in columns.split(",")) == MeterRecord.__struct_fields__


def test_links_go_by_their_epochs_and_sightings_by_their_times() -> None:
    up, down = LinkRecord(1, True, T0, 7, "ocpp1.6", "192.0.2.7"), LinkRecord(1, False, after(1), 6)
    todo = dict(statements([up, down, LinkRecord(1, True, T0, 5), SeenRecord(1, after(9)), SeenRecord(1, T0)]))
    assert todo[LINK_UP_SQL][2] == (7,)
    assert todo[LINK_DOWN_SQL] == [(1,), (6,)]
    assert todo[SEEN_SQL] == [(1,), (after(9),)]
