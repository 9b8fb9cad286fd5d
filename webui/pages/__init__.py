"""The pages: one module per chapter of the portal, each with its ROUTES."""

from __future__ import annotations

from typing import Final

from starlette.routing import BaseRoute

from webui.pages import (
    access,
    account,
    alarm_rules,
    alarms,
    audit,
    charts,
    connectors,
    dashboard,
    drive,
    drive_use,
    frame,
    groups,
    keys,
    news,
    password_link,
    pending,
    places,
    reservations,
    reserving,
    session,
    sessions,
    station,
    station_security,
    stations,
    stations_bulk,
    system,
    tags,
    users,
    webhooks,
)

_CHAPTERS: Final = (
    audit,
    groups,
    users,
    places,
    access,
    password_link,
    frame,
    drive,
    drive_use,
    dashboard,
    charts,
    news,
    webhooks,
    alarms,
    alarm_rules,
    stations,
    stations_bulk,
    pending,
    connectors,
    station,
    station_security,
    sessions,
    session,
    reserving,
    reservations,
    tags,
    account,
    keys,
    system,
)

ROUTES: Final[tuple[BaseRoute, ...]] = tuple(route for chapter in _CHAPTERS for route in chapter.ROUTES)
"""In this order: an address that two could answer belongs to the first."""
