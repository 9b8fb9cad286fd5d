"""Alarms, the event log, rules and webhooks as the pages want them (control.v1 alarms.proto, webhooks.proto)."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec


class Alarm(msgspec.Struct, frozen=True):
    """One alarm; words for kinds, severities and states as in the proto, without prefix."""

    name: str
    kind: str
    severity: str
    state: str
    station: str
    station_display_name: str
    place: str
    place_display_name: str
    evse_id: int | None
    source: str
    code: str
    text: str
    count: int
    first_raise_time: datetime | None
    last_raise_time: datetime | None
    clear_time: datetime | None
    cleared_by: str
    folded_into: str
    acknowledge_time: datetime | None
    acknowledged_by: str
    note: str
    sentence: str = ""
    sentence_values: dict[str, str] = {}

    @property
    def key(self) -> str:
        """The id of its name."""
        return self.name.removeprefix("alarms/")

    @property
    def active(self) -> bool:
        """Does it go on?"""
        return self.state == "ACTIVE"


class AlarmPage(msgspec.Struct, frozen=True):
    """A page of alarms and how many match."""

    alarms: tuple[Alarm, ...]
    next_page_token: str
    total_count: int


class AlarmAnswer(msgspec.Struct, frozen=True):
    """One alarm."""

    alarm: Alarm


class AlarmNumber(msgspec.Struct, frozen=True):
    """Active alarms of one kind and severity."""

    kind: str
    severity: str
    active_count: int
    unacknowledged_count: int


class AlarmSummary(msgspec.Struct, frozen=True):
    """How many alarms are active."""

    numbers: tuple[AlarmNumber, ...]
    active_count: int
    unacknowledged_count: int

    def of(self, severity: str) -> int:
        """Active ones of a severity."""
        return sum(each.active_count for each in self.numbers if each.severity == severity)


class LogEvent(msgspec.Struct, frozen=True):
    """A line of the event log."""

    name: str
    time: datetime | None
    source: str
    kind: str
    summary: str
    station: str
    station_display_name: str
    place: str
    evse_id: int | None
    severity: int | None
    alarm_kind: str = ""
    alarm_text: str = ""
    sentence: str = ""
    sentence_values: dict[str, str] = {}


class EventPage(msgspec.Struct, frozen=True):
    """A page of events, newest first."""

    events: tuple[LogEvent, ...]
    next_page_token: str


class AlarmRule(msgspec.Struct, frozen=True):
    """How a code becomes an alarm."""

    name: str
    source: str
    vendor: str
    model: str
    code: str
    kind: str
    severity: str
    text: str
    built_in: bool
    etag: str

    @property
    def key(self) -> str:
        """The id of its name."""
        return self.name.removeprefix("alarmRules/")


class RulesAnswer(msgspec.Struct, frozen=True):
    """All rules, those made here first."""

    rules: tuple[AlarmRule, ...]


class AlarmSettings(msgspec.Struct, frozen=True):
    """When silence is an alarm."""

    silent_after: timedelta | None
    not_registered_after: timedelta | None
    network_percent: int
    hold_off: timedelta | None
    backup_after: timedelta | None
    etag: str


class AlarmSettingsAnswer(msgspec.Struct, frozen=True):
    """The settings."""

    settings: AlarmSettings


class AlarmMail(msgspec.Struct, frozen=True):
    """The caller's daily mail."""

    wanted: bool
    hour: int
    can_send: bool


class AlarmMailAnswer(msgspec.Struct, frozen=True):
    """The caller's daily mail."""

    mail: AlarmMail


class Webhook(msgspec.Struct, frozen=True):
    """Where alarms are sent to."""

    name: str
    display_name: str
    url: str
    kinds: tuple[str, ...]
    place: str
    enabled: bool
    create_time: datetime | None
    waiting_count: int
    last_error: str
    etag: str

    @property
    def key(self) -> str:
        """The id of its name."""
        return self.name.removeprefix("webhooks/")


class WebhooksAnswer(msgspec.Struct, frozen=True):
    """All webhooks, by name."""

    webhooks: tuple[Webhook, ...]


class WebhookAnswer(msgspec.Struct, frozen=True):
    """One webhook, and its secret where it was made anew."""

    webhook: Webhook
    secret: str


class Delivery(msgspec.Struct, frozen=True):
    """One event on its way to a webhook."""

    name: str
    event: str
    alarm: str
    body: str
    state: str
    create_time: datetime | None
    next_attempt_time: datetime | None
    attempts: int
    status_code: int | None
    error: str
    finish_time: datetime | None

    @property
    def number(self) -> str:
        """Its number among the webhook's."""
        return self.name.rpartition("/")[2]


class DeliveryAnswer(msgspec.Struct, frozen=True):
    """How a test went."""

    delivery: Delivery


class DeliveryPage(msgspec.Struct, frozen=True):
    """A page of deliveries, newest first."""

    deliveries: tuple[Delivery, ...]
    next_page_token: str
