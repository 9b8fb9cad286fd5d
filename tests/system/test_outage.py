"""The database is away for a while: nothing is answered that is not kept, and everything resumes by itself."""

from __future__ import annotations

import os
import signal
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
import trio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from control.v1 import remote_pb2, stations_pb2
from csms.storage.postgres import EmbeddedPostgres
from tests.kit.cable import cable
from tests.kit.chargers import Charger, ask, check_nothing_is_missing_or_double, in_the_middle_of_charging
from tests.kit.database import temporary_folder
from tests.kit.patience import PATIENCE_S
from tests.kit.product import Api, Product, api, product

pytestmark = [pytest.mark.system, pytest.mark.timeout(600), pytest.mark.feature("F-OCPP-8")]

STATIONS = 30
BOUND = 2.0
"""Seconds that answers wait, by setting; then the links close."""
MUCH_LATER = 25.0
"""Seconds. Statements of their own accord are given up later; a busy machine may take some to close a link."""
TRY_AGAIN_LATER = 1013
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


async def until(what: str, true: Callable[[], bool]) -> None:
    with trio.move_on_after(PATIENCE_S):
        while not await trio.to_thread.run_sync(true, abandon_on_cancel=True):
            await trio.sleep(0.05)
        return
    pytest.fail(f"it never came true: {what}")


def health(running: Product) -> int:
    with grpc.insecure_channel(f"127.0.0.1:{running.control_port}") as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=60)
    return int(answer.status)


def ready(running: Product) -> int:
    """What the portal's /readyz says; 0 when there is no portal yet."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{running.portal_port}/readyz", timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


async def is_refused_with_a_sentence(method: object, request: object) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        await ask(method, request, timeout=60)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE, caught.value
    said = caught.value.details() or ""
    assert said.startswith("The database"), said
    assert said.endswith("Try again in a moment."), said


async def outlast(running: Product, control: Api, chargers: Sequence[Charger], began: float) -> None:
    """What must be seen while the database is away, from the moment it went (`began`, trio's time)."""
    acknowledged = [len(charger.acknowledged) for charger in chargers]
    online = sum(charger.connected for charger in chargers)
    assert online == STATIONS
    listed = stations_pb2.ListStationsRequest(page_size=1)
    reset = remote_pb2.ResetRequest(
        target=remote_pb2.CommandTarget(station="stations/1"), type=remote_pb2.RESET_TYPE_IMMEDIATE
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(is_refused_with_a_sentence, control.stations.ListStations, listed)
        nursery.start_soon(is_refused_with_a_sentence, control.remote.Reset, reset)
        nursery.start_soon(until, "health says NOT_SERVING", lambda: health(running) == NOT_SERVING)
        if running.portal:
            nursery.start_soon(until, "/readyz says 503", lambda: ready(running) == 503)
        nursery.start_soon(until, "all links close", lambda: all(charger.farewells for charger in chargers))
    for charger in chargers:
        at, code = charger.farewells[0]
        assert code == TRY_AGAIN_LATER
        assert BOUND - 0.5 <= at - began <= MUCH_LATER, f"{charger.identity} was let go after {at - began:.1f} s"
    for charger, before in zip(chargers, acknowledged, strict=True):
        assert len(charger.acknowledged) <= before + 1  # one answer may have been under way


async def recovers(running: Product) -> None:
    await until("health says SERVING", lambda: health(running) == SERVING)
    if running.portal:
        await until("/readyz says 200", lambda: ready(running) == 200)


def family(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


@contextmanager
def frozen(postmaster: int) -> Iterator[None]:
    os.kill(postmaster, signal.SIGSTOP)  # first, so that it makes no more children
    stopped = family(postmaster)
    try:
        for pid in stopped[1:]:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)


@pytest.fixture
def own_server() -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL that is not the product's to look after."""
    with temporary_folder() as folder:
        made = EmbeddedPostgres(folder / "pg")
        made.start()
        try:
            yield made
        finally:
            made.stop()


async def test_postgresql_hangs() -> None:
    with (
        product(portal=True, unknown_stations="accept", durable_timeout=str(BOUND)) as running,
        api(running) as control,
    ):
        await until("the portal is up", lambda: ready(running) == 200)

        async def mishap(chargers: Sequence[Charger]) -> None:
            with frozen(running.postgres_pid()):
                await outlast(running, control, chargers, trio.current_time())
            await recovers(running)

        chargers = await in_the_middle_of_charging(running, STATIONS, mishap, recovery=120)
        await check_nothing_is_missing_or_double(control, chargers)
        assert "Traceback" not in running.log.read_text()


async def test_a_database_server_of_ones_own_is_restarted(own_server: EmbeddedPostgres) -> None:
    with (
        product(unknown_stations="accept", durable_timeout=str(BOUND), database_url=own_server.dsn) as running,
        api(running) as control,
    ):

        async def mishap(chargers: Sequence[Charger]) -> None:
            began = trio.current_time()
            own_server.stop()  # it blocks this thread, and its chargers, for a moment: it must be the main one
            await outlast(running, control, chargers, began)
            await trio.sleep_until(began + 6)
            own_server.start()
            await recovers(running)

        chargers = await in_the_middle_of_charging(running, STATIONS, mishap, recovery=120)
        await check_nothing_is_missing_or_double(control, chargers)
        assert "Traceback" not in running.log.read_text()


@pytest.mark.parametrize("reset", [True, False], ids=["then reset", "the old connections stay dead"])
async def test_the_network_to_the_database_is_cut(own_server: EmbeddedPostgres, reset: bool) -> None:
    path = own_server.folder.socket_folder / ".s.PGSQL.5432"
    async with cable(lambda: trio.open_unix_socket(path)) as wire:
        url = f"postgresql://chargehouse@127.0.0.1:{wire.port}/chargehouse"
        running = Product(
            own_server.folder.path.parent,
            portal=False,
            settings={
                "unknown-stations": "accept",
                "durable-timeout": str(BOUND),
                "database-url": url,
            },
        )
        try:
            await trio.to_thread.run_sync(running.start)
            with api(running) as control:

                async def mishap(chargers: Sequence[Charger]) -> None:
                    wire.pull()
                    await outlast(running, control, chargers, trio.current_time())
                    wire.plug_in(reset=reset)
                    await recovers(running)

                chargers = await in_the_middle_of_charging(running, STATIONS, mishap, recovery=120)
                await check_nothing_is_missing_or_double(control, chargers)
        finally:
            wire.plug_in(reset=True)
            if running.process is not None and running.process.poll() is None:
                await trio.to_thread.run_sync(running.stop)
        assert "Traceback" not in running.log.read_text()
