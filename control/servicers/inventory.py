"""InventoryService."""

from __future__ import annotations

from control.convert import inventory as convert
from control.convert.names import read_name
from control.guard import Call
from control.paging import fitting, make_token, page_size, read_token
from control.v1 import inventory_pb2
from csms.services.inventory import StationInventory


class InventoryServicer:
    """A method is: convert, call one use case, convert."""

    service = inventory_pb2.DESCRIPTOR.services_by_name["InventoryService"]

    def __init__(self, inventory: StationInventory) -> None:
        self._inventory = inventory

    async def list_station_events(
        self, call: Call, request: inventory_pb2.ListStationEventsRequest
    ) -> inventory_pb2.ListStationEventsResponse:
        """ListStationEvents."""
        size = page_size(request.page_size)
        query = b"ListStationEvents" + request.filter.SerializeToString(deterministic=True)
        place = read_token(request.page_token, query, (int,))
        found = await self._inventory.page_events(
            call.caller,
            convert.event_filter(request.filter),
            size=size + 1,
            before=None if place is None else int(place[0]),
        )
        shown = fitting(convert.event(each) for each in found[:size])
        more = len(found) > len(shown)
        token = make_token([found[len(shown) - 1].id], query) if more else ""
        return inventory_pb2.ListStationEventsResponse(events=shown, next_page_token=token)

    async def list_station_items(
        self, call: Call, request: inventory_pb2.ListStationItemsRequest
    ) -> inventory_pb2.ListStationItemsResponse:
        """ListStationItems."""
        size = page_size(request.page_size)
        station_id = read_name(request.station, "stations")
        query = b"ListStationItems%d/%s" % (station_id, request.kind.encode())
        place = read_token(request.page_token, query, (str,))
        found = await self._inventory.page_items(
            call.caller, station_id, request.kind, size=size + 1, after=None if place is None else str(place[0])
        )
        shown = fitting(convert.item(each) for each in found[:size])
        more = len(found) > len(shown)
        token = make_token([shown[-1].key], query) if more else ""
        return inventory_pb2.ListStationItemsResponse(items=shown, next_page_token=token)

    async def get_job(self, call: Call, request: inventory_pb2.GetJobRequest) -> inventory_pb2.GetJobResponse:
        """GetJob."""
        station_id, number = convert.read_child_name(request.name, "jobs")
        job = await self._inventory.get_job(call.caller, station_id, number)
        return inventory_pb2.GetJobResponse(job=convert.job(job))

    async def list_jobs(self, call: Call, request: inventory_pb2.ListJobsRequest) -> inventory_pb2.ListJobsResponse:
        """ListJobs."""
        size = page_size(request.page_size)
        station_id = read_name(request.station, "stations") if request.station else None
        kinds = convert.job_kinds([int(kind) for kind in request.kinds])
        query = f"ListJobs{station_id}/{','.join(sorted(kinds))}/{request.unfinished}".encode()
        place = read_token(request.page_token, query, (int,))
        found = await self._inventory.page_jobs(
            call.caller,
            station_id,
            kinds,
            unfinished=request.unfinished,
            size=size + 1,
            before=None if place is None else int(place[0]),
        )
        shown = fitting(convert.job(each) for each in found[:size])
        more = len(found) > len(shown)
        token = make_token([found[len(shown) - 1].id], query) if more else ""
        return inventory_pb2.ListJobsResponse(jobs=shown, next_page_token=token)

    async def cancel_job(self, call: Call, request: inventory_pb2.CancelJobRequest) -> inventory_pb2.CancelJobResponse:
        """CancelJob."""
        station_id, number = convert.read_child_name(request.name, "jobs")
        job = await self._inventory.cancel_job(call.caller, station_id, number)
        return inventory_pb2.CancelJobResponse(job=convert.job(job))
