"""The live course of an operation: its head, and the rows of stations that changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from webui import person, session
from webui.api import Client
from webui.page import fragment
from webui.streams import HEADERS, event
from webui.values import ApiError
from webui.values_operations import Watched, kind_word

AGAIN_S = 1.5
LOOK_S = 1.0
"""How often it is looked whether the portal stops."""


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


async def parts(request: Request, name: str) -> AsyncIterator[str]:
    """Events until the tab leaves or the portal stops."""
    yield "retry: 1500\n\n"
    if not session.token(request):
        yield event("", "signin")
        return
    client = await person.arrive(request)
    yield event("live", "lamp")
    heard: asyncio.Queue[list[str]] = asyncio.Queue()
    since = request.query_params.get("since", "")
    revision = int(since) if since.isdecimal() else 0
    task = asyncio.create_task(watch(client, name, revision, heard), name="watch an operation")
    try:
        while not request.app.state.hubs.stopping.is_set():
            try:
                async with asyncio.timeout(LOOK_S):
                    found = await heard.get()
            except TimeoutError:
                yield ": still here\n\n"
                continue
            for part in found:
                yield part
    finally:
        task.cancel()


async def one(request: Request) -> StreamingResponse:
    """The course of one operation."""
    name = f"operations/{request.path_params['key']}"
    return StreamingResponse(parts(request, name), media_type="text/event-stream", headers=HEADERS)


ROUTES = [Route("/live/operations/{key}", one)]
