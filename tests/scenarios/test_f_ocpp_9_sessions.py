"""One correct session from what stations really send, through frames, link, actor and journal."""

from __future__ import annotations

import pytest
import trio

from csms.domain.transaction import Authentication, Flag, SessionState
from tests.kit.actor_world import at, meter_values, running_node, start_transaction, stop_transaction


@pytest.mark.feature("F-OCPP-8", "F-OCPP-9", "F-SES-1")
async def test_a_session_from_boot_to_stop(autojump_clock: object) -> None:
    async with running_node() as node:
        wire = node.connect()
        boot = await wire.ask("BootNotification", {"chargePointVendor": "Volt", "chargePointModel": "One"})
        assert boot["status"] == "Accepted"
        assert boot["interval"] == 300
        assert await wire.ask("Authorize", {"idTag": "tag1"}) == {"idTagInfo": {"status": "Accepted"}}
        status = {"connectorId": 1, "errorCode": "NoError", "status": "Charging"}
        assert await wire.ask("StatusNotification", status) == {}
        started = await wire.ask("StartTransaction", start_transaction())
        assert started["idTagInfo"]["status"] == "Accepted"
        transaction_id = started["transactionId"]
        assert await wire.ask("MeterValues", meter_values(3000, seconds=1800, transaction_id=transaction_id)) == {}
        assert node.tokens.in_use == {("TAG1", transaction_id)}
        await wire.ask("StopTransaction", stop_transaction(transaction_id))
        assert node.tokens.in_use == set()

        session = node.stores.session_of(1)
        assert session.state is SessionState.ENDED
        assert session.energy_wh == 4000
        assert session.meter_value_count == 1
        assert session.authentication is Authentication.RFID
        assert session.flags == ()
        assert len(node.stores.meter_values) == 1


@pytest.mark.feature("F-OCPP-9")
async def test_the_same_start_twice_is_one_session(autojump_clock: object) -> None:
    async with running_node() as node:
        wire = await node.booted()
        first = await wire.ask("StartTransaction", start_transaction())
        second = await wire.ask("StartTransaction", start_transaction())
        again = await (await node.booted()).ask("StartTransaction", start_transaction())
        assert first["transactionId"] == second["transactionId"] == again["transactionId"]
        assert len(node.stores.sessions) == 1


@pytest.mark.feature("F-OCPP-9")
async def test_the_same_start_after_its_stop_is_still_the_same_session(autojump_clock: object) -> None:
    async with running_node() as node:
        wire = await node.booted()
        started = await wire.ask("StartTransaction", start_transaction())
        await wire.ask("StopTransaction", stop_transaction(started["transactionId"]))
        again = await wire.ask("StartTransaction", start_transaction())
        assert again["transactionId"] == started["transactionId"]
        assert node.stores.session_of(1).state is SessionState.ENDED


@pytest.mark.feature("F-OCPP-9")
async def test_a_stop_sent_again_counts_no_meter_value_twice(autojump_clock: object) -> None:
    async with running_node() as node:
        wire = await node.booted()
        started = await wire.ask("StartTransaction", start_transaction())
        data = [{"timestamp": at(3600), "sampledValue": [{"value": "5000", "context": "Transaction.End"}]}]
        stop = stop_transaction(started["transactionId"], transactionData=data)
        assert await wire.ask("StopTransaction", stop) == {}
        assert await wire.ask("StopTransaction", stop) == {}
        session = node.stores.session_of(1)
        assert session.energy_wh == 4000
        assert session.flags == ()
        assert len(node.stores.meter_values) == 1


@pytest.mark.feature("F-OCPP-9")
async def test_a_stop_before_its_start_is_joined_to_it(autojump_clock: object) -> None:
    async with running_node() as node:
        wire = await node.booted()
        await wire.ask("StopTransaction", stop_transaction(-1, idTag="TAG1"))
        assert Flag.START_MISSING in node.stores.session_of(1).flags
        started = await wire.ask("StartTransaction", start_transaction())
        session = node.stores.session_of(1)
        assert session.id == started["transactionId"]
        assert session.energy_wh == 4000
        assert session.flags == ()


@pytest.mark.feature("F-OCPP-9")
async def test_a_start_while_another_is_open_ends_the_other(autojump_clock: object) -> None:
    async with running_node() as node:
        wire = await node.booted()
        first = await wire.ask("StartTransaction", start_transaction())
        await wire.ask("MeterValues", meter_values(2000, seconds=60, transaction_id=first["transactionId"]))
        second = await wire.ask("StartTransaction", start_transaction(tag="TAG2", meter=2500, seconds=120))
        assert second["transactionId"] != first["transactionId"]
        older = node.stores.sessions[first["transactionId"]]
        assert older.state is SessionState.ENDED
        assert older.flags == (Flag.STOP_MISSING,)
        assert node.tokens.in_use == {("TAG2", second["transactionId"])}
        await wire.ask("StopTransaction", stop_transaction(first["transactionId"], meter=2500, seconds=110))
        assert node.stores.sessions[first["transactionId"]].flags == ()
        assert node.stores.sessions[first["transactionId"]].energy_wh == 1500


@pytest.mark.feature("F-OCPP-9")
@pytest.mark.parametrize("transaction_id", [None, -1, 0, 4711])
async def test_meter_values_without_a_good_id_go_to_what_is_open_there(
    transaction_id: int | None, autojump_clock: object
) -> None:
    async with running_node() as node:
        wire = await node.booted()
        await wire.ask("StartTransaction", start_transaction())
        await wire.ask("MeterValues", meter_values(3000, seconds=60, transaction_id=transaction_id))
        (value,) = node.stores.meter_values.values()
        assert value.session_id == node.stores.session_of(1).id


@pytest.mark.feature("F-OCPP-9")
async def test_meter_values_out_of_any_session_are_kept(autojump_clock: object) -> None:
    async with running_node() as node:
        wire = await node.booted()
        assert await wire.ask("MeterValues", meter_values(10, seconds=0, transaction_id=99)) == {}
        (value,) = node.stores.meter_values.values()
        assert value.session_id is None


@pytest.mark.feature("F-OCPP-9")
async def test_an_unknown_stop_is_acknowledged_and_kept_for_a_person(autojump_clock: object) -> None:
    async with running_node() as node:
        wire = await node.booted()
        assert await wire.ask("StopTransaction", stop_transaction(99)) == {}
        session = node.stores.session_of(1)
        assert session.needs_reconciliation
        assert await wire.ask("StopTransaction", stop_transaction(99)) == {}
        assert len(node.stores.sessions) == 1


@pytest.mark.feature("F-OCPP-9")
async def test_a_wrong_clock_is_flagged_not_refused(autojump_clock: object) -> None:
    async with running_node() as node:
        wire = await node.booted()
        started = await wire.ask("StartTransaction", start_transaction(seconds=86_400 * 400))
        assert Flag.CLOCK_WRONG in node.stores.sessions[started["transactionId"]].flags


@pytest.mark.feature("F-OCPP-8", "F-OCPP-9")
async def test_a_session_goes_on_after_the_node_has_forgotten_the_station(autojump_clock: object) -> None:
    async with running_node() as node:
        wire = await node.booted()
        started = await wire.ask("StartTransaction", start_transaction())
        wire.hang_up()
        await node.rest()
        await trio.sleep(120)
        assert node.registry.counts().actors == 0
        wire = await node.booted()
        await wire.ask("StopTransaction", stop_transaction(started["transactionId"]))
        assert node.stores.session_of(1).energy_wh == 4000
        assert node.tokens.in_use == set()


async def test_the_last_value_of_a_burst_is_shown_although_none_follows(autojump_clock: object) -> None:
    async with running_node() as node:
        wire = await node.booted()
        number = (await wire.ask("StartTransaction", start_transaction()))["transactionId"]
        await wire.ask("MeterValues", meter_values(2000, seconds=1, transaction_id=number))
        await wire.ask("MeterValues", meter_values(2500, seconds=2, transaction_id=number))
        await trio.sleep(3)
        assert node.stores.session_of(1).energy_wh == 1500


@pytest.mark.feature("F-OCPP-9")
async def test_two_different_stops_without_a_usable_id_are_two_sessions(autojump_clock: object) -> None:
    async with running_node() as node:
        wire = await node.booted()
        first, second = stop_transaction(-1, meterStop=5000), stop_transaction(-1, meterStop=9000)
        for stop in (first, second, first):
            assert await wire.ask("StopTransaction", stop) == {}
        kept = sorted(session.meter_stop_wh for session in node.stores.sessions.values())
        assert kept == [5000, 9000]
        assert all(session.flags == (Flag.START_MISSING,) for session in node.stores.sessions.values())
