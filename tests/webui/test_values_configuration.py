"""Settings as the pages show them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from csms.domain.known_variables import _KEYS_1_6, _VARIABLES_2
from webui import values_configuration as v

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def setting(**fields: Any) -> v.Setting:
    empty: dict[str, Any] = dict.fromkeys(v.Setting.__struct_fields__)
    texts = dict.fromkeys(("answer", "detail", "set_by", "data_type", "unit", "warning"), "")
    flags = dict.fromkeys(("read_only", "write_only", "secret", "reboot_required", "differs"), False)
    return v.Setting(**{**empty, **texts, **flags, "name": "X", "state": "", "allowed_values": (), **fields})


def test_a_field_begins_with_what_is_wanted_else_with_what_the_station_has():
    assert setting(reported_value="900").shown == "900"
    assert setting(reported_value="900", desired_value="").shown == ""
    assert setting().shown == ""


def test_spelling_of_true_and_false_is_no_change():
    assert setting(data_type="boolean", reported_value="True").untouched == "true"
    assert setting(data_type="boolean").options == ("", "true", "false")
    assert setting(data_type="boolean").untouched == ""


def test_a_value_that_is_not_on_the_list_can_still_be_left_alone():
    odd = setting(data_type="OptionList", allowed_values=("A", "B"), reported_value="C")
    assert (odd.options, odd.untouched) == (("C", "A", "B"), "C")


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({}, ""),
        ({"desired_value": "1", "state": "PENDING"}, "Not sent yet"),
        ({"desired_value": "1", "state": "ACCEPTED"}, "As wanted"),
        ({"desired_value": "1", "state": "ACCEPTED", "differs": True}, "Taken, not seen yet"),
        ({"desired_value": "1", "state": "ACCEPTED", "drift_time": NOW}, "Changed by the station"),
        ({"desired_value": "1", "state": "NEW_WORD"}, "NEW_WORD"),
    ],
)
def test_where_a_wish_stands_is_told_in_words(fields: dict[str, Any], word: str):
    assert setting(**fields).state_word[1] == word


def test_whatever_the_server_warns_of_is_in_the_catalogues():
    warned = {known.warning for known in (*_KEYS_1_6.values(), *_VARIABLES_2.values())} - {""}
    assert warned - set(v.WARNINGS) == set()


def test_who_wants_it_is_a_template_or_somebody():
    assert setting(set_by="configurationTemplates/7").by_template == "7"
    assert setting(set_by="users/7").by_template == ""
