"""Files and the limits of the file server."""

from __future__ import annotations

from typing import Final

from control.convert.common import timestamp
from control.convert.names import print_name
from control.v1 import files_pb2
from csms.domain.transfers import FileKind, FileLimits, StoredFile
from csms.services.files import FileServer

_KINDS: Final = {
    FileKind.LOG: files_pb2.FILE_KIND_LOG,
    FileKind.FIRMWARE: files_pb2.FILE_KIND_FIRMWARE,
    FileKind.PICTURE: files_pb2.FILE_KIND_PICTURE,
    FileKind.FLOOR_PLAN: files_pb2.FILE_KIND_FLOOR_PLAN,
}
LIMIT_FIELDS: Final = {
    "quota_bytes": "quota_bytes",
    "disk_free_bytes": "free_bytes",
    "log_max_bytes": "log_max_bytes",
    "firmware_max_bytes": "firmware_max_bytes",
    "picture_max_bytes": "picture_max_bytes",
    "log_days": "log_days",
}


def file(stored: StoredFile) -> files_pb2.StoredFile:
    """To a message."""
    station = "" if stored.station_id is None else print_name("stations", stored.station_id)
    return files_pb2.StoredFile(
        name=print_name("files", stored.id),
        kind=_KINDS[stored.kind],
        filename=stored.filename,
        content_type=stored.content_type,
        size_bytes=stored.size_bytes,
        sha256=stored.sha256,
        station=station,
        job=f"{station}/{print_name('jobs', stored.job_id)}" if station and stored.job_id is not None else "",
        create_time=timestamp(stored.created_at),
    )


def limits(found: FileLimits) -> files_pb2.FileLimits:
    """To a message."""
    return files_pb2.FileLimits(**{path: getattr(found, name) for path, name in LIMIT_FIELDS.items()})


def read_limits(message: files_pb2.FileLimits) -> FileLimits:
    """From a message."""
    return FileLimits(**{name: getattr(message, path) for path, name in LIMIT_FIELDS.items()})


def server(found: FileServer) -> files_pb2.GetFileServerResponse:
    """To a message."""
    return files_pb2.GetFileServerResponse(
        addresses=[url for _, url in found.addresses],
        limits=limits(found.limits),
        used_bytes=found.used_bytes,
        file_count=found.file_count,
        disk_free_bytes=found.disk_free_bytes,
    )
