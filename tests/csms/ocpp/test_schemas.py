"""The compiled schemas give the verdict of the official ones, on both paths, in every version."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.ocpp import faults, schemas
from csms.ocpp.faults import ErrorCode, Fault, LocalProtocolError
from csms.ocpp.schemas import Direction, as_utc, parse_time, schemas_of
from tests.kit.effort import examples
from tests.kit.schema_strategy import instances, mutants

V16 = schemas_of(faults.V16)
STATUS = V16.message("StatusNotification", Direction.REQUEST)
NAIVE = datetime(2024, 5, 1, 10)  # noqa: DTZ001 - what a text without a zone decodes to
FINE = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}


def names(edition: faults.Edition) -> list[tuple[str, Direction]]:
    return sorted(schemas_of(edition))


def dates_in(root: dict[str, Any], part: dict[str, Any], value: Any) -> Iterator[str]:
    if "$ref" in part:
        part = root["definitions"][part["$ref"].rsplit("/", 1)[1]]
    if part.get("format") == "date-time" and isinstance(value, str):
        yield value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from dates_in(root, (part.get("properties") or {}).get(key, {}), inner)
    if isinstance(value, list):
        for inner in value:
            yield from dates_in(root, part.get("items", {}), inner)


def allowed(schema: dict[str, Any], value: Any) -> bool:
    """The oracle: the schema as printed, plus dates that are dates."""
    oracle = jsonschema_rs.validator_for(schema, validate_formats=False)
    return oracle.is_valid(value) and all(parse_time(text) for text in dates_in(schema, schema, value))


def verdict(message: schemas.Message, value: Any) -> bool:
    try:
        message.decode(json.dumps(value).encode())
    except Fault:
        return False
    return True


@pytest.mark.feature("F-OCPP-10")
@pytest.mark.parametrize("edition", faults.EDITIONS.values(), ids=lambda edition: edition.folder)
def test_every_schema_of_every_version_compiles(edition: faults.Edition) -> None:
    every = schemas_of(edition)
    assert len(list(every)) == {"v16": 78, "v201": 128, "v21": 181}[edition.folder]
    for name in every:
        message = every.message(*name)
        assert message is every.message(*name)
        list(message.violations({}))  # the slow path compiles too


def test_known_actions_have_both_directions_but_for_sends() -> None:
    for edition in faults.EDITIONS.values():
        every = set(schemas_of(edition))
        lonely = {a for a, d in every if d is Direction.REQUEST and (a, Direction.RESPONSE) not in every}
        assert lonely == ({"NotifyPeriodicEventStream"} if edition is faults.V21 else set())


def test_unknown_action_has_no_schema() -> None:
    with pytest.raises(KeyError):
        V16.message("MakeCoffee", Direction.REQUEST)


@pytest.mark.feature("F-OCPP-10")
@pytest.mark.parametrize("name", names(faults.V16), ids="-".join)
@examples(25)
@given(data=st.data())
def test_mutants_of_1_6_get_the_verdict_of_the_official_schema(
    name: tuple[str, Direction], data: st.DataObject
) -> None:
    schema = V16.schema(*name)
    value = data.draw(mutants(schema))
    assert verdict(V16.message(*name), value) == allowed(schema, value)


@pytest.mark.parametrize("edition", [faults.V201, faults.V21], ids=lambda edition: edition.folder)
@examples(60)
@given(data=st.data())
def test_mutants_of_2_x_get_the_verdict_of_the_official_schema(edition: faults.Edition, data: st.DataObject) -> None:
    every = schemas_of(edition)
    name = data.draw(st.sampled_from(names(edition)))
    schema = every.schema(*name)
    value = data.draw(mutants(schema))
    assert verdict(every.message(*name), value) == allowed(schema, value)


@pytest.mark.parametrize("name", names(faults.V16), ids="-".join)
@examples(8)
@given(data=st.data())
def test_what_is_allowed_can_be_sent_and_read_back(name: tuple[str, Direction], data: st.DataObject) -> None:
    message = V16.message(*name)
    value = data.draw(instances(V16.schema(*name)))
    assert json.loads(message.encode(value)) == value
    decoded = message.decode(json.dumps(value).encode())
    assert message.decode(message.encode(decoded)) == decoded


@pytest.mark.feature("F-OCPP-10")
@pytest.mark.parametrize(
    ("change", "code", "place"),
    [
        ({"connectorId": "1"}, "TypeConstraintViolation", "/connectorId"),
        ({"connectorId": 1.5}, "TypeConstraintViolation", "/connectorId"),
        ({"connectorId": None}, "TypeConstraintViolation", "/connectorId"),
        ({"connectorId": True}, "TypeConstraintViolation", "/connectorId"),
        ({"status": "Sleeping"}, "PropertyConstraintViolation", "/status"),
        ({"info": "x" * 51}, "PropertyConstraintViolation", "/info"),
        ({"timestamp": "never"}, "FormationViolation", "/timestamp"),
        ({"surprise": 1}, "FormationViolation", "/"),
    ],
)
def test_each_kind_of_violation_gets_its_1_6_code(change: dict[str, Any], code: str, place: str) -> None:
    with pytest.raises(Fault) as caught:
        STATUS.decode(json.dumps(FINE | change).encode())
    assert faults.V16.spell(caught.value.code) == code
    assert caught.value.details["place"] == place
    assert len(caught.value.description) <= 255
    assert next(iter(change)) in caught.value.description


@pytest.mark.feature("F-OCPP-10")
def test_missing_property_is_an_incomplete_payload_in_1_6_and_an_occurrence_in_2() -> None:
    with pytest.raises(Fault, match="connectorId is missing") as old:
        STATUS.decode(b'{"errorCode":"NoError","status":"Available"}')
    assert old.value.code is ErrorCode.PROTOCOL_ERROR
    with pytest.raises(Fault, match="is missing") as new:
        schemas_of(faults.V201).message("StatusNotification", Direction.REQUEST).decode(b"{}")
    assert new.value.code is ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION


@pytest.mark.feature("F-OCPP-10")
def test_too_few_elements_violate_occurrence_as_1_6_misspells_it() -> None:
    with pytest.raises(Fault) as caught:
        V16.message("MeterValues", Direction.REQUEST).decode(b'{"connectorId":1,"meterValue":[]}')
    assert faults.V16.spell(caught.value.code) == "OccurenceConstraintViolation"


def test_graver_violation_is_told_first() -> None:
    with pytest.raises(Fault) as caught:
        STATUS.decode(b'{"connectorId":"1","errorCode":"NoError","status":"Sleeping","surprise":1}')
    assert caught.value.details["keyword"] == "additionalProperties"


@pytest.mark.feature("F-OCPP-10")
@pytest.mark.parametrize(
    "payload",
    [
        b'{"vendorId":"x","data":"\xff"}',
        b'{"vendorId":"x","data":"\\ud800"}',
        b'{"vendorId":"\xed\xa0\x80"}',
        b'{"vendorId":' + b"[" * 300 + b"]" * 300 + b"}",
        b'{"vendorId":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b'{"vendorId":1e999}',
        b'{"vendorId":' + b"1" * 6000 + b"}",
        b'{"vendorId":NaN}',
    ],
)
def test_unreadable_payload_is_a_formation_violation(payload: bytes) -> None:
    with pytest.raises(Fault) as caught:
        V16.message("DataTransfer", Direction.REQUEST).decode(payload)
    assert faults.V16.spell(caught.value.code) == "FormationViolation"


def test_last_of_two_equal_keys_counts() -> None:
    decoded = V16.message("Authorize", Direction.REQUEST).decode(b'{"idTag":"A","idTag":"B"}')
    assert decoded == V16.message("Authorize", Direction.REQUEST).decode(b'{"idTag":"B"}')


@pytest.mark.parametrize("limit", [0.1, 0.3, 16.1, 21.4, 32])
def test_tenths_are_multiples_of_a_tenth(limit: float) -> None:
    message = V16.message("GetCompositeSchedule", Direction.RESPONSE)
    period = {"startPeriod": 0, "limit": limit}
    schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [period]}
    expected = allowed(
        V16.schema("GetCompositeSchedule", Direction.RESPONSE), {"status": "Accepted", "chargingSchedule": schedule}
    )
    assert verdict(message, {"status": "Accepted", "chargingSchedule": schedule}) is expected


def test_hundredths_are_no_multiples_of_a_tenth() -> None:
    schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.15}]}
    with pytest.raises(Fault) as caught:
        V16.message("GetCompositeSchedule", Direction.RESPONSE).decode(
            json.dumps({"status": "Accepted", "chargingSchedule": schedule}).encode()
        )
    assert caught.value.code is ErrorCode.PROPERTY_CONSTRAINT_VIOLATION


@pytest.mark.parametrize("key", [b"customData", b"custom\\u0044ata"])
def test_custom_data_without_vendor_is_found_even_under_an_escaped_name(key: bytes) -> None:
    heartbeat = schemas_of(faults.V201).message("Heartbeat", Direction.REQUEST)
    with pytest.raises(Fault, match="vendorId is missing"):
        heartbeat.decode(b'{"%b":{"x":1}}' % key)
    heartbeat.decode(b'{"%b":{"vendorId":"V","x":1}}' % key)


def test_whole_float_is_an_integer_from_draft_6_on() -> None:
    message = schemas_of(faults.V201).message("UnlockConnector", Direction.REQUEST)
    assert message.decode(b'{"evseId":1.0,"connectorId":1}') == message.decode(b'{"evseId":1,"connectorId":1}')
    with pytest.raises(Fault) as caught:
        V16.message("UnlockConnector", Direction.REQUEST).decode(b'{"connectorId":1.0}')
    assert caught.value.code is ErrorCode.TYPE_CONSTRAINT_VIOLATION


@pytest.mark.feature("F-OCPP-10")
def test_what_we_must_not_send_does_not_get_out() -> None:
    reset = V16.message("Reset", Direction.REQUEST)
    assert reset.encode({"type": "Soft"}) == b'{"type":"Soft"}'
    with pytest.raises(LocalProtocolError, match=r"Reset\.Request"):
        reset.encode({"type": "Gently"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-05-01T10:00:00Z", datetime(2024, 5, 1, 10, tzinfo=UTC)),
        ("2024-05-01T10:00:00", NAIVE),  # no zone: told apart, taken for UTC later
        ("2024-05-01 10:00:00Z", datetime(2024, 5, 1, 10, tzinfo=UTC)),
        ("2024-05-01T10:00Z", datetime(2024, 5, 1, 10, tzinfo=UTC)),
        ("2024-05-01T10:00:00,5Z", datetime(2024, 5, 1, 10, 0, 0, 500_000, tzinfo=UTC)),
        ("2024-05-01T10:00:00+02", datetime(2024, 5, 1, 8, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("2024-05-01T24:00:00Z", datetime(2024, 5, 2, tzinfo=UTC)),
        ("9999-12-31T24:00:00Z", None),
        ("2024-05-01T24:00:01Z", None),
        ("2024-02-30T10:00:00Z", None),
        ("2024-05-01", None),
        ("1714557600", None),
        ("٢٠٢٤-05-01T10:00:00Z", None),
        ("", None),
    ],
)
def test_times_as_stations_write_them(text: str, expected: datetime | None) -> None:
    assert parse_time(text) == expected


def test_time_without_a_zone_is_taken_for_utc() -> None:
    assert as_utc(NAIVE) == datetime(2024, 5, 1, 10, tzinfo=UTC)
    assert as_utc(datetime(2024, 5, 1, 10, tzinfo=timezone(timedelta(hours=2)))).hour == 8


def test_time_before_the_calendar_is_refused() -> None:
    with pytest.raises(Fault, match="outside the calendar"):
        as_utc(datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))))
