"""Alarms: what they are, and what becomes of one when something is observed.

An alarm is named by its subject (a station, or a place) and a key: what it is about, to the letter. What is observed
raises or clears it. One that comes back soon after it was over is the same alarm, counted: what flaps is one alarm.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Final, NamedTuple

import msgspec

from csms.domain.errors import InvalidArgument

MAX_TEXT: Final = 500
MAX_NOTE: Final = 1_000
MAX_AT_ONCE: Final = 1_000
BACKUP_OF: Final = "The newest good backup is of {time} UTC."


class AlarmKind(StrEnum):
    """What is wrong: the seven of the manual, attacks, our own backups, and settings that are not as wanted."""

    NOT_REGISTERED = "NOT_REGISTERED"
    NO_COMMUNICATION = "NO_COMMUNICATION"
    NO_NETWORK = "NO_NETWORK"
    HARDWARE_FAULT = "HARDWARE_FAULT"
    HARDWARE_CONFIGURATION_FAULT = "HARDWARE_CONFIGURATION_FAULT"
    FUSE_TRIPPED = "FUSE_TRIPPED"
    TEMPERATURE = "TEMPERATURE"
    SECURITY = "SECURITY"
    BACKUP_STALE = "BACKUP_STALE"
    CONFIGURATION_DRIFT = "CONFIGURATION_DRIFT"


class Severity(IntEnum):
    """How bad it is; the lower the worse."""

    CRITICAL = 1
    MAJOR = 2
    MINOR = 3


class AlarmSource(StrEnum):
    """Where it comes from."""

    STATUS = "STATUS"
    MONITOR = "MONITOR"
    SECURITY = "SECURITY"
    SILENCE = "SILENCE"
    SYSTEM = "SYSTEM"
    CONFIGURATION = "CONFIGURATION"


class Clearing(StrEnum):
    """Why an alarm is over."""

    BY_ITSELF = "BY_ITSELF"
    BY_HAND = "BY_HAND"
    FOLDED = "FOLDED"
    """It became a part of an alarm of the site."""


class Subject(NamedTuple):
    """What an alarm is about: a station, or else a place (the root: the system)."""

    station_id: int | None = None
    place_id: int | None = None


class AlarmKey(NamedTuple):
    """Names an alarm."""

    subject: Subject
    key: str


class Alarm(msgspec.Struct, frozen=True):
    """One alarm. `cleared_at` None: it is active. `cleared_by`, `acknowledged_by`: `users/{id}` or `apiKeys/{id}`."""

    id: int
    subject: Subject
    key: str
    kind: AlarmKind
    severity: Severity
    source: AlarmSource
    code: str
    text: str
    first_raised_at: datetime
    last_raised_at: datetime
    evse_id: int | None = None
    count: int = 1
    cleared_at: datetime | None = None
    clearing: Clearing | None = None
    cleared_by: str = ""
    folded_into: int | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    note: str = ""

    @property
    def active(self) -> bool:
        """Does it go on?"""
        return self.cleared_at is None

    @property
    def name(self) -> AlarmKey:
        """What it is about."""
        return AlarmKey(self.subject, self.key)


class Raised(msgspec.Struct, frozen=True):
    """Something is wrong. `standing`: a state that lasts and is looked at again and again, so that seeing it once more
    is no news; else each one counts. `at`: since when, or when it was told."""

    subject: Subject
    key: str
    at: datetime
    kind: AlarmKind
    severity: Severity
    source: AlarmSource
    code: str = ""
    text: str = ""
    evse_id: int | None = None
    standing: bool = False


class Cleared(msgspec.Struct, frozen=True):
    """It is over."""

    subject: Subject
    key: str
    at: datetime
    clearing: Clearing = Clearing.BY_ITSELF
    folded_into: int | None = None


Observation = Raised | Cleared


class Happening(StrEnum):
    """What came of it, for the world."""

    RAISED = "alarm.raised"
    CLEARED = "alarm.cleared"
    ACKNOWLEDGED = "alarm.acknowledged"
    REPEATED = "alarm.repeated"
    """Counted; the world is told nothing."""


class Change(NamedTuple):
    """The alarm as it is from now on. A new one has the id 0."""

    alarm: Alarm
    happening: Happening


def weigh(known: Alarm | None, seen: Observation, hold_off: timedelta) -> Change | None:
    """What comes of it, given the newest alarm of that name; None: nothing.

    What was told before the alarm was cleared does not raise it again, and what was told before it was raised does not
    clear it: news may come late, and twice.
    """
    if isinstance(seen, Cleared):
        return _clear(known, seen)
    if known is None:
        return Change(_new(seen), Happening.RAISED)
    if known.cleared_at is None:
        return _again(known, seen)
    if seen.at < known.cleared_at:
        return None
    if seen.at - known.cleared_at > hold_off:
        return Change(_new(seen), Happening.RAISED)
    back = msgspec.structs.replace(
        known,
        kind=seen.kind,
        severity=seen.severity,
        code=seen.code,
        text=seen.text[:MAX_TEXT],
        evse_id=seen.evse_id,
        count=known.count + 1,
        last_raised_at=max(seen.at, known.last_raised_at),
        cleared_at=None,
        clearing=None,
        cleared_by="",
        folded_into=None,
    )
    return Change(back, Happening.RAISED)


def _new(seen: Raised) -> Alarm:
    return Alarm(
        0,
        seen.subject,
        seen.key,
        seen.kind,
        seen.severity,
        seen.source,
        seen.code,
        seen.text[:MAX_TEXT],
        seen.at,
        seen.at,
        seen.evse_id,
    )


def _again(known: Alarm, seen: Raised) -> Change | None:
    """It goes on already. One that becomes worse is told anew."""
    if seen.at <= known.last_raised_at or seen.standing:
        return None
    worse = seen.severity < known.severity
    again = msgspec.structs.replace(
        known,
        severity=seen.severity,
        code=seen.code,
        text=seen.text[:MAX_TEXT],
        count=known.count + 1,
        last_raised_at=seen.at,
    )
    return Change(again, Happening.RAISED if worse else Happening.REPEATED)


def _clear(known: Alarm | None, seen: Cleared) -> Change | None:
    if known is None or not known.active or seen.at < known.last_raised_at:
        return None
    over = msgspec.structs.replace(known, cleared_at=seen.at, clearing=seen.clearing, folded_into=seen.folded_into)
    return Change(over, Happening.CLEARED)


class Weighing:
    """Many observations, one after the other. `known`: the newest alarm of each name that may be concerned."""

    def __init__(self, known: Mapping[AlarmKey, Alarm], hold_off: timedelta) -> None:
        self._now = dict(known)
        self._hold_off = hold_off
        self._changed: dict[int, tuple[Alarm, list[Happening]]] = {}
        self._made = 0

    @property
    def changes(self) -> list[tuple[Alarm, list[Happening]]]:
        """Each alarm that changed, as it is at the end, with all that happened to it. New ones have negative ids, to
        tell them apart."""
        return list(self._changed.values())

    def take(self, seen: Observation) -> None:
        """One more."""
        name = AlarmKey(seen.subject, seen.key)
        change = weigh(self._now.get(name), seen, self._hold_off)
        if change is None:
            return
        alarm = change.alarm
        if alarm.id == 0:
            self._made += 1
            alarm = msgspec.structs.replace(alarm, id=-self._made)
        self._now[name] = alarm
        _, happened = self._changed.get(alarm.id, (alarm, []))
        self._changed[alarm.id] = alarm, [*happened, change.happening]

    def end(self, subject: Subject, prefix: str, at: datetime, *, but: Collection[str]) -> None:
        """Everything about the subject whose key begins so is over, but for these keys."""
        over = [
            name
            for name, alarm in self._now.items()
            if name.subject == subject and alarm.active and name.key.startswith(prefix) and name.key not in but
        ]
        for name in over:
            self.take(Cleared(subject, name.key, at))


class AlarmSettings(msgspec.Struct, frozen=True):
    """What operators choose. Times in seconds; `network_percent`: of a site's stations."""

    silent_after_s: float = 600.0
    not_registered_after_s: float = 86_400.0
    network_percent: int = 80
    hold_off_s: float = 600.0
    backup_after_s: float = 36 * 3600.0
    version: int = 1


_LIMITS: Final[Mapping[str, tuple[float, float, str]]] = {
    "silent_after_s": (60, 30 * 86_400, "silent_after is 1 minute to 30 days."),
    "not_registered_after_s": (60, 365 * 86_400, "not_registered_after is 1 minute to 365 days."),
    "network_percent": (50, 100, "network_percent is 50 to 100."),
    "hold_off_s": (0, 7 * 86_400, "hold_off is 0 to 7 days."),
    "backup_after_s": (3600, 365 * 86_400, "backup_after is 1 hour to 365 days."),
}


def check_settings(settings: AlarmSettings) -> None:
    """Raises InvalidArgument/INVALID_SETTING."""
    for name, (least, most, sentence) in _LIMITS.items():
        if not least <= getattr(settings, name) <= most:
            raise InvalidArgument(sentence, reason="INVALID_SETTING")


_WORDS: Final[Mapping[AlarmKind, str]] = {
    AlarmKind.NOT_REGISTERED: "Not registered",
    AlarmKind.NO_COMMUNICATION: "No communication",
    AlarmKind.NO_NETWORK: "No network",
    AlarmKind.HARDWARE_FAULT: "Hardware fault",
    AlarmKind.HARDWARE_CONFIGURATION_FAULT: "Hardware configuration fault",
    AlarmKind.FUSE_TRIPPED: "Fuse tripped",
    AlarmKind.TEMPERATURE: "Temperature",
    AlarmKind.SECURITY: "Security",
    AlarmKind.BACKUP_STALE: "Backup too old",
    AlarmKind.CONFIGURATION_DRIFT: "Configuration drift",
}


def words_of(kind: AlarmKind) -> str:
    """The manual's words."""
    return _WORDS[kind]


def check_handling(count: int, note: str) -> None:
    """For what people do to many at once. Raises InvalidArgument."""
    if not 0 < count <= MAX_AT_ONCE:
        raise InvalidArgument(f"Name 1 to {MAX_AT_ONCE} alarms.", reason="INVALID_NAMES")
    if len(note) > MAX_NOTE:
        raise InvalidArgument(f"A note has at most {MAX_NOTE} characters.", reason="TEXT_TOO_LONG")
