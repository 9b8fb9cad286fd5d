"""Keys of internal systems, and what they are narrowed to."""

from __future__ import annotations

import pytest

from csms.domain.access import Action, Reach, Role, check, may, reach
from csms.domain.errors import InvalidArgument, PermissionDenied, Unauthenticated
from tests.kit.service_world import ADMIN, SUPPORT, ServiceWorld


@pytest.mark.feature("F-USR-6")
async def test_a_narrowed_key_may_only_what_it_names() -> None:
    world = ServiceWorld()
    _, secret = await world.keys.create(
        ADMIN, "Billing", Role.ADMINISTRATOR, None, actions=frozenset({Action.READ_SESSIONS})
    )
    principal = await world.access.authenticate(secret)
    assert [action for action in Action if may(principal, action)] == [Action.READ_SESSIONS, Action.OWN_ACCOUNT]
    with pytest.raises(PermissionDenied):
        check(principal, Action.MANAGE_USERS)
    with pytest.raises(PermissionDenied):
        await world.stations.get(principal, await world.add_station("CP-1"))


async def test_a_key_gets_no_more_than_its_role_by_naming_it() -> None:
    world = ServiceWorld()
    _, secret = await world.keys.create(ADMIN, "X", Role.SUPPORT, None, actions=frozenset({Action.MANAGE_USERS}))
    assert reach(await world.access.authenticate(secret), Action.MANAGE_USERS) is Reach.NONE


@pytest.mark.feature("F-USR-6")
async def test_a_key_without_scopes_may_all_that_its_role_may() -> None:
    world = ServiceWorld()
    _, secret = await world.keys.create(ADMIN, "Old", Role.ADMINISTRATOR, None)
    principal = await world.access.authenticate(secret)
    assert all(may(principal, action) for action in Action)


async def test_sites_narrow_keys_of_site_administrators_only() -> None:
    world = ServiceWorld()
    key, secret = await world.keys.create(ADMIN, "North", Role.SITE_ADMINISTRATOR, None, site_ids=frozenset({5}))
    assert (await world.access.authenticate(secret)).site_ids == frozenset({5})
    with pytest.raises(InvalidArgument):
        await world.keys.create(ADMIN, "North", Role.SUPPORT, None, site_ids=frozenset({5}))
    await world.keys.delete(ADMIN, key.id)
    with pytest.raises(Unauthenticated):
        await world.access.authenticate(secret)
    with pytest.raises(PermissionDenied):
        await world.keys.page(SUPPORT, size=1, before=None)
