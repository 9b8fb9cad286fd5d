"""The file doors on real sockets, on fakes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import trio

from csms.domain.facts import RegistrationStatus
from csms.domain.transfers import FileKind, StoredFile
from csms.services.transfers import FileProtocol, Offer, Transfers
from csms.storage.vault import FolderVault
from csms.transport.file_ftp import FtpBridge, FtpDoor, FtpRules
from csms.transport.file_http import FileDoorLimits, FileGuesses, FileListener
from csms.transport.sockets import open_listen_socket
from csms.transport.tls import TlsMaterial, make_context
from csms.transport.websocket import Tls
from tests.kit.fake_files import FakeFiles
from tests.kit.fake_inventory import FakeInventory
from tests.kit.fake_queries import FakeStationQueries
from tests.kit.fake_stores import FakeStations
from tests.kit.fake_tables import FakeTables

T = TypeVar("T")


@dataclass
class FileWorld:
    """A station, and doors that stand open."""

    station_id: int
    store: FakeFiles
    vault: FolderVault
    transfers: Transfers
    folder: Path
    http_port: int = 0
    ftp_port: int = 0

    async def upload(self, protocol: FileProtocol = FileProtocol.HTTP) -> Offer:
        """For a log."""
        return await self.transfers.offer_upload(self.station_id, 7, protocol)

    async def download(self, content: bytes, protocol: FileProtocol = FileProtocol.HTTP) -> Offer:
        """Of firmware."""
        incoming = self.vault.create(10**9, 10**9, 0)
        incoming.write(content)
        name, size, digest = incoming.finish()
        file = StoredFile(
            0,
            FileKind.FIRMWARE,
            name,
            "fw 1.bin",
            "application/octet-stream",
            size,
            digest,
            None,
            None,
            None,
            "",
            now(),
        )
        kept = await self.store.add(file)
        return await self.transfers.offer_download(self.station_id, 7, kept, protocol, at=now())

    def token(self, offer: Offer) -> str:
        """The secret of an address."""
        rest = offer.url.partition("://")[2]
        return rest.split("@")[0].split(":")[1] if "@" in rest else rest.split("/")[1]

    def kept(self) -> list[tuple[StoredFile, bytes]]:
        """Logs that arrived."""
        return [
            (file, self.vault.read(file.vault_name, 0, 10**9))
            for file in self.store.files.values()
            if file.kind is FileKind.LOG
        ]

    def on_disk(self) -> list[str]:
        """Whatever lies in the vault."""
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.is_dir() else []


def now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def file_doors(
    folder: Path,
    *,
    limits: FileDoorLimits | None = None,
    rules: FtpRules | None = None,
    tls: TlsMaterial | None = None,
    wrong_tokens: int = 20,
) -> AsyncIterator[FileWorld]:
    """Open until the block ends. `rules`: with FTP."""
    tables = FakeTables()
    inventory = FakeInventory(tables)
    station = await FakeStations(tables).create("CP-1", RegistrationStatus.ACCEPTED)
    store, vault = FakeFiles(tables, inventory), FolderVault(folder)
    transfers = Transfers(store, vault, FakeStationQueries(tables), inventory, now=now)
    world = FileWorld(station.id, store, vault, transfers, folder)
    guesses = FileGuesses(wrong_tokens)
    sock = open_listen_socket("127.0.0.1", 0)
    world.http_port = sock.getsockname()[1]
    async with trio.open_nursery() as nursery:
        shared = None if tls is None else Tls(partial(_same, make_context(tls)), shared=True)
        await nursery.start(partial(FileListener(transfers, guesses, limits).run, [sock], tls=shared))
        transfers.addresses[FileProtocol.HTTP] = f"http://127.0.0.1:{world.http_port}/"
        transfers.addresses[FileProtocol.HTTPS] = f"https://127.0.0.1:{world.http_port}/"
        if rules is not None:
            material = None if tls is None else partial(_same, tls)
            ftp = FtpDoor(FtpBridge(transfers, guesses), "127.0.0.1", 0, rules, material)
            await nursery.start(ftp.run)
            world.ftp_port = ftp.port
            for each in (FileProtocol.FTP, FileProtocol.FTPS):
                transfers.addresses[each] = f"{each.value}://127.0.0.1:{ftp.port}/"
        yield world
        nursery.cancel_scope.cancel()


def _same(value: T) -> T:
    return value
