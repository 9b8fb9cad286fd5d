"""Limits: how much users, and the tags with a parent, may charge in a month."""

from __future__ import annotations

import asyncio
from decimal import Decimal, InvalidOperation
from typing import Final

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import sentences
from webui.api import Client
from webui.page import client_of, demand, redirect, show, signed_in, text
from webui.pages.tags import MOST_USERS, if_told
from webui.values import ApiError
from webui.values_people import User, UserPage
from webui.values_tags import ChargeLimit, ChargeLimitAnswer, ChargeLimits
from webui.words import _

FIELDS: Final = ("who", "kwh", "amount", "currency")
"""Of the form."""


@signed_in
async def overview(request: Request) -> Response:
    """All limits with what was used; with a POST one is set."""
    if request.method != "POST":
        typed = {name: request.query_params.get(name, "") for name in FIELDS}
        return await _overview(request, typed)
    client, form = client_of(request), await request.form()
    typed = {name: text(form, name) for name in FIELDS}
    try:
        limit = _from(form, {user.email.lower(): user.name for user in await _users(client)})
        present = await client.desk.ask("OutletService/GetChargeLimit", ChargeLimitAnswer, target=limit["target"])
        changed = {**limit, "etag": present.limit.etag}
        await client.desk.do("OutletService/SetChargeLimit", limit=changed)
    except ApiError as error:
        if error.code not in ("INVALID_ARGUMENT", "NOT_FOUND", "ABORTED"):
            raise
        return await _overview(request, typed, sentences.of_error(error))
    return redirect("/tags/limits", "limit-saved")


async def _users(client: Client) -> tuple[User, ...]:
    """Those that the reader sees."""
    asked = client.desk.ask("UserService/ListUsers", UserPage, page_size=MOST_USERS)
    return (await if_told(asked, UserPage((), "", 0))).users


async def _overview(request: Request, typed: dict[str, str], problem: str = "") -> Response:
    client = client_of(request)
    users, found = await asyncio.gather(_users(client), client.desk.ask("OutletService/ListChargeLimits", ChargeLimits))
    emails = {user.name: user.email for user in users}
    return await show(
        request,
        "tags/limits.html",
        422 if problem else 200,
        limits=found.limits,
        names={user.name: user for user in users},
        users=users,
        typed=typed,
        problem=problem,
        who_of=lambda limit: _who(limit, emails),
    )


def _who(limit: ChargeLimit, emails: dict[str, str]) -> str:
    return limit.parent or emails.get(limit.target, limit.target)


def _from(form: FormData, by_email: dict[str, str]) -> dict[str, object]:
    """A limit as it was typed. Raises ApiError."""
    who = text(form, "who")
    demand(who, _("Enter whom it is for: a user's e-mail address, or the parent of a group of tags."))
    target = by_email.get(who.lower(), f"tagGroups/{who}")
    demand("@" not in who or target.startswith("users/"), _("Nobody has this e-mail address. Choose one of the list."))
    energy = _number(text(form, "kwh"), _("Enter the energy in kWh as a number, or leave it empty."))
    amount = _number(text(form, "amount"), _("Enter the amount as a number, or leave it empty."))
    currency = text(form, "currency").upper()
    demand(amount is None or len(currency) == 3, _("Enter the currency of the amount, for example EUR."))
    limit: dict[str, object] = {"target": target}
    if energy is not None:
        limit["energy_wh"] = float(energy * 1000)
    if amount is not None:
        limit |= {"amount": str(amount), "currency": currency}
    return limit


def _number(value: str, sentence: str) -> Decimal | None:
    if not value:
        return None
    try:
        found = Decimal(value.replace(",", "."))
    except InvalidOperation:
        found = Decimal(-1)
    demand(found.is_finite() and found >= 0, sentence)
    return found


@signed_in
async def remove(request: Request) -> Response:
    """Take a limit away."""
    target = text(await request.form(), "target")
    await client_of(request).desk.do("OutletService/SetChargeLimit", limit={"target": target})
    return redirect("/tags/limits", "limit-removed")


ROUTES = [
    Route("/tags/limits", overview, methods=["GET", "POST"]),
    Route("/tags/limits/remove", remove, methods=["POST"]),
]
