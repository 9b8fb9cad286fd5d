"""WebhookService over the wire."""

from __future__ import annotations

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from control.v1 import alarms_pb2
from control.v1 import webhooks_pb2 as pb
from tests.kit.control_world import ControlWorld, Refused

pytestmark = pytest.mark.feature("F-ALM-3")


async def test_a_webhook_over_the_wire(world: ControlWorld) -> None:
    call = world.client.call
    wanted = pb.Webhook(display_name="Ops", url="https://example.org/x", kinds=[alarms_pb2.ALARM_KIND_NO_NETWORK])
    made = await call("webhooks.CreateWebhook", pb.CreateWebhookRequest(webhook=wanted))
    assert made.secret
    hook = made.webhook
    hook.enabled = True
    update = pb.UpdateWebhookRequest(webhook=hook, update_mask=FieldMask(paths=["enabled"]))
    changed = await call("webhooks.UpdateWebhook", update)
    assert (changed.webhook.enabled, changed.secret) == (True, "")
    renewed = await call("webhooks.UpdateWebhook", pb.UpdateWebhookRequest(webhook=changed.webhook, new_secret=True))
    assert renewed.secret not in ("", made.secret)
    tried = await call("webhooks.TestWebhook", pb.TestWebhookRequest(name=hook.name))
    assert (tried.delivery.state, tried.delivery.event) == (pb.WEBHOOK_DELIVERY_STATE_DELIVERED, "test")
    await call("webhooks.TestWebhook", pb.TestWebhookRequest(name=hook.name))
    request = pb.ListWebhookDeliveriesRequest(webhook=hook.name, page_size=1)
    first = await call("webhooks.ListWebhookDeliveries", request)
    request.page_token = first.next_page_token
    second = await call("webhooks.ListWebhookDeliveries", request)
    assert [each.name for page in (first, second) for each in page.deliveries][1] == tried.delivery.name
    (listed,) = (await call("webhooks.ListWebhooks", pb.ListWebhooksRequest())).webhooks
    assert (listed.display_name, listed.kinds) == ("Ops", [alarms_pb2.ALARM_KIND_NO_NETWORK])
    await call("webhooks.DeleteWebhook", pb.DeleteWebhookRequest(name=hook.name))
    with pytest.raises(Refused) as refused:
        await call("webhooks.TestWebhook", pb.TestWebhookRequest(name=hook.name))
    assert refused.value.reason == "WEBHOOK_NOT_FOUND"
