"""Places."""

from __future__ import annotations

from typing import Final

from control.convert.common import timestamp
from control.convert.names import print_name, read_name
from control.v1 import places_pb2
from csms.domain.errors import InvalidArgument
from csms.domain.topology import Place, PlaceKind
from csms.services.address_search import AddressesFound

FIELDS: Final = {
    "parent": ("parent_id",),
    "display_name": ("name",),
    "description": ("description",),
    "static_id": ("static_id",),
    "address": ("address",),
    "position": ("latitude", "longitude"),
    "time_zone": ("time_zone",),
}
"""Paths of an update mask → fields of a Place."""

_KINDS: Final = {kind: places_pb2.PlaceKind.Value(f"PLACE_KIND_{kind.name}") for kind in PlaceKind}
_READ_KINDS: Final = {number: kind for kind, number in _KINDS.items()}


def place(found: Place) -> places_pb2.Place:
    """All of it."""
    message = places_pb2.Place(
        name=print_name("places", found.id),
        parent="" if found.parent_id is None else print_name("places", found.parent_id),
        kind=_KINDS[found.kind],
        display_name=found.name,
        description=found.description,
        static_id=found.static_id,
        address=found.address,
        time_zone=found.time_zone,
        create_time=timestamp(found.created_at),
        update_time=timestamp(found.updated_at),
        etag=str(found.version),
    )
    if found.latitude is not None and found.longitude is not None:
        message.position.latitude, message.position.longitude = found.latitude, found.longitude
    return message


def addresses(found: AddressesFound) -> places_pb2.SearchAddressesResponse:
    """All of it."""
    return places_pb2.SearchAddressesResponse(
        places=[place(each) for each in found.own],
        addresses=[
            places_pb2.FoundAddress(
                text=each.text, position=places_pb2.Position(latitude=each.latitude, longitude=each.longitude)
            )
            for each in found.addresses
        ],
        geocoder=places_pb2.GeocoderState.Value(f"GEOCODER_STATE_{found.geocoder.value}"),
    )


def read_place(message: places_pb2.Place, *, new: bool) -> Place:
    """What people may write of it; the id is 0. Raises InvalidArgument."""
    kind = _READ_KINDS.get(message.kind)
    if new and kind is None:
        raise InvalidArgument(
            "Say what it is: PLACE_KIND_SITE, PLACE_KIND_FLOOR or PLACE_KIND_GRID_CONTROLLER.", reason="KIND_MISSING"
        )
    placed = message.HasField("position")
    return Place(
        0,
        read_name(message.parent, "places") if message.parent else None,
        kind or PlaceKind.SITE,
        message.display_name,
        message.description,
        message.static_id,
        message.address,
        message.position.latitude if placed else None,
        message.position.longitude if placed else None,
        message.time_zone,
    )
