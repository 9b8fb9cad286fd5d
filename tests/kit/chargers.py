"""Charging stations that remember what was acknowledged, and the check that all of it is kept, once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import trio

from control.v1 import sessions_pb2
from tests.kit.product import Api, HandshakeError, Product, Station, station

T0 = datetime(2026, 3, 1, 10, tzinfo=UTC)
ID_TOKEN = "CHARGERS"
FRESH = 3
"""Acknowledged readings of each charger before the mishap begins, and again before it counts as over."""


class Charger:
    """Sends one reading after another, keeps what was not acknowledged, and remembers what was."""

    def __init__(self, product: Product, index: int) -> None:
        self.product = product
        self.identity = f"K{index:03d}"
        self.transaction: int | None = None
        self.acknowledged: list[int] = []
        self.farewells: list[tuple[float, int | None]] = []
        """(trio's time, WebSocket close code) of each link that the other side ended."""
        self.link: Station | None = None
        self.next = 0
        self.ended = False
        self.wind_up = False

    @property
    def connected(self) -> bool:
        return self.link is not None and not self.link.closed.is_set()

    def time(self) -> str:
        return (T0 + timedelta(seconds=self.next)).isoformat()

    async def run(self) -> None:
        while not self.ended:
            try:
                async with station(self.product, self.identity) as self.link:
                    try:
                        await self.work(self.link)
                    finally:
                        if self.link.closed.is_set():
                            self.farewells.append((trio.current_time(), self.link.close_code))
            except* (OSError, HandshakeError, ConnectionError):
                await trio.sleep(0.3)

    async def work(self, link: Station) -> None:
        await link.boot()
        if self.transaction is None:
            begun = await link.call(
                "StartTransaction", connectorId=1, idTag=ID_TOKEN, meterStart=0, timestamp=T0.isoformat()
            )
            self.transaction = begun["transactionId"]
        while not self.wind_up:
            sample = [{"value": str(self.next + 1), "unit": "Wh"}]
            await link.call(
                "MeterValues",
                connectorId=1,
                transactionId=self.transaction,
                meterValue=[{"timestamp": self.time(), "sampledValue": sample}],
            )
            self.acknowledged.append(self.next + 1)
            self.next += 1
            await trio.sleep(0.2)
        await link.call(
            "StopTransaction", transactionId=self.transaction, meterStop=self.next + 10, timestamp=self.time()
        )
        self.ended = True


async def in_the_middle_of_charging(
    product: Product,
    count: int,
    mishap: Callable[[Sequence[Charger]], Awaitable[None]],
    *,
    patience: float = 400.0,
    recovery: float = 150.0,
) -> list[Charger]:
    """`count` chargers charge, the mishap happens, all go on within `recovery` seconds and stop their transactions."""
    chargers = [Charger(product, index) for index in range(count)]
    with trio.fail_after(patience):
        async with trio.open_nursery() as nursery:
            for charger in chargers:
                nursery.start_soon(charger.run)
            while not all(len(charger.acknowledged) >= FRESH for charger in chargers):
                await trio.sleep(0.1)
            await mishap(chargers)
            reached = [len(charger.acknowledged) for charger in chargers]
            with trio.fail_after(recovery):
                while not all(len(c.acknowledged) >= n + FRESH for c, n in zip(chargers, reached, strict=True)):
                    await trio.sleep(0.1)
            for charger in chargers:
                charger.wind_up = True
    return chargers


async def check_nothing_is_missing_or_double(control: Api, chargers: Sequence[Charger]) -> None:
    """Over the control API: one ended session for each charger, with each acknowledged reading once, in order."""
    wanted = sessions_pb2.SessionFilter(id_token=ID_TOKEN)
    request = sessions_pb2.ListSessionsRequest(filter=wanted, page_size=1000)
    listed = await ask(control.sessions.ListSessions, request)
    by_station = {session.station_identity: session for session in listed.sessions}
    assert len(listed.sessions) == len(by_station) == len(chargers)
    for charger in chargers:
        session = by_station[charger.identity]
        assert session.name == f"sessions/{charger.transaction}"
        assert session.state == sessions_pb2.SESSION_STATE_ENDED
        assert session.energy_wh == charger.next + 10
        values = sessions_pb2.ListMeterValuesRequest(session=session.name, page_size=10_000)
        page = await ask(control.sessions.ListMeterValues, values)
        kept = [int(value.sampled_values[0].value) for value in page.meter_values]
        assert kept == sorted(set(kept))
        assert set(charger.acknowledged) <= set(kept)


async def ask(method: Any, request: Any, *, timeout: float = 60.0) -> Any:
    """A blocking stub, from trio. Raises grpc.RpcError."""
    return await trio.to_thread.run_sync(partial(method, request, timeout=timeout), abandon_on_cancel=True)
