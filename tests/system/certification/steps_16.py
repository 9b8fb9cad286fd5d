"""What the stories of OCPP 1.6 are made of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.kit.desk import Desk
from tests.kit.product import Product
from tests.kit.simulators import Simulator, moment, simulator

ACTIVE, ENDED = 1, 2


@asynccontextmanager
async def charging_station(running: Product, desk: Desk, identity: str) -> AsyncIterator[tuple[Simulator, str]]:
    """Known, connected, booted and available: (station, its name)."""
    name = await desk.add_station(identity)
    async with simulator(running, identity, "1.6") as cp:
        await cold_boot(cp)
        yield cp, name


async def cold_boot(cp: Simulator) -> dict[str, Any]:
    """BootNotification, then a StatusNotification for the station and its connector; the boot's answer."""
    boot = await cp.send(cp.calls.BootNotification(charge_point_vendor="Acme", charge_point_model="One"))
    for connector in (0, 1):
        await status(cp, "Available", connector)
    return boot


async def status(cp: Simulator, word: str, connector: int = 1) -> None:
    """StatusNotification without a fault."""
    await cp.send(cp.calls.StatusNotification(connector_id=connector, error_code="NoError", status=word))


async def plugged_in(cp: Simulator) -> None:
    """The cable is in; nobody has shown a tag, or one has."""
    await status(cp, "Preparing")


async def start(cp: Simulator, tag: str, *, meter: int = 0, at: float = 0.0, connector: int = 1, **more: Any) -> int:
    """An accepted StartTransaction; its transactionId."""
    begun = await cp.send(
        cp.calls.StartTransaction(connector_id=connector, id_tag=tag, meter_start=meter, timestamp=moment(at), **more)
    )
    assert begun["idTagInfo"]["status"] == "Accepted", begun
    return int(begun["transactionId"])


async def stop(
    cp: Simulator,
    transaction: int,
    *,
    meter: int = 500,
    at: float = 1.0,
    tag: str | None = None,
    reason: str | None = None,
) -> dict[str, Any]:
    """StopTransaction; its answer."""
    return await cp.send(
        cp.calls.StopTransaction(
            meter_stop=meter, timestamp=moment(at), transaction_id=transaction, reason=reason, id_tag=tag
        )
    )


async def ongoing(desk: Desk, name: str) -> Any:
    """The station's one session, which is active."""
    return (await desk.until(lambda: desk.sessions(name), lambda found: _one(found, ACTIVE), "charging"))[0]


async def ended(desk: Desk, name: str) -> Any:
    """The station's one session, which is over."""
    return (await desk.until(lambda: desk.sessions(name), lambda found: _one(found, ENDED), "ended"))[0]


def _one(sessions: list[Any], state: int) -> bool:
    return len(sessions) == 1 and sessions[0].state == state
