"""The live course of an operation: its head, and the rows of stations that changed; and what every page has."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from webui import session, streams
from webui.api import Client
from webui.page import client_of, fragment
from webui.streams import event
from webui.streams_both import both
from webui.values import ApiError
from webui.values_operations import Watched, kind_word

AGAIN_S = 1.5
LOOK_S = 1.0
"""How often it is looked whether the operation is over."""


async def watch(client: Client, name: str, revision: int, heard: asyncio.Queue[list[str]]) -> None:
    """Put events into the queue for as long as the operation goes on. After a break it hears what it missed."""
    while True:
        try:
            stream = client.desk.stream("OperationService/WatchOperation", Watched, name=name, start_revision=revision)
            async for each in stream:
                revision = each.operation.revision
                head = fragment("operations/head.html", {"op": each.operation, "kind_word": kind_word})
                rows = fragment("operations/rows.html", {"steps": each.steps})
                heard.put_nowait([event("live", "lamp"), event(head), *([event(rows)] if each.steps else [])])
        except ApiError as error:
            if error.code == "UNAUTHENTICATED":
                heard.put_nowait([event("", "signin")])
                return
            if not error.away:
                return
            heard.put_nowait([event("down", "lamp")])
        else:
            return
        await asyncio.sleep(AGAIN_S)


async def course(client: Client, name: str, revision: int) -> AsyncGenerator[str, None]:
    """Events until the operation is over and everything of it is told."""
    heard: asyncio.Queue[list[str]] = asyncio.Queue()
    task = asyncio.create_task(watch(client, name, revision, heard), name="watch an operation")
    try:
        while not (task.done() and heard.empty()):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    found = await heard.get()
                for part in found:
                    yield part
    finally:
        task.cancel()


async def one(request: Request) -> StreamingResponse:
    """The course of one operation."""
    ordinary = await streams.respond(request, streams.MenuView)
    if not session.token(request):
        return ordinary
    since = request.query_params.get("since", "")
    revision = int(since) if since.isdecimal() else 0
    told = course(client_of(request), f"operations/{request.path_params['key']}", revision)
    return StreamingResponse(
        both(ordinary.body_iterator, told), media_type="text/event-stream", headers=streams.HEADERS
    )


ROUTES = [Route("/live/operations/{key}", one)]
