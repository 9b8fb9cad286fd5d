"""Files, firmware images and pictures in memory; and a draughtsman who draws nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from csms.domain.access import Scope
from csms.domain.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from csms.domain.firmware_image import FirmwareImage, newest_first, newest_for
from csms.domain.transfers import (
    Direction,
    FileKind,
    FileLimits,
    StoredFile,
    Transfer,
    TransferState,
    storage_full,
    too_large,
)
from csms.ports.pictures import Drawn, Picture, Position
from tests.kit.fake_inventory import FakeInventory
from tests.kit.fake_tables import FakeTables


class FakeFiles:
    """csms.ports.files.FileStore."""

    def __init__(self, tables: FakeTables, inventory: FakeInventory | None = None) -> None:
        self._tables = tables
        self._inventory = inventory
        self._limits = FileLimits()
        self.files: dict[int, StoredFile] = {}
        self.transfers: dict[int, Transfer] = {}
        self._last = 0

    def number(self) -> int:
        self._last += 1
        return self._last

    async def limits(self) -> FileLimits:
        return self._limits

    async def set_limits(self, limits: FileLimits) -> None:
        self._limits = limits

    async def usage(self) -> tuple[int, int]:
        return sum(file.size_bytes for file in self.files.values()), len(self.files)

    async def find(self, file_id: int) -> StoredFile | None:
        return self.files.get(file_id)

    async def page_logs(
        self,
        scope: Scope | None,
        *,
        station_id: int | None = None,
        job_id: int | None = None,
        size: int,
        before: int | None = None,
    ) -> Sequence[StoredFile]:
        found = [
            file
            for file in self.files.values()
            if file.kind is FileKind.LOG
            and station_id in (None, file.station_id)
            and job_id in (None, file.job_id)
            and (before is None or file.id < before)
            and (scope is None or scope.holds(file.station_id, self._place_of(file.station_id)))
        ]
        return sorted(found, key=lambda file: -file.id)[:size]

    async def add(self, file: StoredFile) -> StoredFile:
        return self.put(file)

    def put(self, file: StoredFile) -> StoredFile:
        if file.station_id is not None and file.station_id not in self._tables.stations:
            raise NotFound("What this file belongs to is gone.", reason="OWNER_NOT_FOUND")
        made = msgspec.structs.replace(file, id=self.number())
        self.files[made.id] = made
        return made

    async def delete(self, file_id: int) -> StoredFile | None:
        return self.files.pop(file_id, None)

    async def old_logs(self, before: datetime, size: int) -> Sequence[StoredFile]:
        return [file for file in self.files.values() if file.kind is FileKind.LOG and file.created_at < before][:size]

    async def vault_names(self) -> frozenset[str]:
        return frozenset(file.vault_name for file in self.files.values())

    async def begin(self, transfer: Transfer) -> Transfer:
        gone = transfer.file_id is not None and transfer.file_id not in self.files
        if gone or transfer.station_id not in self._tables.stations:
            raise NotFound("The station or the file is gone.", reason="OWNER_NOT_FOUND")
        made = msgspec.structs.replace(transfer, id=self.number())
        self.transfers[made.id] = made
        return made

    async def take(self, token_digest: bytes, now: datetime, address: str) -> tuple[Transfer, StoredFile | None] | None:
        for transfer in self.transfers.values():
            if transfer.token_digest == token_digest and transfer.open(now):
                taken = msgspec.structs.replace(transfer, attempts=transfer.attempts + 1, address=address)
                self.transfers[taken.id] = taken
                return taken, self.files.get(taken.file_id or 0)
        return None

    async def arrived(self, transfer_id: int, file: StoredFile, now: datetime) -> StoredFile | None:
        transfer = self.transfers.get(transfer_id)
        open_ = transfer is not None and transfer.state is TransferState.OPEN and now < transfer.expires_at
        if transfer is None or not open_ or transfer.direction is not Direction.UPLOAD:
            return None
        kept = self.put(file)
        self.transfers[transfer_id] = msgspec.structs.replace(
            transfer, state=TransferState.DONE, ended_at=now, filename=file.filename, file_id=kept.id
        )
        return kept

    async def close_transfers(self, *, job_id: int, now: datetime) -> None:
        self._close(lambda transfer: transfer.job_id == job_id, now)

    async def clear_transfers(self, before: datetime, now: datetime) -> int:
        ended = {
            job.id: job.finished_at
            for job in (await self._inventory.page_jobs(None, size=10_000) if self._inventory else ())
            if job.finished_at is not None and job.finished_at < now - timedelta(hours=1)
        }
        self._close(lambda transfer: transfer.job_id in ended, now)
        gone = [number for number, transfer in self.transfers.items() if transfer.expires_at < before]
        for number in gone:
            del self.transfers[number]
        return len(gone)

    def _close(self, wanted: object, now: datetime) -> None:
        assert callable(wanted)
        for number, transfer in self.transfers.items():
            if transfer.state is TransferState.OPEN and wanted(transfer):
                self.transfers[number] = msgspec.structs.replace(transfer, state=TransferState.CLOSED, ended_at=now)

    def _place_of(self, station_id: int | None) -> int | None:
        station = self._tables.stations.get(station_id or 0)
        return None if station is None else station.place_id


class FakeFirmwareImages:
    """csms.ports.firmware_images.FirmwareImages."""

    def __init__(self, files: FakeFiles, inventory: FakeInventory) -> None:
        self._files = files
        self._inventory = inventory
        self.images: dict[int, FirmwareImage] = {}

    async def find(self, image_id: int) -> FirmwareImage | None:
        return self.images.get(image_id)

    async def list(self, vendor: str = "", model: str = "") -> Sequence[FirmwareImage]:
        found = [
            image
            for image in self.images.values()
            if (not vendor.strip() or image.vendor.lower() == vendor.strip().lower())
            and (not model or image.suits(image.vendor, model))
        ]
        return sorted(newest_first(found), key=lambda image: image.vendor.casefold())

    async def newest_for(self, vendor: str, model: str, current: str | None = None) -> FirmwareImage | None:
        return newest_for(await self.list(vendor), vendor, model, current) if vendor.strip() else None

    async def create(self, image: FirmwareImage) -> FirmwareImage:
        key = (image.vendor.lower(), image.version, tuple(sorted(image.models)))
        if any(key == (each.vendor.lower(), each.version, each.models) for each in self.images.values()):
            raise AlreadyExists("There is already such an image.", reason="FIRMWARE_IMAGE_EXISTS")
        file = self._files.put(image.file)
        made = msgspec.structs.replace(image, id=self._files.number(), file=file, models=key[2])
        self.images[made.id] = made
        return made

    async def delete(self, image_id: int, now: datetime) -> FirmwareImage:
        image = self.images.get(image_id)
        if image is None:
            raise NotFound("There is no such firmware image.", reason="FIRMWARE_IMAGE_NOT_FOUND")
        for transfer in self._files.transfers.values():
            job = await self._inventory.find_job(transfer.job_id or 0)
            if transfer.file_id == image.file.id and transfer.open(now) and job is not None and job.finished_at is None:
                raise FailedPrecondition("A station may still be fetching it.", reason="FIRMWARE_IMAGE_IN_USE")
        del self.images[image_id]
        del self._files.files[image.file.id]
        return image


class FakePictures:
    """csms.ports.pictures.PictureStore."""

    def __init__(self, files: FakeFiles, tables: FakeTables) -> None:
        self._files = files
        self._tables = tables
        self._pictures: dict[tuple[str, int, int], Picture] = {}
        self._positions: dict[int, tuple[int, Position]] = {}

    async def put_picture(self, station_id: int, picture: Picture) -> tuple[Picture, Picture | None]:
        return self._put(("station", station_id, picture.slot), picture)

    async def pictures(self, station_id: int) -> Sequence[Picture]:
        found = [each for key, each in self._pictures.items() if key[:2] == ("station", station_id)]
        return sorted(found, key=lambda each: each.slot)

    async def delete_picture(self, station_id: int, slot: int) -> Picture | None:
        return self._take(("station", station_id, slot))

    async def put_plan(self, place_id: int, picture: Picture) -> tuple[Picture, Picture | None]:
        return self._put(("place", place_id, 0), picture)

    async def find_plan(self, place_id: int) -> Picture | None:
        return self._pictures.get(("place", place_id, 0))

    async def delete_plan(self, place_id: int) -> Picture | None:
        return self._take(("place", place_id, 0))

    async def positions(self, place_id: int, scope: Scope | None) -> Sequence[Position]:
        return [
            position
            for number, (place, position) in sorted(self._positions.items())
            if place == place_id
            and self._tables.stations[number].place_id == place_id
            and (scope is None or scope.holds(number, place_id))
        ]

    async def set_position(self, position: Position) -> None:
        station = self._tables.stations.get(position.station_id)
        if station is None:
            raise NotFound("There is no such station.", reason="STATION_NOT_FOUND")
        self._positions[position.station_id] = (station.place_id, position)

    async def remove_position(self, station_id: int) -> None:
        self._positions.pop(station_id, None)

    def _put(self, key: tuple[str, int, int], picture: Picture) -> tuple[Picture, Picture | None]:
        if key[0] == "station" and key[1] not in self._tables.stations:
            raise NotFound("There is no such station.", reason="STATION_NOT_FOUND")
        old = self._take(key)
        files = {"file": self._files.put(picture.file), "thumbnail": self._files.put(picture.thumbnail)}
        self._pictures[key] = msgspec.structs.replace(picture, **files)
        return self._pictures[key], old

    def _take(self, key: tuple[str, int, int]) -> Picture | None:
        old = self._pictures.pop(key, None)
        if old is not None:
            for file in (old.file, old.thumbnail):
                del self._files.files[file.id]
        return old


class FakeDraughtsman:
    """csms.ports.pictures.Draughtsman: what begins with `JPEG` is a picture of 40 × 30."""

    async def draw(self, content: bytes) -> Drawn:
        if not content.startswith(b"JPEG"):
            raise InvalidArgument("This is no picture.", reason="INVALID_PICTURE")
        return Drawn("image/jpeg", b"drawn " + content, b"small", 40, 30)


class FakeIncoming:
    """csms.ports.files.Incoming."""

    def __init__(self, vault: FakeVault, max_bytes: int, room: int) -> None:
        self._vault = vault
        self._max_bytes = max_bytes
        self._room = room
        self._data = bytearray()
        self._name = ""

    @property
    def size(self) -> int:
        return len(self._data)

    def write(self, data: bytes) -> None:
        if len(self._data) + len(data) > self._max_bytes:
            raise too_large(self._max_bytes)
        if len(self._data) + len(data) > self._room:
            raise storage_full()
        self._data += data

    def finish(self) -> tuple[str, int, str]:
        self._name = f"{len(self._vault.contents) + 1:032x}"
        self._vault.contents[self._name] = bytes(self._data)
        return self._name, len(self._data), hashlib.sha256(self._data).hexdigest()

    def discard(self) -> None:
        self._vault.contents.pop(self._name, None)


class FakeVault:
    """csms.ports.files.Vault."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self.swept: list[frozenset[str]] = []

    def create(self, max_bytes: int, room: int, free_bytes: int) -> FakeIncoming:
        if free_bytes > self.free_bytes():
            raise storage_full()
        return FakeIncoming(self, max_bytes, room)

    def read(self, vault_name: str, offset: int, size: int) -> bytes:
        if vault_name not in self.contents:
            raise NotFound("The content of this file is gone.", reason="FILE_NOT_FOUND")
        return self.contents[vault_name][offset : offset + size]

    def remove(self, vault_name: str) -> None:
        self.contents.pop(vault_name, None)

    def sweep(self, known: frozenset[str], older_than: datetime) -> int:
        self.swept.append(known)
        gone = set(self.contents) - known
        for name in gone:
            del self.contents[name]
        return len(gone)

    def free_bytes(self) -> int:
        return 10**12
