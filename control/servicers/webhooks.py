"""WebhookService."""

from __future__ import annotations

from control.convert import webhooks as convert
from control.convert.names import read_name
from control.guard import Call
from control.paging import fitting, make_token, masked_fields, page_size, read_etag, read_token
from control.v1 import webhooks_pb2 as pb
from csms.domain.errors import InvalidArgument
from csms.services.webhooks import Webhooks


class WebhookServicer:
    """A method is: convert, call one use case, convert."""

    service = pb.DESCRIPTOR.services_by_name["WebhookService"]

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks

    async def list_webhooks(self, call: Call, _request: pb.ListWebhooksRequest) -> pb.ListWebhooksResponse:
        """ListWebhooks."""
        return pb.ListWebhooksResponse(
            webhooks=[convert.webhook(each) for each in await self._webhooks.all(call.caller)]
        )

    async def create_webhook(self, call: Call, request: pb.CreateWebhookRequest) -> pb.CreateWebhookResponse:
        """CreateWebhook."""
        made = await self._webhooks.create(call.caller, convert.read_webhook(request.webhook))
        return pb.CreateWebhookResponse(webhook=convert.webhook(made), secret=made.secret)

    async def update_webhook(self, call: Call, request: pb.UpdateWebhookRequest) -> pb.UpdateWebhookResponse:
        """UpdateWebhook."""
        only_secret = request.new_secret and not request.update_mask.paths
        made = await self._webhooks.update(
            call.caller,
            read_name(request.webhook.name, "webhooks"),
            convert.read_webhook(request.webhook),
            () if only_secret else masked_fields(request.update_mask.paths, convert.FIELDS),
            new_secret=request.new_secret,
            version=read_etag(request.webhook.etag),
        )
        return pb.UpdateWebhookResponse(webhook=convert.webhook(made), secret=made.secret if request.new_secret else "")

    async def delete_webhook(self, call: Call, request: pb.DeleteWebhookRequest) -> pb.DeleteWebhookResponse:
        """DeleteWebhook."""
        await self._webhooks.delete(call.caller, read_name(request.name, "webhooks"))
        return pb.DeleteWebhookResponse()

    async def test_webhook(self, call: Call, request: pb.TestWebhookRequest) -> pb.TestWebhookResponse:
        """TestWebhook."""
        tried = await self._webhooks.test(call.caller, read_name(request.name, "webhooks"))
        return pb.TestWebhookResponse(delivery=convert.delivery(tried))

    async def list_webhook_deliveries(
        self, call: Call, request: pb.ListWebhookDeliveriesRequest
    ) -> pb.ListWebhookDeliveriesResponse:
        """ListWebhookDeliveries."""
        if not request.webhook:
            raise InvalidArgument("Say of which webhook.", reason="INVALID_NAME")
        size, webhook_id = page_size(request.page_size), read_name(request.webhook, "webhooks")
        state = convert.read_state(int(request.state))
        query = f"ListWebhookDeliveries{webhook_id}/{state}".encode()
        place = read_token(request.page_token, query, (int,))
        found = await self._webhooks.deliveries(
            call.caller, webhook_id, state, size=size + 1, before=None if place is None else int(place[0])
        )
        shown = fitting(convert.delivery(each) for each in found[:size])
        more = len(found) > len(shown)
        token = make_token([found[len(shown) - 1].id], query) if more else ""
        return pb.ListWebhookDeliveriesResponse(deliveries=shown, next_page_token=token)
