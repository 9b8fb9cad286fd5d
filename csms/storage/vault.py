"""The bytes of files, in a folder of their own under random names.

A file is written as `NAME.part`, hashed on the way, brought to the disk and renamed; only then may a row name it. What
no row names is swept away later: a crash between the two leaves nothing for ever.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import threading
from datetime import datetime
from pathlib import Path
from typing import IO, Final

from csms.domain.errors import FailedPrecondition, NotFound, Unavailable
from csms.domain.transfers import storage_full, too_large

__all__ = ["FolderVault", "IncomingFile"]

LOOK_EVERY: Final = 8_000_000
"""So many bytes are written between two looks at the disk's free space."""
_NAME: Final = re.compile(r"[0-9a-f]{32}")
_PART: Final = ".part"
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class FolderVault:
    """csms.ports.files.Vault in a folder, which is made when first needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._growth = 0  # bytes ever written, without those of discarded files
        self._flying = 0  # bytes of files that are being written

    def create(self, max_bytes: int, room: int, free_bytes: int) -> IncomingFile:
        """See `Vault.create`."""
        if room <= 0 or self.free_bytes() < free_bytes:
            raise storage_full()
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            name = secrets.token_hex(16)
            path = self._folder / (name + _PART)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _disk(error) from error
        with self._lock:
            ceiling = self._growth - self._flying + room
        return IncomingFile(self, path, os.fdopen(descriptor, "wb", buffering=0), max_bytes, ceiling, free_bytes)

    def read(self, vault_name: str, offset: int, size: int) -> bytes:
        """See `Vault.read`."""
        try:
            with self._path(vault_name).open("rb") as file:
                file.seek(offset)
                return file.read(size)
        except FileNotFoundError as error:
            raise NotFound("The content of this file is gone.", reason="FILE_NOT_FOUND") from error
        except OSError as error:
            raise _disk(error) from error

    def remove(self, vault_name: str) -> None:
        """See `Vault.remove`."""
        with contextlib.suppress(FileNotFoundError):
            self._path(vault_name).unlink()

    def sweep(self, known: frozenset[str], older_than: datetime) -> int:
        """See `Vault.sweep`."""
        if not self._folder.is_dir():
            return 0
        removed = 0
        with os.scandir(self._folder) as entries:
            for entry in entries:
                name = entry.name.removesuffix(_PART)
                ours = _NAME.fullmatch(name) is not None and entry.is_file(follow_symlinks=False)
                if not ours or entry.name in known:
                    continue
                with contextlib.suppress(FileNotFoundError):  # finished or discarded meanwhile
                    if entry.stat(follow_symlinks=False).st_mtime < older_than.timestamp():
                        os.unlink(entry.path)
                        removed += 1
        return removed

    def free_bytes(self) -> int:
        """See `Vault.free_bytes`."""
        there = next(path for path in (self._folder, *self._folder.parents) if path.exists())
        found = os.statvfs(there)
        return found.f_bavail * found.f_frsize

    def _path(self, vault_name: str) -> Path:
        if _NAME.fullmatch(vault_name) is None:  # never seen; a row that was tampered with must not read elsewhere
            raise NotFound("The content of this file is gone.", reason="FILE_NOT_FOUND")
        return self._folder / vault_name

    def _grow(self, size: int, ceiling: int) -> None:
        with self._lock:
            if self._growth + size > ceiling:
                raise storage_full()
            self._growth += size
            self._flying += size

    def _land(self, size: int, *, kept: bool) -> None:
        with self._lock:
            self._flying -= size
            if not kept:
                self._growth -= size


class IncomingFile:
    """csms.ports.files.Incoming."""

    def __init__(
        self, vault: FolderVault, part: Path, file: IO[bytes], max_bytes: int, ceiling: int, free_bytes: int
    ) -> None:
        self._vault = vault
        self._part = part
        self._file = file
        self._max_bytes = max_bytes
        self._ceiling = ceiling
        self._free_bytes = free_bytes
        self._hash = hashlib.sha256()
        self._looked_at = 0
        self._landed = False
        self.size = 0

    def write(self, data: bytes) -> None:
        """See `Incoming.write`."""
        if self.size + len(data) > self._max_bytes:
            raise too_large(self._max_bytes)
        self._vault._grow(len(data), self._ceiling)
        self.size += len(data)
        if self.size - self._looked_at > LOOK_EVERY:
            self._looked_at = self.size
            if self._vault.free_bytes() < self._free_bytes:
                raise storage_full()
        self._hash.update(data)
        try:
            left = memoryview(data)
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            raise (storage_full() if error.errno in _FULL else _disk(error)) from error

    def finish(self) -> tuple[str, int, str]:
        """See `Incoming.finish`."""
        try:
            os.fsync(self._file.fileno())
            self._file.close()
            whole = self._part.with_suffix("")
            self._part.rename(whole)
            folder = os.open(self._part.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            self.discard()
            raise (storage_full() if error.errno in _FULL else _disk(error)) from error
        self._land(kept=True)
        return whole.name, self.size, self._hash.hexdigest()

    def discard(self) -> None:
        """See `Incoming.discard`."""
        self._file.close()
        for path in (self._part, self._part.with_suffix("")):
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
        self._land(kept=False)

    def _land(self, *, kept: bool) -> None:
        if not self._landed:
            self._landed = True
            self._vault._land(self.size, kept=kept)


def _disk(error: OSError) -> Unavailable | FailedPrecondition:
    if isinstance(error, PermissionError):
        return FailedPrecondition(
            f"The folder of files cannot be written ({error.strerror}). Look at the data folder.", reason="FILES_FOLDER"
        )
    return Unavailable(f"The disk says no: {error.strerror}. Try again.", reason="DISK_ERROR")
