"""Who may charge where, on the real product: cards in their printed form, an open outlet, free vend, a limit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trio

from tests.kit.desk import Desk
from tests.kit.desk import desk as open_desk
from tests.kit.product import Station, product
from tests.kit.product import station as connect

pytestmark = pytest.mark.system


BEGIN = datetime.now(UTC)


def moment(seconds: int) -> str:
    return (BEGIN + timedelta(seconds=seconds)).isoformat()


async def start(station: Station, connector: int, tag: str, at: int) -> dict[str, Any]:
    return await station.call("StartTransaction", connectorId=connector, idTag=tag, meterStart=0, timestamp=moment(at))


async def stop(station: Station, transaction_id: int, at: int, meter: int) -> None:
    await station.call("StopTransaction", transactionId=transaction_id, meterStop=meter, timestamp=moment(at))


async def session(desk: Desk, number: int) -> Any:
    return (await desk.call("sessions.GetSession", name=f"sessions/{number}")).session


@pytest.mark.feature("F-TAG-1", "F-TAG-3", "F-STA-10")
async def test_printed_cards_open_outlets_free_vend_and_limits() -> None:
    with product() as running, open_desk(running) as desk:
        name = (await desk.call("stations.CreateStation", station={"identity": "CP-1"})).station.name
        async with connect(running, "CP-1") as station:
            await station.boot()
            for connector in (1, 2):
                await station.call("StatusNotification", connectorId=connector, errorCode="NoError", status="Available")
            await desk.call("id_tokens.CreateIdToken", id_token={"id_token": "0077771716", "parent_id_token": "FLEET"})
            assert (await station.call("Authorize", idTag="04A2B3C4"))["idTagInfo"]["status"] == "Accepted"
            assert (await station.call("Authorize", idTag="STRANGER"))["idTagInfo"]["status"] == "Invalid"

            outlets = (await desk.call("outlets.ListOutlets", station=name)).outlets
            assert [outlet.evse_id for outlet in outlets] == [1, 2]
            await desk.call(
                "outlets.UpdateOutlet",
                outlet={"name": outlets[1].name, "mode": "OUTLET_MODE_OPEN"},
                update_mask="mode",
            )
            assert (await station.call("Authorize", idTag="STRANGER"))["idTagInfo"]["status"] == "Accepted"
            refused = await start(station, 1, "STRANGER", 1)
            assert refused["idTagInfo"]["status"] == "Invalid"
            assert "NOT_AUTHORIZED" in str((await session(desk, refused["transactionId"])).flags)
            welcome = await start(station, 2, "STRANGER", 2)
            assert welcome["idTagInfo"]["status"] == "Accepted"
            shown = await session(desk, welcome["transactionId"])
            assert "ANONYMOUS" in str(shown), shown

            await desk.call("outlets.SetChargeLimit", limit={"target": "tagGroups/FLEET", "energy_wh": 1000.0})
            begun = await start(station, 1, "04A2B3C4", 3)
            assert begun["idTagInfo"]["status"] == "Accepted"
            await desk.call("outlets.SetFreeVend", station=name, free_vend=True)
            assert (await start(station, 1, "NOBODY", 4))["idTagInfo"]["status"] == "Accepted"
            await desk.call("outlets.SetFreeVend", station=name, free_vend=False)
            await stop(station, begun["transactionId"], 5, 1500)
            with trio.fail_after(60):
                while (await desk.call("outlets.GetChargeLimit", target="tagGroups/FLEET")).limit.used_energy_wh < 1500:
                    await trio.sleep(0.2)
                outlet = {"name": outlets[1].name, "mode": "OUTLET_MODE_RFID"}
                await desk.call("outlets.UpdateOutlet", outlet=outlet, update_mask="mode")
                while (await station.call("Authorize", idTag="04A2B3C4"))["idTagInfo"]["status"] == "Accepted":
                    await trio.sleep(0.5)
