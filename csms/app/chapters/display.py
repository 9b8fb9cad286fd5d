"""Messages on displays."""

from __future__ import annotations

from control.server import Servicer
from control.servicers.display import DisplayServicer
from csms.app.parts import Parts
from csms.domain.display import DisplayMessagesTold
from csms.services.display import Displays


def build(parts: Parts) -> list[Servicer]:
    """Its use cases, wired."""
    displays = Displays(parts.remote, parts.inventory, now=parts.now)
    parts.reacting.on(DisplayMessagesTold, displays.saw_messages)
    return [DisplayServicer(displays)]
