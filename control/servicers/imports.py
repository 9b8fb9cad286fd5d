"""ImportService."""

from __future__ import annotations

from control.convert import imports as convert
from control.guard import Call
from control.v1 import imports_pb2 as pb
from csms.services.imports import Imports


class ImportServicer:
    """A method is: convert, call one use case, convert."""

    service = pb.DESCRIPTOR.services_by_name["ImportService"]

    def __init__(self, imports: Imports) -> None:
        self._imports = imports

    async def import_stations(self, call: Call, request: pb.ImportStationsRequest) -> pb.ImportStationsResponse:
        """ImportStations."""
        report = await self._imports.stations(
            call.caller,
            [convert.station_row(row) for row in request.rows],
            dry_run=request.dry_run,
            good_rows_only=request.good_rows_only,
        )
        return convert.stations(report)

    async def import_users(self, call: Call, request: pb.ImportUsersRequest) -> pb.ImportUsersResponse:
        """ImportUsers."""
        report = await self._imports.users(
            call.caller,
            [convert.user_row(row) for row in request.rows],
            dry_run=request.dry_run,
            good_rows_only=request.good_rows_only,
            invite=request.invite,
        )
        return convert.users(report)
