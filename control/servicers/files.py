"""FileService."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from control.convert import files as convert
from control.convert.inventory import read_child_name
from control.convert.names import read_name
from control.guard import Call
from control.paging import fitting, make_token, masked_fields, page_size, read_token
from control.v1 import files_pb2
from csms.domain.errors import InvalidArgument
from csms.domain.transfers import StoredFile
from csms.services.files import Files


class FileServicer:
    """A method is: convert, call one use case, convert."""

    service = files_pb2.DESCRIPTOR.services_by_name["FileService"]

    def __init__(self, files: Files) -> None:
        self._files = files

    async def list_files(self, call: Call, request: files_pb2.ListFilesRequest) -> files_pb2.ListFilesResponse:
        """ListFiles."""
        size = page_size(request.page_size)
        station_id = read_name(request.station, "stations") if request.station else None
        job_id = None
        if request.job:
            owner, job_id = read_child_name(request.job, "jobs")
            if station_id not in (None, owner):
                raise InvalidArgument("The job is another station's.", reason="INVALID_NAME")
            station_id = owner
        query = f"ListFiles{station_id}/{job_id}".encode()
        place = read_token(request.page_token, query, (int,))
        before = None if place is None else int(place[0])
        found = await self._files.page(call.caller, station_id, job_id, size=size + 1, before=before)
        shown = fitting(convert.file(each) for each in found[:size])
        more = len(found) > len(shown)
        token = make_token([found[len(shown) - 1].id], query) if more else ""
        return files_pb2.ListFilesResponse(files=shown, next_page_token=token)

    async def get_file(self, call: Call, request: files_pb2.GetFileRequest) -> files_pb2.GetFileResponse:
        """GetFile."""
        found = await self._files.get(call.caller, read_name(request.name, "files"))
        return files_pb2.GetFileResponse(file=convert.file(found))

    async def export_file(
        self, call: Call, request: files_pb2.ExportFileRequest
    ) -> AsyncGenerator[files_pb2.ExportFileResponse, None]:
        """ExportFile."""
        pieces = self._files.content(call.caller, read_name(request.name, "files"), request.offset_bytes)
        async with aclosing(pieces):
            async for piece in pieces:
                if isinstance(piece, StoredFile):
                    yield files_pb2.ExportFileResponse(file=convert.file(piece))
                else:
                    yield files_pb2.ExportFileResponse(data=piece)

    async def delete_file(self, call: Call, request: files_pb2.DeleteFileRequest) -> files_pb2.DeleteFileResponse:
        """DeleteFile."""
        await self._files.delete(call.caller, read_name(request.name, "files"))
        return files_pb2.DeleteFileResponse()

    async def get_file_server(
        self, call: Call, _request: files_pb2.GetFileServerRequest
    ) -> files_pb2.GetFileServerResponse:
        """GetFileServer."""
        return convert.server(await self._files.server(call.caller))

    async def update_file_limits(
        self, call: Call, request: files_pb2.UpdateFileLimitsRequest
    ) -> files_pb2.UpdateFileLimitsResponse:
        """UpdateFileLimits."""
        fields = masked_fields(request.update_mask.paths, convert.LIMIT_FIELDS)
        changed = await self._files.set_limits(call.caller, convert.read_limits(request.limits), fields)
        return files_pb2.UpdateFileLimitsResponse(limits=convert.limits(changed))
