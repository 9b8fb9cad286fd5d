"""What a station says in OCPP 1.6; whole lives are in test_versions.py."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from loadtest.ledger import SessionRecord
from loadtest.meter import Meter, Reading
from loadtest.speech.speech import Card, FirmwareOrder, LogOrder
from loadtest.speech.v16 import Speech16, sampled_values
from tests.kit.schemas import check
from tests.kit.stage import CAR

AT = datetime(2025, 1, 1, 12, tzinfo=UTC)
SPEECH = Speech16()


def reading() -> Reading:
    meter = Meter(Random(7), 1000)
    meter.plug_in(CAR)
    meter.advance(600, charging=True)
    return meter.read()


def test_sampled_values_carry_each_measurand_phase_and_unit() -> None:
    values = sampled_values(reading())
    kinds = [(v["measurand"], v.get("phase"), v["unit"]) for v in values]
    assert kinds[:2] == [("Energy.Active.Import.Register", None, "Wh"), ("Power.Active.Import", None, "W")]
    assert ("Current.Import", "L3", "A") in kinds
    assert ("Voltage", "L3-N", "V") in kinds
    assert kinds[-1] == ("SoC", None, "Percent")
    assert len(kinds) == 9
    assert {v["context"] for v in values} == {"Sample.Periodic"}
    assert {type(v["value"]) for v in values} == {str}


def test_a_stop_that_was_queued_before_its_start_has_an_id_gets_it_in_time() -> None:
    record = SessionRecord("A", 1, "TAG", AT, 1000, reservation_id=4)
    transaction = SPEECH.transaction(record, remote_start_id=None, online=lambda: True)
    start, sample = transaction.started(reading()), transaction.sampled(AT, reading())
    record.stop_time, record.meter_stop_wh, record.reason = AT + timedelta(minutes=1), 2000, "GroundFault"
    stop = transaction.ended(reading())
    assert start[1]()["reservationId"] == 4
    assert (sample[1]()["transactionId"], stop[1]()["transactionId"]) == (-1, -1)
    transaction.learn({"transactionId": 77})
    assert (sample[1]()["transactionId"], stop[1]()["transactionId"]) == (77, 77)
    assert stop[1]()["reason"] == "Other"  # a word of 2.x
    for action, payload in (start, sample, stop):
        check("1.6", action, payload())


def test_statuses_of_files_have_messages_of_their_own() -> None:
    signed, plain = FirmwareOrder("http://x", None, 4, signed=True), FirmwareOrder("http://x")
    logs, diagnostics = LogOrder("http://x", "f", 5), LogOrder("http://x", "f")
    said = [
        SPEECH.firmware_status("Installed", plain),
        SPEECH.firmware_status("SignatureVerified", signed),
        SPEECH.firmware_status("Idle", None),
        SPEECH.log_status("UploadFailure", diagnostics),
        SPEECH.log_status("UploadFailure", logs),
        SPEECH.log_status("Idle", None),
        SPEECH.security_event("FirmwareUpdated", AT),
        SPEECH.boot(Card("A" * 40, "1.1.0")),
    ]
    assert [each[0] for each in said if each][:5] == [
        "FirmwareStatusNotification",
        "SignedFirmwareStatusNotification",
        "FirmwareStatusNotification",
        "DiagnosticsStatusNotification",
        "LogStatusNotification",
    ]
    for one in said:
        assert one is not None
        check("1.6", *one)


def test_an_answer_without_words_about_a_tag_refuses_nothing() -> None:
    assert not SPEECH.refuses({})
    assert not SPEECH.refuses(None)
    assert SPEECH.refuses({"idTagInfo": {"status": "Invalid"}})
    assert SPEECH.booted({"status": "Pending", "interval": 0}) == ("Pending", 0.0)
