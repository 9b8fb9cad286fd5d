"""What comes of reports, and how lists are split."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.domain.applying import Context
from csms.domain.authorization import AuthorizationStatus
from csms.domain.device_model import (
    HANDLERS,
    Apn,
    Component,
    MessageLimits,
    NetworkConnectionProfile,
    ReportData,
    ReportReceived,
    VariableAttribute,
    VariableCharacteristics,
    VariableName,
    Vpn,
    component_of,
    missing_parts,
    place_of,
    portions,
    value_record,
    variable_of,
)
from csms.domain.facts import IdTokenInfo
from csms.domain.ids import StationId
from csms.domain.records import EventRecord, JobKind, JobRecord, VariableRecord
from csms.domain.values import Evse
from csms.domain.variable_names import VariablePlace

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
pytestmark = pytest.mark.feature("F-OCPP-4", "F-OCPP-5")


def context() -> Context:
    info = IdTokenInfo(AuthorizationStatus.ACCEPTED)
    return Context(NOW, lambda _tag, _session: info, lambda: 1)


def a_part(seq_no: int, *data: ReportData, last: bool = False) -> ReportReceived:
    return ReportReceived(7, NOW - timedelta(seconds=3), seq_no, last, data)


POWER = ReportData(
    Component("EVSE", evse=Evse(1)),
    VariableName("Power"),
    (
        VariableAttribute(value="7200", mutability="ReadOnly", persistent=True),
        VariableAttribute("MaxSet", value="22000", constant=True),
    ),
    VariableCharacteristics("decimal", supports_monitoring=True, unit="W", max_limit=22000.0),
)


def test_each_attribute_becomes_a_variable() -> None:
    applied = HANDLERS[ReportReceived](a_part(0, POWER), StationId(3), context())
    actual, most, step = applied.records
    assert isinstance(actual, VariableRecord)
    assert isinstance(most, VariableRecord)
    assert (actual.component, actual.evse_id, actual.variable, actual.attribute_type) == ("EVSE", 1, "Power", "Actual")
    assert (actual.value, actual.mutability, actual.persistent, actual.constant) == ("7200", "ReadOnly", True, False)
    assert (most.attribute_type, most.value, most.mutability, most.constant) == ("MaxSet", "22000", "ReadWrite", True)
    assert actual.characteristics is not None
    assert msgspec.json.decode(actual.characteristics) == {
        "dataType": "decimal",
        "supportsMonitoring": True,
        "unit": "W",
        "maxLimit": 22000.0,
    }
    assert step == JobRecord(3, JobKind.DEVICE_REPORT, NOW, 7, part=0)


def test_the_last_and_an_empty_part_stand_in_the_event_log() -> None:
    for part, told in (
        (a_part(2, POWER, last=True), "Report 7 came to its end with part 3."),
        (a_part(1), "Part 2 of report 7 is empty."),
    ):
        *_, step, event = HANDLERS[ReportReceived](part, StationId(3), context()).records
        assert isinstance(step, JobRecord)
        assert isinstance(event, EventRecord)
        assert (step.part, step.last) == (part.seq_no, part.last)
        assert event.summary == told


def test_a_password_in_a_report_is_not_kept() -> None:
    secret = ReportData(
        Component("SecurityCtrlr"), VariableName("BasicAuthPassword"), (VariableAttribute(value="secret-word"),)
    )
    applied = HANDLERS[ReportReceived](a_part(0, secret), StationId(3), context())
    assert b"secret-word" not in msgspec.json.encode(applied.records)
    place = VariablePlace("", "AuthorizationKey")
    assert value_record(3, place, "secret-word", NOW).value is None


def test_a_place_is_a_component_and_a_variable() -> None:
    place = VariablePlace("Connector", "State", "i", 1, 2, "v", "Target")
    assert place_of(component_of(place), variable_of(place), "Target") == place
    bare = VariablePlace("Ctrlr", "Enabled")
    assert (component_of(bare), variable_of(bare)) == (Component("Ctrlr"), VariableName("Enabled"))


def test_a_profile_is_kept_without_its_secrets() -> None:
    profile = NetworkConnectionProfile(
        "wss://csms.example.org",
        "JSON",
        "Wired0",
        30,
        2,
        basic_auth_password="secret-1",
        apn=Apn("internet", "PAP", "me", "secret-2", 1234),
        vpn=Vpn("vpn.example.org", "me", "secret-3", "secret-4", "IKEv2"),
    )
    kept = msgspec.json.encode(profile.without_secrets())
    assert b"secret" not in kept
    assert b"1234" not in kept
    assert b"vpn.example.org" in kept


@given(
    sizes=st.lists(st.integers(1, 3000), max_size=60),
    items=st.none() | st.integers(1, 10),
    size=st.none() | st.integers(100, 4000),
)
def test_portions_hold_all_and_keep_the_limits(sizes: list[int], items: int | None, size: int | None) -> None:
    counts = portions(sizes, MessageLimits(items, size))
    assert sum(counts) == len(sizes)
    place = 0
    for count in counts:
        assert count >= 1
        assert items is None or count <= items
        used = sum(sizes[place : place + count]) + count
        assert size is None or used <= size or count == 1
        place += count


def test_a_limit_of_nothing_still_lets_one_through() -> None:
    assert portions([10, 10], MessageLimits(0)) == [1, 1]
    assert portions([10, 10, 10], MessageLimits()) == [3]
    assert portions([], MessageLimits(5)) == []


@given(parts=st.sets(st.integers(0, 30)), last=st.none() | st.integers(0, 30))
def test_missing_parts_are_those_up_to_the_last_that_are_not_there(parts: set[int], last: int | None) -> None:
    missing = missing_parts(parts, last)
    end = max(parts, default=-1) if last is None else last
    assert set(missing) | {part for part in parts if part <= end} == set(range(end + 1))
    assert not set(missing) & parts
