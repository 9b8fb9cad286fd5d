"""Users as messages and back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from control.convert import users as convert
from control.v1 import auth_pb2, users_pb2
from csms.domain.access import Role
from csms.domain.errors import InvalidArgument
from csms.domain.people import EDITABLE, Person, PersonFilter, Preferences, Theme
from csms.services.account import Settings

PERSON = Person(
    7,
    "ann@example.org",
    "Ann",
    "Berg",
    Role.SITE_ADMINISTRATOR,
    (2, 3),
    "sv",
    "Europe/Stockholm",
    "+46 70 1",
    "E-1",
    "C-1",
    alarm_mails=True,
    blocked=True,
    has_password=True,
    version=4,
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
)


def test_all_that_can_be_edited_has_a_path_and_comes_back() -> None:
    assert sorted(convert.FIELDS.values()) == sorted(EDITABLE)
    message = convert.user(PERSON, ["04A1"])
    assert (message.name, message.display_name, message.etag, list(message.sites)) == (
        "users/7",
        "Ann Berg",
        "4",
        ["places/2", "places/3"],
    )
    assert list(message.id_tokens) == ["04A1"]
    assert message.has_password
    assert not message.HasField("last_sign_in_time")
    back = convert.read_user(message, need_role=True)
    assert all(getattr(back, name) == getattr(PERSON, name) for name in EDITABLE)


def test_a_role_is_needed_where_it_counts_only() -> None:
    with pytest.raises(InvalidArgument):
        convert.read_user(users_pb2.User(), need_role=True)
    assert convert.read_user(users_pb2.User(), need_role=False).role is Role.EV_USER
    with pytest.raises(InvalidArgument):
        convert.read_user(users_pb2.User(sites=["stations/1"]), need_role=False)


def test_filters() -> None:
    message = users_pb2.UserFilter(query="x", role=auth_pb2.ROLE_SUPPORT, site="places/3")
    assert convert.read_filter(message) == PersonFilter("x", Role.SUPPORT, 3)
    assert convert.read_filter(users_pb2.UserFilter()) == PersonFilter()


@pytest.mark.parametrize("theme", list(Theme))
def test_settings_come_back(theme: Theme) -> None:
    settings = Settings("de", "Europe/Berlin", True, Preferences(theme, ("energy",), True, {"columns": "a"}))
    assert convert.read_settings(convert.settings(settings)) == settings
    assert set(convert.SETTINGS_FIELDS) == {field.name for field in users_pb2.UserSettings.DESCRIPTOR.fields}
