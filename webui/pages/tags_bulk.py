"""Several tags at once: those that are ticked are blocked, unblocked or deleted."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import sentences
from webui.api import Client
from webui.page import client_of, demand, redirect, signed_in, text, with_query
from webui.pages.tags import Report, list_page, wanted_of
from webui.values import ApiError
from webui.values_tags import TagAnswer
from webui.words import _, ngettext

AT_ONCE: Final = 8
DEEDS: Final = {"block": "tags-blocked", "unblock": "tags-unblocked", "delete": "tags-deleted"}
"""What can be done, and what is said when it is."""


@signed_in
async def bulk(request: Request) -> Response:
    """Do it, and tell what became of it above the list."""
    client, form = client_of(request), await request.form()
    deed = text(form, "do")
    tags = list(dict.fromkeys(key for key in form.getlist("tag") if isinstance(key, str) and key.isdecimal()))
    try:
        demand(deed in DEEDS, _("Choose what to do with them."))
        demand(tags, _("Tick the tags first."))
    except ApiError as error:
        return await list_page(request, Report(problem=sentences.of_error(error)), 422)
    report = await _each(client, deed, tags)
    if report.failed:
        return await list_page(request, report, 422)
    return redirect(
        with_query("/tags", wanted_of(request) | {"after": request.query_params.get("after", "")}), DEEDS[deed]
    )


async def _each(client: Client, deed: str, tags: list[str]) -> Report:
    room = asyncio.Semaphore(AT_ONCE)

    async def attempt(key: str) -> tuple[str, str, str] | None:
        async with room:
            try:
                await _do(client, deed, f"idTokens/{key}")
            except ApiError as error:
                if error.code in ("UNAUTHENTICATED", "PERMISSION_DENIED") or error.away:
                    raise
                return key, await _called(client, key), sentences.of_error(error)
        return None

    failed = tuple(each for each in await asyncio.gather(*map(attempt, tags)) if each)
    number = len(tags) - len(failed)
    done = ngettext("Done for %(n)s tag.", "Done for %(n)s tags.", number) % {"n": number}
    return Report(done=done if number else "", failed=failed)


async def _do(client: Client, deed: str, name: str) -> None:
    if deed == "delete":
        await client.desk.do("IdTokenService/DeleteIdToken", name=name)
        return
    changed = {"name": name, "blocked": deed == "block"}
    await client.desk.do("IdTokenService/UpdateIdToken", id_token=changed, update_mask=("blocked",))


async def _called(client: Client, key: str) -> str:
    """Its id as people read it; a number where it is gone."""
    try:
        return (await client.desk.ask("IdTokenService/GetIdToken", TagAnswer, name=f"idTokens/{key}")).id_token.id_token
    except ApiError:
        return key


ROUTES = [Route("/tags/bulk", bulk, methods=["POST"])]
