"""OCPP 1.6J, a Central System's core cases (the numbers are those of the Open Charge Alliance's certification plan)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.kit.desk import Desk
from tests.kit.product import Product
from tests.kit.simulators import Simulator, moment, simulator

pytestmark = [pytest.mark.system, pytest.mark.feature("F-OCPP-1")]


@asynccontextmanager
async def charging_station(running: Product, desk: Desk, identity: str) -> AsyncIterator[tuple[Simulator, str]]:
    """Known, connected, booted and available: (station, its name)."""
    name = await desk.add_station(identity)
    async with simulator(running, identity, "1.6") as cp:
        await cold_boot(cp)
        yield cp, name


async def cold_boot(cp: Simulator) -> dict[str, Any]:
    """BootNotification, then a StatusNotification for the station and its connector."""
    boot = await cp.send(cp.calls.BootNotification(charge_point_vendor="Acme", charge_point_model="One"))
    for connector in (0, 1):
        await cp.send(cp.calls.StatusNotification(connector_id=connector, error_code="NoError", status="Available"))
    return boot


async def test_tc_001_cold_boot_charge_point(running: Product, desk: Desk) -> None:
    name = await desk.add_station("TC-001")
    async with simulator(running, "TC-001", "1.6") as cp:
        boot = await cold_boot(cp)
        assert boot["status"] == "Accepted"
        assert boot["interval"] > 0
        station = await desk.station(name)
        assert station.boot_info.vendor == "Acme"
        assert [connector.status for evse in station.evses for connector in evse.connectors] == [1]


async def test_tc_003_regular_charging_session_plugin_first(running: Product, desk: Desk) -> None:
    await desk.add_token("TC003")
    async with charging_station(running, desk, "TC-003") as (cp, name):
        await cp.send(cp.calls.StatusNotification(connector_id=1, error_code="NoError", status="Preparing"))
        allowed = await cp.send(cp.calls.Authorize(id_tag="TC003"))
        assert allowed["idTagInfo"]["status"] == "Accepted"
        begun = await cp.send(
            cp.calls.StartTransaction(connector_id=1, id_tag="TC003", meter_start=1000, timestamp=moment())
        )
        assert begun["idTagInfo"]["status"] == "Accepted"
        await cp.send(cp.calls.StatusNotification(connector_id=1, error_code="NoError", status="Charging"))
        ended = await cp.send(
            cp.calls.StopTransaction(
                transaction_id=begun["transactionId"],
                meter_stop=3500,
                timestamp=moment(2),
                id_tag="TC003",
                reason="Local",
            )
        )
        assert ended["idTagInfo"]["status"] == "Accepted"
        (session,) = await desk.sessions(name)
        assert (session.energy_wh, session.id_token, session.stop_reason) == (2500.0, "TC003", "Local")
