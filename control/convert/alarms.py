"""Alarms, rules for codes, the event log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final, TypeVar

import msgspec

from control.convert.common import duration, moment, seconds, timestamp
from control.convert.inventory import struct
from control.convert.names import print_name, read_name
from control.v1 import alarms_pb2 as pb
from csms.domain.alarm_rules import AlarmRule
from csms.domain.alarm_words import Said, said
from csms.domain.alarms import AlarmKind, AlarmSettings, AlarmSource, Severity, words_of
from csms.domain.errors import InvalidArgument
from csms.ports.alarms import AlarmFilter, AlarmNumber, AlarmOrder, AlarmView, EventSource, LogFilter, LoggedEvent

E = TypeVar("E", bound=Enum)

KINDS: Final = {kind: pb.AlarmKind.Value(f"ALARM_KIND_{kind.name}") for kind in AlarmKind}
_SEVERITIES: Final = {each: pb.AlarmSeverity.Value(f"ALARM_SEVERITY_{each.name}") for each in Severity}
_SOURCES: Final = {each: pb.AlarmSource.Value(f"ALARM_SOURCE_{each.name}") for each in AlarmSource}
_EVENT_SOURCES: Final = {each: pb.EventSource.Value(f"EVENT_SOURCE_{each.name}") for each in EventSource}
_ORDERS: Final = {
    pb.ALARM_ORDER_UNSPECIFIED: AlarmOrder.NEWEST,
    pb.ALARM_ORDER_NEWEST: AlarmOrder.NEWEST,
    pb.ALARM_ORDER_OLDEST: AlarmOrder.OLDEST,
    pb.ALARM_ORDER_SEVERITY: AlarmOrder.SEVERITY,
}
_BUILT_IN: Final = "alarmRules/builtin-"

RULE_FIELDS: Final = {name: name for name in ("source", "vendor", "model", "code", "kind", "severity", "text")}
SETTING_FIELDS: Final = {
    "silent_after": "silent_after_s",
    "not_registered_after": "not_registered_after_s",
    "network_percent": "network_percent",
    "hold_off": "hold_off_s",
    "backup_after": "backup_after_s",
}


def read_word(table: Mapping[E, int], number: int, what: str) -> E:
    """The domain's word for a number. Raises InvalidArgument."""
    found = next((word for word, value in table.items() if value == number), None)
    if found is None:
        raise InvalidArgument(f"There is no {what} with the number {number}.", reason="INVALID_FILTER")
    return found


def read_kind(number: int) -> AlarmKind:
    """Raises InvalidArgument."""
    return read_word(KINDS, number, "kind of alarm")


def alarm(view: AlarmView, place_name: Callable[[int], str]) -> pb.Alarm:
    """All of it."""
    known = view.alarm
    words = said(known.text, known.kind)
    return pb.Alarm(
        name=print_name("alarms", known.id),
        kind=KINDS[known.kind],
        severity=_SEVERITIES[known.severity],
        state=pb.ALARM_STATE_ACTIVE if known.active else pb.ALARM_STATE_CLEARED,
        station="" if known.subject.station_id is None else print_name("stations", known.subject.station_id),
        station_display_name=view.station_name,
        place=print_name("places", view.place_id),
        place_display_name=place_name(view.place_id),
        evse_id=known.evse_id,
        source=_SOURCES[known.source],
        code=known.code,
        text=known.text,
        count=known.count,
        first_raise_time=timestamp(known.first_raised_at),
        last_raise_time=timestamp(known.last_raised_at),
        clear_time=timestamp(known.cleared_at),
        cleared_by=known.cleared_by,
        folded_into="" if known.folded_into is None else print_name("alarms", known.folded_into),
        acknowledge_time=timestamp(known.acknowledged_at),
        acknowledged_by=known.acknowledged_by,
        note=known.note,
        sentence=words.sentence,
        sentence_values=words.values,
    )


def read_filter(message: pb.AlarmFilter) -> AlarmFilter:
    """Without place and group. Raises InvalidArgument."""
    states = {pb.ALARM_STATE_UNSPECIFIED: None, pb.ALARM_STATE_ACTIVE: True, pb.ALARM_STATE_CLEARED: False}
    if message.state not in states:
        raise InvalidArgument(f"There is no state with the number {message.state}.", reason="INVALID_FILTER")
    return AlarmFilter(
        states[message.state],
        frozenset(),
        read_name(message.station, "stations") if message.station else None,
        tuple(read_kind(int(number)) for number in message.kinds),
        tuple(read_word(_SEVERITIES, int(number), "severity") for number in message.severities),
        message.acknowledged if message.HasField("acknowledged") else None,
        moment(message.start_time) if message.HasField("start_time") else None,
        moment(message.end_time) if message.HasField("end_time") else None,
        message.query,
    )


def read_order(number: pb.AlarmOrder.ValueType) -> AlarmOrder:
    """Raises InvalidArgument."""
    if number not in _ORDERS:
        raise InvalidArgument(f"There is no order with the number {number}.", reason="INVALID_ORDER")
    return _ORDERS[number]


def optional_name(name: str, collection: str) -> int | None:
    """None for an empty one. Raises InvalidArgument."""
    return read_name(name, collection) if name else None


def number_of(number: AlarmNumber) -> pb.SummarizeAlarmsResponse.Number:
    """All of it."""
    return pb.SummarizeAlarmsResponse.Number(
        kind=KINDS[number.kind],
        severity=_SEVERITIES[number.severity],
        active_count=number.active,
        unacknowledged_count=number.unacknowledged,
    )


def log_event(event: LoggedEvent) -> pb.LogEvent:
    """All of it."""
    about = _alarm_kind(event)
    text = event.summary.partition(f"{words_of(about)}. ")[2] if about is not None else ""
    words = said(text, about) if about is not None else Said()
    return pb.LogEvent(
        name=f"events/{'s' if event.told else 'n'}{event.id}",
        time=timestamp(event.at),
        source=_EVENT_SOURCES[event.source],
        kind=event.kind,
        summary=event.summary,
        station="" if event.station_id is None else print_name("stations", event.station_id),
        station_display_name=event.station_name,
        place="" if event.place_id is None else print_name("places", event.place_id),
        evse_id=event.evse_id,
        severity=event.severity,
        body=struct(event.body),
        alarm_kind=pb.ALARM_KIND_UNSPECIFIED if about is None else KINDS[about],
        alarm_text=text,
        sentence=words.sentence,
        sentence_values=words.values,
    )


def _alarm_kind(event: LoggedEvent) -> AlarmKind | None:
    """None: it is about no alarm."""
    if event.source is not EventSource.ALARM:
        return None
    body = msgspec.json.decode(event.body)
    kind = body.get("kind") if isinstance(body, dict) else None
    return AlarmKind(kind) if isinstance(kind, str) and kind in AlarmKind.__members__ else None


def read_log_filter(message: pb.EventFilter) -> LogFilter:
    """Without place and group. Raises InvalidArgument."""
    return LogFilter(
        frozenset(),
        read_name(message.station, "stations") if message.station else None,
        tuple(read_word(_EVENT_SOURCES, int(number), "source") for number in message.sources),
        tuple(message.kinds),
        message.severity if message.HasField("severity") else None,
        message.query,
        moment(message.start_time) if message.HasField("start_time") else None,
        moment(message.end_time) if message.HasField("end_time") else None,
    )


def rule(known: AlarmRule) -> pb.AlarmRule:
    """All of it."""
    return pb.AlarmRule(
        name=f"{_BUILT_IN}{known.id}" if known.built_in else print_name("alarmRules", known.id),
        source=pb.ALARM_SOURCE_UNSPECIFIED if known.source is None else _SOURCES[known.source],
        vendor=known.vendor,
        model=known.model,
        code=known.code,
        kind=pb.ALARM_KIND_UNSPECIFIED if known.kind is None else KINDS[known.kind],
        severity=pb.ALARM_SEVERITY_UNSPECIFIED if known.severity is None else _SEVERITIES[known.severity],
        text=known.text,
        built_in=known.built_in,
        etag="" if known.built_in else str(known.version),
    )


def read_rule(message: pb.AlarmRule) -> AlarmRule:
    """What people may write of it; the id is 0. Raises InvalidArgument."""
    return AlarmRule(
        0,
        read_word(_SOURCES, int(message.source), "source") if message.source else None,
        message.vendor.strip(),
        message.model.strip(),
        message.code.strip(),
        read_kind(int(message.kind)) if message.kind else None,
        read_word(_SEVERITIES, int(message.severity), "severity") if message.severity else None,
        message.text.strip(),
    )


def read_rule_name(name: str) -> int:
    """Raises InvalidArgument, for a built-in one too."""
    if name.startswith(_BUILT_IN):
        raise InvalidArgument(
            "Built-in rules stay as they are. Make one for the same code: it goes before them.", reason="BUILT_IN"
        )
    return read_name(name, "alarmRules")


def settings(known: AlarmSettings) -> pb.AlarmSettings:
    """All of it."""
    return pb.AlarmSettings(
        silent_after=duration(known.silent_after_s),
        not_registered_after=duration(known.not_registered_after_s),
        network_percent=known.network_percent,
        hold_off=duration(known.hold_off_s),
        backup_after=duration(known.backup_after_s),
        etag=str(known.version),
    )


def read_settings(message: pb.AlarmSettings) -> AlarmSettings:
    """What people may write of it."""
    return AlarmSettings(
        seconds(message.silent_after),
        seconds(message.not_registered_after),
        message.network_percent,
        seconds(message.hold_off),
        seconds(message.backup_after),
    )
