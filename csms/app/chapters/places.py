"""Places."""

from __future__ import annotations

from control.server import Servicer
from control.servicers.places import PlaceServicer
from csms.app.cluster import PLACE_KINDS
from csms.app.parts import Parts


def build(parts: Parts) -> list[Servicer]:
    """Its use cases, wired."""
    parts.ground.start_soon(parts.places.reload_for_ever)
    parts.changes.on(PLACE_KINDS, parts.places.load)
    return [PlaceServicer(parts.places)]
