"""Running cost, tariffs at the station, web payment and settlement (OCPP 2.x blocks C and I)."""

from __future__ import annotations

from typing import Final

from csms.domain.applying import Handler
from csms.domain.facts import Fact

HANDLERS: Final[dict[type[Fact], Handler]] = {}
