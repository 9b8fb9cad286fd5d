"""A model that deviates, on the real product: strict, then by rules, then strict again; and the log of it exported."""

from __future__ import annotations

import pytest

from tests.kit.desk import Desk
from tests.kit.desk import desk as open_desk
from tests.kit.product import product
from tests.kit.raw_station import RawStation, raw_station

pytestmark = pytest.mark.system

BOOT = {"chargePointVendor": "Acme", "chargePointModel": "Z1"}


async def odd_status(station: RawStation, message_id: str) -> int:
    """3: it was read; 4: refused."""
    answer = await station.call(
        message_id, "StatusNotification", connectorId="1", status="charging", errorCode="noerror"
    )
    return int(answer[0])


async def set_rules(desk: Desk, *, enabled: bool) -> None:
    known = await desk.call("tolerance.ListRuleSets")
    for each in known.rule_sets:
        if each.title == "Acme Z1":
            await desk.call(
                "tolerance.UpdateRuleSet",
                rule_set={"name": each.name, "enabled": enabled},
                update_mask="enabled",
            )
            return
    wanted = {"title": "Acme Z1", "vendor_pattern": "acme", "model_pattern": "Z*", "enabled": enabled}
    await desk.call("tolerance.CreateRuleSet", rule_set={**wanted, "rule_ids": ["words", "numbers-as-texts"]})


@pytest.mark.feature("F-OCPP-10", "F-OCPP-12")
async def test_rules_are_switched_while_the_station_is_online() -> None:
    with product() as running, open_desk(running) as desk:
        created = await desk.call("stations.CreateStation", station={"identity": "ODD-1"})
        name = created.station.name
        async with raw_station(running, "/ocpp/ODD-1") as station:
            assert (await station.call("b", "BootNotification", **BOOT))[2]["status"] == "Accepted"
            assert await odd_status(station, "1") == 4
            await set_rules(desk, enabled=True)
            assert await odd_status(station, "2") == 3
            await set_rules(desk, enabled=False)
            assert await odd_status(station, "3") == 4
        batches = await desk.collect("messages.ExportMessages", station=name, filter={"query": "tolerance rule"})
        remarks = [entry.content for batch in batches for entry in batch.entries]
        assert [remark.partition(" rule ")[2].partition(":")[0] for remark in remarks] == ["words", "numbers-as-texts"]
