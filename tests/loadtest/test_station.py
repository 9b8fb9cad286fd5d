"""A simulated station's life."""

from __future__ import annotations

import importlib.resources
import itertools
import json

import jsonschema_rs
import pytest
import trio
import trio.testing

from tests.kit.stage import NAME, Stage, visit


async def test_one_whole_session_in_the_right_order(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery, [visit()])
    await stage.until_done()
    await trio.sleep(1)
    wanted = ("Authorize", "StartTransaction", "StopTransaction")
    assert stage.csms.actions(*wanted) == list(wanted)
    statuses = [p["status"] for p in stage.csms.payloads("StatusNotification") if p["connectorId"] == 1]
    assert statuses == ["Available", "Preparing", "Charging", "SuspendedEV", "Finishing", "Available"]
    assert stage.csms.actions()[0] == "BootNotification"
    assert len(stage.csms.payloads("MeterValues")) == 5
    (record,) = stage.station.ledger
    assert record.finished
    assert record.reason == "Local"
    assert record.energy_wh > 1000
    assert len(record.samples_acknowledged) == 5
    stage.check()


async def test_energies_are_exact_over_several_sessions(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery, [visit(5, 40), visit(60, 40), visit(110, 90)], [visit(7, 50, "LT-00001-2")])
    await stage.until_done()
    assert len(stage.station.ledger) == 4
    assert len(stage.csms.sessions) == 4
    first, second = [r for r in stage.station.ledger if r.connector == 1][:2]
    assert second.meter_start_wh == first.meter_stop_wh  # the register goes on counting
    readings = [kept.samples for kept in stage.csms.sessions.values()]
    for kept, samples in zip(stage.csms.sessions.values(), readings, strict=True):
        values = [kept.meter_start_wh, *samples.values(), kept.meter_stop_wh]
        assert values == sorted(v for v in values if v is not None)
    stage.check()


async def test_pending_station_waits_as_long_as_it_is_told(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery, [])
    stage.csms.boot_answers.extend([("Pending", 20), ("Rejected", 40)])
    await stage.csms.wait_for("Heartbeat")
    boots = [call.at for call in stage.csms.received if call.action == "BootNotification"]
    assert [round(at - boots[0]) for at in boots] == [0, 20, 60]
    assert set(stage.csms.actions()[:3]) == {"BootNotification"}  # and nothing else before it is accepted


async def test_heartbeats_keep_the_given_interval_though_answers_are_slow(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery, [])
    stage.csms.heartbeat_interval = 30
    stage.csms.delays["Heartbeat"] = 4.0
    await stage.csms.wait_for("Heartbeat", 4)
    beats = [call.at for call in stage.csms.received if call.action == "Heartbeat"]
    assert [round(b - a, 3) for a, b in itertools.pairwise(beats)] == [30.0, 30.0, 30.0]


@pytest.mark.parametrize("action", ["StartTransaction", "MeterValues", "StopTransaction"])
async def test_lost_answer_leads_to_the_same_message_again(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock, action: str
) -> None:
    stage = Stage(nursery, [visit()])
    stage.csms.lost_answers[action] = 1
    await stage.until_done()
    first, second = stage.csms.payloads(action)[:2]
    assert first == second
    assert stage.tally.retries == {action: 1}
    assert stage.tally.errors == {f"time-out of {action}": 1}
    assert len(stage.csms.sessions) == 1
    stage.check()


async def test_refused_message_is_tried_three_times_then_given_up(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery, [visit()])
    stage.csms.refusals["StopTransaction"] = 100
    await stage.until_done()
    assert len(stage.csms.payloads("StopTransaction")) == 3
    (record,) = stage.station.ledger
    assert record.abandoned
    assert not record.finished


async def test_a_session_lived_offline_is_told_in_order_afterwards(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery, [visit(5, 60), visit(80, 60)])
    await stage.csms.wait_for("StatusNotification", 2)
    stage.csms.unreachable = True
    stage.csms.cut()
    await trio.sleep(200)
    assert stage.csms.actions("StartTransaction") == []
    assert stage.station.outbox.durable_waiting == 14
    stage.csms.unreachable = False
    await stage.until_done()
    one = ["StartTransaction", *["MeterValues"] * 5, "StopTransaction"]
    assert stage.csms.actions("StartTransaction", "MeterValues", "StopTransaction") == one * 2
    assert stage.csms.actions("Authorize") == []  # the cache was trusted
    times = [
        str(p["timestamp"] if "timestamp" in p else p["meterValue"][0]["timestamp"])  # type: ignore[index]
        for p in (c.payload for c in stage.csms.received if c.action in one)
    ]
    assert times == sorted(times)
    stage.check()


async def test_cut_in_the_middle_again_and_again_loses_nothing(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery, [visit(5, 120), visit(140, 120)])
    for _ in range(8):
        await trio.sleep(29.3)
        stage.csms.cut()
    await stage.until_done()
    assert all(record.finished for record in stage.station.ledger)
    assert len(stage.csms.sessions) == 2
    assert stage.csms.actions("BootNotification") == ["BootNotification"]  # a lost link is no reboot
    stage.check()


async def test_back_off_grows_with_jitter_and_ends(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery, [visit()])
    stage.csms.unreachable = True
    await trio.sleep(300)
    tries = stage.tally.errors["connect: ConnectionRefusedError"]
    assert 10 <= tries <= 30
    stage.csms.unreachable = False
    await stage.until_done()
    stage.check()


async def test_three_time_outs_make_it_connect_anew(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery, [visit()])
    stage.csms.lost_answers["StartTransaction"] = 3
    await stage.until_done()
    assert len(stage.csms.paths) == 2
    stage.check()


async def test_refused_tag_starts_nothing(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> None:
    stage = Stage(nursery, [visit()])
    stage.csms.tag_status = "Blocked"
    await stage.until_done()
    assert stage.csms.actions("StartTransaction") == []
    assert stage.station.refused_sessions == 1


async def test_tag_refused_at_the_start_ends_the_session(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery, [visit()])

    async def block() -> None:
        await stage.csms.wait_for("Authorize")
        stage.csms.tag_status = "ConcurrentTx"

    stage.csms.delays["Authorize"] = 0.5
    nursery.start_soon(block)
    await stage.until_done()
    assert [kept.reason for kept in stage.csms.sessions.values()] == ["DeAuthorized"]
    stage.check()


async def test_remote_start_and_stop(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> None:
    stage = Stage(nursery, [])
    await stage.csms.wait_for("StatusNotification", 2)
    answer = await stage.csms.command(NAME, "RemoteStartTransaction", {"idTag": "APP", "connectorId": 1})
    assert answer[2] == {"status": "Accepted"}
    start = await stage.csms.wait_for("StartTransaction")
    assert start["idTag"] == "APP"
    await stage.csms.wait_for("MeterValues")
    again = await stage.csms.command(NAME, "RemoteStartTransaction", {"idTag": "APP"})
    assert again[2] == {"status": "Rejected"}  # taken
    other = await stage.csms.command(NAME, "RemoteStopTransaction", {"transactionId": 4711})
    assert other[2] == {"status": "Rejected"}
    (number,) = stage.csms.sessions
    stop = await stage.csms.command(NAME, "RemoteStopTransaction", {"transactionId": number})
    assert stop[2] == {"status": "Accepted"}
    assert (await stage.csms.wait_for("StopTransaction"))["reason"] == "Remote"
    await stage.until_done()
    assert stage.station.ledger[0].remote
    assert stage.csms.actions("Authorize") == []
    stage.check()


@pytest.mark.parametrize("kind", ["Soft", "Hard"])
async def test_reset_stops_the_session_and_boots_anew(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock, kind: str
) -> None:
    stage = Stage(nursery, [visit(5, 300)])
    await stage.csms.wait_for("MeterValues", 2)
    assert (await stage.csms.command(NAME, "Reset", {"type": kind}))[2] == {"status": "Accepted"}
    await stage.csms.wait_for("BootNotification", 2)
    await stage.until_done()
    assert [kept.reason for kept in stage.csms.sessions.values()] == [f"{kind}Reset"]
    stage.check()


async def test_new_intervals_count_at_once(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> None:
    stage = Stage(nursery, [visit(5, 300)])
    await stage.csms.wait_for("StartTransaction")
    for key, value in (("HeartbeatInterval", "20"), ("MeterValueSampleInterval", "5")):
        answer = await stage.csms.command(NAME, "ChangeConfiguration", {"key": key, "value": value})
        assert answer[2] == {"status": "Accepted"}
    began = trio.current_time()
    await stage.csms.wait_for("Heartbeat", 2)
    assert trio.current_time() - began < 45
    await stage.until_done()
    assert len(stage.csms.payloads("MeterValues")) > 40
    stage.check()


async def test_triggered_messages_come(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> None:
    stage = Stage(nursery, [])
    await stage.csms.wait_for("StatusNotification", 2)
    for message in ("BootNotification", "Heartbeat", "StatusNotification", "MeterValues"):
        before = len(stage.csms.payloads(message))
        answer = await stage.csms.command(NAME, "TriggerMessage", {"requestedMessage": message, "connectorId": 1})
        assert answer[2] == {"status": "Accepted"}
        await stage.csms.wait_for(message, before + 1)
    assert "transactionId" not in stage.csms.payloads("MeterValues")[0]


async def test_a_connector_out_of_service_takes_no_car(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery, [visit(20, 30)])
    await stage.csms.wait_for("StatusNotification", 2)
    await stage.csms.command(NAME, "ChangeAvailability", {"connectorId": 1, "type": "Inoperative"})
    await stage.csms.wait_for("StatusNotification", 3)
    await stage.until_done()
    assert stage.csms.payloads("StatusNotification")[-1]["status"] == "Unavailable"
    assert stage.station.skipped_sessions == 1
    assert stage.station.ledger == []


async def test_out_of_service_is_scheduled_while_somebody_charges(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery, [visit()])
    await stage.csms.wait_for("StartTransaction")
    answer = await stage.csms.command(NAME, "ChangeAvailability", {"connectorId": 0, "type": "Inoperative"})
    assert answer[2] == {"status": "Scheduled"}
    await stage.until_done()
    await trio.sleep(5)
    assert stage.csms.payloads("StatusNotification")[-1]["status"] == "Unavailable"
    stage.check()


async def test_a_run_repeats_itself_with_the_same_seed(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    one, two = Stage(nursery, [visit()]), Stage(nursery, [visit()])
    await one.until_done()
    await two.until_done()
    assert one.csms.payloads("MeterValues") == two.csms.payloads("MeterValues")


async def test_latency_of_what_waited_offline_counts_from_when_it_was_due(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery, [visit()])
    await stage.csms.wait_for("MeterValues")
    stage.csms.unreachable = True
    stage.csms.cut()
    await trio.sleep(25)
    stage.csms.unreachable = False
    await stage.until_done()
    times = stage.tally.actions["MeterValues"]
    assert times.latency.highest > 10_000
    assert times.service.highest < 1_000


def _schema(name: str) -> jsonschema_rs.Validator:
    folder = importlib.resources.files("ocpp") / "v16" / "schemas"
    return jsonschema_rs.validator_for(json.loads((folder / f"{name}.json").read_text("utf-8-sig")))


async def test_every_word_it_says_is_ocpp_16(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> None:
    stage = Stage(nursery, [visit(5, 60), visit(200, 60)])
    commands: list[tuple[str, dict[str, object]]] = [
        ("GetConfiguration", {}),
        ("GetConfiguration", {"key": ["HeartbeatInterval", "Nope"]}),
        ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "30"}),
        ("TriggerMessage", {"requestedMessage": "MeterValues"}),
        ("TriggerMessage", {"requestedMessage": "BootNotification"}),
        ("RemoteStartTransaction", {"idTag": "APP"}),
        ("RemoteStopTransaction", {"transactionId": 7}),
        ("ChangeAvailability", {"connectorId": 1, "type": "Operative"}),
        ("UnlockConnector", {"connectorId": 1}),
        ("ClearCache", {}),
        ("DataTransfer", {"vendorId": "org.chargehouse.loadtest", "data": "x"}),
        ("Reset", {"type": "Soft"}),
    ]
    await trio.sleep(70)
    for action, payload in commands:
        frame = await stage.csms.command(NAME, action, payload)
        assert frame[0] == 3
        _schema(f"{action}Response").validate(frame[2])
        await trio.sleep(2)
    await stage.until_done()
    for call in stage.csms.received:
        _schema(call.action).validate(call.payload)
    assert len(set(stage.csms.actions())) == 7
