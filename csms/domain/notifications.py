"""What users are told beside the pages they look at: messages of the operator, and notifications."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from csms.domain.access import Role
from csms.domain.errors import InvalidArgument

MAX_TITLE: Final = 200
MAX_TEXT: Final = 10_000
MAX_AUDIENCE: Final = 1_000


class NotificationKind(StrEnum):
    """What a notification tells. The values that go with each are named beside it; `station` is a display name."""

    ALARM = "ALARM"
    """alarm_kind, severity, station or place, text; where the text is a sentence of ours also sentence and its values
    (`csms.domain.alarm_words`)"""
    ALARM_CLEARED = "ALARM_CLEARED"
    """The same."""
    RESERVATION = "RESERVATION"
    """event (made, ended, offered, …), station, evse"""
    FIRMWARE = "FIRMWARE"
    """event (installed, failed), station, version"""
    OPERATION = "OPERATION"
    """event (done, failed), operation, succeeded, failed"""
    REPORT = "REPORT"
    """title, period"""
    NEWS = "NEWS"
    """title"""


WANTED_UNLESS_SAID: Final[Mapping[NotificationKind, bool]] = {
    NotificationKind.ALARM: False,
    NotificationKind.ALARM_CLEARED: False,
    NotificationKind.RESERVATION: True,
    NotificationKind.FIRMWARE: True,
    NotificationKind.OPERATION: True,
    NotificationKind.REPORT: True,
    NotificationKind.NEWS: True,
}
"""What a user gets who has chosen nothing."""


class Notification(msgspec.Struct, frozen=True):
    """One thing for one user. `values` are for the sentence in the user's language; `target` is the name of what it is
    about (`alarms/7`, `stations/3`)."""

    id: int
    user_id: int
    kind: NotificationKind
    values: Mapping[str, str]
    target: str
    created_at: datetime
    read_at: datetime | None = None


class NewsPriority(StrEnum):
    """How loudly a message is shown."""

    NORMAL = "NORMAL"
    IMPORTANT = "IMPORTANT"
    URGENT = "URGENT"


class News(msgspec.Struct, frozen=True):
    """A message of the operator. For users who have one of the roles, or belong to one of the places or what is in them
    (both given: who has both); none: everybody. `valid_until` None: until it is taken away."""

    id: int
    title: str
    text: str
    valid_from: datetime
    valid_until: datetime | None = None
    priority: NewsPriority = NewsPriority.NORMAL
    roles: tuple[Role, ...] = ()
    place_ids: tuple[int, ...] = ()
    created_by: str = ""
    version: int = 1
    created_at: datetime | None = None
    updated_at: datetime | None = None


def check_news(news: News) -> None:
    """Raises InvalidArgument with a sentence."""
    if not 0 < len(news.title.strip()) <= MAX_TITLE or not news.title.isprintable():
        raise InvalidArgument(f"A message has a title of 1 to {MAX_TITLE} characters.", reason="INVALID_TITLE")
    if len(news.text) > MAX_TEXT:
        raise InvalidArgument(f"A message has at most {MAX_TEXT} characters.", reason="TEXT_TOO_LONG")
    if news.valid_until is not None and news.valid_until <= news.valid_from:
        raise InvalidArgument("A message must begin before it ends.", reason="INVALID_VALIDITY")
    if max(len(news.roles), len(news.place_ids)) > MAX_AUDIENCE:
        raise InvalidArgument(f"Name at most {MAX_AUDIENCE} places.", reason="INVALID_AUDIENCE")


def is_for(news: News, role: Role, places: frozenset[int]) -> bool:
    """Is somebody of this role among its readers? `places`: where they belong, with all that these stand in."""
    return (not news.roles or role in news.roles) and (not news.place_ids or not places.isdisjoint(news.place_ids))
