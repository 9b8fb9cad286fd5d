"""Reservations: the calendar, the list, making and cancelling, the waiting list, the switch by station."""

from __future__ import annotations

from starlette.routing import BaseRoute

ROUTES: list[BaseRoute] = []
