"""Telling users something: notifications, and the operator's messages. All raise Unavailable while the database is
away."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from csms.domain.notifications import News, Notification, NotificationKind


class Notifier(Protocol):
    """Whoever has something to tell (`parts.notifier`; csms.services.notifications)."""

    async def notify(
        self, user_ids: Collection[int], kind: NotificationKind, values: Mapping[str, str], *, target: str = ""
    ) -> None:
        """To those of them who want this kind. `values` are those that the kind names; `target` is the name of what it
        is about, such as `stations/3`. Users that do not exist are passed over."""


class NotificationStore(Protocol):
    """Where they are kept."""

    async def add(
        self,
        user_ids: Collection[int],
        kind: NotificationKind,
        values: Mapping[str, str],
        target: str,
        at: datetime,
        *,
        unless_said: bool,
    ) -> Sequence[int]:
        """One for each user who wants the kind (`unless_said`: who has chosen nothing, does). Who got one."""

    async def page(self, user_id: int, *, unread: bool, size: int, before: int | None = None) -> Sequence[Notification]:
        """Newest first, with an id below `before`."""

    async def count_unread(self, user_id: int) -> int:
        """How many wait."""

    async def mark_read(self, user_id: int, ids: Collection[int] | None, at: datetime) -> int:
        """These of the user's own (None: all) that were not. How many."""

    async def settings(self, user_id: int) -> Mapping[NotificationKind, bool]:
        """What the user has chosen; kinds without a choice are not in it."""

    async def choose(self, user_id: int, wanted: Mapping[NotificationKind, bool]) -> None:
        """Keep choices; others stay."""

    async def prune(self, before: datetime) -> int:
        """Those made before go. How many."""


class NewsStore(Protocol):
    """Where messages of the operator are kept."""

    async def page(
        self, *, size: int, after: tuple[datetime, int] | None = None, valid_at: datetime | None = None
    ) -> Sequence[News]:
        """By valid_from and id, newest first; those valid at a time, when one is given."""

    async def find(self, news_id: int) -> News | None:
        """By id."""

    async def create(self, news: News) -> News:
        """`news.id` is ignored."""

    async def update(self, news: News, *, version: int | None) -> News:
        """All that people write. Raises NotFound, StaleVersion."""

    async def delete(self, news_id: int) -> None:
        """Raises NotFound."""
