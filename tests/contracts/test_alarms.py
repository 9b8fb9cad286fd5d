"""What every store of alarms, rules, webhooks, news and notifications promises."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from csms.aio import open_door
from csms.domain.access import Role, Scope
from csms.domain.alarm_rules import AlarmRule
from csms.domain.alarms import (
    Alarm,
    AlarmKey,
    AlarmKind,
    AlarmSettings,
    AlarmSource,
    Clearing,
    Severity,
    Subject,
)
from csms.domain.errors import AlreadyExists, NotFound, StaleVersion
from csms.domain.facts import RegistrationStatus
from csms.domain.notifications import News, NewsPriority, NotificationKind
from csms.domain.people import Person
from csms.domain.topology import Place, PlaceKind
from csms.ports.alarms import (
    AlarmFilter,
    AlarmOrder,
    AlarmSettingStore,
    AlarmStore,
    Batch,
    EventSource,
    LogFilter,
    LoggedEvent,
    Outgoing,
    Subscriber,
)
from csms.ports.notifications import NewsStore, NotificationStore
from csms.ports.webhooks import Answered, DeliveryState, Webhook, WebhookStore
from csms.storage.alarm_settings import PostgresAlarmSettings
from csms.storage.alarms import PostgresAlarms
from csms.storage.notifications import PostgresNews, PostgresNotifications
from csms.storage.people import PostgresPeople
from csms.storage.places import PostgresPlaces
from csms.storage.pool import open_database
from csms.storage.stations import PostgresStations
from csms.storage.webhooks import PostgresWebhooks
from tests.kit.fake_alarms import FakeAlarms, FakeAlarmSettings
from tests.kit.fake_places import FakePlaces
from tests.kit.fake_stores import FakeStations
from tests.kit.fake_tables import FakeTables
from tests.kit.fake_webhooks import FakeNews, FakeNotifications, FakeWebhooks
from tests.kit.storage_world import storage_url

__all__ = ["storage_url"]

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
NOWHERE = 10**30


@dataclass
class Stores:
    alarms: AlarmStore
    settings: AlarmSettingStore
    webhooks: WebhookStore
    notifications: NotificationStore
    news: NewsStore
    site: int
    floor: int
    station: int
    other: int
    user: int


@pytest.fixture
async def stores(storage_url: str) -> AsyncIterator[Stores]:
    site = Place(0, 1, PlaceKind.SITE, "Harbour")
    if storage_url:
        async with open_door() as door, open_database(door, storage_url, max_size=3) as database:
            places, stations = PostgresPlaces(database), PostgresStations(database)
            person = await PostgresPeople(database).create(
                Person(
                    0, "anna@example.org", "Anna", role=Role.ADMINISTRATOR, language="sv", time_zone="Europe/Stockholm"
                )
            )
            made = await places.create(site)
            floor = await places.create(Place(0, made.id, PlaceKind.FLOOR, "Level 1"))
            one = await stations.create("CP-1", registration=RegistrationStatus.ACCEPTED)
            two = await stations.create("CP-2", registration=RegistrationStatus.ACCEPTED)
            await places.move_stations([one.id], floor.id)
            yield Stores(
                PostgresAlarms(database), PostgresAlarmSettings(database), PostgresWebhooks(database),
                PostgresNotifications(database), PostgresNews(database), made.id, floor.id, one.id, two.id, person.id,
            )  # fmt: skip
    else:
        tables = FakeTables()
        fake_places, fake_stations = FakePlaces(tables), FakeStations(tables)
        made = await fake_places.create(site)
        floor = await fake_places.create(Place(0, made.id, PlaceKind.FLOOR, "Level 1"))
        one = await fake_stations.create("CP-1", registration=RegistrationStatus.ACCEPTED)
        two = await fake_stations.create("CP-2", registration=RegistrationStatus.ACCEPTED)
        await fake_places.move_stations([one.id], floor.id)
        alarms, settings, webhooks = FakeAlarms(tables), FakeAlarmSettings(), FakeWebhooks()
        alarms.webhooks = webhooks
        settings.people[1] = Subscriber(1, "anna@example.org", "Anna", Role.ADMINISTRATOR, "sv", "Europe/Stockholm")
        yield Stores(
            alarms, settings, webhooks, FakeNotifications({1}), FakeNews(), made.id, floor.id, one.id, two.id, 1
        )


async def an_alarm(stores: Stores, station: int | None, *, key: str = "k", minutes: int = 0, **more: object) -> Alarm:
    """Kept."""
    subject = Subject(station) if station is not None else Subject(place_id=stores.site)
    (number,) = await stores.alarms.new_ids(1)
    at = NOW + timedelta(minutes=minutes)
    alarm = Alarm(
        number, subject, key, AlarmKind.HARDWARE_FAULT, Severity.MAJOR, AlarmSource.STATUS, "E1", "Broken.", at, at, 1
    )
    alarm = msgspec.structs.replace(alarm, **more)  # type: ignore[arg-type]
    await stores.alarms.save(Batch(NOW, [alarm]))
    return alarm


async def test_what_was_saved_is_read_back(stores: Stores) -> None:
    alarm = await an_alarm(stores, stores.station)
    (view,) = await stores.alarms.find([alarm.id, 10**9, NOWHERE], None)
    assert (view.alarm, view.station_name, view.place_id) == (alarm, "CP-1", stores.floor)
    site = await an_alarm(stores, None, key="network", kind=AlarmKind.NO_NETWORK)
    (view,) = await stores.alarms.find([site.id], None)
    assert (view.alarm.subject, view.place_id, view.station_name) == (site.subject, stores.site, "")


async def test_the_newest_of_a_name_is_found_also_when_it_is_over(stores: Stores) -> None:
    over = await an_alarm(stores, stores.station, cleared_at=NOW, clearing=Clearing.BY_ITSELF)
    name = AlarmKey(over.subject, "k")
    assert (await stores.alarms.newest([name]))[name].id == over.id
    again = await an_alarm(stores, stores.station, minutes=30)
    assert (await stores.alarms.newest([name]))[name].id == again.id
    assert [a.id for a in await stores.alarms.active(station_ids=[stores.station])] == [again.id]
    assert await stores.alarms.active(station_ids=[stores.other]) == []
    assert await stores.alarms.active(source=AlarmSource.SILENCE) == []


async def test_an_alarm_of_a_station_that_is_gone_is_left_out(stores: Stores) -> None:
    await an_alarm(stores, 10**9)
    assert await stores.alarms.count(AlarmFilter()) == 0


@pytest.mark.feature("F-ALM-1")
async def test_what_was_written_lately_is_found_whatever_its_times_say(stores: Stores) -> None:
    of_station = await an_alarm(stores, stores.station, minutes=-500_000)
    of_site = await an_alarm(stores, None, key="network", cleared_at=NOW, clearing=Clearing.BY_ITSELF)
    views = {view.alarm.id: view for view in await stores.alarms.changed_within(300.0)}
    assert {number: view.place_id for number, view in views.items()} == {
        of_station.id: stores.floor,
        of_site.id: stores.site,
    }
    assert views[of_station.id].alarm == of_station


async def test_lists_are_ordered_paged_counted_and_narrowed(stores: Stores) -> None:
    first = await an_alarm(stores, stores.station, key="a", minutes=1, severity=Severity.MINOR)
    second = await an_alarm(stores, stores.other, key="b", minutes=2, severity=Severity.CRITICAL)
    third = await an_alarm(stores, None, key="c", minutes=3, cleared_at=NOW + timedelta(minutes=9))
    orders = {
        AlarmOrder.NEWEST: [third, second, first],
        AlarmOrder.OLDEST: [first, second, third],
        AlarmOrder.SEVERITY: [second, third, first],
    }
    for order, wanted in orders.items():
        page = await stores.alarms.page(AlarmFilter(), order, size=2)
        last = page[-1].alarm
        rest = await stores.alarms.page(
            AlarmFilter(), order, size=2, after=(int(last.severity), last.last_raised_at, last.id)
        )
        assert [view.alarm.id for view in [*page, *rest]] == [alarm.id for alarm in wanted], order

    async def found(**conditions: object) -> set[int]:
        wanted = AlarmFilter(**conditions)  # type: ignore[arg-type]
        views = await stores.alarms.page(wanted, AlarmOrder.NEWEST, size=10)
        assert await stores.alarms.count(wanted) == len(views)
        return {view.alarm.id for view in views}

    assert await found(active=True) == {first.id, second.id}
    assert await found(active=False) == {third.id}
    assert await found(place_ids=frozenset({stores.site, stores.floor})) == {first.id, third.id}
    assert await found(station_id=stores.other) == {second.id}
    assert await found(station_id=NOWHERE) == set()
    assert await found(severities=(Severity.CRITICAL,)) == {second.id}
    assert await found(kinds=(AlarmKind.TEMPERATURE,)) == set()
    assert await found(acknowledged=True) == set()
    assert await found(query="cp-1") == {first.id}
    assert await found(since=NOW + timedelta(minutes=10)) == {first.id, second.id}
    assert await found(until=NOW + timedelta(minutes=2)) == {first.id}
    assert await found(scope=Scope(place_ids=frozenset({stores.site, stores.floor}))) == {first.id, third.id}
    assert await found(scope=Scope(station_ids=frozenset({stores.other}))) == {second.id}
    assert await found(scope=Scope()) == set()


async def test_people_take_notice_and_end_alarms(stores: Stores) -> None:
    alarm = await an_alarm(stores, stores.station)
    event = LoggedEvent(0, NOW, EventSource.ALARM, "AlarmAcknowledged", "Noticed.", stores.station)
    await stores.alarms.acknowledge([alarm.id], "users/1", "On my way", Batch(NOW, events=[event]))
    await stores.alarms.acknowledge([alarm.id], "users/2", "", Batch(NOW + timedelta(hours=1)))
    (view,) = await stores.alarms.find([alarm.id], None)
    noticed = view.alarm
    assert (noticed.acknowledged_by, noticed.acknowledged_at, noticed.note) == ("users/1", NOW, "On my way")
    assert [each.kind for each in await stores.alarms.page_log(LogFilter(), size=9)] == ["AlarmAcknowledged"]
    (number,) = await stores.alarms.summarize(frozenset(), None)
    assert (number.active, number.unacknowledged) == (1, 0)
    await stores.alarms.clear([alarm.id], "users/1", "", Batch(NOW + timedelta(hours=2)))
    (view,) = await stores.alarms.find([alarm.id], None)
    assert (view.alarm.cleared_by, view.alarm.clearing) == ("users/1", Clearing.BY_HAND)
    await stores.alarms.save(Batch(NOW, [msgspec.structs.replace(alarm, count=2)]))
    (view,) = await stores.alarms.find([alarm.id], None)
    assert (view.alarm.count, view.alarm.note) == (2, "On my way")


async def test_the_event_log_is_paged_newest_first(stores: Stores) -> None:
    events = [
        LoggedEvent(
            0, NOW + timedelta(minutes=n), EventSource.OPERATION, f"Kind{n}", "Done.", stores.station, severity=n
        )
        for n in range(4)
    ]
    await stores.alarms.note([*events, LoggedEvent(0, NOW, EventSource.SYSTEM, "Gone", "No.", 10**9)])
    page = await stores.alarms.page_log(LogFilter(), size=3)
    last = page[-1]
    rest = await stores.alarms.page_log(LogFilter(), size=3, before=(last.at, last.told, last.id))
    assert [event.kind for event in [*page, *rest]] == ["Kind3", "Kind2", "Kind1", "Kind0"]
    assert (page[0].place_id, page[0].station_name) == (stores.floor, "CP-1")

    async def kinds(**conditions: object) -> list[str]:
        return [e.kind for e in await stores.alarms.page_log(LogFilter(**conditions), size=9)]  # type: ignore[arg-type]

    assert await kinds(severity=1) == ["Kind1", "Kind0"]
    assert await kinds(kinds=("Kind2",)) == ["Kind2"]
    assert await kinds(sources=(EventSource.STATION,)) == []
    assert await kinds(sources=(EventSource.ALARM,)) == []  # only what was noted, nothing that stations told
    assert await kinds(sources=(EventSource.OPERATION,)) == ["Kind3", "Kind2", "Kind1", "Kind0"]
    assert await kinds(station_id=stores.other) == []
    assert await kinds(since=NOW + timedelta(minutes=3)) == ["Kind3"]
    assert await kinds(until=NOW + timedelta(minutes=1)) == ["Kind0"]
    assert await kinds(query="kind3") == ["Kind3"]
    assert await kinds(scope=Scope(place_ids=frozenset({stores.site}))) == []
    assert await stores.alarms.prune(NOW + timedelta(minutes=2)) == 2


async def test_stations_are_listened_to(stores: Stores) -> None:
    found = {each.station_id: each for each in await stores.alarms.listened()}
    assert (found[stores.station].place_id, found[stores.station].heard_at) == (stores.floor, None)
    assert await stores.alarms.places_of([stores.station, 10**9]) == {stores.station: (stores.floor, "CP-1")}
    await an_alarm(stores, None, key="network", kind=AlarmKind.NO_NETWORK, cleared_at=NOW, clearing=Clearing.BY_ITSELF)
    assert await stores.alarms.network_over() == {stores.site: NOW}


async def test_rules_are_made_changed_and_removed(stores: Stores) -> None:
    rule = AlarmRule(0, AlarmSource.STATUS, "Acme", "", "E-17", AlarmKind.FUSE_TRIPPED, Severity.CRITICAL, "Fuse")
    made = await stores.settings.create_rule(rule)
    assert await stores.settings.rules() == [made]
    with pytest.raises(AlreadyExists):
        await stores.settings.create_rule(msgspec.structs.replace(rule, vendor="ACME"))
    quiet = await stores.settings.update_rule(msgspec.structs.replace(made, kind=None, severity=None), version=1)
    assert (quiet.kind, quiet.severity, quiet.version) == (None, None, 2)
    with pytest.raises(StaleVersion):
        await stores.settings.update_rule(made, version=1)
    await stores.settings.delete_rule(made.id)
    for number in (made.id, NOWHERE):
        with pytest.raises(NotFound):
            await stores.settings.delete_rule(number)


async def test_settings_keep_what_is_chosen(stores: Stores) -> None:
    assert await stores.settings.settings() == AlarmSettings()
    changed = await stores.settings.put_settings(AlarmSettings(silent_after_s=60), version=1)
    assert (changed.silent_after_s, changed.version) == (60, 2)
    assert await stores.settings.settings() == changed
    with pytest.raises(StaleVersion):
        await stores.settings.put_settings(AlarmSettings(), version=1)


async def test_a_days_mail_is_done_once(stores: Stores) -> None:
    assert await stores.settings.mail_of(stores.user) == (False, 7)
    await stores.settings.choose_mail(stores.user, wanted=True, hour=9)
    assert await stores.settings.mail_of(stores.user) == (True, 9)
    (reader,) = await stores.settings.readers()
    assert (reader.language, reader.hour, reader.last_day) == ("sv", 9, None)
    letter = ("anna@example.org", "S", "T", "<p>")
    assert await stores.settings.day_done(stores.user, date(2026, 5, 4), letter)
    assert not await stores.settings.day_done(stores.user, date(2026, 5, 4), letter)
    assert await stores.settings.day_done(stores.user, date(2026, 5, 5), None)
    (reader,) = await stores.settings.readers()
    assert (reader.last_day, reader.hour) == (date(2026, 5, 5), 9)


async def test_deliveries_wait_are_leased_and_end(stores: Stores) -> None:
    hook = await stores.webhooks.create(Webhook(0, "Ops", "https://example.org/x", "secret", place_id=stores.site))
    await stores.alarms.save(Batch(NOW, outgoing=[Outgoing(hook.id, "alarm.raised", None, "{}")]))
    assert await stores.webhooks.next_due() == NOW
    ((delivery, to),) = await stores.webhooks.take(NOW, size=9, lease_until=NOW + timedelta(minutes=5))
    assert (delivery.attempts, to.secret) == (1, "secret")
    assert await stores.webhooks.take(NOW, size=9, lease_until=NOW) == []
    later = NOW + timedelta(minutes=1)
    await stores.webhooks.finish(
        delivery.id, DeliveryState.WAITING, Answered(500, "The other side answered 500."), NOW, next_at=later
    )
    (seen,) = await stores.webhooks.all()
    assert (seen.waiting, seen.last_error) == (1, "The other side answered 500.")
    done = await stores.webhooks.finish(delivery.id, DeliveryState.DELIVERED, Answered(204), later, next_at=None)
    assert (done.status_code, done.finished_at, done.error) == (204, later, "")
    assert await stores.webhooks.page(hook.id, DeliveryState.WAITING, size=9) == []
    tried = await stores.webhooks.add_delivery(hook.id, "test", "{}", NOW)
    assert await stores.webhooks.take(NOW, size=9, lease_until=NOW) == []
    assert [each.id for each in await stores.webhooks.page(hook.id, None, size=1)] == [tried.id]
    assert await stores.webhooks.prune(NOW + timedelta(days=1)) == 1


async def test_webhooks_are_changed_and_removed(stores: Stores) -> None:
    hook = await stores.webhooks.create(Webhook(0, "Ops", "https://example.org/x", "s", (AlarmKind.TEMPERATURE,)))
    off = await stores.webhooks.update(msgspec.structs.replace(hook, enabled=False), version=1)
    assert (off.enabled, off.kinds, off.version) == (False, (AlarmKind.TEMPERATURE,), 2)
    await stores.alarms.save(Batch(NOW, outgoing=[Outgoing(hook.id, "alarm.raised", None, "{}")]))
    assert await stores.webhooks.take(NOW, size=9, lease_until=NOW) == []
    with pytest.raises(StaleVersion):
        await stores.webhooks.update(hook, version=1)
    await stores.webhooks.delete(hook.id)
    with pytest.raises(NotFound):
        await stores.webhooks.delete(hook.id)
    assert await stores.webhooks.find(NOWHERE) is None


async def test_notifications_go_to_those_who_want_them(stores: Stores) -> None:
    add = stores.notifications.add
    assert await add([stores.user, 10**9], NotificationKind.REPORT, {"title": "May"}, "x", NOW, unless_said=True) == [
        stores.user
    ]
    assert await add([stores.user], NotificationKind.ALARM, {}, "", NOW, unless_said=False) == []
    await stores.notifications.choose(stores.user, {NotificationKind.ALARM: True, NotificationKind.REPORT: False})
    assert await add([stores.user], NotificationKind.REPORT, {}, "", NOW, unless_said=True) == []
    assert await add([stores.user], NotificationKind.ALARM, {}, "", NOW, unless_said=False) == [stores.user]
    newest, oldest = await stores.notifications.page(stores.user, unread=False, size=9)
    assert (oldest.kind, oldest.values, oldest.target) == (NotificationKind.REPORT, {"title": "May"}, "x")
    assert [n.id for n in await stores.notifications.page(stores.user, unread=False, size=9, before=newest.id)] == [
        oldest.id
    ]
    assert await stores.notifications.mark_read(stores.user, [oldest.id, NOWHERE], NOW) == 1
    assert await stores.notifications.count_unread(stores.user) == 1
    assert await stores.notifications.mark_read(stores.user, None, NOW) == 1
    assert await stores.notifications.page(stores.user, unread=True, size=9) == []
    assert await stores.notifications.settings(stores.user) == {
        NotificationKind.ALARM: True,
        NotificationKind.REPORT: False,
    }
    assert await stores.notifications.prune(NOW + timedelta(days=1)) == 2


async def test_news_are_kept_while_they_count(stores: Stores) -> None:
    hour = timedelta(hours=1)
    past = await stores.news.create(News(0, "Past", "", NOW - 2 * hour, NOW - hour))
    now = await stores.news.create(
        News(0, "Now", "x", NOW - hour, None, NewsPriority.URGENT, (Role.SUPPORT,), (stores.site,), "users/1")
    )
    future = await stores.news.create(News(0, "Future", "", NOW + hour))
    page = await stores.news.page(size=2)
    assert [news.id for news in page] == [future.id, now.id]
    assert [n.id for n in await stores.news.page(size=2, after=(now.valid_from, now.id))] == [past.id]
    assert await stores.news.page(size=9, valid_at=NOW) == [now]
    changed = await stores.news.update(msgspec.structs.replace(now, title="New"), version=1)
    assert (changed.title, changed.version, changed.roles) == ("New", 2, (Role.SUPPORT,))
    with pytest.raises(StaleVersion):
        await stores.news.update(now, version=1)
    await stores.news.delete(now.id)
    with pytest.raises(NotFound):
        await stores.news.delete(now.id)
    assert await stores.news.find(NOWHERE) is None
