"""Firmware and logs: orders to a station, and how they went (OCPP 2.x blocks L and N; 1.6 Firmware Management
and the security extension)."""

from __future__ import annotations

from typing import Final

from csms.domain.applying import Handler
from csms.domain.facts import Fact

HANDLERS: Final[dict[type[Fact], Handler]] = {}
