"""The device model of a simulated 2.x station."""

from __future__ import annotations

import pytest

from loadtest.speech.variables import FIXED, SETTINGS, Variable, accepts, value_of, variables
from tests.kit.commanded import SpyStation


def test_each_variable_has_its_place_and_its_value() -> None:
    spy = SpyStation()
    found = list(variables(spy))
    assert len({variable.key for variable in found}) == len(found)
    assert all(value_of(spy, variable) for variable in found)
    assert {variable.evse for variable in found} == {0, 1, 2}


def test_settings_are_settings_of_the_station() -> None:
    spy = SpyStation()
    assert all(variable.setting in spy.configuration.values for variable in SETTINGS)
    assert not any(variable.writable for variable in FIXED)


def test_intervals_are_told_as_whole_seconds() -> None:
    spy = SpyStation()
    spy.configuration.values["MeterValueSampleInterval"] = "2.51"
    interval = next(variable for variable in SETTINGS if variable.name == "TxUpdatedInterval")
    assert value_of(spy, interval) == "3"


@pytest.mark.parametrize(
    ("kind", "value", "good"),
    [
        ("integer", "5", True),
        ("integer", "five", False),
        ("boolean", "TRUE", True),
        ("boolean", "1", False),
        ("MemberList", "SoC", True),
        ("MemberList", "", True),
        ("MemberList", "SoC,Mood", False),
        ("string", "x" * 500, True),
        ("string", "x" * 501, False),
    ],
)
def test_only_what_fits_is_taken(kind: str, value: str, *, good: bool) -> None:
    assert accepts(Variable("C", "V", kind), value) is good
