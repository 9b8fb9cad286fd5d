"""Smart charging: what stations tell about limits and vehicles, and what they are told (OCPP 2.x blocks K and Q)."""

from __future__ import annotations

from typing import Final

from csms.domain.applying import Handler
from csms.domain.facts import Fact

HANDLERS: Final[dict[type[Fact], Handler]] = {}
