"""Webhooks: where alarms are sent to, their secrets, tests and deliveries."""

from __future__ import annotations

import asyncio

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import nodes, sentences
from webui.alarm_list import KINDS
from webui.api import Client
from webui.page import client_of, redirect, show, signed_in, text, with_query
from webui.values import ApiError
from webui.values_alarms import DeliveryAnswer, DeliveryPage, Webhook, WebhookAnswer, WebhooksAnswer
from webui.words import N_

FIELDS = ("display_name", "url", "kinds", "place", "enabled")
EMPTY = Webhook("", "", "https://", (), "", True, None, 0, "", "")
WRONG = ("INVALID_ARGUMENT", "ALREADY_EXISTS", "ABORTED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION")
STATES = {"WAITING": N_("Waiting"), "DELIVERED": N_("Arrived"), "FAILED": N_("Given up")}


async def _found(client: Client, key: str) -> Webhook:
    hooks = (await client.desk.ask("WebhookService/ListWebhooks", WebhooksAnswer)).webhooks
    found = next((hook for hook in hooks if hook.key == key), None)
    if found is None:
        raise ApiError("NOT_FOUND", "", "")
    return found


@signed_in
async def table(request: Request) -> Response:
    """All of them."""
    hooks = (await client_of(request).desk.ask("WebhookService/ListWebhooks", WebhooksAnswer)).webhooks
    return await show(request, "alarms/webhooks.html", hooks=hooks)


@signed_in
async def add(request: Request) -> Response:
    """A new one; its secret is shown once, in the answer."""
    client = client_of(request)
    if request.method != "POST":
        await client.desk.ask("WebhookService/ListWebhooks", WebhooksAnswer)  # who may not, is told so here
        return await _form(request, EMPTY, new=True)
    hook = _typed(await request.form(), EMPTY)
    try:
        made = await client.desk.ask("WebhookService/CreateWebhook", WebhookAnswer, webhook=_asked(hook))
    except ApiError as error:
        if error.code not in WRONG:
            raise
        return await _form(request, hook, new=True, problem=sentences.of_error(error))
    return await _form(request, made.webhook, secret=made.secret)


@signed_in
async def edit(request: Request) -> Response:
    """One of them, with its newest deliveries."""
    client, key = client_of(request), request.path_params["key"]
    present = await _found(client, key)
    if request.method != "POST":
        return await _form(request, present)
    form = await request.form()
    hook = _typed(form, present)
    try:
        await client.desk.do("WebhookService/UpdateWebhook", webhook=_asked(hook), update_mask=FIELDS)
    except ApiError as error:
        if error.code not in WRONG:
            raise
        return await _form(request, hook, problem=sentences.of_error(error))
    return redirect(f"/alarms/webhooks/{key}", "webhook-saved")


@signed_in
async def secret(request: Request) -> Response:
    """A new secret, shown once; the old one counts no more."""
    client = client_of(request)
    name = f"webhooks/{request.path_params['key']}"
    made = await client.desk.ask("WebhookService/UpdateWebhook", WebhookAnswer, webhook={"name": name}, new_secret=True)
    return await _form(request, made.webhook, secret=made.secret)


@signed_in
async def test(request: Request) -> Response:
    """Send a test event, and say how it went."""
    client, key = client_of(request), request.path_params["key"]
    problem, tried = "", None
    try:
        name = f"webhooks/{key}"
        tried = (
            await client.desk.ask("WebhookService/TestWebhook", DeliveryAnswer, timeout_s=25.0, name=name)
        ).delivery
    except ApiError as error:
        if error.code not in WRONG:
            raise
        problem = sentences.of_error(error)
    return await _form(request, await _found(client, key), problem=problem, tried=tried)


@signed_in
async def delete(request: Request) -> Response:
    """Remove it with its deliveries."""
    await client_of(request).desk.do("WebhookService/DeleteWebhook", name=f"webhooks/{request.path_params['key']}")
    return redirect("/alarms/webhooks", "webhook-deleted")


async def _form(
    request: Request, hook: Webhook, *, new: bool = False, problem: str = "", secret: str = "", tried: object = None
) -> Response:
    client = client_of(request)
    state, after = request.query_params.get("state", ""), request.query_params.get("after", "")
    state = state if state in STATES else ""
    places, page = await asyncio.gather(nodes.choices(client), _deliveries(client, hook, state, after))
    values: dict[str, object] = {"hook": hook, "new": new, "problem": problem, "secret": secret, "tried": tried}
    values |= {"kinds": KINDS, "places": places, "page": page, "states": STATES, "wanted_state": state}
    more = {"state": state, "after": page.next_page_token if page else ""}
    values["next_url"] = with_query(f"/alarms/webhooks/{hook.key}", more)
    return await show(request, "alarms/webhook.html", 422 if problem else 200, **values)


async def _deliveries(client: Client, hook: Webhook, state: str, after: str) -> DeliveryPage | None:
    if not hook.name:
        return None
    return await client.desk.ask(
        "WebhookService/ListWebhookDeliveries",
        DeliveryPage,
        webhook=hook.name,
        page_size=25,
        page_token=after,
        state=state or "UNSPECIFIED",
    )


def _typed(form: FormData, base: Webhook) -> Webhook:
    place = text(form, "webhook_place")
    return Webhook(
        name=base.name,
        display_name=text(form, "display_name"),
        url=text(form, "url"),
        kinds=tuple(kind for kind in form.getlist("kind") if isinstance(kind, str) and kind in KINDS),
        place=f"places/{place}" if place.isdecimal() else "",
        enabled=text(form, "enabled") == "1",
        create_time=base.create_time,
        waiting_count=base.waiting_count,
        last_error=base.last_error,
        etag=text(form, "etag"),
    )


def _asked(hook: Webhook) -> dict[str, object]:
    return {"name": hook.name, "etag": hook.etag} | {name: getattr(hook, name) for name in FIELDS}


ROUTES = [
    Route("/alarms/webhooks", table),
    Route("/alarms/webhooks/add", add, methods=["GET", "POST"]),
    Route("/alarms/webhooks/{key}", edit, methods=["GET", "POST"]),
    Route("/alarms/webhooks/{key}/secret", secret, methods=["POST"]),
    Route("/alarms/webhooks/{key}/test", test, methods=["POST"]),
    Route("/alarms/webhooks/{key}/delete", delete, methods=["POST"]),
]
