"""Templates as they are typed."""

from __future__ import annotations

import pytest
from starlette.datastructures import FormData

from webui.pages.configuration import read_lines, typed_template
from webui.values import ApiError
from webui.values_configuration import SettingValue, Template


def test_lines_are_names_and_values():
    typed = "HeartbeatInterval = 300\n\n Url=ws://x?a=b \nEmpty =\n"
    found = [SettingValue("HeartbeatInterval", "300"), SettingValue("Url", "ws://x?a=b"), SettingValue("Empty", "")]
    assert list(read_lines(typed)) == found


def test_a_line_that_cannot_be_read_is_named():
    with pytest.raises(ApiError, match="Line 2"):
        read_lines("A = 1\nnonsense\n")


@pytest.mark.parametrize("priority", ["high", "1e9", "-", "99999999999"])
def test_a_priority_that_is_no_number_is_told(priority: str):
    with pytest.raises(ApiError, match="priority"):
        typed_template(FormData({"priority": priority}), Template())


def test_a_family_that_is_not_known_is_any():
    typed = typed_template(FormData({"family": "3", "priority": "-5", "enabled": "1"}), Template())
    assert (typed.family, typed.priority, typed.enabled) == ("UNSPECIFIED", -5, True)
