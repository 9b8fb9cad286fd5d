"""PlaceService."""

from __future__ import annotations

from control.convert import places as convert
from control.convert.names import print_name, read_name
from control.guard import Call
from control.paging import masked_fields, read_etag
from control.v1 import places_pb2
from csms.domain.topology import SYSTEM_ID
from csms.services.address_search import AddressSearch
from csms.services.places import Places


class PlaceServicer:
    """A method is: convert, call one use case, convert."""

    service = places_pb2.DESCRIPTOR.services_by_name["PlaceService"]

    def __init__(self, places: Places, addresses: AddressSearch) -> None:
        self._places = places
        self._addresses = addresses

    async def get_place(self, call: Call, request: places_pb2.GetPlaceRequest) -> places_pb2.GetPlaceResponse:
        """GetPlace."""
        found = await self._places.get(call.caller, read_name(request.name, "places"))
        return places_pb2.GetPlaceResponse(place=convert.place(found))

    async def list_places(self, call: Call, request: places_pb2.ListPlacesRequest) -> places_pb2.ListPlacesResponse:
        """ListPlaces."""
        within = read_name(request.within, "places") if request.within else SYSTEM_ID
        found = await self._places.all(call.caller, within)
        return places_pb2.ListPlacesResponse(places=[convert.place(place) for place in found])

    async def create_place(self, call: Call, request: places_pb2.CreatePlaceRequest) -> places_pb2.CreatePlaceResponse:
        """CreatePlace."""
        made = await self._places.create(call.caller, convert.read_place(request.place, new=True))
        return places_pb2.CreatePlaceResponse(place=convert.place(made))

    async def update_place(self, call: Call, request: places_pb2.UpdatePlaceRequest) -> places_pb2.UpdatePlaceResponse:
        """UpdatePlace."""
        paths = {path: path for path in convert.FIELDS}
        made = await self._places.update(
            call.caller,
            read_name(request.place.name, "places"),
            convert.read_place(request.place, new=False),
            [name for path in masked_fields(request.update_mask.paths, paths) for name in convert.FIELDS[path]],
            version=read_etag(request.place.etag),
        )
        return places_pb2.UpdatePlaceResponse(place=convert.place(made))

    async def delete_place(self, call: Call, request: places_pb2.DeletePlaceRequest) -> places_pb2.DeletePlaceResponse:
        """DeletePlace."""
        await self._places.delete(call.caller, read_name(request.name, "places"))
        return places_pb2.DeletePlaceResponse()

    async def move_stations(
        self, call: Call, request: places_pb2.MoveStationsRequest
    ) -> places_pb2.MoveStationsResponse:
        """MoveStations."""
        moved = await self._places.move_stations(
            call.caller,
            [read_name(name, "stations") for name in request.stations],
            read_name(request.place, "places"),
        )
        return places_pb2.MoveStationsResponse(stations=[print_name("stations", number) for number in moved])

    async def search_addresses(
        self, call: Call, request: places_pb2.SearchAddressesRequest
    ) -> places_pb2.SearchAddressesResponse:
        """SearchAddresses."""
        return convert.addresses(await self._addresses.find(call.caller, request.query, request.language))
