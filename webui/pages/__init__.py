"""The pages: one module per chapter of the portal, each with its ROUTES."""

from __future__ import annotations

from typing import Final

from starlette.routing import BaseRoute

from webui.pages import access, account, places, sessions, station, station_security, stations, tags

_CHAPTERS: Final = (
    places,
    access,
    stations,
    station,
    station_security,
    sessions,
    tags,
    account,
)

ROUTES: Final[tuple[BaseRoute, ...]] = tuple(route for chapter in _CHAPTERS for route in chapter.ROUTES)
"""In this order: an address that two could answer belongs to the first."""
