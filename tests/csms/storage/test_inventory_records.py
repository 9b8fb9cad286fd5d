"""Records of what stations told become one statement per kind."""

from __future__ import annotations

import pytest

from csms.domain.records import EventRecord, ItemRecord, JobKind, JobRecord, VariableRecord
from csms.storage.inventory_records import EVENT_SQL, ITEM_SQL, JOB_SQL, VARIABLE_SQL, clean_json
from csms.storage.records import statements
from tests.kit.records import T0, after

LOG = JobKind.LOG_UPLOAD


def a_variable(value: str, characteristics: bytes | None = None) -> VariableRecord:
    return VariableRecord(1, "C", "", 0, 0, "V", "", "Actual", T0, value, characteristics=characteristics)


def test_one_statement_per_kind_however_many_records() -> None:
    records = [
        JobRecord(1, LOG, T0, 5, "Uploading"),
        ItemRecord(1, "k", "a", T0, b"{}"),
        ItemRecord(1, "k", "a", after(1), None),
        EventRecord(1, T0, T0, "NotifyEvent", "one"),
        a_variable("1", b'{"unit":"s"}'),
        JobRecord(1, LOG, after(1), 5, "Uploaded"),
        a_variable("2"),
        EventRecord(1, T0, T0, "NotifyEvent", "two"),
    ]
    todo = dict(statements(records))
    assert list(todo) == [EVENT_SQL, ITEM_SQL, VARIABLE_SQL, JOB_SQL]
    assert todo[EVENT_SQL][4] == ("one", "two")
    assert todo[ITEM_SQL][3:] == [(after(1),), (None,)], "the last wins"
    assert todo[VARIABLE_SQL][9] == ("2",)
    assert todo[VARIABLE_SQL][13] == ('{"unit":"s"}',), "what the last leaves out, one before it told"
    assert todo[JOB_SQL][4] == ("Uploading", "Uploaded"), "steps in order"


def test_an_entry_is_known_again_by_what_it_says() -> None:
    def digest(record: EventRecord) -> object:
        return dict(statements([record]))[EVENT_SQL][8][0]

    one = EventRecord(1, T0, T0, "NotifyEvent", "one", evse_id=1)
    assert digest(one) == digest(EventRecord(2, T0, after(5), "NotifyEvent", "one", evse_id=1))
    assert digest(one) != digest(EventRecord(1, T0, T0, "NotifyEvent", "one", evse_id=2))
    assert digest(one) != digest(EventRecord(1, T0, T0, "NotifyEvent", "one", evse_id=1, body=b'{"a":1}'))


def test_a_step_of_a_job_that_cannot_be_ours_is_left_out() -> None:
    assert statements([JobRecord(1, LOG, T0, 10**30)]) == []
    assert statements([JobRecord(1, LOG, T0, -1)]) == []


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        (b'{"a":1}', '{"a":1}'),
        (b'{"a\\u0000":["x\\u0000y",{"b":"\\u0000"}]}', '{"a":["xy",{"b":""}]}'),
        (b'{"a":"\\\\u0000"}', '{"a":"\\\\u0000"}'),
    ],
)
def test_nul_is_taken_out_of_json(told: bytes, kept: str) -> None:
    assert clean_json(told) == kept
