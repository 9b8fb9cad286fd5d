"""Webhooks, news and notifications, in memory."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from csms.domain.errors import NotFound, StaleVersion
from csms.domain.notifications import News, Notification, NotificationKind
from csms.ports.webhooks import Answered, DeliveryState, Webhook, WebhookDelivery

replace = msgspec.structs.replace


class FakeWebhooks:
    """`WebhookStore`."""

    def __init__(self) -> None:
        self.hooks: dict[int, Webhook] = {}
        self.sent: dict[int, WebhookDelivery] = {}
        self._ids, self._sent_ids = itertools.count(1), itertools.count(1)

    async def all(self) -> Sequence[Webhook]:
        return sorted(map(self._stand, self.hooks.values()), key=lambda hook: (hook.display_name.lower(), hook.id))

    async def find(self, webhook_id: int) -> Webhook | None:
        found = self.hooks.get(webhook_id)
        return None if found is None else self._stand(found)

    async def create(self, webhook: Webhook) -> Webhook:
        made = replace(webhook, id=next(self._ids))
        self.hooks[made.id] = made
        return made

    async def update(self, webhook: Webhook, *, version: int | None) -> Webhook:
        old = self._must(webhook.id)
        if version not in (None, old.version):
            raise StaleVersion("Somebody else has changed this webhook meanwhile.")
        self.hooks[webhook.id] = replace(webhook, version=old.version + 1)
        return self._stand(self.hooks[webhook.id])

    async def delete(self, webhook_id: int) -> None:
        self._must(webhook_id)
        del self.hooks[webhook_id]
        self.sent = {n: d for n, d in self.sent.items() if d.webhook_id != webhook_id}

    def queue(self, webhook_id: int, event: str, alarm_id: int | None, body: str, at: datetime) -> WebhookDelivery:
        number = next(self._sent_ids)
        self.sent[number] = WebhookDelivery(number, webhook_id, event, alarm_id, body, DeliveryState.WAITING, at, at)
        return self.sent[number]

    async def add_delivery(self, webhook_id: int, event: str, body: str, at: datetime) -> WebhookDelivery:
        self._must(webhook_id)
        made = self.queue(webhook_id, event, None, body, at)
        self.sent[made.id] = replace(made, attempts=1, next_attempt_at=at + timedelta(minutes=5))
        return self.sent[made.id]

    async def take(
        self, now: datetime, *, size: int, lease_until: datetime
    ) -> Sequence[tuple[WebhookDelivery, Webhook]]:
        due = [
            d
            for _, d in sorted(self.sent.items())
            if d.state is DeliveryState.WAITING and d.next_attempt_at <= now and self.hooks[d.webhook_id].enabled
        ][:size]
        for each in due:
            self.sent[each.id] = replace(each, attempts=each.attempts + 1, next_attempt_at=lease_until)
        return [(self.sent[each.id], self.hooks[each.webhook_id]) for each in due]

    async def finish(
        self, delivery_id: int, state: DeliveryState, answered: Answered, at: datetime, *, next_at: datetime | None
    ) -> WebhookDelivery:
        old = self.sent.get(delivery_id)
        if old is None:
            raise NotFound("This delivery is gone.", reason="DELIVERY_NOT_FOUND")
        self.sent[delivery_id] = replace(
            old,
            state=state,
            status_code=answered.status_code,
            error=answered.error,
            next_attempt_at=next_at or old.next_attempt_at,
            finished_at=None if state is DeliveryState.WAITING else at,
        )
        return self.sent[delivery_id]

    async def page(
        self, webhook_id: int, state: DeliveryState | None, *, size: int, before: int | None = None
    ) -> Sequence[WebhookDelivery]:
        return [
            d
            for n, d in sorted(self.sent.items(), reverse=True)
            if d.webhook_id == webhook_id and state in (None, d.state) and (before is None or n < before)
        ][:size]

    async def next_due(self) -> datetime | None:
        waiting = [
            d.next_attempt_at
            for d in self.sent.values()
            if d.state is DeliveryState.WAITING and self.hooks[d.webhook_id].enabled
        ]
        return min(waiting, default=None)

    async def prune(self, before: datetime) -> int:
        old = [n for n, d in self.sent.items() if d.finished_at is not None and d.finished_at < before]
        for number in old:
            del self.sent[number]
        return len(old)

    def _must(self, webhook_id: int) -> Webhook:
        if webhook_id not in self.hooks:
            raise NotFound(f"There is no webhook {webhook_id}.", reason="WEBHOOK_NOT_FOUND")
        return self.hooks[webhook_id]

    def _stand(self, hook: Webhook) -> Webhook:
        own = [d for _, d in sorted(self.sent.items()) if d.webhook_id == hook.id]
        waiting = sum(1 for d in own if d.state is DeliveryState.WAITING)
        return replace(hook, waiting=waiting, last_error=own[-1].error if own else "")


class FakeNotifications:
    """`NotificationStore`. `users`: who there is; None: everybody."""

    def __init__(self, users: Collection[int] | None = None) -> None:
        self.users = users
        self.kept: dict[int, Notification] = {}
        self.choices: dict[tuple[int, NotificationKind], bool] = {}
        self._ids = itertools.count(1)

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
        told = [
            user_id
            for user_id in sorted(set(user_ids))
            if (self.users is None or user_id in self.users) and self.choices.get((user_id, kind), unless_said)
        ]
        for user_id in told:
            number = next(self._ids)
            self.kept[number] = Notification(number, user_id, kind, dict(values), target, at)
        return told

    async def page(self, user_id: int, *, unread: bool, size: int, before: int | None = None) -> Sequence[Notification]:
        return [
            n
            for number, n in sorted(self.kept.items(), reverse=True)
            if n.user_id == user_id and (not unread or n.read_at is None) and (before is None or number < before)
        ][:size]

    async def count_unread(self, user_id: int) -> int:
        return sum(1 for n in self.kept.values() if n.user_id == user_id and n.read_at is None)

    async def mark_read(self, user_id: int, ids: Collection[int] | None, at: datetime) -> int:
        marked = 0
        for number, n in self.kept.items():
            if n.user_id == user_id and n.read_at is None and (ids is None or number in ids):
                self.kept[number] = replace(n, read_at=at)
                marked += 1
        return marked

    async def settings(self, user_id: int) -> Mapping[NotificationKind, bool]:
        return {kind: wanted for (number, kind), wanted in self.choices.items() if number == user_id}

    async def choose(self, user_id: int, wanted: Mapping[NotificationKind, bool]) -> None:
        self.choices.update({(user_id, kind): value for kind, value in wanted.items()})

    async def prune(self, before: datetime) -> int:
        old = [number for number, n in self.kept.items() if n.created_at < before]
        for number in old:
            del self.kept[number]
        return len(old)


class FakeNews:
    """`NewsStore`."""

    def __init__(self) -> None:
        self.kept: dict[int, News] = {}
        self._ids = itertools.count(1)

    async def page(
        self, *, size: int, after: tuple[datetime, int] | None = None, valid_at: datetime | None = None
    ) -> Sequence[News]:
        found = sorted(self.kept.values(), key=lambda n: (n.valid_from, n.id), reverse=True)
        return [
            n
            for n in found
            if (valid_at is None or (n.valid_from <= valid_at and (n.valid_until is None or n.valid_until > valid_at)))
            and (after is None or (n.valid_from, n.id) < after)
        ][:size]  # fmt: skip

    async def find(self, news_id: int) -> News | None:
        return self.kept.get(news_id)

    async def create(self, news: News) -> News:
        made = replace(news, id=next(self._ids), version=1)
        self.kept[made.id] = made
        return made

    async def update(self, news: News, *, version: int | None) -> News:
        old = self.kept.get(news.id)
        if old is None:
            raise NotFound("There is no such message.", reason="NEWS_NOT_FOUND")
        if version not in (None, old.version):
            raise StaleVersion("Somebody else has changed this message meanwhile.")
        self.kept[news.id] = replace(news, version=old.version + 1)
        return self.kept[news.id]

    async def delete(self, news_id: int) -> None:
        if self.kept.pop(news_id, None) is None:
            raise NotFound("There is no such message.", reason="NEWS_NOT_FOUND")


class FakeCaller:
    """`WebhookCaller`. `answers`: what is said, in turn; then 200."""

    def __init__(self) -> None:
        self.answers: list[Answered] = []
        self.calls: list[tuple[str, str, int, str]] = []

    async def post(self, url: str, secret: str, delivery_id: int, body: str) -> Answered:
        self.calls.append((url, secret, delivery_id, body))
        return self.answers.pop(0) if self.answers else Answered(200)


class FakeLease:
    """`Lease`: ours, as long as nobody says otherwise."""

    def __init__(self) -> None:
        self.ours = True

    async def holds(self) -> bool:
        return self.ours

    async def release(self) -> None:
        return None
