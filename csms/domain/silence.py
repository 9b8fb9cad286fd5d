"""Silence as an alarm: a station that was never heard of, one that fell silent, and a site whose stations fell silent
together, which is the network and not the stations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from csms.domain.alarms import (
    Alarm,
    AlarmKind,
    AlarmSettings,
    AlarmSource,
    Cleared,
    Clearing,
    Observation,
    Raised,
    Severity,
    Subject,
)

SILENT: Final = "silence"
NEVER_SEEN: Final = "never-seen"
NETWORK: Final = "network"
TOGETHER: Final = timedelta(minutes=15)
"""Who falls silent within this time of each other does so together."""
MIN_STATIONS: Final = 2
NEVER_CONNECTED: Final = "The station has never connected."
NOT_CONNECTED: Final = "The station is not connected."
SILENT_TOGETHER: Final = "{silent} of {stations} stations fell silent together."


class Heard(msgspec.Struct, frozen=True, gc=False):
    """When a station was last heard. `site_id` None: it stands at no site. `watched`: the operator wants it heard
    (its registration is not rejected)."""

    station_id: int
    site_id: int | None
    created_at: datetime
    online: bool
    heard_at: datetime | None
    watched: bool = True


class _Silent(msgspec.Struct, frozen=True, gc=False):
    station_id: int
    since: datetime
    due: bool
    """For long enough to be an alarm."""


def listen(
    stations: Iterable[Heard],
    active: Mapping[tuple[Subject, str], Alarm],
    network_over: Mapping[int, datetime],
    settings: AlarmSettings,
    *,
    now: datetime,
    awake_since: datetime,
) -> list[Observation]:
    """What silence says now. `active`: alarms that go on; `network_over`: when the last No network of a site ended by
    itself; `awake_since`: when this process began to listen (what it did not hear before says nothing).

    Every observation is standing: the same silence, looked at again, is the same observation.
    """
    found: list[Observation] = []
    sites: dict[int, list[Heard]] = {}
    for station in stations:
        found += _never_seen(station, active, settings, now)
        if station.heard_at is None or not station.watched:
            found += _over(Subject(station.station_id), SILENT, active, now)
        elif station.site_id is None:
            found += _alone(station, None, active, settings, now, awake_since)
        else:
            sites.setdefault(station.site_id, []).append(station)
    for site_id, members in sites.items():
        found += _at_site(site_id, members, active, network_over.get(site_id), settings, now, awake_since)
    gone = [alarm for (subject, key), alarm in active.items() if key == NETWORK and subject.place_id not in sites]
    found += [Cleared(alarm.subject, NETWORK, now) for alarm in gone]
    return found


def _never_seen(
    station: Heard, active: Mapping[tuple[Subject, str], Alarm], settings: AlarmSettings, now: datetime
) -> list[Observation]:
    subject = Subject(station.station_id)
    late = station.created_at + timedelta(seconds=settings.not_registered_after_s) <= now
    if station.heard_at is not None or not station.watched or not late:
        return _over(subject, NEVER_SEEN, active, station.heard_at or now)
    return [
        Raised(
            subject,
            NEVER_SEEN,
            station.created_at,
            AlarmKind.NOT_REGISTERED,
            Severity.MINOR,
            AlarmSource.SILENCE,
            text=NEVER_CONNECTED,
            standing=True,
        )
    ]


def _over(subject: Subject, key: str, active: Mapping[tuple[Subject, str], Alarm], at: datetime) -> list[Observation]:
    known = active.get((subject, key))
    return [] if known is None else [Cleared(subject, key, max(at, known.last_raised_at))]


def _silence(
    station: Heard, floor: datetime | None, settings: AlarmSettings, now: datetime, awake_since: datetime
) -> _Silent | None:
    """None: it is heard."""
    if station.online or station.heard_at is None:
        return None
    since = station.heard_at if floor is None else max(station.heard_at, floor)
    due = max(since, awake_since) + timedelta(seconds=settings.silent_after_s) <= now
    return _Silent(station.station_id, since, due)


def _alone(
    station: Heard,
    floor: datetime | None,
    active: Mapping[tuple[Subject, str], Alarm],
    settings: AlarmSettings,
    now: datetime,
    awake_since: datetime,
) -> list[Observation]:
    subject = Subject(station.station_id)
    silent = _silence(station, floor, settings, now, awake_since)
    if silent is None:
        return _over(subject, SILENT, active, station.heard_at or now)
    return [_lost(silent)] if silent.due else []


def _lost(silent: _Silent) -> Raised:
    return Raised(
        Subject(silent.station_id),
        SILENT,
        silent.since,
        AlarmKind.NO_COMMUNICATION,
        Severity.MAJOR,
        AlarmSource.SILENCE,
        text=NOT_CONNECTED,
        standing=True,
    )


def _at_site(
    site_id: int,
    members: Sequence[Heard],
    active: Mapping[tuple[Subject, str], Alarm],
    floor: datetime | None,
    settings: AlarmSettings,
    now: datetime,
    awake_since: datetime,
) -> list[Observation]:
    subject = Subject(place_id=site_id)
    silent = {
        each.station_id: unheard
        for each in members
        if (unheard := _silence(each, floor, settings, now, awake_since)) is not None
    }
    together = together_silent(list(silent.values()), len(members), settings.network_percent)
    found: list[Observation] = []
    if not together:
        found += _over(subject, NETWORK, active, now)
        for station in members:
            found += _alone(station, floor, active, settings, now, awake_since)
        return found
    ids = {each.station_id for each in together}
    known = active.get((subject, NETWORK))
    found.append(
        Raised(
            subject,
            NETWORK,
            max(each.since for each in together),
            AlarmKind.NO_NETWORK,
            Severity.CRITICAL,
            AlarmSource.SILENCE,
            text=SILENT_TOGETHER.format(silent=len(together), stations=len(members)),
            standing=True,
        )
    )
    for station in members:
        if station.station_id not in ids:
            found += _alone(station, floor, active, settings, now, awake_since)
        elif known is not None and (Subject(station.station_id), SILENT) in active:
            found.append(Cleared(Subject(station.station_id), SILENT, now, Clearing.FOLDED, known.id))
    return found


def together_silent(silent: Sequence[_Silent], stations: int, percent: int) -> list[_Silent]:
    """Those that fell silent together, when they are (nearly) all of a site that were heard until then, and one of them
    for long enough; else none."""
    ordered = sorted(silent, key=lambda each: each.since)
    best: list[_Silent] = []
    earlier = 0
    for number, first in enumerate(ordered):
        group = [each for each in ordered[number:] if each.since - first.since <= TOGETHER]
        if len(group) > len(best):
            best, earlier = group, number
    heard_before = stations - earlier
    enough = len(best) >= MIN_STATIONS and len(best) * 100 >= percent * heard_before
    return best if enough and any(each.due for each in best) else []
