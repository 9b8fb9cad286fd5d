"""Files of stations as people see them, and the limits of the file server."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Sequence
from typing import Final

import msgspec
import trio

from csms.domain.access import Action, Principal, check
from csms.domain.errors import InvalidArgument, NotFound
from csms.domain.transfers import FileKind, FileLimits, StoredFile, check_limits
from csms.ports.files import FileStore, Vault
from csms.services.audit import note_change
from csms.services.scopes import Scopes
from csms.services.transfers import FileProtocol, Transfers

CHUNK: Final = 256 * 1024


class FileServer(msgspec.Struct, frozen=True):
    """How it stands; bytes."""

    addresses: tuple[tuple[FileProtocol, str], ...]
    limits: FileLimits
    used_bytes: int
    file_count: int
    disk_free_bytes: int


class Files:
    """Use cases of people. Logs may hold what messages do, so who may read messages may read them."""

    def __init__(self, store: FileStore, vault: Vault, transfers: Transfers, scopes: Scopes) -> None:
        self._store = store
        self._vault = vault
        self._transfers = transfers
        self._scopes = scopes

    async def page(
        self, caller: Principal, station_id: int | None, job_id: int | None, *, size: int, before: int | None
    ) -> Sequence[StoredFile]:
        """Logs, newest first. Raises NotFound, PermissionDenied."""
        scope = await self._scopes.of(caller, Action.READ_MESSAGES)
        if station_id is not None:
            await self._scopes.check_station(caller, Action.READ_MESSAGES, station_id)
        return await self._store.page_logs(scope, station_id=station_id, job_id=job_id, size=size, before=before)

    async def get(self, caller: Principal, file_id: int, action: Action = Action.READ_MESSAGES) -> StoredFile:
        """Of logs. Raises NotFound, PermissionDenied."""
        await self._scopes.of(caller, action)
        file = await self._store.find(file_id)
        if file is None or file.kind is not FileKind.LOG or file.station_id is None:
            raise _no_file(file_id)
        try:
            await self._scopes.check_station(caller, action, file.station_id)
        except NotFound as error:
            raise _no_file(file_id) from error
        return file

    async def content(self, caller: Principal, file_id: int, offset: int) -> AsyncGenerator[StoredFile | bytes, None]:
        """The file, then its bytes from the offset, in pieces. Raises NotFound, InvalidArgument, PermissionDenied."""
        file = await self.get(caller, file_id)
        if not 0 <= offset <= file.size_bytes:
            raise InvalidArgument(f"The file has {file.size_bytes} bytes. Begin within them.", reason="INVALID_OFFSET")
        yield file
        while offset < file.size_bytes:
            piece = await trio.to_thread.run_sync(self._vault.read, file.vault_name, offset, CHUNK)
            if not piece:
                raise NotFound("The content of this file is gone.", reason="FILE_NOT_FOUND")
            yield piece
            offset += len(piece)

    async def delete(self, caller: Principal, file_id: int) -> None:
        """For good. Raises NotFound, PermissionDenied."""
        file = await self.get(caller, file_id, Action.CONFIGURE_STATIONS)
        gone = await self._store.delete(file.id)
        if gone is None:
            raise _no_file(file_id)
        await trio.to_thread.run_sync(self._vault.remove, gone.vault_name)
        note_change(f"files/{file_id}", gone)

    async def server(self, caller: Principal) -> FileServer:
        """Raises PermissionDenied."""
        check(caller, Action.READ_SYSTEM)
        used, count = await self._store.usage()
        free = await trio.to_thread.run_sync(self._vault.free_bytes)
        addresses = tuple(sorted(self._transfers.addresses.items(), key=lambda each: list(FileProtocol).index(each[0])))
        return FileServer(addresses, await self._store.limits(), used, count, free)

    async def set_limits(self, caller: Principal, wanted: FileLimits, fields: Collection[str]) -> FileLimits:
        """The fields named. Raises InvalidArgument, PermissionDenied."""
        check(caller, Action.MANAGE_FILES)
        old = await self._store.limits()
        new = msgspec.structs.replace(old, **{name: getattr(wanted, name) for name in fields})
        check_limits(new)
        await self._store.set_limits(new)
        note_change("fileServer", old, new)
        return new


def _no_file(file_id: int) -> NotFound:
    return NotFound(f"There is no file {file_id} (any more).", reason="FILE_NOT_FOUND")
