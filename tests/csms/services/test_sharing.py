"""Whose stations are, and with whom they are shared."""

from __future__ import annotations

import pytest

from csms.domain.access import Action, Principal, Role, ShareLevel
from csms.domain.errors import InvalidArgument, NotFound, PermissionDenied
from csms.services.sharing import OFFERED
from tests.kit.service_world import ADMIN, SUPPORT, ServiceWorld

pytestmark = pytest.mark.feature("F-STA-11")


async def a_world() -> tuple[ServiceWorld, int, Principal, Principal]:
    """With a station, and two drivers."""
    world = ServiceWorld()
    people = [await world.add_user(Role.EV_USER, f"{name}@example.org") for name in ("ada", "bob")]
    ada, bob = (Principal(f"users/{user.id}", user.email, user.role, user_id=user.id) for user in people)
    return world, await world.add_station("CP-1"), ada, bob


async def test_an_owner_shares_and_takes_back() -> None:
    world, station, ada, bob = await a_world()
    owner = await world.shares.set_owner(ADMIN, station, "ADA@example.org")
    assert owner.id == ada.user_id
    made = await world.shares.share(ada, station, "bob@example.org", ShareLevel.VIEW)
    assert (made.person.id, made.level) == (bob.user_id, ShareLevel.VIEW)
    shares = await world.shares.shares(ada, station)
    assert (shares.owner, shares.shares) == (owner, (made,))
    assert (await world.stations.get(bob, station)).id == station
    with pytest.raises(PermissionDenied):
        await world.shares.shares(bob, station)
    await world.shares.unshare(ada, station, made.person.id)
    with pytest.raises(NotFound):
        await world.stations.get(bob, station)


async def test_who_manages_shares_on_but_gives_nothing_away() -> None:
    world, station, ada, bob = await a_world()
    await world.shares.share(ADMIN, station, "ada@example.org", ShareLevel.MANAGE)
    await world.shares.share(ada, station, "bob@example.org", ShareLevel.OPERATE)
    with pytest.raises(PermissionDenied):
        await world.shares.set_owner(ada, station, "bob@example.org")
    with pytest.raises(PermissionDenied):
        await world.shares.release(ada, station)
    with pytest.raises(PermissionDenied):
        await world.shares.share(bob, station, "bob@example.org", ShareLevel.MANAGE)


async def test_everybody_may_let_go_of_what_is_shared_with_them() -> None:
    world, station, ada, bob = await a_world()
    await world.shares.share(ADMIN, station, "ada@example.org", ShareLevel.VIEW)
    await world.shares.share(ADMIN, station, "bob@example.org", ShareLevel.VIEW)
    with pytest.raises(PermissionDenied):
        await world.shares.unshare(bob, station, ada.user_id or 0)
    await world.shares.unshare(ada, station, ada.user_id or 0)
    with pytest.raises(NotFound):
        await world.shares.unshare(ada, station, ada.user_id or 0)


async def test_a_released_station_is_nobodys_and_shared_with_nobody() -> None:
    world, station, ada, bob = await a_world()
    await world.shares.set_owner(ADMIN, station, "ada@example.org")
    await world.shares.share(ada, station, "bob@example.org", ShareLevel.MANAGE)
    await world.shares.release(ada, station)
    shares = await world.shares.shares(ADMIN, station)
    assert (shares.owner, shares.shares) == (None, ())
    for caller in (ada, bob):
        with pytest.raises(NotFound):
            await world.stations.get(caller, station)
    await world.shares.release(ADMIN, station)


async def test_there_must_be_a_user_and_a_station() -> None:
    world, station, _, _ = await a_world()
    with pytest.raises(NotFound, match="no user"):
        await world.shares.share(ADMIN, station, "nobody@example.org", ShareLevel.VIEW)
    with pytest.raises(NotFound, match="no user"):
        await world.shares.set_owner(ADMIN, station, "")
    with pytest.raises(NotFound, match="no station"):
        await world.shares.shares(ADMIN, 99)
    with pytest.raises(PermissionDenied):
        await world.shares.shares(SUPPORT, station)


async def test_what_somebody_may_do_is_told_before_it_is_refused() -> None:
    world, station, ada, bob = await a_world()
    other = await world.add_station("CP-2")
    await world.shares.share(ADMIN, station, "bob@example.org", ShareLevel.OPERATE)
    assert await world.shares.access(ada, [station]) == {}
    found = await world.shares.access(bob, [other, station, station, 99])
    assert found == {station: frozenset({Action.OPERATE_STATIONS})}
    everything = await world.shares.access(ADMIN, [station])
    assert everything == {station: frozenset(OFFERED)}
    support = (await world.shares.access(SUPPORT, [station]))[station]
    assert Action.CONFIGURE_STATIONS in support
    assert Action.EDIT_STATIONS not in support
    with pytest.raises(InvalidArgument):
        await world.shares.access(ADMIN, list(range(1001)))


async def test_who_owns_a_station_or_manages_one_keeps_stations_and_nobody_else() -> None:
    world, station, ada, bob = await a_world()
    other = await world.add_station("CP-2")
    assert not await world.shares.keeps(ada)
    await world.shares.share(ADMIN, station, "bob@example.org", ShareLevel.OPERATE)
    assert not await world.shares.keeps(bob)
    await world.shares.share(ADMIN, other, "bob@example.org", ShareLevel.MANAGE)
    await world.shares.set_owner(ADMIN, station, "ada@example.org")
    assert await world.shares.keeps(bob)
    assert await world.shares.keeps(ada)
    assert not await world.shares.keeps(ADMIN), "whose role reaches them anyway"
