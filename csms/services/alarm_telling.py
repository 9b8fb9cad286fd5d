"""What the world hears of an alarm: lines of the event log, bodies for webhooks, values for notifications, and the feed
on which whoever shows alarms learns that there is something new."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from csms.domain.alarm_words import said
from csms.domain.alarms import Alarm, Happening, words_of
from csms.domain.errors import NotFound
from csms.domain.topology import Tree
from csms.ports.alarms import EventSource, LoggedEvent, Outgoing
from csms.ports.feed import Feed, Subject
from csms.ports.webhooks import Webhook

_EVENT_KINDS: Final[Mapping[Happening, str]] = {
    Happening.RAISED: "AlarmRaised",
    Happening.CLEARED: "AlarmCleared",
    Happening.ACKNOWLEDGED: "AlarmAcknowledged",
}
_OCPP_SEVERITY: Final = {1: 3, 2: 4, 3: 6}


class Place:
    """Where an alarm is: the place, its name, and the station's name ("": it is about the place)."""

    __slots__ = ("id", "name", "station_name")

    def __init__(self, place_id: int, station_name: str, tree: Tree) -> None:
        self.id = place_id
        self.station_name = station_name
        self.name = place_name(tree, place_id)


def place_name(tree: Tree, place_id: int) -> str:
    """For people; empty when it is gone."""
    try:
        return tree.get(place_id).name
    except NotFound:
        return ""


def events_of(alarm: Alarm, happening: Happening, place: Place, *, at: datetime) -> list[LoggedEvent]:
    """For the event log."""
    word = {"AlarmRaised": "", "AlarmCleared": "Over: ", "AlarmAcknowledged": "Noticed: "}[_EVENT_KINDS[happening]]
    return [
        LoggedEvent(
            0,
            at,
            EventSource.ALARM,
            _EVENT_KINDS[happening],
            f"{word}{words_of(alarm.kind)}. {alarm.text}"[:1000],
            alarm.subject.station_id,
            place.id,
            alarm.evse_id,
            _OCPP_SEVERITY[int(alarm.severity)] if happening is Happening.RAISED else 7,
            msgspec.json.encode({"alarm": f"alarms/{alarm.id}", "kind": alarm.kind, "count": alarm.count}),
        )
    ]


def body_of(alarm: Alarm, happening: Happening, place: Place, *, at: datetime) -> str:
    """JSON for a webhook."""
    station_id = alarm.subject.station_id
    return msgspec.json.encode(
        {
            "event": happening.value,
            "time": at,
            "alarm": {
                "name": f"alarms/{alarm.id}",
                "kind": alarm.kind,
                "severity": alarm.severity.name,
                "state": "ACTIVE" if alarm.active else "CLEARED",
                "station": "" if station_id is None else f"stations/{station_id}",
                "station_display_name": place.station_name,
                "place": f"places/{place.id}",
                "place_display_name": place.name,
                "evse_id": alarm.evse_id,
                "source": alarm.source,
                "code": alarm.code,
                "text": alarm.text,
                "count": alarm.count,
                "first_raise_time": alarm.first_raised_at,
                "last_raise_time": alarm.last_raised_at,
                "clear_time": alarm.cleared_at,
                "clearing": alarm.clearing,
                "acknowledge_time": alarm.acknowledged_at,
                "acknowledged_by": alarm.acknowledged_by,
                "note": alarm.note,
            },
        }
    ).decode()


def outgoing_of(
    alarm: Alarm, happening: Happening, place: Place, hooks: Sequence[Webhook], tree: Tree, *, at: datetime
) -> list[Outgoing]:
    """One for each webhook that wants to know."""
    return [
        Outgoing(hook.id, happening.value, alarm.id, body_of(alarm, happening, place, at=at))
        for hook in hooks
        if (not hook.kinds or alarm.kind in hook.kinds)
        and (hook.place_id is None or place.id in tree.within([hook.place_id]))
    ]


def publish(feed: Feed, changed: Iterable[tuple[Alarm, int]]) -> None:
    """Alarms, each with the place where it is, that were raised, counted, noticed or ended; after the commit."""
    for alarm, place_id in changed:
        feed.publish(Subject.ALARM, alarm.subject.station_id or 0, alarm_id=alarm.id, place_id=place_id)


def values_of(alarm: Alarm, place: Place) -> dict[str, str]:
    """For a notification."""
    where = {"station": place.station_name} if place.station_name else {"place": place.name}
    words = said(alarm.text, alarm.kind)
    told = {**words.values, "sentence": words.sentence} if words.sentence else {}
    return {"alarm_kind": alarm.kind.value, "severity": alarm.severity.name, "text": alarm.text, **told, **where}
