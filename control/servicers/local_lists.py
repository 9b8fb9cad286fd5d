"""LocalListService."""

from __future__ import annotations

from control.convert import local_lists as convert
from control.convert import remote
from control.convert.common import timestamp
from control.convert.names import read_name
from control.guard import Call
from control.paging import fitting, make_token, page_size, read_token
from control.v1 import local_lists_pb2
from csms.services.local_lists import LocalLists


class LocalListServicer:
    """A method is: convert, call one use case, convert."""

    service = local_lists_pb2.DESCRIPTOR.services_by_name["LocalListService"]

    def __init__(self, local_lists: LocalLists) -> None:
        self._local_lists = local_lists

    async def sync_local_list(
        self, call: Call, request: local_lists_pb2.SyncLocalListRequest
    ) -> local_lists_pb2.SyncLocalListResponse:
        """SyncLocalList."""
        target = remote.target(request.target, call.remaining())
        return convert.report(await self._local_lists.sync(call.caller, target, full=request.full))

    async def send_local_list(
        self, call: Call, request: local_lists_pb2.SendLocalListRequest
    ) -> local_lists_pb2.SendLocalListResponse:
        """SendLocalList."""
        target = remote.target(request.target, call.remaining())
        entries = [convert.read_entry(each) for each in request.entries]
        outcome, version = await self._local_lists.send(
            call.caller, target, entries, full=request.full, version=request.version
        )
        return local_lists_pb2.SendLocalListResponse(result=remote.result(outcome), version=version)

    async def get_local_list_version(
        self, call: Call, request: local_lists_pb2.GetLocalListVersionRequest
    ) -> local_lists_pb2.GetLocalListVersionResponse:
        """GetLocalListVersion."""
        target = remote.target(request.target, call.remaining())
        outcome, version = await self._local_lists.get_version(call.caller, target)
        return local_lists_pb2.GetLocalListVersionResponse(result=remote.result(outcome), version=version)

    async def get_local_list(
        self, call: Call, request: local_lists_pb2.GetLocalListRequest
    ) -> local_lists_pb2.GetLocalListResponse:
        """GetLocalList."""
        size = page_size(request.page_size)
        station_id = read_name(request.station, "stations")
        query = b"GetLocalList%d" % station_id
        place = read_token(request.page_token, query, (str,))
        held = await self._local_lists.get(call.caller, station_id)
        rest = [each for each in held.entries if place is None or each.id_token > str(place[0])]
        shown = fitting(convert.entry(each) for each in rest[:size])
        token = make_token([shown[-1].id_token], query) if len(rest) > len(shown) else ""
        return local_lists_pb2.GetLocalListResponse(
            version=held.version,
            sent_version=held.sent_version,
            certain=held.certain,
            update_time=timestamp(held.updated_at),
            entries=shown,
            next_page_token=token,
            total_size=len(held.entries),
        )
