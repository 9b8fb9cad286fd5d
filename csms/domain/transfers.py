"""Files, and the transfers by which stations send and fetch them.

A transfer is one permission: this station, this direction, this file or so many bytes, until then. Whoever shows its
token may do it; here and in the database there is only the token's digest.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from csms.domain.errors import Exhausted, FailedPrecondition, InvalidArgument

MAX_FILENAME: Final = 120
MAX_ATTEMPTS: Final = 2_000
"""So often a transfer can be begun: stations try again, and fetch large files in parts."""
LOG_LIFETIME: Final = timedelta(hours=24)
FIRMWARE_LIFETIME: Final = timedelta(days=7)
"""After the time at which the station is to fetch it."""
GIGABYTE: Final = 1_000_000_000


class FileKind(StrEnum):
    """What a file is."""

    LOG = "LOG"
    FIRMWARE = "FIRMWARE"
    PICTURE = "PICTURE"
    FLOOR_PLAN = "FLOOR_PLAN"


class Direction(StrEnum):
    """As the station sees it."""

    UPLOAD = "UPLOAD"
    DOWNLOAD = "DOWNLOAD"


class TransferState(StrEnum):
    """DONE: the upload is here, there can be no other. CLOSED: ended before its time."""

    OPEN = "OPEN"
    DONE = "DONE"
    CLOSED = "CLOSED"


class StoredFile(msgspec.Struct, frozen=True):
    """A file. `vault_name` is where its bytes are; `filename` what people call it; `sha256` hexadecimal."""

    id: int
    kind: FileKind
    vault_name: str
    filename: str
    content_type: str
    size_bytes: int
    sha256: str
    station_id: int | None
    place_id: int | None
    job_id: int | None
    created_by: str
    created_at: datetime


class Transfer(msgspec.Struct, frozen=True):
    """A permission. `file_id`: what to fetch; of an upload, what came. `max_bytes`: of an upload."""

    id: int
    token_digest: bytes
    direction: Direction
    station_id: int
    job_id: int | None
    file_id: int | None
    filename: str
    max_bytes: int
    attempts: int
    state: TransferState
    address: str
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None

    def open(self, now: datetime) -> bool:
        """May it be begun (again)?"""
        return self.state is TransferState.OPEN and now < self.expires_at and self.attempts < MAX_ATTEMPTS


class FileLimits(msgspec.Struct, frozen=True):
    """Bytes and days. `free_bytes` stay free on the disk; `log_days` 0: for ever."""

    quota_bytes: int = 10 * GIGABYTE
    free_bytes: int = GIGABYTE // 2
    log_max_bytes: int = GIGABYTE // 5
    firmware_max_bytes: int = GIGABYTE // 2
    picture_max_bytes: int = 2_000_000
    log_days: int = 90

    def largest(self, kind: FileKind) -> int:
        """In bytes."""
        if kind is FileKind.LOG:
            return self.log_max_bytes
        return self.firmware_max_bytes if kind is FileKind.FIRMWARE else self.picture_max_bytes


MAX_PICTURE_BYTES: Final = 3_500_000
"""It travels in one message, of which there may be 4 MiB."""


def check_limits(limits: FileLimits) -> None:
    """Raises InvalidArgument."""
    if min(limits.log_max_bytes, limits.firmware_max_bytes, limits.picture_max_bytes, limits.quota_bytes) < 1:
        raise InvalidArgument("Limits are more than 0 bytes.", reason="INVALID_LIMITS")
    if limits.picture_max_bytes > MAX_PICTURE_BYTES:
        raise InvalidArgument(f"Pictures have at most {MAX_PICTURE_BYTES} bytes.", reason="INVALID_LIMITS")
    if limits.free_bytes < 0 or not 0 <= limits.log_days <= 36_500:
        raise InvalidArgument("Give 0 or more bytes to leave free, and 0 to 36500 days.", reason="INVALID_LIMITS")
    if max(limits.quota_bytes, limits.log_max_bytes, limits.firmware_max_bytes, limits.free_bytes) > 2**62:
        raise InvalidArgument("A limit is too large.", reason="INVALID_LIMITS")


_STRANGE: Final = re.compile(r"[^\w.,()+@ -]+")


def clean_filename(told: str, otherwise: str) -> str:
    """A name that is safe to show and to save under: its last part, without what file systems and headers mind."""
    last = told.replace("\\", "/").rstrip("/").rpartition("/")[2]
    clean = _STRANGE.sub("_", last).strip(" .")
    if len(clean) > MAX_FILENAME:
        stem, dot, ending = clean.rpartition(".")
        keep = f".{ending}" if dot and len(ending) <= 10 else ""
        clean = (stem if keep else clean)[: MAX_FILENAME - len(keep)] + keep
    return clean or otherwise


def too_large(limit: int) -> Exhausted:
    """The sentence."""
    return Exhausted(f"The file is too large: at most {limit} bytes are taken.", reason="FILE_TOO_LARGE")


def storage_full() -> Exhausted:
    """The sentence."""
    return Exhausted(
        "There is no room for more files. Delete some, or let the administrator raise the quota.",
        reason="STORAGE_FULL",
    )


def transfer_over() -> FailedPrecondition:
    """The sentence."""
    return FailedPrecondition("This transfer is over or was never allowed.", reason="TRANSFER_OVER")
