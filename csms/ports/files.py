"""Where files are: rows in a database, bytes in a vault."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from csms.domain.access import Scope
from csms.domain.transfers import FileLimits, StoredFile, Transfer


class FileStore(Protocol):
    """Rows. All methods raise Unavailable while the database is away."""

    async def limits(self) -> FileLimits:
        """As set."""

    async def set_limits(self, limits: FileLimits) -> None:
        """From now on."""

    async def usage(self) -> tuple[int, int]:
        """Bytes and number of all files."""

    async def find(self, file_id: int) -> StoredFile | None:
        """By number."""

    async def page_logs(
        self,
        scope: Scope | None,
        *,
        station_id: int | None = None,
        job_id: int | None = None,
        size: int,
        before: int | None = None,
    ) -> Sequence[StoredFile]:
        """Logs of stations in the scope (None: everywhere), newest first, with a number below `before`."""

    async def add(self, file: StoredFile) -> StoredFile:
        """`file.id` is ignored. Raises NotFound when its station or place is gone."""

    async def delete(self, file_id: int) -> StoredFile | None:
        """The row that was."""

    async def old_logs(self, before: datetime, size: int) -> Sequence[StoredFile]:
        """That arrived before."""

    async def vault_names(self) -> frozenset[str]:
        """Of all rows."""

    async def begin(self, transfer: Transfer) -> Transfer:
        """`transfer.id` is ignored. Raises NotFound when the station or the file is gone."""

    async def take(self, token_digest: bytes, now: datetime, address: str) -> tuple[Transfer, StoredFile | None] | None:
        """Count one attempt of an open transfer: it as it is then, and the file that it is about. None when there is no
        such transfer, or it is over."""

    async def arrived(self, transfer_id: int, file: StoredFile, now: datetime) -> StoredFile | None:
        """The upload is whole: keep the file's row, end the transfer, in one. None when it is over already."""

    async def close_transfers(self, *, job_id: int, now: datetime) -> None:
        """Those of a job that is at its end, or was never told to the station."""

    async def clear_transfers(self, before: datetime, now: datetime) -> int:
        """Forget those that expired before. How many. End those whose job has long ended."""


class Incoming(Protocol):
    """A file that is being written; its methods may be called from any one thread at a time."""

    @property
    def size(self) -> int:
        """Bytes so far."""

    def write(self, data: bytes) -> None:
        """Raises Exhausted/FILE_TOO_LARGE, Exhausted/STORAGE_FULL."""

    def finish(self) -> tuple[str, int, str]:
        """It is whole and on the disk: its name in the vault, its size, its SHA-256."""

    def discard(self) -> None:
        """Forget it. After `finish`, too; twice does no harm."""


class Vault(Protocol):
    """Bytes, under random names. All methods block."""

    def create(self, max_bytes: int, room: int, free_bytes: int) -> Incoming:
        """A new one, of at most `max_bytes`. All that are being written may have `room` bytes together, and leave
        `free_bytes` on the disk. Raises Exhausted/STORAGE_FULL."""

    def read(self, vault_name: str, offset: int, size: int) -> bytes:
        """At most so many bytes from there; none at the end. Raises NotFound when they are gone."""

    def remove(self, vault_name: str) -> None:
        """It may be gone already."""

    def sweep(self, known: frozenset[str], older_than: datetime) -> int:
        """Remove what nobody knows and nobody writes any more. How many."""

    def free_bytes(self) -> int:
        """On the disk."""
