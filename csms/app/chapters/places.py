"""Places."""

from __future__ import annotations

from control.server import Servicer
from control.servicers.places import PlaceServicer
from csms.app.cluster import PLACE_KINDS
from csms.app.parts import Parts
from csms.outbox.geocoder import HttpGeocoder, is_written_out
from csms.outbox.guarded_http import GuardedHttp
from csms.services.address_search import AddressSearch


def build(parts: Parts) -> list[Servicer]:
    """Its use cases, wired."""
    parts.ground.start_soon(parts.places.reload_for_ever)
    parts.changes.on(PLACE_KINDS, parts.places.load)
    return [PlaceServicer(parts.places, AddressSearch(parts.places, _geocoder(parts)))]


def _geocoder(parts: Parts) -> HttpGeocoder | None:
    """None while the operator has set none up: then nobody outside is ever asked."""
    url = parts.settings.geocoder_url
    if not url:
        return None
    private = parts.settings.outgoing_private_addresses or is_written_out(url)
    http = GuardedHttp(private_addresses=private)
    parts.ground.start_soon(http.close_at_the_end)
    return HttpGeocoder(http, url)
