"""What all versions read alike."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from loadtest.client import Refusal
from loadtest.speech.speech import first_configuration, moment, number, part, parts, seconds, spot, stamp, text
from tests.kit.commanded import SpyStation

AT = datetime(2025, 1, 31, 12, 0, 0, 123999, tzinfo=UTC)


def test_times_are_written_to_the_millisecond_and_read_with_or_without_a_zone() -> None:
    assert stamp(AT) == "2025-01-31T12:00:00.123Z"
    assert moment("2025-01-31T12:00:00Z") == moment("2025-01-31T12:00:00") == moment("2025-01-31T13:00:00+01:00")
    assert moment("soon") is None
    assert moment(None) is None


@pytest.mark.parametrize("value", [0, -1, "5", None])
def test_an_interval_of_nothing_is_none(value: object) -> None:
    assert seconds(value) == 0.0


def test_what_cannot_be_read_is_refused() -> None:
    payload: dict[str, object] = {"a": "x", "b": 1, "c": {}, "d": [{}], "e": True}
    assert (text(payload, "a"), number(payload, "b"), part(payload, "c"), parts(payload, "d")) == ("x", 1, {}, [{}])
    assert parts(payload, "z") == []
    for read, key in ((text, "b"), (number, "a"), (number, "e"), (part, "d"), (parts, "c"), (text, "z")):
        with pytest.raises(Refusal, match="FormationViolation"):
            read(payload, key)


def test_settings_are_seconds_or_nothing() -> None:
    configuration = first_configuration(3, 2.5)
    assert configuration.seconds("MeterValueSampleInterval") == 2.5
    assert configuration.seconds("SupportedFeatureProfiles") == 0.0
    assert configuration.values["NumberOfConnectors"] == "3"


def test_connectors_are_found_by_number() -> None:
    found = spot(SpyStation(), 2)
    assert found is not None
    assert found.number == 2
    assert spot(SpyStation(), 3) is None
