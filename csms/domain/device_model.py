"""Components, variables and monitors: what a station is made of and how it is set (OCPP 2.x blocks B and N). 1.6
configuration keys are variables too."""

from __future__ import annotations

from typing import Final

from csms.domain.applying import Handler
from csms.domain.facts import Fact

HANDLERS: Final[dict[type[Fact], Handler]] = {}
