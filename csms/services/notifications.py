"""News and notifications: what the operator, and the system, tell users."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec
import structlog
import trio

from csms.domain.access import Action, Principal, check
from csms.domain.errors import InvalidArgument, NotFound, Unavailable
from csms.domain.notifications import (
    WANTED_UNLESS_SAID,
    News,
    NewsPriority,
    Notification,
    NotificationKind,
    check_news,
    is_for,
)
from csms.domain.topology import Tree
from csms.ports.notifications import NewsStore, NotificationStore
from csms.services.audit import note_change

_log = structlog.get_logger("csms.notifications")

KEEP: Final = timedelta(days=90)
TIDY_SECONDS: Final = 6 * 3600.0
MAX_NAMES: Final = 1_000
MAX_MY_NEWS: Final = 100
LOOKED_AT: Final = 500
EDITABLE: Final = ("title", "text", "priority", "roles", "place_ids", "valid_from", "valid_until")
_LOUDNESS: Final = {NewsPriority.URGENT: 0, NewsPriority.IMPORTANT: 1, NewsPriority.NORMAL: 1}


class Notifications:
    """csms.ports.notifications.Notifier, and the use cases of who is told. Use cases raise PermissionDenied,
    Unavailable."""

    def __init__(self, store: NotificationStore, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    async def notify(
        self, user_ids: Collection[int], kind: NotificationKind, values: Mapping[str, str], *, target: str = ""
    ) -> None:
        """See `Notifier.notify`."""
        if user_ids:
            await self._store.add(user_ids, kind, values, target, self._now(), unless_said=WANTED_UNLESS_SAID[kind])

    async def page(
        self, caller: Principal, *, unread: bool, size: int, before: int | None
    ) -> tuple[Sequence[Notification], int]:
        """The caller's, newest first; and how many are unread in all."""
        user_id = _user(caller)
        found = await self._store.page(user_id, unread=unread, size=size, before=before)
        return found, await self._store.count_unread(user_id)

    async def mark_read(self, caller: Principal, ids: Sequence[int]) -> int:
        """These of the caller's own; none: all. How many are still unread. Raises InvalidArgument."""
        user_id = _user(caller)
        if len(ids) > MAX_NAMES:
            raise InvalidArgument(f"Name at most {MAX_NAMES} notifications, or none for all.", reason="INVALID_NAMES")
        await self._store.mark_read(user_id, ids or None, self._now())
        return await self._store.count_unread(user_id)

    async def settings(self, caller: Principal) -> Mapping[NotificationKind, bool]:
        """Every kind, and whether the caller wants it."""
        return {**WANTED_UNLESS_SAID, **await self._store.settings(_user(caller))}

    async def choose(
        self, caller: Principal, wanted: Mapping[NotificationKind, bool]
    ) -> Mapping[NotificationKind, bool]:
        """Other kinds stay."""
        await self._store.choose(_user(caller), wanted)
        note_change(f"{caller.name}/notificationSettings")
        return await self.settings(caller)

    async def tidy_for_ever(self) -> None:
        """A task for the nursery of the application: old ones go."""
        while True:
            try:
                await self._store.prune(self._now() - KEEP)
            except Unavailable:
                _log.info("notifications not cleared: the database is away")
            await trio.sleep(TIDY_SECONDS)


class NewsDesk:
    """Messages of the operator. All raise PermissionDenied, Unavailable. `tree`: the places."""

    def __init__(
        self,
        store: NewsStore,
        tree: Callable[[], Tree],
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._tree = tree
        self._now = now

    @property
    def now(self) -> datetime:
        """From when a message counts that does not say."""
        return self._now()

    async def page(self, caller: Principal, *, size: int, after: tuple[datetime, int] | None) -> Sequence[News]:
        """All, those that begin last first."""
        check(caller, Action.EDIT_NEWS)
        return await self._store.page(size=size, after=after)

    async def mine(self, caller: Principal) -> Sequence[News]:
        """Those for the caller that count now: urgent ones first, then the newest."""
        check(caller, Action.OWN_ACCOUNT)
        tree = self._tree()
        places = frozenset(
            place.id
            for site_id in caller.site_ids
            if site_id in tree.within([site_id])
            for place in tree.upwards(site_id)
        )
        valid = await self._store.page(size=LOOKED_AT, valid_at=self._now())
        found = [news for news in valid if is_for(news, caller.role, places)]
        return sorted(found, key=lambda news: _LOUDNESS[news.priority])[:MAX_MY_NEWS]

    async def create(self, caller: Principal, news: News) -> News:
        """`news.id` is ignored. Raises InvalidArgument, NotFound for a place."""
        check(caller, Action.EDIT_NEWS)
        new = msgspec.structs.replace(news, title=news.title.strip(), created_by=caller.name)
        self._check(new)
        made = await self._store.create(new)
        note_change(f"news/{made.id}", None, made)
        return made

    async def update(
        self, caller: Principal, news_id: int, changes: News, fields: Iterable[str], *, version: int | None
    ) -> News:
        """The fields named. Raises InvalidArgument, NotFound, StaleVersion."""
        check(caller, Action.EDIT_NEWS)
        old = await self._must(news_id)
        new = msgspec.structs.replace(old, **{name: getattr(changes, name) for name in fields if name in EDITABLE})
        self._check(new)
        made = await self._store.update(new, version=version)
        note_change(f"news/{news_id}", old, made)
        return made

    async def delete(self, caller: Principal, news_id: int) -> None:
        """Raises NotFound."""
        check(caller, Action.EDIT_NEWS)
        old = await self._must(news_id)
        await self._store.delete(news_id)
        note_change(f"news/{news_id}", old)

    async def _must(self, news_id: int) -> News:
        found = await self._store.find(news_id)
        if found is None:
            raise NotFound(f"There is no message {news_id} (any more).", reason="NEWS_NOT_FOUND")
        return found

    def _check(self, news: News) -> None:
        check_news(news)
        for place_id in news.place_ids:
            self._tree().get(place_id)


def _user(caller: Principal) -> int:
    """Raises PermissionDenied, and InvalidArgument for a key, whom nobody tells anything."""
    check(caller, Action.OWN_ACCOUNT)
    if caller.user_id is None:
        raise InvalidArgument("An API key has no notifications. Ask as a user who has signed in.", reason="NOT_A_USER")
    return caller.user_id
