"""Passwords and security profiles of stations."""

from __future__ import annotations

from control.server import Servicer
from csms.app.parts import Parts


def build(_parts: Parts) -> list[Servicer]:
    """Its use cases, wired."""
    return []
