"""What stations told: events, jobs, things they hold."""

from __future__ import annotations

from control.server import Servicer
from csms.app.parts import Parts


def build(_parts: Parts) -> list[Servicer]:
    """Its use cases, wired."""
    return []
