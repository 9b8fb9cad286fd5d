"""OutletService."""

from __future__ import annotations

from control.convert import outlets as convert
from control.convert.names import read_name
from control.guard import Call
from control.paging import make_token, masked_fields, page_size, read_etag, read_token
from control.v1 import outlets_pb2 as pb
from csms.services.limits import Limits
from csms.services.outlets import Outlets


class OutletServicer:
    """A method is: convert, call one use case, convert."""

    service = pb.DESCRIPTOR.services_by_name["OutletService"]

    def __init__(self, outlets: Outlets, limits: Limits) -> None:
        self._outlets = outlets
        self._limits = limits

    async def get_outlet(self, call: Call, request: pb.GetOutletRequest) -> pb.GetOutletResponse:
        """GetOutlet."""
        if request.name or not request.uuid:
            found = await self._outlets.get(call.caller, read_name(request.name, "outlets"))
        else:
            found = await self._outlets.get_by_uuid(call.caller, request.uuid)
        return pb.GetOutletResponse(outlet=convert.outlet(found))

    async def list_outlets(self, call: Call, request: pb.ListOutletsRequest) -> pb.ListOutletsResponse:
        """ListOutlets."""
        size = page_size(request.page_size)
        wanted = convert.outlet_filter(request)
        query = b"ListOutlets" + request.place.encode() + b"\0" + repr(wanted).encode()
        place = read_token(request.page_token, query, (str, int, int, int))
        after = None if place is None else (str(place[0]), int(place[1]), int(place[2]), int(place[3]))
        page = await self._outlets.page(
            call.caller,
            wanted,
            place_id=read_name(request.place, "places") if request.place else None,
            size=size + 1,
            after=after,
        )
        shown, token = page.outlets[:size], ""
        if len(page.outlets) > size:
            last = shown[-1]
            token = make_token([last.station_identity, last.evse_id, last.connector_id, last.id], query)
        return pb.ListOutletsResponse(
            outlets=[convert.outlet(outlet) for outlet in shown], next_page_token=token, total_size=page.total
        )

    async def update_outlet(self, call: Call, request: pb.UpdateOutletRequest) -> pb.UpdateOutletResponse:
        """UpdateOutlet."""
        kept = await self._outlets.update(
            call.caller,
            read_name(request.outlet.name, "outlets"),
            convert.read_outlet(request.outlet),
            masked_fields(request.update_mask.paths, convert.FIELDS),
            version=read_etag(request.outlet.etag),
        )
        return pb.UpdateOutletResponse(outlet=convert.outlet(kept))

    async def get_free_vend(self, call: Call, request: pb.GetFreeVendRequest) -> pb.GetFreeVendResponse:
        """GetFreeVend."""
        free = await self._outlets.free_vend(call.caller, read_name(request.station, "stations"))
        return pb.GetFreeVendResponse(free_vend=free)

    async def set_free_vend(self, call: Call, request: pb.SetFreeVendRequest) -> pb.SetFreeVendResponse:
        """SetFreeVend."""
        station_id = read_name(request.station, "stations")
        return pb.SetFreeVendResponse(
            free_vend=await self._outlets.set_free_vend(call.caller, station_id, request.free_vend)
        )

    async def get_charge_limit(self, call: Call, request: pb.GetChargeLimitRequest) -> pb.GetChargeLimitResponse:
        """GetChargeLimit."""
        view = await self._limits.get(call.caller, request.target)
        return pb.GetChargeLimitResponse(limit=convert.limit(view))

    async def list_charge_limits(self, call: Call, request: pb.ListChargeLimitsRequest) -> pb.ListChargeLimitsResponse:
        """ListChargeLimits."""
        views = await self._limits.all(call.caller)
        return pb.ListChargeLimitsResponse(limits=[convert.limit(view) for view in views])

    async def set_charge_limit(self, call: Call, request: pb.SetChargeLimitRequest) -> pb.SetChargeLimitResponse:
        """SetChargeLimit."""
        view = await self._limits.set(
            call.caller, convert.read_limit(request.limit), version=read_etag(request.limit.etag)
        )
        return pb.SetChargeLimitResponse(limit=convert.limit(view))
