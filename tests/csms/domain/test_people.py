"""Rules for people, and what the audit log may hold."""

from __future__ import annotations

import json

import pytest

from csms.domain.access import Role
from csms.domain.errors import InvalidArgument
from csms.domain.people import (
    BLOT,
    Person,
    audit_json,
    canonical_email,
    check_email,
    check_password,
    difference,
    masked,
)


@pytest.mark.parametrize("password", ["short1", "onlyletters", "1234567890", "x1" * 129])
def test_a_weak_password_is_refused(password: str) -> None:
    with pytest.raises(InvalidArgument):
        check_password(password)


@pytest.mark.parametrize("password", ["charge-2-go", "пароль12", "a1a1a1a1"])
def test_a_good_password_is_taken(password: str) -> None:
    check_password(password)


@pytest.mark.parametrize("email", ["", "a", "a@", "@b", "a b@c", "a@b\n", "a@b@c", "a" * 65 + "@b"])
def test_what_is_no_address_is_refused(email: str) -> None:
    with pytest.raises(InvalidArgument):
        check_email(email)
    assert canonical_email(" Ann@Example.ORG ") == "ann@example.org"


def test_secrets_are_blotted_out_wherever_they_stand() -> None:
    plain = {
        "user": {"email": "a@b.org", "password_hash": "x"},
        "token": "x",
        "variables": [{"name": "SecurityCtrlr.BasicAuthPassword", "value": "x"}, {"name": "Heartbeat", "value": "9"}],
        "set_variable_data": [{"variable": {"name": "BasicAuthPassword"}, "attribute_value": "x"}],
        "id_token": "04A1",
        "alarm_mails": True,
        "new_password": "",
    }
    assert masked(plain) == {
        "user": {"email": "a@b.org", "password_hash": BLOT},
        "token": BLOT,
        "variables": [
            {"name": "SecurityCtrlr.BasicAuthPassword", "value": BLOT},
            {"name": "Heartbeat", "value": "9"},
        ],
        "set_variable_data": [{"variable": {"name": "BasicAuthPassword"}, "attribute_value": BLOT}],
        "id_token": "04A1",
        "alarm_mails": True,
        "new_password": "",
    }


def test_only_what_differs_is_told_and_not_without_end() -> None:
    assert difference({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4}) == ({"b": 2}, {"b": 3, "c": 4})
    assert audit_json({}) == ""
    assert json.loads(audit_json({"x": "y" * 20_000})) == {"too_long": ["x"]}


def test_an_administrator_is_one_who_can_sign_in() -> None:
    person = Person(1, "a@b.org", role=Role.ADMINISTRATOR)
    assert not person.administers
    assert person.display_name == "a@b.org"
    assert Person(1, "a@b.org", role=Role.ADMINISTRATOR, has_password=True).administers
    assert not Person(1, "a@b.org", role=Role.ADMINISTRATOR, has_password=True, blocked=True).administers


def test_keys_of_services_are_blotted_out() -> None:
    asked = {"service": {"location_data": {"new_key": "0123456789abcdef", "key_digest": "ab", "key_required": True}}}
    assert masked(asked) == {"service": {"location_data": {"new_key": BLOT, "key_digest": BLOT, "key_required": True}}}
