"""News and notifications."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from control.convert.common import moment, timestamp
from control.convert.names import print_name, read_name
from control.v1 import news_pb2 as pb
from csms.domain.access import Role
from csms.domain.errors import InvalidArgument
from csms.domain.notifications import News, NewsPriority, Notification, NotificationKind

FIELDS: Final = {
    "title": "title",
    "text": "text",
    "priority": "priority",
    "roles": "roles",
    "places": "place_ids",
    "valid_from_time": "valid_from",
    "valid_until_time": "valid_until",
}
_PRIORITIES: Final = {each: pb.NewsPriority.Value(f"NEWS_PRIORITY_{each.name}") for each in NewsPriority}
_KINDS: Final = {each: pb.NotificationKind.Value(f"NOTIFICATION_KIND_{each.name}") for each in NotificationKind}


def news(known: News) -> pb.News:
    """All of it."""
    return pb.News(
        name=print_name("news", known.id),
        title=known.title,
        text=known.text,
        priority=_PRIORITIES[known.priority],
        roles=[role.value for role in known.roles],
        places=[print_name("places", number) for number in known.place_ids],
        valid_from_time=timestamp(known.valid_from),
        valid_until_time=timestamp(known.valid_until),
        created_by=known.created_by,
        create_time=timestamp(known.created_at),
        update_time=timestamp(known.updated_at),
        etag=str(known.version),
    )


def read_news(message: pb.News, now: datetime) -> News:
    """What people may write of it; the id is 0. Raises InvalidArgument."""
    priority = next((each for each, value in _PRIORITIES.items() if value == message.priority), None)
    if message.priority and priority is None:
        raise InvalidArgument(f"There is no priority with the number {message.priority}.", reason="INVALID_PRIORITY")
    return News(
        0,
        message.title,
        message.text,
        moment(message.valid_from_time) if message.HasField("valid_from_time") else now,
        moment(message.valid_until_time) if message.HasField("valid_until_time") else None,
        priority or NewsPriority.NORMAL,
        _roles(message.roles),
        tuple(dict.fromkeys(read_name(name, "places") for name in message.places)),
    )


def _roles(names: Iterable[str]) -> tuple[Role, ...]:
    known = {role.value: role for role in Role}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InvalidArgument(
            f"There is no role {unknown[0][:60]!r}. Roles are {', '.join(known)}.", reason="INVALID_ROLE"
        )
    return tuple(dict.fromkeys(known[name] for name in names))


def notification(known: Notification) -> pb.Notification:
    """All of it."""
    return pb.Notification(
        name=print_name("notifications", known.id),
        kind=_KINDS[known.kind],
        values=dict(known.values),
        target=known.target,
        create_time=timestamp(known.created_at),
        read_time=timestamp(known.read_at),
    )


def settings(wanted: Mapping[NotificationKind, bool]) -> list[pb.NotificationSetting]:
    """Every kind."""
    return [pb.NotificationSetting(kind=_KINDS[kind], wanted=value) for kind, value in wanted.items()]


def read_settings(messages: Iterable[pb.NotificationSetting]) -> dict[NotificationKind, bool]:
    """Raises InvalidArgument."""
    back = {int(value): kind for kind, value in _KINDS.items()}
    found: dict[NotificationKind, bool] = {}
    for message in messages:
        if int(message.kind) not in back:
            raise InvalidArgument(f"There is no kind with the number {message.kind}.", reason="INVALID_KIND")
        found[back[int(message.kind)]] = message.wanted
    return found
