"""The dashboard's stream: what every page has (lamp, badges), and the widgets whenever their figures change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from webui import session, streams, widgets
from webui.api import Client
from webui.page import client_of, fragment
from webui.pages import dashboard
from webui.values import ApiError
from webui.values_statistics import DashboardAnswer

Part = str | bytes | memoryview
PAUSE_S = 2.0
"""Before the figures are asked for again when the control plane went away."""


async def live(request: Request) -> StreamingResponse:
    """Everything at once, then what changes."""
    ordinary = await streams.respond(request, streams.MenuView)
    if not session.token(request):
        return ordinary
    wanted = dashboard.Wanted.parse(request.query_params)
    parts = both(ordinary.body_iterator, figures(client_of(request), wanted))
    return StreamingResponse(parts, media_type="text/event-stream", headers=streams.HEADERS)


async def figures(client: Client, wanted: dashboard.Wanted) -> AsyncGenerator[str, None]:
    """The widgets as events, going on by itself; ends when the caller may not see them (any more)."""
    while True:
        try:
            caller, keys = await asyncio.gather(client.caller(), dashboard.picked(client))
            shown = widgets.chosen(keys, caller.role)
            async for answer in client.desk.stream("StatisticsService/WatchDashboard", DashboardAnswer, **wanted.asked):
                values = await dashboard.parts(client, wanted, shown, answer.dashboard)
                yield streams.event(fragment("dashboard/bodies.html", values))
        except ApiError as error:
            if not error.away and error.code != "OUT_OF_RANGE":
                return
        await asyncio.sleep(PAUSE_S)


async def both(first: AsyncIterable[Part], second: AsyncIterable[Part]) -> AsyncGenerator[Part, None]:
    """Two streams as one, until the first ends."""
    queue: asyncio.Queue[Part | None] = asyncio.Queue(maxsize=4)

    async def pump(source: AsyncIterable[Part], last: bool) -> None:
        async for part in source:
            await queue.put(part)
        if last:
            await queue.put(None)

    tasks = [asyncio.create_task(pump(first, True)), asyncio.create_task(pump(second, False))]
    try:
        while (part := await queue.get()) is not None:
            yield part
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


ROUTES = [Route("/live/dashboard", live)]
