"""News and notifications."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from csms.domain.access import Principal, Role
from csms.domain.errors import InvalidArgument, NotFound, PermissionDenied
from csms.domain.notifications import News, NewsPriority, NotificationKind
from csms.domain.topology import Place, PlaceKind
from tests.kit.service_world import ADMIN, SUPPORT, ServiceWorld

pytestmark = pytest.mark.feature("F-NEWS-1")


@pytest.fixture
def world() -> ServiceWorld:
    return ServiceWorld()


def somebody(number: int, role: Role = Role.EV_USER, *sites: int) -> Principal:
    return Principal(f"users/{number}", "", role, user_id=number, site_ids=frozenset(sites))


async def test_a_user_is_told_what_they_want_to_hear_and_reads_it(world: ServiceWorld) -> None:
    anna, bo = somebody(1), somebody(2)
    await world.notifications.choose(bo, {NotificationKind.RESERVATION: False})
    await world.notifications.notify([1, 2], NotificationKind.RESERVATION, {"event": "made"}, target="stations/3")
    await world.notifications.notify([], NotificationKind.REPORT, {})
    (one,), unread = await world.notifications.page(anna, unread=True, size=9, before=None)
    assert (one.values, one.target, unread) == ({"event": "made"}, "stations/3", 1)
    assert (await world.notifications.page(bo, unread=False, size=9, before=None)) == ([], 0)
    assert await world.notifications.mark_read(bo, [one.id]) == 0
    assert (await world.notifications.page(anna, unread=True, size=9, before=None))[1] == 1
    assert await world.notifications.mark_read(anna, []) == 0


async def test_alarms_are_told_only_to_those_who_ask(world: ServiceWorld) -> None:
    settings = await world.notifications.settings(somebody(1))
    assert set(settings) == set(NotificationKind)
    assert not settings[NotificationKind.ALARM]
    assert settings[NotificationKind.FIRMWARE]


async def test_a_key_is_told_nothing(world: ServiceWorld) -> None:
    with pytest.raises(InvalidArgument):
        await world.notifications.settings(Principal("apiKeys/1", "", Role.ADMINISTRATOR))


async def test_news_reach_their_readers_while_they_count(world: ServiceWorld) -> None:
    site = await world.place_store.create(Place(0, 1, PlaceKind.SITE, "Harbour"))
    await world.places.load()
    base = News(0, "For all", "", world.time - timedelta(hours=1))

    async def write(title: str, **more: object) -> None:
        await world.news.create(ADMIN, msgspec.structs.replace(base, title=title, **more))  # type: ignore[arg-type]

    await write("For all")
    await write("For drivers here", roles=(Role.EV_USER,), place_ids=(site.id,))
    await write("For support", roles=(Role.SUPPORT,), priority=NewsPriority.URGENT)
    await write("Over", valid_until=world.time - timedelta(minutes=1))
    await write("Not yet", valid_from=world.time + timedelta(minutes=1))

    async def titles(reader: Principal) -> list[str]:
        return [news.title for news in await world.news.mine(reader)]

    assert await titles(somebody(1, Role.EV_USER, site.id)) == ["For drivers here", "For all"]
    assert await titles(somebody(2)) == ["For all"]
    assert await titles(somebody(3, Role.SUPPORT)) == ["For support", "For all"]
    assert len(await world.news.page(ADMIN, size=9, after=None)) == 5


async def test_news_are_written_by_administrators_and_make_sense(world: ServiceWorld) -> None:
    good = News(0, "Title", "", world.time)
    with pytest.raises(PermissionDenied):
        await world.news.create(SUPPORT, good)
    for wrong in ({"title": " "}, {"text": "x" * 10_001}, {"valid_until": world.time}):
        with pytest.raises(InvalidArgument):
            await world.news.create(ADMIN, msgspec.structs.replace(good, **wrong))
    with pytest.raises(NotFound):
        await world.news.create(ADMIN, msgspec.structs.replace(good, place_ids=(99,)))
    made = await world.news.create(ADMIN, good)
    changed = await world.news.update(ADMIN, made.id, msgspec.structs.replace(good, title="New"), ["title"], version=1)
    assert (changed.title, changed.created_by) == ("New", ADMIN.name)
    await world.news.delete(ADMIN, made.id)
    with pytest.raises(NotFound):
        await world.news.delete(ADMIN, made.id)
