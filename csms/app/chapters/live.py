"""The live feed for people."""

from __future__ import annotations

from control.server import Servicer
from control.servicers.watch import WatchServicer
from csms.app.parts import Parts
from csms.services.alarm_telling import place_name
from csms.services.watch import Watching
from csms.storage.alarms import PostgresAlarms


def build(parts: Parts) -> list[Servicer]:
    """Its use case, wired."""
    stores, places = parts.stores, parts.places
    watching = Watching(
        parts.feed,
        stores.station_queries,
        stores.session_queries,
        PostgresAlarms(parts.database),
        parts.scopes,
        now=parts.now,
    )
    return [WatchServicer(watching, lambda place_id: place_name(places.tree, place_id))]
