"""Alarms, the event log, and their settings, in memory."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

import msgspec

from csms.domain.access import Scope
from csms.domain.alarm_rules import AlarmRule, Told
from csms.domain.alarms import Alarm, AlarmKey, AlarmKind, AlarmSettings, AlarmSource, Clearing, Severity
from csms.domain.errors import AlreadyExists, NotFound, StaleVersion
from csms.domain.topology import SYSTEM_ID
from csms.ports.alarms import (
    AlarmFilter,
    AlarmNumber,
    AlarmOrder,
    AlarmPosition,
    AlarmView,
    Batch,
    EventSource,
    Listened,
    LogFilter,
    LoggedEvent,
    LogPosition,
    Subscriber,
)
from tests.kit.fake_tables import FakeTables
from tests.kit.fake_webhooks import FakeWebhooks

replace = msgspec.structs.replace


class FakeAlarms:
    """`AlarmStore`. `told`: the inbox."""

    def __init__(self, tables: FakeTables) -> None:
        self.tables = tables
        self.told: list[Told] = []
        self.alarms: dict[int, Alarm] = {}
        self.events: list[LoggedEvent] = []
        self.outgoing: list[tuple[int, str, int | None, str]] = []
        self.webhooks: FakeWebhooks | None = None
        self._ids, self._event_ids = itertools.count(1), itertools.count(1)

    async def inbox(self, size: int) -> Sequence[Told]:
        return self.told[:size]

    async def newest(self, names: Collection[AlarmKey]) -> Mapping[AlarmKey, Alarm]:
        return {a.name: a for _, a in sorted(self.alarms.items()) if a.name in set(names)}

    async def active(
        self, *, station_ids: Collection[int] | None = None, source: AlarmSource | None = None
    ) -> Sequence[Alarm]:
        return [
            a
            for _, a in sorted(self.alarms.items())
            if a.active and (station_ids is None or a.subject.station_id in station_ids) and source in (None, a.source)
        ]

    async def listened(self) -> Sequence[Listened]:
        return [
            Listened(number, s.place_id, s.created_at, s.online, s.last_seen_at, s.registration != "Rejected")
            for number, s in self.tables.stations.items()
        ]

    async def places_of(self, station_ids: Collection[int]) -> Mapping[int, tuple[int, str]]:
        known = self.tables.stations
        return {n: (known[n].place_id, known[n].display_name or known[n].identity) for n in station_ids if n in known}

    async def network_over(self) -> Mapping[int, datetime]:
        found: dict[int, datetime] = {}
        for a in self.alarms.values():
            place = a.subject.place_id
            if place and a.cleared_at and a.kind is AlarmKind.NO_NETWORK and a.clearing is Clearing.BY_ITSELF:
                found[place] = max(a.cleared_at, found.get(place, a.cleared_at))
        return found

    async def new_ids(self, count: int) -> Sequence[int]:
        return [next(self._ids) for _ in range(count)]

    async def save(self, batch: Batch) -> None:
        for alarm in batch.alarms:
            if alarm.subject.station_id is not None and alarm.subject.station_id not in self.tables.stations:
                continue
            old = self.alarms.get(alarm.id, alarm)
            self.alarms[alarm.id] = replace(
                alarm, acknowledged_at=old.acknowledged_at, acknowledged_by=old.acknowledged_by, note=old.note
            )
        self.told = [each for each in self.told if each.id not in batch.taken]
        for event in batch.events:
            if event.station_id is None or event.station_id in self.tables.stations:
                self.events.append(replace(event, id=next(self._event_ids)))
        for sent in batch.outgoing:
            self.outgoing.append((sent.webhook_id, sent.event, sent.alarm_id, sent.body))
            if self.webhooks is not None:
                self.webhooks.queue(sent.webhook_id, sent.event, sent.alarm_id, sent.body, batch.at)

    async def find(self, ids: Collection[int], scope: Scope | None) -> Sequence[AlarmView]:
        views = [self._view(self.alarms[number]) for number in ids if number in self.alarms]
        return [view for view in views if _holds(scope, view)]

    async def changed_within(self, seconds: float) -> Sequence[AlarmView]:
        return [self._view(alarm) for alarm in self.alarms.values()]

    async def acknowledge(self, ids: Collection[int], by: str, note: str, batch: Batch) -> None:
        for number in ids:
            a = self.alarms[number]
            self.alarms[number] = replace(
                a,
                acknowledged_at=a.acknowledged_at or batch.at,
                acknowledged_by=a.acknowledged_by if a.acknowledged_at else by,
                note=note or a.note,
            )
        await self.save(replace(batch, alarms=()))

    async def clear(self, ids: Collection[int], by: str, note: str, batch: Batch) -> None:
        for number in ids:
            a = self.alarms[number]
            if a.active:
                self.alarms[number] = replace(
                    a,
                    cleared_at=max(batch.at, a.last_raised_at),
                    clearing=Clearing.BY_HAND,
                    cleared_by=by,
                    note=note or a.note,
                )
        await self.save(replace(batch, alarms=()))

    async def page(
        self, wanted: AlarmFilter, order: AlarmOrder, *, size: int, after: AlarmPosition | None = None
    ) -> Sequence[AlarmView]:
        def key(view: AlarmView) -> tuple[float, ...]:
            return _key(order, (int(view.alarm.severity), view.alarm.last_raised_at, view.alarm.id))

        views = sorted(self._wanted(wanted), key=key)
        return [view for view in views if after is None or key(view) > _key(order, after)][:size]

    async def count(self, wanted: AlarmFilter) -> int:
        return len(self._wanted(wanted))

    async def summarize(self, place_ids: frozenset[int], scope: Scope | None) -> Sequence[AlarmNumber]:
        found: dict[tuple[Severity, AlarmKind], list[Alarm]] = {}
        for view in self._wanted(AlarmFilter(active=True, place_ids=place_ids, scope=scope)):
            found.setdefault((view.alarm.severity, view.alarm.kind), []).append(view.alarm)
        return [
            AlarmNumber(kind, severity, len(alarms), sum(1 for a in alarms if a.acknowledged_at is None))
            for (severity, kind), alarms in sorted(found.items())
        ]

    async def note(self, events: Sequence[LoggedEvent]) -> None:
        if events:
            await self.save(Batch(events[0].at, events=events))

    async def page_log(
        self, wanted: LogFilter, *, size: int, before: LogPosition | None = None
    ) -> Sequence[LoggedEvent]:
        told = [
            LoggedEvent(
                e.id, e.received_at, EventSource.STATION, e.kind, e.summary, e.station_id, None, e.evse_id, e.severity,
                e.body, told=True,
            )
            for e in getattr(self.tables, "events", [])
        ]  # fmt: skip
        found = []
        for event in [*self.events, *told]:
            station = self.tables.stations.get(event.station_id or 0)
            place = station.place_id if station else event.place_id
            name = (station.display_name or station.identity) if station else ""
            view = replace(event, place_id=place, station_name=name)
            if _log_matches(view, wanted):
                found.append(view)
        found.sort(key=lambda e: (e.at, e.told, e.id), reverse=True)
        return [e for e in found if before is None or (e.at, e.told, e.id) < before][:size]

    async def prune(self, before: datetime) -> int:
        old = [n for n, a in self.alarms.items() if a.cleared_at and a.cleared_at < before]
        for number in old:
            del self.alarms[number]
        kept = [event for event in self.events if event.at >= before]
        gone = len(old) + len(self.events) - len(kept)
        self.events = kept
        return gone

    def _view(self, alarm: Alarm) -> AlarmView:
        station = self.tables.stations.get(alarm.subject.station_id or 0)
        if station is None:
            return AlarmView(alarm, "", alarm.subject.place_id or SYSTEM_ID)
        return AlarmView(alarm, station.display_name or station.identity, station.place_id)

    def _wanted(self, wanted: AlarmFilter) -> list[AlarmView]:
        return [view for view in map(self._view, self.alarms.values()) if _matches(view, wanted)]


def _holds(scope: Scope | None, view: AlarmView) -> bool:
    return scope is None or scope.holds(view.alarm.subject.station_id, view.place_id)


def _key(order: AlarmOrder, position: AlarmPosition) -> tuple[float, ...]:
    severity, at, number = position
    if order is AlarmOrder.OLDEST:
        return (at.timestamp(), number)
    newest = (-at.timestamp(), -number)
    return (severity, *newest) if order is AlarmOrder.SEVERITY else newest


def _matches(view: AlarmView, wanted: AlarmFilter) -> bool:
    a = view.alarm
    query = wanted.query.strip().casefold()
    return (
        wanted.active in (None, a.active)
        and (not wanted.place_ids or view.place_id in wanted.place_ids)
        and wanted.station_id in (None, a.subject.station_id)
        and (not wanted.kinds or a.kind in wanted.kinds)
        and (not wanted.severities or a.severity in wanted.severities)
        and wanted.acknowledged in (None, a.acknowledged_at is not None)
        and (wanted.since is None or a.cleared_at is None or a.cleared_at >= wanted.since)
        and (wanted.until is None or a.first_raised_at < wanted.until)
        and (not query or query in f"{a.text}\n{a.code}\n{a.note}\n{view.station_name}".casefold())
        and _holds(wanted.scope, view)
    )


def _log_matches(event: LoggedEvent, wanted: LogFilter) -> bool:
    query = wanted.query.strip().casefold()
    return (
        (not wanted.place_ids or event.place_id in wanted.place_ids)
        and wanted.station_id in (None, event.station_id)
        and (not wanted.sources or event.source in wanted.sources)
        and (not wanted.kinds or event.kind in wanted.kinds)
        and (wanted.severity is None or (event.severity is not None and event.severity <= wanted.severity))
        and (not query or query in f"{event.kind}\n{event.summary}\n{event.station_name}".casefold())
        and (wanted.since is None or event.at >= wanted.since)
        and (wanted.until is None or event.at < wanted.until)
        and (wanted.scope is None or wanted.scope.holds(event.station_id, event.place_id))
    )


class FakeAlarmSettings:
    """`AlarmSettingStore`. `people`: who can be asked; `letters`: what went into the queue of mails."""

    def __init__(self) -> None:
        self.kept: dict[int, AlarmRule] = {}
        self.chosen = AlarmSettings()
        self.people: dict[int, Subscriber] = {}
        self.wanted: dict[int, bool] = {}
        self.subscribed: set[int] = set()
        self.letters: list[tuple[str, str, str, str]] = []
        self._ids = itertools.count(1)

    async def rules(self) -> Sequence[AlarmRule]:
        return [rule for _, rule in sorted(self.kept.items())]

    async def create_rule(self, rule: AlarmRule) -> AlarmRule:
        self._check(rule)
        made = replace(rule, id=next(self._ids))
        self.kept[made.id] = made
        return made

    async def update_rule(self, rule: AlarmRule, *, version: int | None) -> AlarmRule:
        old = self.kept.get(rule.id)
        if old is None:
            raise NotFound("There is no such rule.", reason="RULE_NOT_FOUND")
        if version not in (None, old.version):
            raise StaleVersion("Somebody else has changed this rule meanwhile.")
        self._check(rule)
        self.kept[rule.id] = replace(rule, version=old.version + 1)
        return self.kept[rule.id]

    async def delete_rule(self, rule_id: int) -> None:
        if self.kept.pop(rule_id, None) is None:
            raise NotFound("There is no such rule.", reason="RULE_NOT_FOUND")

    async def settings(self) -> AlarmSettings:
        return self.chosen

    async def put_settings(self, settings: AlarmSettings, *, version: int | None) -> AlarmSettings:
        if version not in (None, self.chosen.version):
            raise StaleVersion("Somebody else has changed the settings meanwhile.")
        self.chosen = replace(settings, version=self.chosen.version + 1)
        return self.chosen

    async def mail_of(self, user_id: int) -> tuple[bool, int]:
        person = self.people.get(user_id)
        return self.wanted.get(user_id, False), 7 if person is None else person.hour

    async def choose_mail(self, user_id: int, *, wanted: bool, hour: int) -> None:
        self.wanted[user_id] = wanted
        person = self.people.get(user_id)
        if person is not None:
            self.people[user_id] = replace(person, hour=hour)

    async def readers(self) -> Sequence[Subscriber]:
        return [person for number, person in sorted(self.people.items()) if self.wanted.get(number)]

    async def subscribers(self) -> Sequence[Subscriber]:
        return [person for number, person in sorted(self.people.items()) if number in self.subscribed]

    async def day_done(self, user_id: int, day: date, letter: tuple[str, str, str, str] | None) -> bool:
        person = self.people[user_id]
        if person.last_day is not None and person.last_day >= day:
            return False
        self.people[user_id] = replace(person, last_day=day)
        if letter is not None:
            self.letters.append(letter)
        return True

    def _check(self, rule: AlarmRule) -> None:
        for other in self.kept.values():
            same = (other.source, other.vendor.lower(), other.model.lower(), other.code.lower())
            if other.id != rule.id and same == (
                rule.source, rule.vendor.lower(), rule.model.lower(), rule.code.lower()
            ):  # fmt: skip
                raise AlreadyExists("There is such a rule already.", reason="RULE_EXISTS")
