"""The load tester's stations, of each version, under an operator's orders on the real product.

Two implementations that share no code: what one says, the other must understand.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial

import pytest
import trio

from control.v1 import inventory_pb2
from loadtest.ledger import compare
from loadtest.probe import Probe
from loadtest.scenario import StationPlan
from loadtest.session import RunClock
from loadtest.station import Habits, Station
from loadtest.tally import Tally
from loadtest.target import parse_target
from tests.kit.desk import Desk
from tests.kit.desk import desk as open_desk
from tests.kit.product import Product
from tests.kit.product import product as start_product

pytestmark = [pytest.mark.system, pytest.mark.feature("F-SYS-5"), pytest.mark.timeout(600)]
HABITS = Habits(
    meter_interval=0.5, time_scale=120.0, call_timeout=15.0, remote_session_length=600.0, install_seconds=0.2
)


@pytest.fixture(scope="module")
def running() -> Iterator[Product]:
    with start_product() as made:
        yield made


@pytest.fixture(scope="module")
def desk(running: Product) -> Iterator[Desk]:
    with open_desk(running) as made:
        yield made


@asynccontextmanager
async def living(running: Product, identity: str, version: str) -> AsyncIterator[tuple[Station, Tally]]:
    """A station that has booted."""
    clock = RunClock(trio.current_time(), datetime.now(UTC))
    tally = Tally(clock.began)
    plan = StationPlan(identity, 0.0, identity, ((), ()), version)
    dial = partial(trio.open_tcp_stream, "127.0.0.1", running.ocpp_port)
    address = parse_target(running.ocpp).address(identity, None)
    station = Station(plan, dial, address, tally=tally, clock=clock, habits=HABITS)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(station.run)
        await until(lambda: station.accepted and station.outbox.online and len(station.outbox) == 0)
        yield station, tally
        nursery.cancel_scope.cancel()


async def until(happy: Callable[[], bool], seconds: float = 90.0) -> None:
    with trio.fail_after(seconds):
        while not happy():
            await trio.sleep(0.02)


@pytest.mark.parametrize("version", ["1.5", "1.6", "2.0.1", "2.1"])
async def test_a_station_obeys_its_operator(running: Product, desk: Desk, version: str) -> None:
    began = datetime.now(UTC)
    identity = f"OBEYS-{version}"
    tag = f"TAG-{version}"
    name = await desk.add_station(identity)
    await desk.add_token(tag)
    target = {"station": name}
    async with living(running, identity, version) as (station, tally):
        connector = station.connectors[0]
        started = await desk.call("remote.RequestStartTransaction", target=target, id_token=tag, evse_id=1)
        assert started.result.accepted
        await until(lambda: connector.status == "Charging")
        if version != "1.5":
            done = await desk.call("smart_charging.SetChargingProfile", target=target, evse_id=1, profile=ten_amperes())
            assert done.result.accepted
            await until(lambda: connector.meter.limit_w == 2300.0 * connector.meter.phases)
        await until(lambda: len(station.ledger[0].samples_acknowledged) >= 3)
        await a_log(desk, name)
        await new_firmware(desk, name, station)
        await until(lambda: station.finished)
        assert station.ledger[0].remote
        with Probe(f"127.0.0.1:{running.control_port}", running.key) as probe:
            seen = await trio.to_thread.run_sync(probe.sessions, [identity], began, datetime.now(UTC))
        assert len(seen) == 1
        assert compare(station.ledger, seen) == []
        assert {kind for kind in tally.errors if "CALLERROR" in kind} == set()


def ten_amperes() -> dict[str, object]:
    """A charging profile from midnight on."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    schedule = {
        "id": 1,
        "charging_rate_unit": "A",
        "start_schedule": midnight.isoformat().replace("+00:00", "Z"),
        "charging_schedule_period": [{"start_period": 0, "limit": 10.0}],
    }
    return {
        "id": 2,
        "charging_profile_purpose": "TxDefaultProfile",
        "charging_profile_kind": "Absolute",
        "charging_schedule": [schedule],
    }


async def a_log(desk: Desk, name: str) -> None:
    """It is asked for, and it is there."""
    asked = await desk.call("maintenance.GetLog", target={"station": name}, log_type="LOG_TYPE_DIAGNOSTICS")
    assert asked.result.accepted

    async def files() -> list[object]:
        return list((await desk.call("files.ListFiles", job=asked.job.name)).files)

    await desk.until(files, lambda found: found and found[0].size_bytes > 5000)
    await finished(desk, asked.job.name)


async def new_firmware(desk: Desk, name: str, station: Station) -> None:
    """It is fetched and booted with; the session that went on ends."""
    location = "http://127.0.0.1:1/nothing"  # nobody listens there
    failing = await desk.call("maintenance.UpdateFirmware", target={"station": name}, location=location)
    await finished(desk, failing.job.name, inventory_pb2.JOB_STATE_FAILED)
    far = "ftp://firmware.example.org/a.bin"
    asked = await desk.call("maintenance.UpdateFirmware", target={"station": name}, location=far)
    await finished(desk, asked.job.name)
    assert station.firmware == "1.1.0"

    async def told() -> str:
        return str((await desk.station(name)).boot_info.firmware_version)

    await desk.until(told, lambda version: version == "1.1.0")


async def finished(desk: Desk, name: str, state: int = inventory_pb2.JOB_STATE_SUCCEEDED) -> None:
    async def job() -> object:
        return (await desk.call("inventory.GetJob", name=name)).job

    await desk.until(job, lambda found: found.state == state, f"in state {state}")
