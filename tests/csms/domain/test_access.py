"""The table of who may do what."""

from __future__ import annotations

import pytest

from csms.domain.access import ALLOWED, Action, Principal, Role, check, may
from csms.domain.errors import PermissionDenied


def test_every_role_has_a_row() -> None:
    assert set(ALLOWED) == set(Role)


def test_an_administrator_may_do_everything() -> None:
    assert all(may(Principal("users/1", "a", Role.ADMINISTRATOR), action) for action in Action)


@pytest.mark.parametrize("role", [Role.SITE_ADMINISTRATOR, Role.EV_USER])
def test_roles_without_a_scope_see_nothing_of_others(role: Role) -> None:
    assert [action for action in Action if may(Principal("users/1", "a", role), action)] == [Action.OWN_ACCOUNT]


@pytest.mark.parametrize("action", [Action.EDIT_TOKENS, Action.MANAGE_KEYS, Action.ADMIT_STATIONS])
def test_support_does_not_manage(action: Action) -> None:
    with pytest.raises(PermissionDenied, match="support"):
        check(Principal("users/1", "a", Role.SUPPORT), action)
