"""FileService over the wire."""

from __future__ import annotations

import pytest

from control.v1 import files_pb2 as pb
from control.v1 import maintenance_pb2
from csms.domain.records import JobKind
from csms.services.transfers import FileProtocol
from tests.kit.control_world import ControlWorld, Refused
from tests.kit.service_world import NOW

pytestmark = pytest.mark.feature("F-FILE-1", "F-OPS-3")


async def a_log(world: ControlWorld, station: int, content: bytes) -> int:
    job = await world.inventory_store.begin_job(station, JobKind.LOG_UPLOAD, b"{}", NOW)
    offer = await world.transfers.offer_upload(station, job.id, FileProtocol.HTTP)
    taken = await world.transfers.take(offer.url.split("/")[3], "192.0.2.1")
    assert taken is not None
    receipt = await world.transfers.receive(taken)
    receipt.incoming.write(content)
    await receipt.finish("a.log", "text/plain")
    return job.id


async def test_files_are_listed_read_and_deleted(world: ControlWorld) -> None:
    call = world.client.call
    station = await world.add_station("CP-1")
    content = b"x" * 700_000
    job = await a_log(world, station, content)
    await a_log(world, station, b"second")
    first = await call("files.ListFiles", pb.ListFilesRequest(station=f"stations/{station}", page_size=1))
    assert [file.size_bytes for file in first.files] == [6]
    second = await call(
        "files.ListFiles",
        pb.ListFilesRequest(station=f"stations/{station}", page_size=1, page_token=first.next_page_token),
    )
    (file,) = second.files
    assert (file.job, file.kind, second.next_page_token) == (
        f"stations/{station}/jobs/{job}",
        pb.FILE_KIND_LOG,
        "",
    )
    assert (await call("files.GetFile", pb.GetFileRequest(name=file.name))).file == file
    assert list((await call("files.ListFiles", pb.ListFilesRequest(job=file.job))).files) == [file]
    pieces = await world.client.collect("files.ExportFile", pb.ExportFileRequest(name=file.name))
    assert pieces[0].file == file
    assert b"".join(piece.data for piece in pieces) == content
    rest = await world.client.collect("files.ExportFile", pb.ExportFileRequest(name=file.name, offset_bytes=699_990))
    assert b"".join(piece.data for piece in rest) == content[-10:]
    await call("files.DeleteFile", pb.DeleteFileRequest(name=file.name))
    with pytest.raises(Refused) as refused:
        await call("files.GetFile", pb.GetFileRequest(name=file.name))
    assert refused.value.reason == "FILE_NOT_FOUND"
    assert len(world.vault.contents) == 1


async def test_the_server_and_its_limits(world: ControlWorld) -> None:
    call = world.client.call
    found = await call("files.GetFileServer", pb.GetFileServerRequest())
    assert list(found.addresses) == ["http://files.test/", "ftps://files.test/"]
    request = pb.UpdateFileLimitsRequest(limits=pb.FileLimits(log_days=7, disk_free_bytes=1))
    request.update_mask.paths.extend(["log_days", "disk_free_bytes"])
    changed = (await call("files.UpdateFileLimits", request)).limits
    assert (changed.log_days, changed.disk_free_bytes, changed.quota_bytes) == (7, 1, found.limits.quota_bytes)
    request.limits.log_days = -1
    with pytest.raises(Refused) as refused:
        await call("files.UpdateFileLimits", request)
    assert refused.value.reason == "INVALID_LIMITS"


async def test_a_protocol_that_is_not_served_is_refused(world: ControlWorld) -> None:
    station = await world.add_station("CP-1")
    request = maintenance_pb2.GetLogRequest(protocol=maintenance_pb2.FILE_PROTOCOL_FTP)
    request.target.station = f"stations/{station}"
    with pytest.raises(Refused) as refused:
        await world.client.call("maintenance.GetLog", request)
    assert refused.value.reason == "NO_FILE_SERVER"
