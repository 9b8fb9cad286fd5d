"""Webhooks: where they and their deliveries are kept, and who carries them. All raise Unavailable."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from csms.domain.alarms import AlarmKind


class Webhook(msgspec.Struct, frozen=True):
    """Where alarms are sent to. No kinds: all; `place_id` None: everywhere. `waiting` and `last_error`: of its
    deliveries."""

    id: int
    display_name: str
    url: str
    secret: str = ""
    kinds: tuple[AlarmKind, ...] = ()
    place_id: int | None = None
    enabled: bool = True
    version: int = 1
    created_at: datetime | None = None
    waiting: int = 0
    last_error: str = ""


class DeliveryState(StrEnum):
    """How a delivery stands."""

    WAITING = "WAITING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"


class WebhookDelivery(msgspec.Struct, frozen=True):
    """One event on its way to one webhook. `attempts` counts the one that begins."""

    id: int
    webhook_id: int
    event: str
    alarm_id: int | None
    body: str
    state: DeliveryState
    created_at: datetime
    next_attempt_at: datetime
    attempts: int = 0
    status_code: int | None = None
    error: str = ""
    finished_at: datetime | None = None


class Answered(msgspec.Struct, frozen=True):
    """What the other side said. `status_code` None: nothing. `hopeless`: trying again would change nothing."""

    status_code: int | None
    error: str = ""
    hopeless: bool = False

    @property
    def good(self) -> bool:
        """Was it taken?"""
        return not self.error


class WebhookCaller(Protocol):
    """Carries a delivery."""

    async def post(self, url: str, secret: str, delivery_id: int, body: str) -> Answered:
        """Signed. Never fails: what goes wrong is in the answer."""


class WebhookStore(Protocol):
    """Where they are kept."""

    async def all(self) -> Sequence[Webhook]:
        """By name, with how their deliveries stand."""

    async def find(self, webhook_id: int) -> Webhook | None:
        """By id."""

    async def create(self, webhook: Webhook) -> Webhook:
        """`webhook.id` is ignored. Raises NotFound for the place."""

    async def update(self, webhook: Webhook, *, version: int | None) -> Webhook:
        """All that people write, and the secret. Raises NotFound, StaleVersion."""

    async def delete(self, webhook_id: int) -> None:
        """Raises NotFound."""

    async def add_delivery(self, webhook_id: int, event: str, body: str, at: datetime) -> WebhookDelivery:
        """One that is tried by whoever adds it: it waits for nobody else within 5 minutes."""

    async def take(
        self, now: datetime, *, size: int, lease_until: datetime
    ) -> Sequence[tuple[WebhookDelivery, Webhook]]:
        """Those due, oldest first, of webhooks that are enabled. Nobody else gets them until the lease ends."""

    async def finish(
        self, delivery_id: int, state: DeliveryState, answered: Answered, at: datetime, *, next_at: datetime | None
    ) -> WebhookDelivery:
        """How an attempt ended; WAITING is tried again at `next_at`. Raises NotFound."""

    async def page(
        self, webhook_id: int, state: DeliveryState | None, *, size: int, before: int | None = None
    ) -> Sequence[WebhookDelivery]:
        """Newest first, with an id below `before`."""

    async def next_due(self) -> datetime | None:
        """When the next one is due; None: there is none."""

    async def prune(self, before: datetime) -> int:
        """Those that ended before go. How many."""
