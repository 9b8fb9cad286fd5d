"""Where alarms, what was told and not yet weighed, and the event log are kept. All methods raise Unavailable while the
database is away."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from csms.domain.access import Role, Scope
from csms.domain.alarm_rules import AlarmRule, Told
from csms.domain.alarms import Alarm, AlarmKey, AlarmKind, AlarmSettings, AlarmSource, Severity


class AlarmView(msgspec.Struct, frozen=True):
    """An alarm with what lists show beside it. `place_id`: where the station stands, or what the alarm is about."""

    alarm: Alarm
    station_name: str
    place_id: int


class AlarmOrder(StrEnum):
    """In which order alarms are listed."""

    NEWEST = "NEWEST"
    OLDEST = "OLDEST"
    SEVERITY = "SEVERITY"


class AlarmFilter(msgspec.Struct, frozen=True):
    """All conditions must hold; empty ones always do. `since` and `until`: going on at or after, and raised before."""

    active: bool | None = None
    place_ids: frozenset[int] = frozenset()
    station_id: int | None = None
    kinds: tuple[AlarmKind, ...] = ()
    severities: tuple[Severity, ...] = ()
    acknowledged: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
    query: str = ""
    scope: Scope | None = None


AlarmPosition = tuple[int, datetime, int]
"""(severity, last raised, id) of the last one of a page."""


class AlarmNumber(msgspec.Struct, frozen=True):
    """How many are active of a kind and severity, and of those nobody took notice of."""

    kind: AlarmKind
    severity: Severity
    active: int
    unacknowledged: int


class EventSource(StrEnum):
    """What an entry of the event log is about."""

    STATION = "STATION"
    ALARM = "ALARM"
    OPERATION = "OPERATION"
    SYSTEM = "SYSTEM"


class LoggedEvent(msgspec.Struct, frozen=True):
    """An entry of the event log. `told`: a station told it (an id of another table). `body` is a JSON object."""

    id: int
    at: datetime
    source: EventSource
    kind: str
    summary: str
    station_id: int | None = None
    place_id: int | None = None
    evse_id: int | None = None
    severity: int | None = None
    body: bytes = b"{}"
    told: bool = False
    station_name: str = ""


class LogFilter(msgspec.Struct, frozen=True):
    """All conditions must hold; empty ones always do."""

    place_ids: frozenset[int] = frozenset()
    station_id: int | None = None
    sources: tuple[EventSource, ...] = ()
    kinds: tuple[str, ...] = ()
    severity: int | None = None
    query: str = ""
    since: datetime | None = None
    until: datetime | None = None
    scope: Scope | None = None


LogPosition = tuple[datetime, bool, int]
"""(at, told, id) of the last one of a page."""


class Listened(msgspec.Struct, frozen=True, gc=False):
    """What is known of how a station was last heard."""

    station_id: int
    place_id: int
    created_at: datetime
    online: bool
    heard_at: datetime | None
    watched: bool


class Outgoing(msgspec.Struct, frozen=True):
    """An event for a webhook. `body` is JSON."""

    webhook_id: int
    event: str
    alarm_id: int | None
    body: str


class Batch(msgspec.Struct, frozen=True):
    """What belongs together: alarms as they are now (their state, not what people wrote beside them), what of the inbox
    is weighed with it, and what is told of it."""

    at: datetime
    alarms: Sequence[Alarm] = ()
    taken: Sequence[int] = ()
    events: Sequence[LoggedEvent] = ()
    outgoing: Sequence[Outgoing] = ()


class EventLog(Protocol):
    """For everybody who has something notable to say that no station told (`parts.event_log`)."""

    async def note(self, events: Sequence[LoggedEvent]) -> None:
        """Keep them; their ids are ignored, and stations that are gone."""


class AlarmStore(EventLog, Protocol):
    """Alarms and their inbox."""

    async def inbox(self, size: int) -> Sequence[Told]:
        """What was told and not weighed, oldest first."""

    async def newest(self, names: Collection[AlarmKey]) -> Mapping[AlarmKey, Alarm]:
        """The newest alarm of each name, where there is one."""

    async def active(
        self, *, station_ids: Collection[int] | None = None, source: AlarmSource | None = None
    ) -> Sequence[Alarm]:
        """Those that go on, of these stations, from this source."""

    async def listened(self) -> Sequence[Listened]:
        """All stations."""

    async def places_of(self, station_ids: Collection[int]) -> Mapping[int, tuple[int, str]]:
        """(place, name for people) of each station that there is."""

    async def network_over(self) -> Mapping[int, datetime]:
        """When the last No network of each place ended by itself."""

    async def new_ids(self, count: int) -> Sequence[int]:
        """For new alarms."""

    async def save(self, batch: Batch) -> None:
        """All of it or nothing. Alarms of stations and places that are gone are left out."""

    async def find(self, ids: Collection[int], scope: Scope | None) -> Sequence[AlarmView]:
        """Those of them that are in the scope."""

    async def changed_within(self, seconds: float) -> Sequence[AlarmView]:
        """Those that were written so lately, by whatever, the newest 1000."""

    async def acknowledge(self, ids: Collection[int], by: str, note: str, batch: Batch) -> None:
        """At `batch.at`; who did it first stays. With the batch, whose alarms are not written."""

    async def clear(self, ids: Collection[int], by: str, note: str, batch: Batch) -> None:
        """Those that go on, by hand, at `batch.at`. With the batch, whose alarms are not written."""

    async def page(
        self, wanted: AlarmFilter, order: AlarmOrder, *, size: int, after: AlarmPosition | None = None
    ) -> Sequence[AlarmView]:
        """In this order, after a place."""

    async def count(self, wanted: AlarmFilter) -> int:
        """How many match."""

    async def summarize(self, place_ids: frozenset[int], scope: Scope | None) -> Sequence[AlarmNumber]:
        """The active ones, the worst first."""

    async def page_log(
        self, wanted: LogFilter, *, size: int, before: LogPosition | None = None
    ) -> Sequence[LoggedEvent]:
        """What stations told and what was noted, newest first."""

    async def prune(self, before: datetime) -> int:
        """Alarms that were over by then, and entries of the log from before, go. How many."""


class Subscriber(msgspec.Struct, frozen=True):
    """Somebody who wants to hear of alarms. `hour` and `last_day` are of the daily mail, and for nothing else."""

    user_id: int
    email: str
    display_name: str
    role: Role
    language: str
    time_zone: str
    site_ids: frozenset[int] = frozenset()
    hour: int = 7
    last_day: date | None = None


class AlarmSettingStore(Protocol):
    """What operators and users choose."""

    async def rules(self) -> Sequence[AlarmRule]:
        """Those made here, by id."""

    async def create_rule(self, rule: AlarmRule) -> AlarmRule:
        """Raises AlreadyExists/RULE_EXISTS."""

    async def update_rule(self, rule: AlarmRule, *, version: int | None) -> AlarmRule:
        """Raises NotFound, StaleVersion, AlreadyExists/RULE_EXISTS."""

    async def delete_rule(self, rule_id: int) -> None:
        """Raises NotFound."""

    async def settings(self) -> AlarmSettings:
        """As they are."""

    async def put_settings(self, settings: AlarmSettings, *, version: int | None) -> AlarmSettings:
        """Raises StaleVersion."""

    async def mail_of(self, user_id: int) -> tuple[bool, int]:
        """(wanted, hour)."""

    async def choose_mail(self, user_id: int, *, wanted: bool, hour: int) -> None:
        """For a user's daily mail. Raises NotFound."""

    async def readers(self) -> Sequence[Subscriber]:
        """Who wants the daily mail and may sign in."""

    async def subscribers(self) -> Sequence[Subscriber]:
        """Who wants notifications of alarms, and may sign in."""

    async def day_done(self, user_id: int, day: date, letter: tuple[str, str, str, str] | None) -> bool:
        """The day's mail of a user: (recipient, subject, text, HTML) goes into the queue of mails, None: there is none
        to send. All of it or nothing, and once: False when the day was done already."""
