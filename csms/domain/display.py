"""Messages on a station's display (OCPP 2.x block O)."""

from __future__ import annotations

from typing import Final

from csms.domain.applying import Handler
from csms.domain.facts import Fact

HANDLERS: Final[dict[type[Fact], Handler]] = {}
