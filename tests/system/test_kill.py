"""kill -9 in the middle of 200 charging stations: whatever was acknowledged is there, once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import trio

from control.v1 import sessions_pb2
from tests.kit.product import Api, HandshakeError, Product, Station, api, product, station

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

STATIONS = 200
T0 = datetime(2026, 3, 1, 10, tzinfo=UTC)


class Charger:
    """Sends one reading after another, keeps what was not acknowledged, and remembers what was."""

    def __init__(self, running: Product, index: int) -> None:
        self.product = running
        self.identity = f"K{index:03d}"
        self.transaction: int | None = None
        self.acknowledged: list[int] = []
        self.next = 0
        self.ended = False
        self.wind_up = False

    def time(self) -> str:
        return (T0 + timedelta(seconds=self.next)).isoformat()

    async def run(self) -> None:
        while not self.ended:
            try:
                async with station(self.product, self.identity) as charger:
                    await self.work(charger)
            except* (OSError, HandshakeError, ConnectionError):
                await trio.sleep(0.3)

    async def work(self, charger: Station) -> None:
        await charger.boot()
        if self.transaction is None:
            begun = await charger.call(
                "StartTransaction", connectorId=1, idTag="KILL", meterStart=0, timestamp=T0.isoformat()
            )
            self.transaction = begun["transactionId"]
        while not self.wind_up:
            sample = [{"value": str(self.next + 1), "unit": "Wh"}]
            await charger.call(
                "MeterValues",
                connectorId=1,
                transactionId=self.transaction,
                meterValue=[{"timestamp": self.time(), "sampledValue": sample}],
            )
            self.acknowledged.append(self.next + 1)
            self.next += 1
            await trio.sleep(0.2)
        await charger.call(
            "StopTransaction", transactionId=self.transaction, meterStop=self.next + 10, timestamp=self.time()
        )
        self.ended = True


async def in_the_middle_of_charging(running: Product, violence: Callable[[], None]) -> list[Charger]:
    chargers = [Charger(running, index) for index in range(STATIONS)]
    with trio.fail_after(150):
        async with trio.open_nursery() as nursery:
            for charger in chargers:
                nursery.start_soon(charger.run)
            while not all(len(charger.acknowledged) >= 3 for charger in chargers):
                await trio.sleep(0.1)
            await trio.to_thread.run_sync(violence)
            reached = [len(charger.acknowledged) for charger in chargers]
            while not all(len(c.acknowledged) >= n + 3 for c, n in zip(chargers, reached, strict=True)):
                await trio.sleep(0.1)
            for charger in chargers:
                charger.wind_up = True
    return chargers


async def check(control: Api, chargers: list[Charger]) -> None:
    wanted = sessions_pb2.SessionFilter(id_token="KILL")
    ask = partial(trio.to_thread.run_sync, abandon_on_cancel=True)
    request = sessions_pb2.ListSessionsRequest(filter=wanted, page_size=1000)
    listed = await ask(partial(control.sessions.ListSessions, request, timeout=30))
    by_station = {session.station_identity: session for session in listed.sessions}
    assert len(listed.sessions) == len(by_station) == STATIONS
    for charger in chargers:
        session = by_station[charger.identity]
        assert session.name == f"sessions/{charger.transaction}"
        assert session.state == sessions_pb2.SESSION_STATE_ENDED
        assert session.energy_wh == charger.next + 10
        values = sessions_pb2.ListMeterValuesRequest(session=session.name, page_size=10_000)
        page = await ask(partial(control.sessions.ListMeterValues, values, timeout=30))
        kept = [int(value.sampled_values[0].value) for value in page.meter_values]
        assert kept == sorted(set(kept))
        assert set(charger.acknowledged) <= set(kept)


@pytest.mark.feature("F-OCPP-8", "F-OCPP-9")
async def test_the_node_is_killed() -> None:
    with product(unknown_stations="accept") as running:

        def violence() -> None:
            running.kill()
            running.start()

        chargers = await in_the_middle_of_charging(running, violence)
        with api(running) as control:
            await check(control, chargers)


@pytest.mark.feature("F-OCPP-8", "F-OCPP-9")
async def test_postgresql_is_killed() -> None:
    with product(unknown_stations="accept") as running:
        chargers = await in_the_middle_of_charging(running, lambda: os.kill(running.postgres_pid(), signal.SIGKILL))
        assert running.process is not None
        assert running.process.poll() is None
        with api(running) as control:
            await check(control, chargers)
