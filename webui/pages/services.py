"""Third-party services: map data and roaming: settings, published sites, parties, what waits to be sent, charge records."""

from __future__ import annotations

from starlette.routing import BaseRoute

ROUTES: list[BaseRoute] = []
