"""Webhooks: made by administrators, delivered in the background, tried again until they are through or too old."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

import msgspec
import structlog
import trio

from csms.domain.access import Action, Principal, check
from csms.domain.errors import Exhausted, InvalidArgument, NotFound, Unavailable
from csms.domain.topology import Tree
from csms.ports.webhooks import Answered, DeliveryState, Webhook, WebhookCaller, WebhookDelivery, WebhookStore
from csms.services.audit import note_change

_log = structlog.get_logger("csms.webhooks")

EDITABLE: Final = ("display_name", "url", "kinds", "place_id", "enabled")
MAX_WEBHOOKS: Final = 100
MAX_NAME: Final = 100
MAX_URL: Final = 2_000
BATCH: Final = 20
LEASE: Final = timedelta(minutes=5)
FIRST_PAUSE: Final = timedelta(seconds=10)
LONGEST_PAUSE: Final = timedelta(hours=1)
GIVE_UP_AFTER: Final = timedelta(hours=24)
KEEP: Final = timedelta(days=30)
POLL_SECONDS: Final = 10.0
TIDY_SECONDS: Final = 3600.0


class Webhooks:
    """Use cases of administrators; all raise PermissionDenied, Unavailable. `run` is a task for the nursery of the
    application; `wake` tells it that something waits."""

    def __init__(
        self,
        store: WebhookStore,
        caller: WebhookCaller,
        tree: Callable[[], Tree],
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._caller = caller
        self._tree = tree
        self._now = now
        self._woken = trio.Event()

    def wake(self) -> None:
        """Something waits."""
        self._woken.set()

    async def all(self, caller: Principal) -> Sequence[Webhook]:
        """By name."""
        check(caller, Action.MANAGE_WEBHOOKS)
        return await self._store.all()

    async def create(self, caller: Principal, webhook: Webhook) -> Webhook:
        """`webhook.id` is ignored; the secret is made here. Raises InvalidArgument, NotFound, Exhausted."""
        check(caller, Action.MANAGE_WEBHOOKS)
        new = msgspec.structs.replace(webhook, display_name=webhook.display_name.strip(), secret=_new_secret())
        self._check(new)
        if len(await self._store.all()) >= MAX_WEBHOOKS:
            raise Exhausted(f"There are {MAX_WEBHOOKS} webhooks already. Remove one.", reason="TOO_MANY_WEBHOOKS")
        made = await self._store.create(new)
        note_change(f"webhooks/{made.id}", None, made)
        return made

    async def update(
        self,
        caller: Principal,
        webhook_id: int,
        changes: Webhook,
        fields: Iterable[str],
        *,
        new_secret: bool,
        version: int | None,
    ) -> Webhook:
        """The fields named. Raises InvalidArgument, NotFound, StaleVersion."""
        check(caller, Action.MANAGE_WEBHOOKS)
        old = await self._must(webhook_id)
        new = msgspec.structs.replace(old, **{name: getattr(changes, name) for name in fields if name in EDITABLE})
        if new_secret:
            new = msgspec.structs.replace(new, secret=_new_secret())
        self._check(new)
        made = await self._store.update(new, version=version)
        note_change(f"webhooks/{webhook_id}", old, made)
        self.wake()
        return made

    async def delete(self, caller: Principal, webhook_id: int) -> None:
        """Raises NotFound."""
        check(caller, Action.MANAGE_WEBHOOKS)
        old = await self._must(webhook_id)
        await self._store.delete(webhook_id)
        note_change(f"webhooks/{webhook_id}", old)

    async def test(self, caller: Principal, webhook_id: int) -> WebhookDelivery:
        """Send one at once; not tried again. Raises NotFound."""
        check(caller, Action.MANAGE_WEBHOOKS)
        webhook = await self._must(webhook_id)
        now = self._now()
        body = msgspec.json.encode({"event": "test", "time": now, "webhook": f"webhooks/{webhook_id}"}).decode()
        delivery = await self._store.add_delivery(webhook_id, "test", body, now)
        answered = await self._caller.post(webhook.url, webhook.secret, delivery.id, body)
        state = DeliveryState.DELIVERED if answered.good else DeliveryState.FAILED
        return await self._store.finish(delivery.id, state, answered, self._now(), next_at=None)

    async def deliveries(
        self, caller: Principal, webhook_id: int, state: DeliveryState | None, *, size: int, before: int | None
    ) -> Sequence[WebhookDelivery]:
        """Newest first. Raises NotFound."""
        check(caller, Action.MANAGE_WEBHOOKS)
        await self._must(webhook_id)
        return await self._store.page(webhook_id, state, size=size, before=before)

    # -- delivering ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Deliver what is due, for ever."""
        tidied_at = -TIDY_SECONDS
        while True:
            self._woken = trio.Event()
            wait = POLL_SECONDS
            try:
                if trio.current_time() - tidied_at >= TIDY_SECONDS:
                    tidied_at = trio.current_time()
                    await self._store.prune(self._now() - KEEP)
                while await self.deliver():
                    pass
                due = await self._store.next_due()
                if due is not None:
                    wait = min(POLL_SECONDS, max(0.5, (due - self._now()).total_seconds()))
            except Unavailable:
                _log.info("webhooks wait for the database")
            with trio.move_on_after(wait):
                await self._woken.wait()

    async def deliver(self) -> bool:
        """A batch of what is due, all at once. Was there any? Raises Unavailable."""
        now = self._now()
        taken = await self._store.take(now, size=BATCH, lease_until=now + LEASE)
        outage: list[Unavailable] = []
        async with trio.open_nursery() as nursery:
            for delivery, webhook in taken:
                nursery.start_soon(self._deliver, delivery, webhook, outage)
        if outage:
            raise outage[0]
        return bool(taken)

    async def _deliver(self, delivery: WebhookDelivery, webhook: Webhook, outage: list[Unavailable]) -> None:
        answered = await self._caller.post(webhook.url, webhook.secret, delivery.id, delivery.body)
        now = self._now()
        pause = pause_after(delivery.attempts)
        state, next_at = DeliveryState.DELIVERED, None
        if not answered.good:
            hopeless = answered.hopeless or now + pause - delivery.created_at > GIVE_UP_AFTER
            state = DeliveryState.FAILED if hopeless else DeliveryState.WAITING
            next_at = None if hopeless else now + pause
            _log.warning("webhook not taken", webhook=webhook.id, delivery=delivery.id, why=answered.error)
        try:
            await self._finish(delivery.id, state, answered, now, next_at)
        except Unavailable as error:
            outage.append(error)  # the lease ends, and it is sent once more

    async def _finish(
        self, delivery_id: int, state: DeliveryState, answered: Answered, now: datetime, next_at: datetime | None
    ) -> None:
        try:
            await self._store.finish(delivery_id, state, answered, now, next_at=next_at)
        except NotFound:
            _log.info("the webhook was removed meanwhile", delivery=delivery_id)

    # -- inside --------------------------------------------------------------------------------------------------------

    async def _must(self, webhook_id: int) -> Webhook:
        found = await self._store.find(webhook_id)
        if found is None:
            raise NotFound(f"There is no webhook {webhook_id} (any more).", reason="WEBHOOK_NOT_FOUND")
        return found

    def _check(self, webhook: Webhook) -> None:
        if not 0 < len(webhook.display_name) <= MAX_NAME or not webhook.display_name.isprintable():
            raise InvalidArgument(f"A webhook has a name of 1 to {MAX_NAME} characters.", reason="INVALID_NAME")
        check_url(webhook.url)
        if webhook.place_id is not None:
            self._tree().get(webhook.place_id)


def pause_after(attempts: int) -> timedelta:
    """Before the next attempt: 10 s, doubled each time, up to an hour."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * float(2 ** min(attempts - 1, 10)))


def check_url(url: str) -> None:
    """Raises InvalidArgument/INVALID_URL. Where it leads is looked at when it is called."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    plain = url.isascii() and url.isprintable() and " " not in url and len(url) <= MAX_URL
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or not plain:
        raise InvalidArgument(
            f"{url[:100]!r} is not an address that can be called. Give one like https://example.org/alarms, without"
            " user name and password.",
            reason="INVALID_URL",
        )


def _new_secret() -> str:
    return secrets.token_urlsafe(32)
