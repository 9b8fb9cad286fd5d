"""From what was told to what people see."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
import trio

from csms.domain.access import Role
from csms.domain.alarm_rules import Told
from csms.domain.alarms import AlarmKind, AlarmSource
from csms.domain.errors import Unavailable
from csms.domain.notifications import NotificationKind
from csms.domain.topology import Place, PlaceKind
from csms.ports.alarms import AlarmFilter, AlarmOrder, Subscriber
from csms.ports.feed import Subject
from csms.ports.webhooks import Webhook
from csms.services.alarm_digest import AlarmDigest
from csms.services.alarm_sweep import AlarmSweep
from tests.kit.fake_webhooks import FakeLease
from tests.kit.service_world import ADMIN, ServiceWorld


class SweepWorld(ServiceWorld):
    """A world with a sweep; `backed_at`: the newest good backup."""

    def __init__(self) -> None:
        super().__init__()
        self.backed_at: datetime | None = None
        self._numbers = 0
        self.sweep = self.a_sweep()

    def a_sweep(self, lease: FakeLease | None = None) -> AlarmSweep:
        return AlarmSweep(
            self.alarm_store,
            self.alarm_setting_store,
            self.webhook_store,
            self.notifications,
            self.scopes,
            lease or FakeLease(),
            lambda: self.places.tree,
            self.feed,
            backed=lambda: self.backed_at,
            wake_webhooks=self.webhooks.wake,
            now=lambda: self.time,
        )

    def tell(self, station: int, status: str, error: str = "NoError", **more: Any) -> None:
        self._numbers += 1
        body = {"connector": 1, "status": status, "error": error, **more}
        self.alarm_store.told.append(Told(self._numbers, station, AlarmSource.STATUS, self.time, 1, None, body))

    def later(self, **passed: float) -> None:
        self.time += timedelta(**passed)

    async def active(self) -> list[AlarmKind]:
        views, _ = await self.alarms.page(ADMIN, AlarmFilter(active=True), AlarmOrder.OLDEST, size=99, after=None)
        return [view.alarm.kind for view in views]


@pytest.fixture
def world() -> SweepWorld:
    return SweepWorld()


@pytest.mark.feature("F-ALM-2")
async def test_a_fault_is_raised_and_over_when_the_station_says_so(world: SweepWorld) -> None:
    station = await world.add_station("CP-1")
    world.tell(station, "Faulted", "HighTemperature")
    await world.sweep.weigh_inbox()
    assert await world.active() == [AlarmKind.TEMPERATURE]
    world.later(minutes=1)
    world.tell(station, "Faulted", "GroundFailure")
    await world.sweep.weigh_inbox()
    assert await world.active() == [AlarmKind.FUSE_TRIPPED]
    world.later(minutes=1)
    world.tell(station, "Available")
    await world.sweep.weigh_inbox()
    assert await world.active() == []
    assert world.alarm_store.told == []
    kinds = [event.kind for event in world.alarm_store.events]
    assert kinds == ["AlarmRaised", "AlarmRaised", "AlarmCleared", "AlarmCleared"]


async def test_what_cannot_be_read_does_not_hold_up_the_rest(
    world: SweepWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = await world.add_station("CP-1")
    world.tell(station, "Faulted", "HighTemperature")
    world.tell(station, "Faulted")
    world.tell(station, "Faulted", "GroundFailure")
    odd = msgspec.structs.replace(world.alarm_store.told[1], body=None)  # type: ignore[arg-type]
    world.alarm_store.told[1] = odd
    while await world.sweep.weigh_inbox():
        pass
    assert await world.active() == [AlarmKind.FUSE_TRIPPED]
    assert world.alarm_store.told == []


@pytest.mark.feature("F-ALM-2")
async def test_silence_is_heard_and_the_network_told_apart(world: SweepWorld) -> None:
    site = await world.place_store.create(Place(0, 1, PlaceKind.SITE, "Harbour"))
    await world.places.load()
    world.later(hours=1)
    for number in range(3):
        station = await world.add_station(f"CP-{number}")
        row = world.tables.stations[station]
        row.place_id, row.online, row.last_seen_at, row.created_at = site.id, number > 0, world.time, world.time
    world.later(minutes=11)
    await world.sweep.listen()
    assert await world.active() == [AlarmKind.NO_COMMUNICATION]
    for row in world.tables.stations.values():
        row.online, row.last_seen_at = False, world.time - timedelta(minutes=11)
    await world.sweep.listen()
    await world.sweep.listen()
    assert await world.active() == [AlarmKind.NO_NETWORK]
    for row in world.tables.stations.values():
        row.online, row.last_seen_at = True, world.time
    await world.sweep.listen()
    assert await world.active() == []


@pytest.mark.feature("F-SYS-3")
async def test_an_old_backup_is_an_alarm(world: SweepWorld) -> None:
    world.backed_at = world.time - timedelta(hours=37)
    await world.sweep.listen()
    await world.sweep.listen()
    assert await world.active() == [AlarmKind.BACKUP_STALE]
    world.backed_at = world.time
    await world.sweep.listen()
    assert await world.active() == []


@pytest.mark.feature("F-ALM-3", "F-NEWS-1")
async def test_webhooks_and_subscribers_hear_of_what_concerns_them(world: SweepWorld) -> None:
    site = await world.place_store.create(Place(0, 1, PlaceKind.SITE, "Harbour"))
    await world.places.load()
    here, there = await world.add_station("CP-1"), await world.add_station("CP-2")
    world.tables.stations[here].place_id = site.id
    await world.webhook_store.create(Webhook(0, "all", "https://example.org/a"))
    await world.webhook_store.create(Webhook(0, "here", "https://example.org/b", place_id=site.id))
    await world.webhook_store.create(Webhook(0, "fuse", "https://example.org/c", kinds=(AlarmKind.FUSE_TRIPPED,)))
    people = world.alarm_setting_store
    people.people = {
        1: Subscriber(1, "a@example.org", "Anna", Role.SITE_ADMINISTRATOR, "en", "", frozenset({site.id})),
        2: Subscriber(2, "b@example.org", "Bo", Role.ADMINISTRATOR, "en", ""),
    }
    people.subscribed = {1, 2}
    for user in (1, 2):
        await world.notification_store.choose(user, {NotificationKind.ALARM: True})
    world.tell(here, "Faulted", "HighTemperature")
    world.tell(there, "Faulted", "HighTemperature")
    await world.sweep.weigh_inbox()
    assert sorted(number for number, *_ in world.alarm_store.outgoing) == [1, 1, 2]
    assert await world.notification_store.count_unread(1) == 1
    assert await world.notification_store.count_unread(2) == 2


@pytest.mark.feature("F-ALM-3")
async def test_the_daily_mail_comes_once_at_the_hour_in_the_zone_and_language(world: SweepWorld) -> None:
    world.time = datetime.fromisoformat("2026-05-04T04:59:00+00:00")
    station = await world.add_station("CP-1")
    world.tell(station, "Faulted", "HighTemperature")
    await world.sweep.weigh_inbox()
    store = world.alarm_setting_store
    store.people[1] = Subscriber(1, "a@example.org", "Anna", Role.ADMINISTRATOR, "sv", "Europe/Stockholm", hour=7)
    store.people[2] = Subscriber(2, "b@example.org", "Bo", Role.SITE_ADMINISTRATOR, "en", "Europe/Stockholm", hour=7)
    store.wanted = {1: True, 2: True}
    digest = AlarmDigest(
        world.alarm_store,
        store,
        world.scopes,
        lambda: world.places.tree,
        portal_url="https://x.org",
        now=lambda: world.time,
    )
    assert await digest.send_due() == 0
    world.later(minutes=2)
    assert await digest.send_due() == 1
    assert await digest.send_due() == 0
    ((recipient, subject, text, page),) = store.letters
    assert (recipient, subject) == ("a@example.org", "1 aktivt larm")
    assert "Temperatur · CP-1" in text
    assert "06:59" in text
    assert "https://x.org/alarms" in page
    world.later(days=1)
    assert await digest.send_due() == 1
    world.tell(station, "Available")
    await world.sweep.weigh_inbox()
    world.later(days=1)
    assert await digest.send_due() == 0


class Heard:
    """What the feed told of alarms, and what of it was on disk at that moment."""

    def __init__(self, world: SweepWorld, monkeypatch: pytest.MonkeyPatch) -> None:
        self.told: list[tuple[int, int, int]] = []
        self._world = world
        monkeypatch.setattr(world.feed, "publish", self._publish)

    def _publish(self, subject: Subject, station_id: int = 0, *, alarm_id: int = 0, place_id: int = 0) -> None:
        if subject is Subject.ALARM:
            assert alarm_id in self._world.alarm_store.alarms  # kept before it is told
            self.told.append((alarm_id, station_id, place_id))

    def take(self) -> list[tuple[int, int, int]]:
        told, self.told = self.told, []
        return told


@pytest.mark.feature("F-ALM-1", "F-ALM-2")
async def test_each_change_of_an_alarm_is_on_the_feed_after_its_commit(
    world: SweepWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await world.place_store.create(Place(0, 1, PlaceKind.SITE, "Harbour"))
    await world.places.load()
    station = await world.add_station("CP-1")
    world.tables.stations[station].place_id = site.id
    heard = Heard(world, monkeypatch)
    world.tell(station, "Faulted", "HighTemperature")
    await world.sweep.weigh_inbox()
    ((alarm, *where),) = heard.take()
    assert where == [station, site.id]
    world.later(seconds=5)
    world.tell(station, "Available")
    await world.sweep.weigh_inbox()
    world.later(seconds=5)
    world.tell(station, "Faulted", "HighTemperature")  # the same one, counted
    await world.sweep.weigh_inbox()
    assert heard.take() == [(alarm, station, site.id)] * 2
    world.tell(station, "Faulted", "HighTemperature")
    monkeypatch.setattr(world.alarm_store, "save", unavailable)
    with pytest.raises(Unavailable):
        await world.sweep.weigh_inbox()
    with pytest.raises(Unavailable):
        await world.alarms.acknowledge(ADMIN, [alarm], "")
    assert heard.take() == []


async def unavailable(*_: object) -> None:
    raise Unavailable("The database is away.")


@pytest.mark.feature("F-ALM-2")
async def test_silence_and_old_backups_are_on_the_feed_once_each(
    world: SweepWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = await world.add_station("CP-1")
    row = world.tables.stations[station]
    row.online, row.last_seen_at, row.created_at = False, world.time, world.time
    world.backed_at = world.time - timedelta(hours=37)
    heard = Heard(world, monkeypatch)
    world.later(minutes=11)
    for _ in range(3):
        await world.sweep.listen()
    assert sorted(each[1:] for each in heard.take()) == [(0, 1), (station, 1)]
    world.backed_at, row.online, row.last_seen_at = world.time, True, world.time
    for _ in range(3):
        await world.sweep.listen()
    assert sorted(each[1:] for each in heard.take()) == [(0, 1), (station, 1)]


@pytest.mark.feature("F-ALM-1")
async def test_whoever_takes_over_tells_what_the_one_before_may_not_have_told(
    world: SweepWorld, monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    station = await world.add_station("CP-1")
    world.tell(station, "Faulted", "HighTemperature")
    monkeypatch.setattr(world.feed, "publish", lambda *_, **__: None)  # it dies right after the commit
    await world.sweep.weigh_inbox()
    heard = Heard(world, monkeypatch)
    lease = FakeLease()
    lease.ours = False
    with trio.move_on_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(world.a_sweep(lease).run)
            await trio.sleep(5)
            assert heard.take() == []
            lease.ours = True
            await trio.sleep(20)
            assert [where for _, *where in heard.take()] == [[station, 1]]  # once
