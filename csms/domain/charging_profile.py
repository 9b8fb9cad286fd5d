"""Charging profiles, composite schedules, limits and needs of vehicles (OCPP 2.x block K, Q; 1.6 Smart Charging)."""

from __future__ import annotations

from typing import Final

from csms.domain.applying import Handler
from csms.domain.facts import Fact

HANDLERS: Final[dict[type[Fact], Handler]] = {}
