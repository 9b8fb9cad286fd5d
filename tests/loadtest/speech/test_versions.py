"""The same life in every version of OCPP, each against a fake of its own."""

from __future__ import annotations

from datetime import timedelta

import pytest
import trio
import trio.testing

from loadtest.speech.speech import stamp
from loadtest.speech.versions import speech_for
from tests.kit.fake_csms_2 import FakeCsms2
from tests.kit.schemas import check
from tests.kit.stage import DATE, NAME, Stage, habits, visit

VERSIONS = ("1.5", "1.6", "2.0.1", "2.1")
pytestmark = pytest.mark.feature("F-SYS-5")


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_version_that_nobody_speaks_is_told() -> None:
    with pytest.raises(ValueError, match=r"2\.0\.1"):
        speech_for("1.2")


def test_each_speech_has_its_name() -> None:
    assert [speech_for(version).version for version in VERSIONS] == list(VERSIONS)


async def test_whole_sessions_are_in_both_books(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock, version: str
) -> None:
    stage = Stage(nursery, [visit(5, 60), visit(80, 60)], [visit(7, 100, "LT-00001-2")], version=version)
    await stage.until_done()
    assert [record.finished for record in stage.station.ledger] == [True] * 3
    assert all(len(record.samples_acknowledged) >= 5 for record in stage.station.ledger)
    assert all(record.energy_wh > 1000 for record in stage.station.ledger)
    assert stage.tally.errors == {}
    stage.check()


@pytest.mark.parametrize("kind", ["refusals", "lost_answers"])
async def test_mishaps_of_one_message_change_nothing(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock, version: str, kind: str
) -> None:
    stage = Stage(nursery, [visit()], version=version)
    for action in ("StartTransaction", "StopTransaction", "MeterValues", "TransactionEvent"):
        getattr(stage.csms, kind)[action] = 1
    await stage.until_done()
    assert len(stage.kept()) == 1
    assert stage.tally.retries.total() >= 1
    stage.check()


async def test_a_session_lived_offline_is_told_in_order(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock, version: str
) -> None:
    stage = Stage(nursery, [visit(5, 60), visit(80, 60)], version=version)
    await stage.csms.wait_for("StatusNotification")
    stage.csms.unreachable = True
    stage.csms.cut()
    await trio.sleep(200)
    waiting = stage.station.outbox.durable_waiting
    assert waiting >= 14
    stage.csms.unreachable = False
    await stage.until_done()
    told = ("StartTransaction", "MeterValues", "StopTransaction", "TransactionEvent")
    assert len(stage.csms.actions(*told)) >= waiting
    if isinstance(stage.csms, FakeCsms2):
        assert [event["seqNo"] for event in stage.csms.events()] == [*range(8), *range(8)]
        assert {event["offline"] for event in stage.csms.events()} == {True}
    stage.check()


async def test_refused_tag_starts_nothing(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock, version: str
) -> None:
    stage = Stage(nursery, [visit()], version=version)
    stage.csms.tag_status = "Blocked"
    await stage.until_done()
    assert stage.kept() == []
    assert stage.station.refused_sessions == 1


async def test_tag_refused_at_the_start_ends_the_session(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock, version: str
) -> None:
    stage = Stage(nursery, [visit()], version=version)
    stage.csms.delays["Authorize"] = 0.5

    async def block() -> None:
        await stage.csms.wait_for("Authorize")
        stage.csms.tag_status = "ConcurrentTx"

    nursery.start_soon(block)
    await stage.until_done()
    ((_, kept),) = stage.kept()
    assert kept.reason == ("" if version == "1.5" else "DeAuthorized")
    assert stage.station.ledger[0].reason == "DeAuthorized"
    stage.check()


async def test_a_known_bad_tag_starts_nothing_offline(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock, version: str
) -> None:
    stage = Stage(nursery, [visit(5, 30), visit(60, 30)], version=version)
    stage.csms.tag_status = "Blocked"
    await trio.sleep(40)
    stage.csms.unreachable = True
    stage.csms.cut()
    await stage.until_done()
    assert stage.station.ledger == []
    assert stage.station.refused_sessions == 2


async def test_a_broken_connector_ends_the_session_and_is_repaired(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock, version: str
) -> None:
    stage = Stage(nursery, [visit(5, 60), visit(90, 60)], version=version, habits=habits(fault_share=1.0))
    await stage.until_done()
    await trio.sleep(10)
    key = "connectorStatus" if version.startswith("2") else "status"
    statuses = [payload[key] for payload in stage.csms.payloads("StatusNotification")]
    assert statuses.count("Faulted") == 2
    assert statuses[-1] == "Available"
    assert {record.reason for record in stage.station.ledger} <= {
        "Other",
        "EmergencyStop",
        "GroundFault",
        "OvercurrentFault",
    }
    if isinstance(stage.csms, FakeCsms2):
        events = [each["eventData"][0] for each in stage.csms.payloads("NotifyEvent")]  # type: ignore[index]
        assert [event["cleared"] for event in events] == [False, True] * 2
        assert {event["triggerReason"] for event in stage.csms.events("Ended")} == {"AbnormalCondition"}
    stage.check()


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
async def test_every_word_of_a_life_is_in_the_schema(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock, version: str
) -> None:
    stage = Stage(nursery, [visit(5, 60), visit(90, 60)], version=version, habits=habits(fault_share=0.5))
    await trio.sleep(20)
    for connector in (0, 1):
        stage.station.send_status(connector)
    stage.station.send_boot()
    stage.station.send_meter_values(1)
    stage.station.send_firmware_status()
    stage.station.send_log_status()
    stage.station.say(stage.station.speech.security_event("SettingSystemTime", DATE))
    stage.station.reboot("SoftReset")
    await stage.until_done()
    await trio.sleep(20)
    for call in stage.csms.received:
        check(version, call.action, call.payload)
    assert len(set(stage.csms.actions())) >= 9


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
async def test_smart_charging_lowers_what_the_meter_shows(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock, version: str
) -> None:
    free, stage = (Stage(nursery, [visit(5, 100)], version=version) for _ in range(2))
    await trio.sleep(30)
    two = isinstance(stage.csms, FakeCsms2)
    schedule: dict[str, object] = {
        "startSchedule": stamp(DATE + timedelta(seconds=30)),
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6.0}, {"startPeriod": 30, "limit": 0.0}],
    }
    profile = {
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        **({"id": 1, "chargingSchedule": [{"id": 1, **schedule}]} if two else {"chargingProfileId": 1}),
        **({} if two else {"chargingSchedule": schedule}),
    }
    order = {"evseId": 1, "chargingProfile": profile} if two else {"connectorId": 1, "csChargingProfiles": profile}
    answer = await stage.csms.command(NAME, "SetChargingProfile", order)
    assert answer[2] == {"status": "Accepted"}
    await trio.sleep(15)
    power = stage.station.connectors[0].meter.read().power_w
    assert 0.97 * 6 * 230 * 3 <= power <= 6 * 230 * 3
    await trio.sleep(25)
    assert stage.station.connectors[0].status == "SuspendedEVSE"
    await stage.until_done()
    await free.until_done()
    assert stage.station.ledger[0].energy_wh < 0.7 * free.station.ledger[0].energy_wh
    stage.check()


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
async def test_a_transaction_that_begins_with_the_plug_gets_its_tag_later(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock, version: str
) -> None:
    stage = Stage(nursery, [visit()], version=version, habits=habits(plugged_share=1.0))
    await stage.until_done()
    assert isinstance(stage.csms, FakeCsms2)
    events = stage.csms.events()
    assert [(event["triggerReason"], "idToken" in event) for event in events[:2]] == [
        ("CablePluggedIn", False),
        ("Authorized", True),
    ]
    assert stage.station.start_point == "EVConnected"
    for event in events:
        check(version, "TransactionEvent", event)
    assert stage.station.ledger[0].id_tag == "LT-00001-1"
    stage.check()


async def test_a_plug_whose_tag_is_refused_leaves_a_session_without_energy(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    stage = Stage(nursery, [visit()], version="2.0.1", habits=habits(plugged_share=1.0))
    stage.csms.tag_status = "Blocked"
    await stage.until_done()
    (record,) = stage.station.ledger
    assert (record.id_tag, record.energy_wh, record.reason) == ("", 0, "EVDisconnected")
    assert record.finished
    stage.check()
