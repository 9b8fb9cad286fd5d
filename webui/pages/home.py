"""The start page: the dashboard; without any station, how to connect the first one."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from webui.page import client_of, signed_in, summary_or_none, with_place


@signed_in
async def home(request: Request) -> Response:
    """Where somebody begins."""
    summary = await summary_or_none(client_of(request))
    return RedirectResponse(with_place(request, "/dashboard" if summary and summary.total else "/stations"), 303)


ROUTES = [Route("/", home)]
