"""Stations that wait for acceptance, and those that were refused: one by one, or many at once."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import sentences
from webui.api import Client
from webui.page import client_of, redirect, show, signed_in, text
from webui.station_list import StationList
from webui.values import ApiError
from webui.values_stations import ListedPage
from webui.words import _, ngettext

MOST: Final = 500
"""How many are shown."""
AT_ONCE: Final = 8


async def waiting_and_refused(client: Client) -> tuple[ListedPage, ListedPage]:
    """Both lists, those first that were heard last."""
    waiting, refused = await asyncio.gather(
        StationList(registration="pending", sort="-seen", size=MOST).page(client),
        StationList(registration="rejected", sort="-seen", size=MOST).page(client),
    )
    return waiting, refused


@signed_in
async def pending(request: Request) -> Response:
    """Stations that connected by themselves and wait; below, those that were refused."""
    waiting, refused = await waiting_and_refused(client_of(request))
    return await show(request, "pending.html", waiting=waiting, refused=refused, problem="", failed=())


@signed_in
async def decide(request: Request) -> Response:
    """Accept or refuse a station."""
    client, key = client_of(request), request.path_params["key"]
    form = await request.form()
    if text(form, "decision") == "accept":
        await client.accept_station(key)
        notice = "station-accepted"
    else:
        await client.reject_station(key)
        notice = "station-rejected"
    target = f"/stations/{key}" if text(form, "back") == "station" else "/pending"
    return redirect(target, notice)


@signed_in
async def decide_many(request: Request) -> Response:
    """Accept or refuse those that are ticked."""
    client, form = client_of(request), await request.form()
    keys = [key for key in form.getlist("station") if isinstance(key, str) and key.isdecimal()]
    accept = text(form, "decision") == "accept"
    failed = await decide_all(client, keys, accept)
    if keys and not failed:
        return redirect("/pending", "stations-accepted" if accept else "stations-rejected")
    waiting, refused = await waiting_and_refused(client)
    problem = _("Tick the stations first.")
    if failed:
        problem = ngettext("%(n)s station could not be changed.", "%(n)s stations could not be changed.", len(failed))
        problem %= {"n": len(failed)}
    return await show(request, "pending.html", 422, waiting=waiting, refused=refused, problem=problem, failed=failed)


async def decide_all(client: Client, keys: list[str], accept: bool) -> list[tuple[str, str]]:
    """Those that could not be let in or kept out, each with why."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(key: str) -> tuple[str, str] | None:
        async with room:
            try:
                await (client.accept_station(key) if accept else client.reject_station(key))
            except ApiError as error:
                if error.code == "UNAUTHENTICATED" or error.away:
                    raise
                return key, sentences.of_error(error)
        return None

    return [failed for failed in await asyncio.gather(*(one(key) for key in keys)) if failed]


ROUTES = [
    Route("/pending", pending),
    Route("/pending/decide", decide_many, methods=["POST"]),
    Route("/stations/{key}/decide", decide, methods=["POST"]),
]
