"""Transfers: what a station may send or fetch, by an address of its own that works once and not for long.

An address holds a random token. Who shows it may do that one transfer and nothing else, so the doors (HTTP, FTP) ask
for no other password. An upload can be begun again until it is whole; then never more. A download can be begun again
until its time is over, as stations fetch large files in parts.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, TypeVar
from urllib.parse import quote

import msgspec
import structlog
import trio

from csms.domain.errors import FailedPrecondition, Unavailable
from csms.domain.transfers import (
    FIRMWARE_LIFETIME,
    LOG_LIFETIME,
    Direction,
    FileKind,
    StoredFile,
    Transfer,
    TransferState,
    clean_filename,
    storage_full,
    too_large,
    transfer_over,
)
from csms.ports.files import FileStore, Incoming, Vault
from csms.ports.inventory import Inventory, VariableFilter
from csms.ports.queries import StationQueries

SWEEP_SECONDS: Final = 600.0
ORPHAN_AGE: Final = timedelta(hours=2)
"""So old is a file that no row names, before it is taken for forgotten; no transfer takes as long."""
KEPT: Final = timedelta(days=30)
"""So long transfers are remembered after their time."""
FTP_USER: Final = "station"
HIDDEN: Final = "•••"
T = TypeVar("T")
_PAGE: Final = 200
_KEY: Final = "FileTransferProtocols"  # 1.6 SupportedFileTransferProtocols, 2.x OCPPCommCtrlr.FileTransferProtocols
_log = structlog.get_logger("csms.files")


class FileProtocol(StrEnum):
    """How a station talks to the file server; the value is the address's scheme."""

    HTTPS = "https"
    HTTP = "http"
    FTPS = "ftps"
    FTP = "ftp"


FileAddresses = dict[FileProtocol, str]
"""Where the doors are: those that are open, each address with a slash at its end."""


class Offer(msgspec.Struct, frozen=True):
    """`url`: for the station. `shown`: the same without the secret."""

    url: str
    shown: str
    transfer: Transfer


class Taken(msgspec.Struct, frozen=True):
    """A transfer that somebody with its token has begun. `file`: what there is to fetch."""

    transfer: Transfer
    file: StoredFile | None


class Receipt:
    """An upload under way. `write` blocks, and may be called from any one thread at a time."""

    def __init__(self, transfers: Transfers, taken: Taken, incoming: Incoming) -> None:
        self._transfers = transfers
        self.taken = taken
        self.incoming = incoming

    async def finish(self, filename: str, content_type: str = "") -> StoredFile:
        """It is whole. Raises FailedPrecondition/TRANSFER_OVER, Exhausted/STORAGE_FULL, Unavailable; then nothing of it
        is kept."""
        return await self._transfers._keep(self, filename, content_type)

    def abandon(self) -> None:
        """Nothing is kept, and it can be begun again. After `finish` this does nothing."""
        self._transfers._let_go(self)


class Transfers:
    """What the doors and the use cases of people need."""

    def __init__(
        self,
        store: FileStore,
        vault: Vault,
        stations: StationQueries,
        inventory: Inventory,
        *,
        now: Callable[[], datetime],
        make_token: Callable[[], str] = lambda: secrets.token_urlsafe(32),
    ) -> None:
        self._store = store
        self._vault = vault
        self._stations = stations
        self._inventory = inventory
        self._now = now
        self._make_token = make_token
        self._under_way: dict[int, Receipt | None] = {}
        self.addresses: FileAddresses = {}
        """Filled in when the doors are open."""

    # -- offering --------------------------------------------------------------------------------------------------

    async def protocol_for(self, station_id: int, wanted: FileProtocol | None) -> FileProtocol:
        """What is wanted, or else the first of HTTPS, HTTP, FTPS, FTP that is served and that the station knows (as far
        as it told); in the clear where the station itself connects so. Raises FailedPrecondition/NO_FILE_SERVER."""
        if wanted is not None:
            if wanted not in self.addresses:
                raise FailedPrecondition(
                    f"The file server does not speak {wanted.name} here. Choose another protocol, or have it served.",
                    reason="NO_FILE_SERVER",
                )
            return wanted
        secure = any(view.security_profile >= 2 for view in await self._stations.get_stations([station_id]))
        order = [FileProtocol.HTTPS, FileProtocol.HTTP] if secure else [FileProtocol.HTTP, FileProtocol.HTTPS]
        order += [FileProtocol.FTPS, FileProtocol.FTP]
        known = await self._known_to(station_id)
        for each in order:
            if each in self.addresses and (not known or each in known):
                return each
        raise FailedPrecondition(
            f"The station knows {', '.join(sorted(known)).upper() or 'nothing'}, which the file server does not speak"
            " here. Give a location elsewhere, or have it served.",
            reason="NO_FILE_SERVER",
        )

    async def offer_upload(self, station_id: int, job_id: int, protocol: FileProtocol) -> Offer:
        """For a log. Raises NotFound, Unavailable."""
        limits = await self._store.limits()
        now = self._now()
        made = self._transfer(Direction.UPLOAD, station_id, job_id, now, now + LOG_LIFETIME)
        return await self._offer(msgspec.structs.replace(made, max_bytes=limits.log_max_bytes), protocol, "")

    async def offer_download(
        self, station_id: int, job_id: int, file: StoredFile, protocol: FileProtocol, *, at: datetime
    ) -> Offer:
        """Of a file, that the station begins to fetch not before `at`. Raises NotFound, Unavailable."""
        now = self._now()
        made = self._transfer(Direction.DOWNLOAD, station_id, job_id, now, max(at, now) + FIRMWARE_LIFETIME)
        made = msgspec.structs.replace(made, file_id=file.id, filename=file.filename, max_bytes=file.size_bytes)
        return await self._offer(made, protocol, file.filename)

    async def close(self, job_id: int) -> None:
        """The station was never told, or refused. What cannot be closed now ends by itself."""
        with trio.move_on_after(5.0, shield=True):
            try:
                await self._store.close_transfers(job_id=job_id, now=self._now())
            except Unavailable:
                _log.warning("transfers of a job not closed: the database is away", job_id=job_id)

    def shown(self, protocol: FileProtocol) -> str:
        """The address, with dots for the secret."""
        return self._url(protocol, HIDDEN, "")

    async def _offer(self, made: Transfer, protocol: FileProtocol, filename: str) -> Offer:
        token = self._make_token()
        begun = await self._store.begin(msgspec.structs.replace(made, token_digest=digest_of(token)))
        return Offer(self._url(protocol, token, filename), self._url(protocol, HIDDEN, filename), begun)

    def _url(self, protocol: FileProtocol, token: str, filename: str) -> str:
        base = self.addresses[protocol]
        if protocol in (FileProtocol.FTP, FileProtocol.FTPS):
            return f"{protocol.value}://{FTP_USER}:{token}@{base.partition('://')[2]}{quote(filename)}"
        return f"{base}{token}/{quote(filename)}"

    @staticmethod
    def _transfer(direction: Direction, station_id: int, job_id: int, now: datetime, until: datetime) -> Transfer:
        return Transfer(0, b"", direction, station_id, job_id, None, "", 0, 0, TransferState.OPEN, "", now, until)

    async def _known_to(self, station_id: int) -> frozenset[FileProtocol]:
        """None: it did not tell."""
        found, _ = await self._inventory.page_variables(station_id, VariableFilter(query=_KEY), size=10)
        words = {
            word.strip().casefold()
            for each in found
            if each.key.variable.endswith(_KEY) and each.key.attribute_type in ("", "Actual")
            for word in (each.value or "").split(",")
        }
        return frozenset(each for each in FileProtocol if each.value in words)

    # -- at the doors ----------------------------------------------------------------------------------------------

    async def take(self, token: str, address: str) -> Taken | None:
        """Begin the transfer of a token; None when there is none (any more). Raises Unavailable."""
        found = await self._store.take(digest_of(token), self._now(), address)
        return None if found is None else Taken(*found)

    async def receive(self, taken: Taken, announced: int | None = None) -> Receipt:
        """Begin to write an upload; of how many bytes, if that is known. Raises FailedPrecondition/TRANSFER_OVER (it is
        no upload), FailedPrecondition/TRANSFER_BUSY, Exhausted/FILE_TOO_LARGE, Exhausted/STORAGE_FULL, Unavailable."""
        transfer = taken.transfer
        if transfer.direction is not Direction.UPLOAD:
            raise transfer_over()
        if transfer.id in self._under_way:
            raise FailedPrecondition("This transfer is under way already.", reason="TRANSFER_BUSY")
        if announced is not None and announced > transfer.max_bytes:
            raise too_large(transfer.max_bytes)
        self._under_way[transfer.id] = None
        try:
            incoming = await self.room_for(transfer.max_bytes, announced)
            receipt = self._under_way[transfer.id] = Receipt(self, taken, incoming)
        except BaseException:
            del self._under_way[transfer.id]
            raise
        return receipt

    async def room_for(self, max_bytes: int, announced: int | None = None) -> Incoming:
        """A new file within the limits of all. Raises Exhausted/STORAGE_FULL, Unavailable."""
        limits = await self._store.limits()
        used, _ = await self._store.usage()
        room = limits.quota_bytes - used
        if room < (announced or 1):
            raise storage_full()
        return await trio.to_thread.run_sync(self._vault.create, max_bytes, room, limits.free_bytes)

    async def read(self, taken: Taken, offset: int, size: int) -> bytes:
        """Of what there is to fetch; nothing at its end. Raises NotFound, FailedPrecondition/TRANSFER_OVER."""
        if taken.transfer.direction is not Direction.DOWNLOAD or taken.file is None:
            raise transfer_over()
        return await trio.to_thread.run_sync(self._vault.read, taken.file.vault_name, offset, size)

    def read_blocking(self, taken: Taken, offset: int, size: int) -> bytes:
        """`read`, from another thread."""
        if taken.transfer.direction is not Direction.DOWNLOAD or taken.file is None:
            raise transfer_over()
        return self._vault.read(taken.file.vault_name, offset, size)

    async def _keep(self, receipt: Receipt, filename: str, content_type: str) -> StoredFile:
        transfer = receipt.taken.transfer

        async def keep(vault_name: str, size: int, sha256: str) -> StoredFile:
            file = StoredFile(
                0,
                FileKind.LOG,
                vault_name,
                clean_filename(filename, f"log-{transfer.job_id or transfer.id}"),
                clean_content_type(content_type),
                size,
                sha256,
                transfer.station_id,
                None,
                transfer.job_id,
                f"stations/{transfer.station_id}",
                self._now(),
            )
            kept = await self._store.arrived(transfer.id, file, self._now())
            if kept is None:
                raise transfer_over()
            return kept

        try:
            kept = await keep_file(receipt.incoming, keep)
        finally:
            self._under_way.pop(transfer.id, None)
        _log.info("file arrived", station_id=transfer.station_id, job_id=transfer.job_id, size_bytes=kept.size_bytes)
        return kept

    def _let_go(self, receipt: Receipt) -> None:
        if self._under_way.get(receipt.taken.transfer.id) is receipt:
            del self._under_way[receipt.taken.transfer.id]
            receipt.incoming.discard()

    # -- clearing up -----------------------------------------------------------------------------------------------

    async def sweep_for_ever(self) -> None:
        """A task for the nursery of the application."""
        while True:
            try:
                await self.sweep()
            except Unavailable:
                _log.warning("files not swept: the database is away")
            await trio.sleep(SWEEP_SECONDS)

    async def sweep(self) -> None:
        """Old logs go, and what nobody knows. Raises Unavailable."""
        now = self._now()
        limits = await self._store.limits()
        if limits.log_days:
            while old := await self._store.old_logs(now - timedelta(days=limits.log_days), _PAGE):
                for file in old:
                    await self._store.delete(file.id)
                    await trio.to_thread.run_sync(self._vault.remove, file.vault_name)
        await self._store.clear_transfers(now - KEPT, now)
        # Names first, then the folder: what arrives between the two is younger than what is taken away.
        known = await self._store.vault_names()
        removed = await trio.to_thread.run_sync(self._vault.sweep, known, now - ORPHAN_AGE)
        if removed:
            _log.info("forgotten files removed", count=removed)


async def keep_file(incoming: Incoming, write: Callable[[str, int, str], Awaitable[T]]) -> T:
    """Finish a file and have `write` make its row of the name in the vault, the size and the SHA-256. When that fails,
    the bytes are gone; but not when it may have happened after all (then the sweep finds out). Whoever goes away
    meanwhile does not come between the two. Raises what `write` raises, Exhausted/STORAGE_FULL, Unavailable."""
    with trio.CancelScope(shield=True) as shielded:
        name, size, sha256 = await trio.to_thread.run_sync(incoming.finish)
        try:
            made = await write(name, size, sha256)
        except Unavailable:
            raise
        except BaseException:
            incoming.discard()
            raise
        shielded.shield = False
    return made


def digest_of(token: str) -> bytes:
    """What is kept of a token. It is random and long, so no salt is needed."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def clean_content_type(told: str) -> str:
    """A media type as told, if it is one at all; never one that a browser would run."""
    kind = told.partition(";")[0].strip().lower()
    plain = kind in ("text/plain", "text/csv", "application/json", "application/zip", "application/gzip")
    return kind if plain else "application/octet-stream"
