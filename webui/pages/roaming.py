"""The parties of roaming: inviting, registering, suspending, renewing, what waits for them, tokens, charge records."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import sentences
from webui.api.desk import Desk
from webui.page import client_of, demand, redirect, show, signed_in, text, with_query
from webui.pages.services import BESIDE
from webui.values import ApiError
from webui.values_services import Cdrs, Invitation, OneParty, Parties, Pushes, RoamingTokens
from webui.words import _

SIZE: Final = 50
REGISTER_S: Final = 60.0
"""Another company's system answers when it likes."""
ANSWERED: Final = BESIDE | {"UNAVAILABLE", "DEADLINE_EXCEEDED"}


@signed_in
async def add(request: Request) -> Response:
    """Invite a party, or register at one that has invited us."""
    return await show(request, "services/party_add.html", typed={}, problem="")


@signed_in
async def invite(request: Request) -> Response:
    """The token is shown this once."""
    form = await request.form()
    typed = {"invited_name": text(form, "display_name")[:100]}
    try:
        demand(typed["invited_name"], _("Enter what you call the party."))
        made = await client_of(request).desk.ask(
            "ThirdPartyService/InviteRoamingParty", Invitation, display_name=typed["invited_name"]
        )
    except ApiError as error:
        if error.code not in BESIDE:
            raise
        return await show(request, "services/party_add.html", 422, typed=typed, problem=sentences.of_error(error))
    return await show(request, "services/invitation.html", invitation=made)


@signed_in
async def register(request: Request) -> Response:
    """With the address and the token that a party gave us."""
    form = await request.form()
    typed = {name: text(form, name)[:500] for name in ("display_name", "versions_url")}
    token = text(form, "token")[:500]
    try:
        demand(typed["display_name"] and typed["versions_url"] and token, _("Enter name, address and token."))
        made = await client_of(request).desk.ask(
            "ThirdPartyService/RegisterAtRoamingParty", OneParty, timeout_s=REGISTER_S, token=token, **typed
        )
    except ApiError as error:
        if error.code not in ANSWERED or (error.away and not error.reason):
            raise
        return await show(request, "services/party_add.html", 422, typed=typed, problem=sentences.of_error(error))
    return redirect(f"/services/parties/{made.party.key}", "party-registered")


@signed_in
async def one(request: Request) -> Response:
    """One party: what it says it is, what waits for it, its charge records."""
    return await _one(request)


async def _one(request: Request, problem: str = "", status_code: int = 200) -> Response:
    desk, name = client_of(request).desk, _name(request)
    after, records_after = request.query_params.get("after", "")[:300], request.query_params.get("records", "")[:300]
    found, pushes, cdrs = await asyncio.gather(
        desk.ask("ThirdPartyService/GetRoamingParty", OneParty, name=name),
        desk.ask("ThirdPartyService/ListRoamingPushes", Pushes, party=name, page_size=SIZE, page_token=after),
        desk.ask("ThirdPartyService/ListRoamingCdrs", Cdrs, party=name, page_size=SIZE, page_token=records_after),
    )
    here = f"/services/parties/{found.party.key}"
    return await show(
        request,
        "services/party.html",
        status_code,
        party=found.party,
        pushes=pushes.pushes,
        cdrs=cdrs.cdrs,
        next_pushes=with_query(here, {"after": pushes.next_page_token}) if pushes.next_page_token else "",
        next_cdrs=with_query(here, {"records": cdrs.next_page_token}) if cdrs.next_page_token else "",
        problem=problem,
    )


def _name(request: Request) -> str:
    return f"roamingParties/{request.path_params['key']}"


@signed_in
async def change(request: Request) -> Response:
    """Rename it, suspend it, resume it, renew credentials, read tokens, try again what waits, end it."""
    form, key = await request.form(), request.path_params["key"]
    try:
        notice = await _change(client_of(request).desk, _name(request), form)
    except ApiError as error:
        if error.code not in ANSWERED or (error.away and not error.reason):
            raise
        return await _one(request, sentences.of_error(error), 422)
    return redirect("/services" if notice == "party-deleted" else f"/services/parties/{key}", notice)


async def _change(desk: Desk, name: str, form: FormData) -> str:
    """Do it, and give the notice that says so. Raises ApiError."""
    match text(form, "what"):
        case "rename":
            party = {"name": name, "display_name": text(form, "display_name")[:100], "etag": text(form, "etag")}
            await desk.do("ThirdPartyService/UpdateRoamingParty", party=party, update_mask=("display_name",))
            return "party-saved"
        case "suspend":
            await _set_state(desk, name, "SUSPENDED")
            return "party-suspended"
        case "resume":
            await _set_state(desk, name, "REGISTERED")
            return "party-resumed"
        case "renew":
            await desk.do("ThirdPartyService/RenewRoamingParty", timeout_s=REGISTER_S, name=name)
            return "party-renewed"
        case "pull":
            await desk.do("ThirdPartyService/PullRoamingTokens", timeout_s=REGISTER_S, name=name)
            return "tokens-pulled"
        case "retry":
            await desk.do("ThirdPartyService/RetryRoamingPushes", party=name)
            return "pushes-retried"
        case "delete":
            await desk.do("ThirdPartyService/DeleteRoamingParty", timeout_s=REGISTER_S, name=name)
            return "party-deleted"
        case _:
            raise ApiError("NOT_FOUND", "", _("There is no such operation."))


async def _set_state(desk: Desk, name: str, state: str) -> None:
    party = {"name": name, "state": state}
    await desk.do("ThirdPartyService/UpdateRoamingParty", party=party, update_mask=("state",))


@signed_in
async def tokens(request: Request) -> Response:
    """Tokens that a party has told us."""
    desk, name = client_of(request).desk, _name(request)
    q, after = request.query_params.get("q", "").strip()[:100], request.query_params.get("after", "")[:300]
    found, page = await asyncio.gather(
        desk.ask("ThirdPartyService/GetRoamingParty", OneParty, name=name),
        desk.ask(
            "ThirdPartyService/ListRoamingTokens", RoamingTokens, party=name, query=q, page_size=SIZE, page_token=after
        ),
    )
    here = f"/services/parties/{found.party.key}/tokens"
    next_url = with_query(here, {"q": q, "after": page.next_page_token}) if page.next_page_token else ""
    return await show(request, "services/tokens.html", party=found.party, page=page, q=q, next_url=next_url)


@signed_in
async def records(request: Request) -> Response:
    """Charge records of all parties."""
    desk, after = client_of(request).desk, request.query_params.get("after", "")[:300]
    page, parties = await asyncio.gather(
        desk.ask("ThirdPartyService/ListRoamingCdrs", Cdrs, page_size=SIZE, page_token=after),
        desk.ask("ThirdPartyService/ListRoamingParties", Parties),
    )
    names = {party.name: party for party in parties.parties}
    next_url = with_query("/services/records", {"after": page.next_page_token}) if page.next_page_token else ""
    return await show(request, "services/records.html", cdrs=page.cdrs, names=names, next_url=next_url)


ROUTES = [
    Route("/services/records", records),
    Route("/services/parties/add", add),
    Route("/services/parties/invite", invite, methods=["POST"]),
    Route("/services/parties/register", register, methods=["POST"]),
    Route("/services/parties/{key:int}", one),
    Route("/services/parties/{key:int}/change", change, methods=["POST"]),
    Route("/services/parties/{key:int}/tokens", tokens),
]
