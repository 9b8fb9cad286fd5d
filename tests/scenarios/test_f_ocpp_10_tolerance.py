"""Stations that deviate, over links: rules for their model read them, everybody else is read strictly."""

from __future__ import annotations

import pytest

from csms.domain.records import SessionRecord, StatusRecord
from csms.ports.tolerance import RuleSet
from csms.services.tolerance import ToleranceIndex
from tests.kit.actor_world import running_node, start_transaction
from tests.kit.fake_tables import FakeTables
from tests.kit.fake_tolerance import FakeTolerance

ODD_BOOT = {"chargePointVendor": "Acme", "chargePointModel": "Z1", "acmeColour": "red"}
BOOT = {"chargePointVendor": "Volt", "chargePointModel": "One"}
ODD_STATUS = {"connectorId": "1", "status": "charging", "errorCode": None}
RULES = ("unknown-fields", "numbers-as-texts", "words", "nulls", "missing-error-code", "padded-tags", "connector-zero")


async def tolerance(*rules: str) -> ToleranceIndex:
    store, index = FakeTolerance(FakeTables()), ToleranceIndex()
    await store.create(RuleSet(0, "Acme", "acme", rules=rules, firmware=""))
    await index.load(store)
    return index


@pytest.mark.feature("F-OCPP-10")
async def test_a_deviating_model_charges_and_the_log_says_by_which_rules(autojump_clock: object) -> None:
    async with running_node(tolerance=await tolerance(*RULES)) as node:
        wire = node.connect()
        assert (await wire.ask("BootNotification", ODD_BOOT))["status"] == "Accepted"
        assert await wire.ask("StatusNotification", ODD_STATUS) == {}
        started = await wire.ask("StartTransaction", {**start_transaction(tag="TAG1   "), "connectorId": 0})
        assert started["idTagInfo"]["status"] == "Accepted"
        await node.rest()
        assert [record.status for record in node.journal.of(StatusRecord)] == ["Charging"]
        assert node.journal.of(SessionRecord)[-1].transaction.evse_id == 1
        applied = [remark for remark in node.log.remarks() if "tolerance rule" in remark]
        assert [remark.split(" rule ")[1].split(":")[0] for remark in applied] == [
            "unknown-fields",
            "nulls",
            "numbers-as-texts",
            "words",
            "missing-error-code",
            "padded-tags",
            "connector-zero",
        ]


@pytest.mark.feature("F-OCPP-10")
async def test_another_model_is_read_strictly_beside_it(autojump_clock: object) -> None:
    async with running_node(tolerance=await tolerance(*RULES)) as node:
        wire = node.connect()
        await wire.ask("BootNotification", BOOT)
        refused = await wire.call("StatusNotification", ODD_STATUS)
        assert refused[0] == 4
        assert not any("tolerance rule" in remark for remark in node.log.remarks())


async def test_rules_that_are_switched_off_meanwhile_count_no_more(autojump_clock: object) -> None:
    store, index = FakeTolerance(FakeTables()), ToleranceIndex()
    made = await store.create(RuleSet(0, "Acme", "Acme", rules=RULES))
    await index.load(store)
    async with running_node(tolerance=index) as node:
        wire = node.connect()
        await wire.ask("BootNotification", ODD_BOOT)
        await wire.ask("StatusNotification", ODD_STATUS)
        await store.delete(made.id)
        await index.load(store)
        assert (await wire.call("StatusNotification", ODD_STATUS))[0] == 4
