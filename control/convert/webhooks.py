"""Webhooks and their deliveries."""

from __future__ import annotations

from typing import Final

from control.convert.alarms import KINDS, read_kind
from control.convert.common import timestamp
from control.convert.names import print_name, read_name
from control.v1 import webhooks_pb2 as pb
from csms.domain.errors import InvalidArgument
from csms.ports.webhooks import DeliveryState, Webhook, WebhookDelivery

FIELDS: Final = {
    "display_name": "display_name",
    "url": "url",
    "kinds": "kinds",
    "place": "place_id",
    "enabled": "enabled",
}
_STATES: Final = {
    state: pb.WebhookDeliveryState.Value(f"WEBHOOK_DELIVERY_STATE_{state.name}") for state in DeliveryState
}


def webhook(known: Webhook) -> pb.Webhook:
    """All but the secret."""
    return pb.Webhook(
        name=print_name("webhooks", known.id),
        display_name=known.display_name,
        url=known.url,
        kinds=[KINDS[kind] for kind in known.kinds],
        place="" if known.place_id is None else print_name("places", known.place_id),
        enabled=known.enabled,
        create_time=timestamp(known.created_at),
        waiting_count=known.waiting,
        last_error=known.last_error,
        etag=str(known.version),
    )


def read_webhook(message: pb.Webhook) -> Webhook:
    """What people may write of it; the id is 0. Raises InvalidArgument."""
    return Webhook(
        0,
        message.display_name,
        message.url.strip(),
        "",
        tuple(dict.fromkeys(read_kind(int(number)) for number in message.kinds)),
        read_name(message.place, "places") if message.place else None,
        message.enabled,
    )


def delivery(known: WebhookDelivery) -> pb.WebhookDelivery:
    """All of it."""
    waits = known.state is DeliveryState.WAITING
    return pb.WebhookDelivery(
        name=f"{print_name('webhooks', known.webhook_id)}/{print_name('deliveries', known.id)}",
        event=known.event,
        alarm="" if known.alarm_id is None else print_name("alarms", known.alarm_id),
        body=known.body,
        state=_STATES[known.state],
        create_time=timestamp(known.created_at),
        next_attempt_time=timestamp(known.next_attempt_at) if waits else None,
        attempts=known.attempts,
        status_code=known.status_code,
        error=known.error,
        finish_time=timestamp(known.finished_at),
    )


def read_state(number: int) -> DeliveryState | None:
    """None: any. Raises InvalidArgument."""
    if not number:
        return None
    found = next((state for state, value in _STATES.items() if value == number), None)
    if found is None:
        raise InvalidArgument(f"There is no state with the number {number}.", reason="INVALID_FILTER")
    return found
