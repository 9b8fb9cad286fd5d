"""Which address a station is given, what becomes of it, and what is cleared away."""

from __future__ import annotations

import contextlib
from datetime import timedelta

import msgspec
import pytest

from csms.domain.commands import Answer, Outcome
from csms.domain.errors import Exhausted, FailedPrecondition, InvalidArgument, NotFound, Unavailable
from csms.domain.maintenance import GetLog, LogType
from csms.domain.transfers import FileLimits, TransferState
from csms.ports.directory import Settled
from csms.ports.inventory import VariableKey
from csms.services.maintenance import FirmwareOrder, LogOrder
from csms.services.remote import Target
from csms.services.transfers import FileProtocol, Taken, clean_content_type
from tests.kit.service_world import NOW, SUPPORT, ServiceWorld

pytestmark = pytest.mark.feature("F-FILE-1")
ALL = {each: f"{each.value}://files.test/" for each in FileProtocol}


async def a_world() -> tuple[ServiceWorld, int]:
    world = ServiceWorld()
    world.transfers.addresses = dict(ALL)
    return world, await world.add_station("CP-1")


async def taken(world: ServiceWorld, station: int, job: int = 1) -> Taken:
    offer = await world.transfers.offer_upload(station, job, FileProtocol.HTTP)
    found = await world.transfers.take(offer.url.split("/")[3], "192.0.2.1")
    assert found is not None
    return found


async def test_the_protocol_is_one_that_the_station_knows() -> None:
    world, station = await a_world()
    choose = world.transfers.protocol_for
    assert await choose(station, None) is FileProtocol.HTTP
    await world.station_store.set_security_profile(station, 2)
    assert await choose(station, None) is FileProtocol.HTTPS
    key = VariableKey("", "", 0, 0, "SupportedFileTransferProtocols", "", "Actual")
    await world.inventory_store.put_variable(station, key, "FTP, SFTP ,FTPS", NOW)
    assert await choose(station, None) is FileProtocol.FTPS
    assert await choose(station, FileProtocol.HTTP) is FileProtocol.HTTP
    del world.transfers.addresses[FileProtocol.FTPS], world.transfers.addresses[FileProtocol.FTP]
    for wanted in (None, FileProtocol.FTP):
        with pytest.raises(FailedPrecondition) as none:
            await choose(station, wanted)
        assert none.value.reason == "NO_FILE_SERVER"


@pytest.mark.feature("F-OPS-3")
async def test_a_log_is_ordered_to_an_address_that_nobody_else_reads() -> None:
    world, station = await a_world()
    done = await world.maintenance.get_log(SUPPORT, Target(station), LogOrder(LogType.DIAGNOSTICS))
    (command,) = [each[1] for each in world.directory.sent]
    assert isinstance(command, GetLog)
    token = command.location.removeprefix("http://files.test/").removesuffix("/")
    assert len(token) == 43
    assert token.encode() not in done.job.request
    (transfer,) = world.file_store.transfers.values()
    assert (transfer.job_id, transfer.state, token.encode() in transfer.token_digest) == (
        done.job.id,
        TransferState.OPEN,
        False,
    )


@pytest.mark.parametrize(
    "answer",
    [
        Settled(Outcome.ANSWERED, Answer("Rejected", accepted=False), 0.1),
        Settled(Outcome.OFFLINE),
    ],
)
async def test_the_address_of_a_refused_order_is_none(answer: Settled) -> None:
    world, station = await a_world()
    world.directory.settled = [answer]
    with contextlib.suppress(FailedPrecondition):
        await world.maintenance.get_log(SUPPORT, Target(station), LogOrder(LogType.DIAGNOSTICS))
    (transfer,) = world.file_store.transfers.values()
    assert transfer.state is TransferState.CLOSED


async def test_a_newer_order_ends_the_address_of_the_older_one() -> None:
    world, station = await a_world()
    for _ in range(2):
        await world.maintenance.get_log(SUPPORT, Target(station), LogOrder(LogType.DIAGNOSTICS))
    states = [transfer.state for transfer in world.file_store.transfers.values()]
    assert states == [TransferState.CLOSED, TransferState.OPEN]


async def test_an_image_and_a_location_exclude_each_other() -> None:
    world, station = await a_world()
    with pytest.raises(InvalidArgument):
        await world.maintenance.update_firmware(SUPPORT, Target(station), FirmwareOrder("http://x/fw", image_id=1))
    with pytest.raises(NotFound) as none:
        await world.maintenance.update_firmware(SUPPORT, Target(station), FirmwareOrder(image_id=1))
    assert none.value.reason == "FIRMWARE_IMAGE_NOT_FOUND"


async def test_an_upload_is_under_way_once_and_can_begin_again() -> None:
    world, station = await a_world()
    found = await taken(world, station)
    receipt = await world.transfers.receive(found)
    with pytest.raises(FailedPrecondition) as busy:
        await world.transfers.receive(found)
    assert busy.value.reason == "TRANSFER_BUSY"
    receipt.abandon()
    receipt = await world.transfers.receive(found)
    receipt.incoming.write(b"x")
    kept = await receipt.finish("a/b\\c.log")
    receipt.abandon()
    assert (kept.filename, world.vault.contents[kept.vault_name]) == ("c.log", b"x")
    late = await world.transfers.receive(found)
    with pytest.raises(FailedPrecondition) as over:
        await late.finish("again")
    assert over.value.reason == "TRANSFER_OVER"
    assert len(world.vault.contents) == 1


async def test_a_row_that_may_have_been_written_keeps_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    world, station = await a_world()
    receipt = await world.transfers.receive(await taken(world, station))

    async def away(*_args: object) -> None:
        raise Unavailable("gone")

    monkeypatch.setattr(world.file_store, "arrived", away)
    with pytest.raises(Unavailable):
        await receipt.finish("log")
    assert len(world.vault.contents) == 1
    await world.transfers.sweep()
    assert world.vault.contents == {}


async def test_announced_sizes_are_checked_first() -> None:
    world, station = await a_world()
    found = await taken(world, station)
    with pytest.raises(Exhausted) as large:
        await world.transfers.receive(found, 10**12)
    assert large.value.reason == "FILE_TOO_LARGE"
    await world.file_store.set_limits(FileLimits(quota_bytes=5))
    with pytest.raises(Exhausted) as full:
        await world.transfers.receive(found, 6)
    assert full.value.reason == "STORAGE_FULL"
    await world.file_store.set_limits(FileLimits())
    (await world.transfers.receive(found, 6)).abandon()


async def test_old_logs_and_old_transfers_go() -> None:
    world, station = await a_world()
    receipt = await world.transfers.receive(await taken(world, station))
    receipt.incoming.write(b"x")
    kept = await receipt.finish("log")
    await world.transfers.sweep()
    assert await world.file_store.find(kept.id) == kept
    world.time += timedelta(days=91)
    await world.transfers.sweep()
    assert (world.file_store.files, world.file_store.transfers, world.vault.contents) == ({}, {}, {})


async def test_an_upload_is_no_download() -> None:
    world, station = await a_world()
    found = await taken(world, station)
    with pytest.raises(FailedPrecondition):
        await world.transfers.read(found, 0, 1)
    with pytest.raises(FailedPrecondition):
        world.transfers.read_blocking(found, 0, 1)
    down = msgspec.structs.replace(found, transfer=msgspec.structs.replace(found.transfer, direction="DOWNLOAD"))
    with pytest.raises(FailedPrecondition):
        await world.transfers.receive(down)


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("text/plain; charset=x", "text/plain"),
        ("text/html", "application/octet-stream"),
        ("", "application/octet-stream"),
    ],
)
def test_no_browser_runs_what_a_station_sent(told: str, kept: str) -> None:
    assert clean_content_type(told) == kept
