"""The table of who may do what, how far."""

from __future__ import annotations

import msgspec
import pytest

from csms.domain.access import (
    NEEDED_LEVEL,
    REACH,
    Action,
    Principal,
    Reach,
    Role,
    Scope,
    ShareLevel,
    check,
    grants,
    may,
    reach,
)
from csms.domain.errors import PermissionDenied

pytestmark = pytest.mark.feature("F-USR-1")


def a_caller(role: Role, **more: object) -> Principal:
    return msgspec.structs.replace(Principal("users/1", "a", role), **more)


def test_every_role_has_a_row() -> None:
    assert set(REACH) == set(Role)


def test_an_administrator_may_do_everything() -> None:
    assert all(may(a_caller(Role.ADMINISTRATOR), action) for action in Action)


@pytest.mark.parametrize("role", [Role.SITE_ADMINISTRATOR, Role.EV_USER])
def test_what_is_not_asked_of_the_scope_is_refused_to_those_who_have_one(role: Role) -> None:
    for action in (Action.READ_STATIONS, Action.READ_SESSIONS, Action.OPERATE_STATIONS):
        assert reach(a_caller(role), action) is not Reach.NONE
        with pytest.raises(PermissionDenied):
            check(a_caller(role), action)


@pytest.mark.parametrize("action", [Action.EDIT_TOKENS, Action.MANAGE_KEYS, Action.ADMIT_STATIONS])
def test_support_does_not_manage(action: Action) -> None:
    with pytest.raises(PermissionDenied, match="support"):
        check(a_caller(Role.SUPPORT), action)


def test_a_key_for_some_actions_may_do_no_others() -> None:
    key = a_caller(Role.ADMINISTRATOR, actions=frozenset({Action.READ_STATIONS}))
    assert may(key, Action.READ_STATIONS)
    assert not may(key, Action.EDIT_STATIONS)


def test_each_level_of_a_share_gives_what_those_before_it_give() -> None:
    given = [{action for action in Action if grants(level, action)} for level in ShareLevel]
    assert given[0] < given[1] < given[2] == set(NEEDED_LEVEL)
    assert not any(grants(None, action) for action in Action)


def test_a_scope_holds_places_stations_and_own_things_but_only_in_the_group() -> None:
    scope = Scope(frozenset({7}), frozenset({1}), user_id=5)
    assert scope.holds(2, 7)
    assert scope.holds(1, 8)
    assert scope.holds(3, 8, 5)
    assert not scope.holds(3, 8, 6)
    assert not scope.holds(None, None)
    narrowed = msgspec.structs.replace(scope, only=frozenset({1, 4}))
    assert narrowed.holds(1, 8)
    assert not narrowed.holds(2, 7)
    assert not narrowed.holds(4, 8)
    assert not narrowed.holds(3, 8, 5)
    assert not Scope().holds(1, 1, None)
