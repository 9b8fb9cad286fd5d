"""What every store of files, firmware images and pictures promises."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from csms.aio import open_door
from csms.domain.access import Scope
from csms.domain.errors import AlreadyExists, FailedPrecondition, NotFound
from csms.domain.facts import RegistrationStatus
from csms.domain.firmware_image import FirmwareImage
from csms.domain.records import JobKind, JobState
from csms.domain.topology import SYSTEM_ID, Place, PlaceKind
from csms.domain.transfers import Direction, FileKind, FileLimits, StoredFile, Transfer, TransferState
from csms.ports.files import FileStore
from csms.ports.firmware_images import FirmwareImages
from csms.ports.inventory import Inventory
from csms.ports.pictures import Picture, PictureStore, Position
from csms.ports.places import PlaceStore
from csms.ports.stores import StationStore
from csms.storage.files import PostgresFiles
from csms.storage.firmware_images import PostgresFirmwareImages
from csms.storage.inventory import PostgresInventory
from csms.storage.pictures import PostgresPictures
from csms.storage.places import PostgresPlaces
from csms.storage.pool import open_database
from csms.storage.stations import PostgresStations
from tests.kit.fake_files import FakeFiles, FakeFirmwareImages, FakePictures
from tests.kit.fake_inventory import FakeInventory
from tests.kit.fake_places import FakePlaces
from tests.kit.fake_stores import FakeStations
from tests.kit.fake_tables import FakeTables
from tests.kit.storage_world import storage_url

__all__ = ["storage_url"]

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
NOWHERE = 10**30


@dataclass
class Stores:
    files: FileStore
    images: FirmwareImages
    pictures: PictureStore
    stations: StationStore
    places: PlaceStore
    inventory: Inventory

    async def station(self, identity: str = "CP-1", place_id: int = SYSTEM_ID) -> int:
        return (await self.stations.create(identity, RegistrationStatus.ACCEPTED, place_id=place_id)).id


@pytest.fixture
async def stores(storage_url: str) -> AsyncIterator[Stores]:
    if storage_url:
        async with open_door() as door, open_database(door, storage_url, max_size=2) as database:
            yield Stores(
                PostgresFiles(database),
                PostgresFirmwareImages(database),
                PostgresPictures(database),
                PostgresStations(database),
                PostgresPlaces(database),
                PostgresInventory(database),
            )
    else:
        tables = FakeTables()
        inventory = FakeInventory(tables)
        files = FakeFiles(tables, inventory)
        yield Stores(
            files,
            FakeFirmwareImages(files, inventory),
            FakePictures(files, tables),
            FakeStations(tables),
            FakePlaces(tables),
            inventory,
        )


def a_file(
    name: str, kind: FileKind = FileKind.LOG, *, station: int | None = None, job: int | None = None, at: datetime = NOW
) -> StoredFile:
    digest = hashlib.sha256(name.encode()).hexdigest()
    return StoredFile(0, kind, digest[:32], name, "text/plain", 7, digest, station, None, job, "users/1", at)


def a_transfer(station: int, token: bytes, direction: Direction = Direction.UPLOAD, **more: object) -> Transfer:
    made = Transfer(
        0, token, direction, station, None, None, "", 99, 0, TransferState.OPEN, "", NOW, NOW + timedelta(hours=1)
    )
    return msgspec.structs.replace(made, **more)


async def test_logs_are_read_newest_first_and_within_a_scope(stores: Stores) -> None:
    one, two = await stores.station("CP-1"), await stores.station("CP-2")
    made = [await stores.files.add(a_file(f"{n}", station=(one, two)[n % 2], job=n)) for n in range(4)]
    await stores.files.add(a_file("fw", FileKind.FIRMWARE))
    assert await stores.files.page_logs(None, size=3) == made[:0:-1]
    assert await stores.files.page_logs(None, size=9, before=made[1].id) == [made[0]]
    assert await stores.files.page_logs(None, size=9, station_id=two) == [made[3], made[1]]
    assert await stores.files.page_logs(None, size=9, job_id=2) == [made[2]]
    assert await stores.files.page_logs(Scope(station_ids=frozenset({one})), size=9) == [made[2], made[0]]
    assert await stores.files.page_logs(Scope(), size=9) == []
    assert await stores.files.page_logs(None, size=9, station_id=NOWHERE) == []
    assert await stores.files.usage() == (35, 5)
    assert await stores.files.find(made[0].id) == made[0]
    assert await stores.files.find(NOWHERE) is None
    assert await stores.files.delete(made[0].id) == made[0]
    assert await stores.files.delete(made[0].id) is None
    assert made[1].vault_name in await stores.files.vault_names()
    with pytest.raises(NotFound):
        await stores.files.add(a_file("lost", station=10**9))


async def test_old_logs_are_found_and_nothing_else(stores: Stores) -> None:
    station = await stores.station()
    old = await stores.files.add(a_file("old", station=station, at=NOW - timedelta(days=9)))
    await stores.files.add(a_file("new", station=station))
    await stores.files.add(a_file("fw", FileKind.FIRMWARE, at=NOW - timedelta(days=9)))
    assert await stores.files.old_logs(NOW - timedelta(days=1), 10) == [old]


async def test_limits_are_kept(stores: Stores) -> None:
    assert await stores.files.limits() == FileLimits()
    await stores.files.set_limits(FileLimits(1, 2, 3, 4, 5, 6))
    assert await stores.files.limits() == FileLimits(1, 2, 3, 4, 5, 6)


@pytest.mark.feature("F-FILE-1")
async def test_an_upload_is_kept_once(stores: Stores) -> None:
    station = await stores.station()
    begun = await stores.files.begin(a_transfer(station, b"secret"))
    assert await stores.files.take(b"wrong", NOW, "192.0.2.1") is None
    assert await stores.files.take(b"secret", NOW + timedelta(hours=1), "192.0.2.1") is None
    for attempt in (1, 2):
        taken = await stores.files.take(b"secret", NOW, "192.0.2.1")
        assert taken == (msgspec.structs.replace(begun, attempts=attempt, address="192.0.2.1"), None)
    kept = await stores.files.arrived(begun.id, a_file("a", station=station), NOW)
    assert kept is not None
    assert await stores.files.find(kept.id) == kept
    assert await stores.files.arrived(begun.id, a_file("b", station=station), NOW) is None
    assert await stores.files.take(b"secret", NOW, "192.0.2.1") is None
    assert len(await stores.files.page_logs(None, size=9)) == 1


async def test_transfers_end_with_their_job(stores: Stores) -> None:
    station = await stores.station()
    job = await stores.inventory.begin_job(station, JobKind.LOG_UPLOAD, b"{}", NOW)
    begun = await stores.files.begin(a_transfer(station, b"one", job_id=job.id))
    await stores.files.close_transfers(job_id=job.id, now=NOW)
    assert await stores.files.take(b"one", NOW, "") is None
    assert await stores.files.arrived(begun.id, a_file("a", station=station), NOW) is None
    await stores.files.begin(a_transfer(station, b"two", job_id=job.id))
    await stores.inventory.change_job(job.id, JobState.SUCCEEDED, NOW)
    assert await stores.files.clear_transfers(NOW, NOW + timedelta(minutes=59)) == 0
    assert await stores.files.take(b"two", NOW, "") is not None
    assert await stores.files.clear_transfers(NOW, NOW + timedelta(minutes=61)) == 0
    assert await stores.files.take(b"two", NOW, "") is None
    assert await stores.files.clear_transfers(NOW + timedelta(days=1), NOW) == 2
    with pytest.raises(NotFound):
        await stores.files.begin(a_transfer(10**9, b"three"))


def an_image(version: str, vendor: str = "Acme", models: tuple[str, ...] = (), **more: str) -> FirmwareImage:
    file = a_file(f"{vendor}{models}{version}", FileKind.FIRMWARE)
    return FirmwareImage(0, file, vendor, models, version, **more)


@pytest.mark.feature("F-OPS-2")
async def test_the_newest_image_for_a_station_is_found(stores: Stores) -> None:
    for image in (
        an_image("1.9"),
        an_image("1.10", min_version="1.5", notes="new", signature="QQ==", signing_certificate="PEM"),
        an_image("2.0", models=("Y", "X")),
        an_image("9", "Other"),
    ):
        made = await stores.images.create(image)
        assert await stores.images.find(made.id) == made
        assert (made.version, made.models) == (image.version, tuple(sorted(image.models)))
    assert [image.version for image in await stores.images.list()] == ["2.0", "1.10", "1.9", "9"]
    assert [image.version for image in await stores.images.list("ACME", "z")] == ["1.10", "1.9"]

    async def newest(model: str, current: str | None = None) -> str | None:
        found = await stores.images.newest_for("acme", model, current)
        return None if found is None else found.version

    assert [await newest("x"), await newest("z"), await newest("z", "1.0")] == ["2.0", "1.10", "1.9"]
    assert [await newest("z", "1.10"), await newest("z", "3.0")] == [None, None]
    assert await stores.images.newest_for("", "x") is None
    assert await stores.images.find(NOWHERE) is None
    with pytest.raises(AlreadyExists):
        await stores.images.create(an_image("2.0", "ACME", ("X", "Y")))


async def test_an_image_that_is_being_fetched_stays(stores: Stores) -> None:
    station = await stores.station()
    image = await stores.images.create(an_image("1"))
    job = await stores.inventory.begin_job(station, JobKind.FIRMWARE_UPDATE, b"{}", NOW)
    await stores.files.begin(
        a_transfer(station, b"token", Direction.DOWNLOAD, job_id=job.id, file_id=image.file.id, filename="fw")
    )
    taken = await stores.files.take(b"token", NOW, "")
    assert taken is not None
    assert taken[1] == image.file
    with pytest.raises(FailedPrecondition):
        await stores.images.delete(image.id, NOW)
    await stores.inventory.change_job(job.id, JobState.SUCCEEDED, NOW)
    assert await stores.images.delete(image.id, NOW) == image
    assert await stores.files.find(image.file.id) is None
    with pytest.raises(NotFound):
        await stores.images.delete(image.id, NOW)


def a_picture(name: str, slot: int = 0, *, station: int | None = None, place: int | None = None) -> Picture:
    kind = FileKind.PICTURE if place is None else FileKind.FLOOR_PLAN
    large, small = (
        msgspec.structs.replace(a_file(f"{name}{size}", kind, station=station), place_id=place) for size in "LS"
    )
    return Picture(large, small, 40, 30, slot)


@pytest.mark.feature("F-STA-5")
async def test_a_picture_takes_the_place_of_another(stores: Stores) -> None:
    station = await stores.station()
    first, old = await stores.pictures.put_picture(station, a_picture("a", 1, station=station))
    assert old is None
    other, _ = await stores.pictures.put_picture(station, a_picture("b", 2, station=station))
    assert await stores.pictures.pictures(station) == [first, other]
    second, old = await stores.pictures.put_picture(station, a_picture("c", 1, station=station))
    assert old == first
    assert await stores.pictures.pictures(station) == [second, other]
    assert await stores.files.find(first.thumbnail.id) is None
    assert await stores.pictures.delete_picture(station, 1) == second
    assert await stores.pictures.delete_picture(station, 1) is None
    assert (await stores.files.usage())[1] == 2
    with pytest.raises(NotFound):
        await stores.pictures.put_picture(10**9, a_picture("d", 1, station=10**9))


@pytest.mark.feature("F-STA-9")
async def test_stations_are_on_the_plan_of_the_place_that_they_stand_in(stores: Stores) -> None:
    site = await stores.places.create(Place(0, SYSTEM_ID, PlaceKind.SITE, "Harbour"))
    station = await stores.station(place_id=site.id)
    plan, _ = await stores.pictures.put_plan(site.id, a_picture("p", place=site.id))
    assert await stores.pictures.find_plan(site.id) == plan
    await stores.pictures.set_position(Position(station, 0.25, 1.0))
    await stores.pictures.set_position(Position(station, 0.5, 0.0))
    assert await stores.pictures.positions(site.id, None) == [Position(station, 0.5, 0.0)]
    assert await stores.pictures.positions(site.id, Scope(station_ids=frozenset({10**9}))) == []
    await stores.places.move_stations([station], SYSTEM_ID)
    assert await stores.pictures.positions(site.id, None) == []
    await stores.places.move_stations([station], site.id)
    assert await stores.pictures.positions(site.id, None) == [Position(station, 0.5, 0.0)]
    await stores.pictures.remove_position(station)
    assert await stores.pictures.positions(site.id, None) == []
    assert await stores.pictures.delete_plan(site.id) == plan
    assert await stores.pictures.find_plan(site.id) is None
    assert await stores.pictures.positions(NOWHERE, None) == []
    with pytest.raises(NotFound):
        await stores.pictures.set_position(Position(10**9, 0.5, 0.5))
