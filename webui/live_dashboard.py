"""The dashboard's stream: what every page has (lamp, badges), and the widgets whenever their figures change."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

import structlog
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from webui import session, streams, widgets
from webui.api import Client
from webui.page import client_of, fragment
from webui.pages import dashboard
from webui.streams_both import both
from webui.values import ApiError
from webui.values_statistics import DashboardAnswer

PAUSES_S = (2.0, 5.0, 15.0, 30.0)
"""Before the figures are asked for again, longer the more often it was in vain."""
MAY_NOT = ("PERMISSION_DENIED", "UNAUTHENTICATED")
log = structlog.get_logger("webui.dashboard")


async def live(request: Request) -> StreamingResponse:
    """Everything at once, then what changes."""
    ordinary = await streams.respond(request, streams.MenuView)
    if not session.token(request):
        return ordinary
    wanted = dashboard.Wanted.parse(request.query_params)
    parts = both(ordinary.body_iterator, figures(client_of(request), wanted))
    return StreamingResponse(parts, media_type="text/event-stream", headers=streams.HEADERS)


async def figures(client: Client, wanted: dashboard.Wanted) -> AsyncGenerator[str, None]:
    """The widgets as events, going on by itself; ends only when the caller may not see them (any more)."""
    failures = 0
    while True:
        try:
            async with contextlib.aclosing(_until_it_ends(client, wanted)) as parts:
                async for part in parts:
                    yield part
                    failures = 0
        except ApiError as error:
            if error.code in MAY_NOT:
                return
            if not error.away and error.code != "OUT_OF_RANGE":
                log.warning("the dashboard's figures are refused", code=error.code, reason=error.reason)
        except Exception:  # figures that stand still for ever would look like true ones
            log.exception("the dashboard's figures broke")
        await asyncio.sleep(PAUSES_S[min(failures, len(PAUSES_S) - 1)])
        failures += 1


async def _until_it_ends(client: Client, wanted: dashboard.Wanted) -> AsyncGenerator[str, None]:
    caller, keys = await asyncio.gather(client.caller(), dashboard.picked(client))
    shown = widgets.chosen(keys, caller.role)
    async for answer in client.desk.stream("StatisticsService/WatchDashboard", DashboardAnswer, **wanted.asked):
        values = await dashboard.parts(client, wanted, shown, answer.dashboard, caller.role)
        yield streams.event(fragment("dashboard/bodies.html", values))


ROUTES = [Route("/live/dashboard", live)]
