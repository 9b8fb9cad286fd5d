"""StationService."""

from __future__ import annotations

from control.convert import stations as convert
from control.convert.names import read_name
from control.guard import Call
from control.paging import make_token, masked_fields, page_size, read_etag, read_token
from control.v1 import stations_pb2
from csms.domain.topology import SYSTEM_ID
from csms.services.stations import EDITABLE, Stations

_FIELDS = {field: field for field in EDITABLE}


class StationServicer:
    """A method is: convert, call one use case, convert."""

    service = stations_pb2.DESCRIPTOR.services_by_name["StationService"]

    def __init__(self, stations: Stations) -> None:
        self._stations = stations

    async def get_station(self, call: Call, request: stations_pb2.GetStationRequest) -> stations_pb2.GetStationResponse:
        """GetStation."""
        view = await self._stations.get(call.caller, read_name(request.name, "stations"))
        return stations_pb2.GetStationResponse(station=convert.station(view))

    async def list_stations(
        self, call: Call, request: stations_pb2.ListStationsRequest
    ) -> stations_pb2.ListStationsResponse:
        """ListStations."""
        size = page_size(request.page_size)
        fields = convert.read_mask(request.read_mask)
        sorting = convert.sorting(request.order, descending=request.descending)
        query = b"ListStations" + repr(sorting).encode() + request.filter.SerializeToString(deterministic=True)
        place = read_token(request.page_token, query, (str, int))
        after = None if place is None else (str(place[0]), int(place[1]))
        page = await self._stations.page(
            call.caller,
            convert.station_filter(request.filter, call.caller.user_id),
            size=size + 1,
            after=after,
            sorting=sorting,
            bare=not convert.needs_connectors(fields),
        )
        shown = page.stations[:size]
        more = len(page.stations) > size
        return stations_pb2.ListStationsResponse(
            stations=[convert.station(view, fields) for view in shown],
            next_page_token=make_token([shown[-1].sort_key, shown[-1].id], query) if more else "",
            total_size=page.total,
            revision=page.revision,
        )

    async def list_connectors(
        self, call: Call, request: stations_pb2.ListConnectorsRequest
    ) -> stations_pb2.ListConnectorsResponse:
        """ListConnectors."""
        size = page_size(request.page_size)
        wanted = convert.connector_filter(request, call.caller.user_id)
        query = b"ListConnectors" + repr(wanted).encode()
        place = read_token(request.page_token, query, (str, int, int, int))
        after = None if place is None else (str(place[0]), int(place[1]), int(place[2]), int(place[3]))
        found, total = await self._stations.page_connectors(call.caller, wanted, size=size + 1, after=after)
        shown = found[:size]
        last = shown[-1] if len(found) > size else None
        return stations_pb2.ListConnectorsResponse(
            connectors=map(convert.connector_item, shown),
            next_page_token=""
            if last is None
            else make_token(
                [last.identity, last.station_id, last.connector.evse_id, last.connector.connector_id], query
            ),
            total_size=total,
        )

    async def summarize_stations(
        self, call: Call, request: stations_pb2.SummarizeStationsRequest
    ) -> stations_pb2.SummarizeStationsResponse:
        """SummarizeStations."""
        place_id = read_name(request.place, "places") if request.place else None
        group_id = read_name(request.group, "groups") if request.group else None
        return convert.summary(await self._stations.summarize(call.caller, place_id, group_id))

    async def create_station(
        self, call: Call, request: stations_pb2.CreateStationRequest
    ) -> stations_pb2.CreateStationResponse:
        """CreateStation."""
        wanted = request.station
        view = await self._stations.create(
            call.caller,
            wanted.identity,
            display_name=wanted.display_name,
            description=wanted.description,
            address=wanted.address,
            place_id=read_name(wanted.place, "places") if wanted.place else SYSTEM_ID,
        )
        return stations_pb2.CreateStationResponse(station=convert.station(view))

    async def update_station(
        self, call: Call, request: stations_pb2.UpdateStationRequest
    ) -> stations_pb2.UpdateStationResponse:
        """UpdateStation."""
        wanted = request.station
        fields = masked_fields(request.update_mask.paths, _FIELDS)
        view = await self._stations.update(
            call.caller,
            read_name(wanted.name, "stations"),
            {field: getattr(wanted, field) for field in fields},
            version=read_etag(wanted.etag),
        )
        return stations_pb2.UpdateStationResponse(station=convert.station(view))

    async def delete_station(
        self, call: Call, request: stations_pb2.DeleteStationRequest
    ) -> stations_pb2.DeleteStationResponse:
        """DeleteStation."""
        await self._stations.delete(call.caller, read_name(request.name, "stations"))
        return stations_pb2.DeleteStationResponse()

    async def accept_station(
        self, call: Call, request: stations_pb2.AcceptStationRequest
    ) -> stations_pb2.AcceptStationResponse:
        """AcceptStation."""
        view = await self._stations.accept(call.caller, read_name(request.name, "stations"))
        return stations_pb2.AcceptStationResponse(station=convert.station(view))

    async def reject_station(
        self, call: Call, request: stations_pb2.RejectStationRequest
    ) -> stations_pb2.RejectStationResponse:
        """RejectStation."""
        view = await self._stations.reject(call.caller, read_name(request.name, "stations"))
        return stations_pb2.RejectStationResponse(station=convert.station(view))

    async def set_station_password(
        self, call: Call, request: stations_pb2.SetStationPasswordRequest
    ) -> stations_pb2.SetStationPasswordResponse:
        """SetStationPassword."""
        station_id = read_name(request.name, "stations")
        if request.remove:
            await self._stations.remove_password(call.caller, station_id)
            return stations_pb2.SetStationPasswordResponse()
        password = await self._stations.set_password(call.caller, station_id, request.password)
        return stations_pb2.SetStationPasswordResponse(password=password)

    async def disconnect_station(
        self, call: Call, request: stations_pb2.DisconnectStationRequest
    ) -> stations_pb2.DisconnectStationResponse:
        """DisconnectStation."""
        await self._stations.disconnect(call.caller, read_name(request.name, "stations"))
        return stations_pb2.DisconnectStationResponse()
