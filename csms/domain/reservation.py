"""Reservations, and what stations tell of them (OCPP 2.x block H; 1.6 Reservation)."""

from __future__ import annotations

from typing import Final

from csms.domain.applying import Handler
from csms.domain.facts import Fact

HANDLERS: Final[dict[type[Fact], Handler]] = {}
