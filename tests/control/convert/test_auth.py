"""Callers, roles, keys."""

from __future__ import annotations

import pytest

from control.convert.auth import ROLES, api_key, caller, role_of
from control.v1 import auth_pb2
from csms.domain.access import ApiKey, Principal, Role
from csms.domain.errors import InvalidArgument
from tests.kit.service_world import NOW


def test_every_role_has_its_number_and_back() -> None:
    assert {role_of(ROLES[role]) for role in Role} == set(Role)
    for number in (0, 99):
        with pytest.raises(InvalidArgument):
            role_of(number)


def test_a_digest_never_leaves() -> None:
    message = caller(Principal("users/1", "Ada", Role.SUPPORT, "ada@example.org", b"secret"))
    assert message == auth_pb2.Caller(
        name="users/1", display_name="Ada", email="ada@example.org", role=auth_pb2.ROLE_SUPPORT
    )


def test_times_that_are_not_known_stay_unset() -> None:
    message = api_key(ApiKey(3, "Billing", Role.SUPPORT, "chk_abcd", NOW))
    assert message.name == "apiKeys/3"
    assert not message.HasField("expire_time")
    assert not message.HasField("last_use_time")
