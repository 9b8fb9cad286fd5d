"""What a station says in OCPP 2.0.1 and 2.1; whole lives are in test_versions.py."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from loadtest.ledger import SessionRecord
from loadtest.meter import Meter, Reading
from loadtest.speech.speech import Card, FirmwareOrder, LogOrder
from loadtest.speech.v2x import Speech2, Transaction2
from tests.kit.schemas import check
from tests.kit.stage import CAR

AT = datetime(2025, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(params=["2.0.1", "2.1"])
def speech(request: pytest.FixtureRequest) -> Speech2:
    return Speech2(request.param)


def reading() -> Reading:
    meter = Meter(Random(7), 1000)
    meter.plug_in(CAR)
    meter.advance(600, charging=True)
    return meter.read()


def begun(speech: Speech2, *, remote: bool = False, online: bool = True) -> tuple[SessionRecord, Transaction2]:
    record = SessionRecord("A", 2, "TAG", AT, 1000, remote=remote, reservation_id=4)
    return record, speech.transaction(record, remote_start_id=9 if remote else None, online=lambda: online)


def test_a_transaction_is_told_in_numbered_events(speech: Speech2) -> None:
    record, transaction = begun(speech)
    later = [
        transaction.started(reading()),
        transaction.sampled(AT, reading()),
        transaction.state_changed(AT, "SuspendedEV"),
        transaction.sampled(AT, reading()),
    ]
    record.stop_time, record.meter_stop_wh, record.reason = AT + timedelta(minutes=1), 2000, "Local"
    later.append(transaction.ended(reading()))
    events = [one[1]() for one in later if one is not None]
    assert [event["seqNo"] for event in events] == [0, 1, 2, 3, 4]
    assert {event["transactionInfo"]["transactionId"] for event in events} == {record.transaction_id}  # type: ignore[index]
    assert [event["transactionInfo"].get("chargingState") for event in events] == [  # type: ignore[attr-defined]
        "Charging",
        "Charging",
        "SuspendedEV",
        "SuspendedEV",
        "EVConnected",
    ]
    assert [event["triggerReason"] for event in events] == [
        "Authorized",
        "MeterValuePeriodic",
        "ChargingStateChanged",
        "MeterValuePeriodic",
        "StopAuthorized",
    ]
    assert events[0]["reservationId"] == 4
    for event in events:
        check(speech.version, "TransactionEvent", event)


def test_a_remote_start_says_which_one_it_was(speech: Speech2) -> None:
    _, transaction = begun(speech, remote=True)
    event = transaction.started(reading())[1]()
    assert event["triggerReason"] == "RemoteStart"
    assert event["transactionInfo"]["remoteStartId"] == 9  # type: ignore[index]
    check(speech.version, "TransactionEvent", event)


def test_what_happened_offline_stays_so_when_it_is_sent_later(speech: Speech2) -> None:
    _, transaction = begun(speech, online=False)
    assert transaction.started(reading())[1]()["offline"] is True


@pytest.mark.parametrize(
    ("reason", "word", "trigger"),
    [
        ("SoftReset", "ImmediateReset", "ResetCommand"),
        ("PowerLoss", "PowerLoss", "AbnormalCondition"),
        ("UnlockCommand", "Other", "UnlockCommand"),
        ("GroundFault", "GroundFault", "AbnormalCondition"),
        ("something new", "Other", "AbnormalCondition"),
    ],
)
def test_reasons_have_words_of_their_own(reason: str, word: str, trigger: str) -> None:
    record, transaction = begun(Speech2("2.0.1"))
    record.stop_time, record.reason = AT, reason
    event = transaction.ended(reading())[1]()
    assert event["transactionInfo"]["stoppedReason"] == word  # type: ignore[index]
    assert event["triggerReason"] == trigger
    check("2.0.1", "TransactionEvent", event)


def test_ids_differ_between_starts_and_connectors() -> None:
    ids = set()
    for second in range(3):
        for connector in (1, 2):
            record = SessionRecord("A", connector, "T", AT + timedelta(milliseconds=second), 0)
            Speech2("2.1").transaction(record, remote_start_id=None, online=lambda: True)
            ids.add(record.transaction_id)
    assert len(ids) == 6
    assert all(len(str(one)) <= 36 for one in ids)


def test_everything_else_it_says(speech: Speech2) -> None:
    order = FirmwareOrder("http://x", None, 4)
    said = [
        *(speech.boot(Card("A" * 40, "1.1.0", cause)) for cause in ("power-up", "remote", "firmware", "triggered")),
        speech.heartbeat(),
        speech.authorise("TAG"),
        *(speech.status(1, status, AT, "NoError") for status in ("Preparing", "Faulted", "Reserved", "Available")),
        speech.broken(1, "GroundFailure", AT, 3, over=False),
        speech.meter_values(1, AT, reading()),
        speech.firmware_status("Installed", order),
        speech.firmware_status("Idle", order),
        speech.log_status("Uploading", LogOrder("http://x", "f", 5)),
        speech.log_status("Idle", None),
        speech.security_event("FirmwareUpdated", AT),
    ]
    for one in said:
        assert one is not None
        check(speech.version, *one)
    assert speech.status(0, "Available", AT, "NoError") is None
