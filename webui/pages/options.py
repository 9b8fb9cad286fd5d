"""What fields offer while somebody types: stations and users."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import choosing
from webui.page import client_of, plain, signed_in


@signed_in
async def stations(request: Request) -> Response:
    """By identity, with what people call them."""
    typed = request.query_params.get("at", "").strip()[:100]
    found = await choosing.stations_like(client_of(request), typed)
    return plain(request, "parts/options.html", options=[(each.identity, each.display_name) for each in found])


@signed_in
async def users(request: Request) -> Response:
    """By e-mail, with what people call them."""
    typed = request.query_params.get("who", "").strip()[:100]
    found = await choosing.users_like(client_of(request), typed)
    return plain(request, "parts/options.html", options=[(each.email, each.label) for each in found])


ROUTES = [Route("/stations/options", stations), Route("/users/options", users)]
