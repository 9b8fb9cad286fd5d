"""OCPP 1.5: what stations tell, as facts, and what they are answered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from csms.domain import facts
from csms.domain.metering import MeterValue, SampledValue
from csms.ocpp.faults import ErrorCode, Fault, LocalProtocolError
from csms.ocpp.v15 import central_system as cs
from csms.ocpp.v15.routes import Dialect15

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DIALECT = Dialect15()


def decode(action: str, **fields: object) -> facts.Fact:
    return DIALECT.decode(action, fields)


def value(text: str, **attributes: str) -> dict[str, str]:
    return {"value": text, **attributes}


def sampled(*values: dict[str, str], **more: Any) -> tuple[SampledValue, ...]:
    fact = decode("MeterValues", connectorId=1, values=[{"timestamp": AT, "value": list(values)}], **more)
    assert isinstance(fact, facts.MeterSampled)
    return fact.meter_values[0].sampled_values


def test_a_boot() -> None:
    fact = decode("BootNotification", chargePointVendor="V", chargePointModel="M", chargeBoxSerialNumber="B")
    assert fact == facts.StationBooted("V", "M", charge_box_serial_number="B")


def test_a_start_has_no_transaction_id_yet() -> None:
    fact = decode("StartTransaction", connectorId=2, idTag="t", timestamp=AT, meterStart=7, reservationId=3)
    assert fact == facts.TransactionEventSeen(
        facts.TransactionEventType.STARTED,
        AT,
        evse_id=2,
        connector_id=1,
        id_token="t",
        meter_wh=7.0,
        reservation_id=3,
        charging_state=facts.ChargingState.CHARGING,
    )


def test_a_stop_brings_its_data_without_what_is_no_number() -> None:
    values = [{"timestamp": AT, "value": [value("1.5", unit="kWh"), value("broken")]}]
    fact = decode("StopTransaction", transactionId=-1, timestamp=AT, meterStop=9, transactionData=[{"values": values}])
    assert isinstance(fact, facts.TransactionEventSeen)
    assert (fact.transaction_id, fact.meter_wh, fact.id_token, fact.reason) == ("-1", 9.0, None, "")
    assert fact.meter_values == (MeterValue(AT, (SampledValue("Energy.Active.Import.Register", 1500.0, "Wh"),)),)


def test_units_of_1_5_have_names_of_their_own() -> None:
    assert [(s.measurand, s.value, s.unit) for s in sampled(
        value("16", measurand="Current.Import", unit="Amp"),
        value("230", measurand="Voltage", unit="Volt"),
        value("7.2", measurand="Power.Active.Import", unit="kW"),
        value("2", measurand="Energy.Reactive.Import.Register", unit="kvarh"),
    )] == [
        ("Current.Import", 16.0, "A"),
        ("Voltage", 230.0, "V"),
        ("Power.Active.Import", 7200.0, "W"),
        ("Energy.Reactive.Import.Register", 2000.0, "varh"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("measurand", "unit"),
    [
        ("Energy.Active.Export.Interval", "Wh"),
        ("Energy.Reactive.Export.Register", "varh"),
        ("Power.Active.Export", "W"),
        ("Power.Reactive.Import", "var"),
        ("Current.Export", "A"),
        ("Voltage", "V"),
        ("Temperature", "Celsius"),
        ("Something", ""),
    ],
)
def test_a_value_without_a_unit_has_that_of_its_measurand(measurand: str, unit: str) -> None:
    assert sampled(value("1", measurand=measurand))[0].unit == unit


def test_signed_data_is_kept_as_it_is() -> None:
    (sample,) = sampled(value("QUJD", format="SignedData"))
    assert (sample.signed, sample.value) == ("QUJD", 0.0)


def test_a_meter_without_a_reading_says_nothing() -> None:
    assert sampled(value(""), value("NaN"), value(" - ")) == ()


def test_a_meter_value_that_is_no_number_is_refused() -> None:
    with pytest.raises(Fault) as refused:
        sampled(value("twelve"))
    assert refused.value.code is ErrorCode.PROTOCOL_ERROR


def test_occupied_is_refined_by_the_transaction() -> None:
    fact = decode("StatusNotification", connectorId=1, status="Occupied", errorCode="NoError")
    assert isinstance(fact, facts.StatusChanged)
    assert (fact.status, fact.occupied) == (facts.ConnectorStatus.PREPARING, True)


def test_the_station_as_a_whole_is_connector_0() -> None:
    fact = decode("StatusNotification", connectorId=0, status="Faulted", errorCode="Mode3Error", timestamp=AT)
    assert fact == facts.StatusChanged(0, 0, facts.ConnectorStatus.FAULTED, "Mode3Error", timestamp=AT)


def test_a_time_without_a_zone_is_utc() -> None:
    fact = decode("StartTransaction", connectorId=1, idTag="t", timestamp=AT.replace(tzinfo=None), meterStart=0)
    assert isinstance(fact, facts.TransactionEventSeen)
    assert fact.timestamp == AT


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("Authorize", {}),
        ("StartTransaction", {"connectorId": 0, "idTag": "t", "timestamp": AT, "meterStart": 0}),
        ("StatusNotification", {"connectorId": -1, "status": "Available", "errorCode": "NoError"}),
        ("MeterValues", {"connectorId": "one"}),
    ],
)
def test_what_breaks_the_schema_is_a_protocol_error(action: str, fields: dict[str, object]) -> None:
    with pytest.raises(Fault) as refused:
        DIALECT.decode(action, fields)
    assert refused.value.code is ErrorCode.PROTOCOL_ERROR


def test_small_messages() -> None:
    assert decode("Heartbeat") == facts.HeartbeatSeen()
    assert decode("Authorize", idTag="T") == facts.AuthorizationAsked("T")
    assert decode("DataTransfer", vendorId="V", data="d") == facts.DataTransferred("V", "", "d")
    assert decode("MeterValues", connectorId=1, transactionId=5) == facts.MeterSampled(1, (), "5")


# -- what they are answered --------------------------------------------------------------------------------------------

INFO = facts.IdTokenInfo(facts.AuthorizationStatus.ACCEPTED, AT + timedelta(microseconds=5), "PARENT")
PRINTED = {"status": "Accepted", "expiryDate": AT, "parentIdTag": "PARENT"}


@pytest.mark.parametrize(
    ("action", "reply", "payload"),
    [
        ("Heartbeat", facts.HeartbeatReply(AT), {"currentTime": AT}),
        ("Authorize", facts.AuthorizationReply(INFO), {"idTagInfo": PRINTED}),
        ("StartTransaction", facts.TransactionReply(7, INFO), {"transactionId": 7, "idTagInfo": PRINTED}),
        ("StopTransaction", facts.TransactionReply(7, INFO), {"idTagInfo": PRINTED}),
        ("StopTransaction", facts.TransactionReply(7), {}),
        ("StopTransaction", facts.ACK, {}),
        ("MeterValues", facts.ACK, {}),
        ("DataTransfer", facts.DataTransferReply("Accepted", "x"), {"status": "Accepted", "data": "x"}),
        ("DataTransfer", facts.DataTransferReply("Rejected"), {"status": "Rejected"}),
        (
            "BootNotification",
            facts.BootReply(facts.RegistrationStatus.ACCEPTED, AT, 300),
            {"status": "Accepted", "currentTime": AT, "heartbeatInterval": 300},
        ),
    ],
)
def test_replies(action: str, reply: facts.Reply, payload: dict[str, object]) -> None:
    assert DIALECT.reply(action, reply) == payload


@pytest.mark.parametrize("status", [facts.RegistrationStatus.PENDING, facts.RegistrationStatus.REJECTED])
def test_1_5_has_no_word_for_pending(status: facts.RegistrationStatus) -> None:
    payload = DIALECT.reply("BootNotification", facts.BootReply(status, AT, 30))
    assert (payload["status"], payload["heartbeatInterval"]) == ("Rejected", 30)


def test_a_parent_tag_that_is_too_long_is_left_out() -> None:
    info = facts.IdTokenInfo(facts.AuthorizationStatus.ACCEPTED, None, "P" * 21)
    assert DIALECT.reply("Authorize", facts.AuthorizationReply(info)) == {"idTagInfo": {"status": "Accepted"}}


@pytest.mark.parametrize("action", sorted(DIALECT.incoming))
def test_a_reply_to_something_else_is_our_bug(action: str) -> None:
    wrong = facts.HeartbeatReply(AT) if action != "Heartbeat" else facts.ACK
    with pytest.raises(LocalProtocolError):
        DIALECT.reply(action, wrong)


def test_a_start_needs_a_decision() -> None:
    with pytest.raises(LocalProtocolError):
        cs.reply_start_transaction(facts.TransactionReply(7))
