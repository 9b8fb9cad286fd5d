"""Core profile: what stations say and what we say, word by word."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from csms.domain import commands, facts
from csms.domain.errors import InvalidArgument
from csms.domain.facts import Fact, Reply
from csms.ocpp import faults
from csms.ocpp.faults import Fault, LocalProtocolError
from csms.ocpp.frame import Call
from csms.ocpp.v16.routes import Dialect16

DIALECT = Dialect16()
AT = datetime(2024, 5, 1, 10, tzinfo=UTC)
pytestmark = pytest.mark.feature("F-OCPP-1")


def call(action: str, payload: dict[str, Any]) -> Call:
    return Call("17", action, msgspec.Raw(json.dumps(payload).encode()))


def decode(action: str, **payload: Any) -> Fact:
    return DIALECT.decode(call(action, payload))


def fault(action: str, **payload: Any) -> Fault:
    with pytest.raises(Fault) as caught:
        decode(action, **payload)
    return caught.value


def reply(action: str, answer: Reply) -> Any:
    return json.loads(DIALECT.reply(call(action, {}), answer))


# -- from the station


def test_boot() -> None:
    assert decode("BootNotification", chargePointVendor="V", chargePointModel="M") == facts.StationBooted("V", "M")
    assert decode(
        "BootNotification",
        chargePointVendor="V",
        chargePointModel="M",
        chargePointSerialNumber="S",
        chargeBoxSerialNumber="B",
        firmwareVersion="1.2",
        iccid="89",
        imsi="24",
        meterType="T",
        meterSerialNumber="N",
    ) == facts.StationBooted("V", "M", "S", "1.2", "89", "24", "T", "N", "B")
    answer = facts.BootReply(facts.RegistrationStatus.PENDING, AT.replace(microsecond=123_456), 60)
    assert reply("BootNotification", answer) == {
        "currentTime": "2024-05-01T10:00:00Z",
        "interval": 60,
        "status": "Pending",
    }


def test_heartbeat() -> None:
    assert decode("Heartbeat") == facts.HeartbeatSeen()
    assert reply("Heartbeat", facts.HeartbeatReply(AT)) == {"currentTime": "2024-05-01T10:00:00Z"}


def test_authorize() -> None:
    assert decode("Authorize", idTag="a1") == facts.AuthorizationAsked("a1")
    info = facts.IdTokenInfo(facts.AuthorizationStatus.ACCEPTED, AT, "GROUP")
    assert reply("Authorize", facts.AuthorizationReply(info)) == {
        "idTagInfo": {"status": "Accepted", "expiryDate": "2024-05-01T10:00:00Z", "parentIdTag": "GROUP"}
    }


def test_parent_tag_that_1_6_cannot_hold_is_left_out() -> None:
    info = facts.IdTokenInfo(facts.AuthorizationStatus.BLOCKED, parent_id_token="x" * 21)
    assert reply("Authorize", facts.AuthorizationReply(info)) == {"idTagInfo": {"status": "Blocked"}}


@pytest.mark.parametrize(("number", "evse_id", "connector_id"), [(0, 0, 0), (1, 1, 1), (7, 7, 1)])
def test_connector_n_is_evse_n_and_0_is_the_station(number: int, evse_id: int, connector_id: int) -> None:
    fact = decode("StatusNotification", connectorId=number, errorCode="NoError", status="Available")
    assert fact == facts.StatusChanged(evse_id, connector_id, facts.ConnectorStatus.AVAILABLE)


def test_status_with_all_that_it_can_carry() -> None:
    fact = decode(
        "StatusNotification",
        connectorId=1,
        errorCode="GroundFailure",
        status="Faulted",
        info="wet",
        vendorId="V",
        vendorErrorCode="E5",
        timestamp="2024-05-01T10:00:00",
    )
    status = facts.ConnectorStatus.FAULTED
    assert fact == facts.StatusChanged(1, 1, status, "GroundFailure", "wet", "V", "E5", AT)
    assert reply("StatusNotification", facts.ACK) == {}


def test_every_status_of_the_schema_is_one_of_the_domain() -> None:
    for status in facts.ConnectorStatus:
        fact = decode("StatusNotification", connectorId=1, errorCode="NoError", status=status.value)
        assert isinstance(fact, facts.StatusChanged)
        assert fact.status is status


def test_start_of_a_transaction() -> None:
    start = {"connectorId": 2, "idTag": "A", "meterStart": 1500, "timestamp": "2024-05-01T12:00:00+02:00"}
    assert decode("StartTransaction", **start, reservationId=9) == facts.TransactionEventSeen(
        facts.TransactionEventType.STARTED,
        AT,
        evse_id=2,
        connector_id=1,
        id_token="A",
        meter_wh=1500.0,
        reservation_id=9,
    )
    info = facts.IdTokenInfo(facts.AuthorizationStatus.CONCURRENT_TX)
    assert reply("StartTransaction", facts.TransactionReply(77, info)) == {
        "transactionId": 77,
        "idTagInfo": {"status": "ConcurrentTx"},
    }


def test_stop_of_a_transaction_that_nobody_knows() -> None:
    stop = {"meterStop": 2500, "timestamp": "2024-05-01T10:00:00Z", "transactionId": -1}
    assert decode("StopTransaction", **stop) == facts.TransactionEventSeen(
        facts.TransactionEventType.ENDED, AT, transaction_id="-1", meter_wh=2500.0, reason="Local"
    )
    assert reply("StopTransaction", facts.TransactionReply(77)) == {}
    assert reply("StopTransaction", facts.ACK) == {}
    info = facts.IdTokenInfo(facts.AuthorizationStatus.EXPIRED)
    assert reply("StopTransaction", facts.TransactionReply(77, info)) == {"idTagInfo": {"status": "Expired"}}


def test_rubbish_among_the_samples_does_not_keep_a_session_from_ending() -> None:
    fact = decode(
        "StopTransaction",
        meterStop=1,
        timestamp="2024-05-01T10:00:00Z",
        transactionId=5,
        reason="PowerLoss",
        idTag="A",
        transactionData=[
            {
                "timestamp": "2024-05-01T10:00:00Z",
                "sampledValue": [{"value": "12,5"}, {"value": "broken"}, {"value": "7"}],
            }
        ],
    )
    assert isinstance(fact, facts.TransactionEventSeen)
    assert [sample.value for sample in fact.meter_values[0].sampled_values] == [7.0]
    assert (fact.reason, fact.id_token) == ("PowerLoss", "A")


def test_data_transfer_from_the_station() -> None:
    assert decode("DataTransfer", vendorId="V") == facts.DataTransferred("V")
    full = decode("DataTransfer", vendorId="V", messageId="M", data='{"a":1}')
    assert full == facts.DataTransferred("V", "M", '{"a":1}')
    assert reply("DataTransfer", facts.DataTransferReply("UnknownVendorId")) == {"status": "UnknownVendorId"}
    assert reply("DataTransfer", facts.DataTransferReply("Accepted", "x")) == {"status": "Accepted", "data": "x"}


# -- meter values


def sample(**fields: str) -> Any:
    """The one sample of a MeterValues, decoded; None if it was left out."""
    value = {"timestamp": "2024-05-01T10:00:00Z", "sampledValue": [fields]}
    fact = decode("MeterValues", connectorId=1, meterValue=[value])
    assert isinstance(fact, facts.MeterSampled)
    found = fact.meter_values[0].sampled_values
    return found[0] if found else None


def test_sample_with_nothing_but_a_value_is_imported_energy_in_wh() -> None:
    found = sample(value="1500")
    assert (found.measurand, found.value, found.unit) == ("Energy.Active.Import.Register", 1500.0, "Wh")
    assert (found.phase, found.context, found.location) == ("", "Sample.Periodic", "Outlet")


@pytest.mark.parametrize(
    ("measurand", "unit", "text", "value", "base"),
    [
        ("Energy.Active.Import.Register", "kWh", "12.345", 12345.0, "Wh"),
        ("Energy.Active.Import.Register", "kWh", "0.1", 100.0, "Wh"),
        ("Energy.Reactive.Import.Register", "kvarh", "1.5", 1500.0, "varh"),
        ("Power.Active.Import", "kW", "7.4", 7400.0, "W"),
        ("Power.Active.Import", "W", "-20", -20.0, "W"),
        ("Power.Reactive.Import", "kvar", "2", 2000.0, "var"),
        ("Power.Offered", "kVA", "11", 11000.0, "VA"),
        ("Temperature", "Celcius", "21.5", 21.5, "Celsius"),
        ("Temperature", "K", "300", 26.85, "Celsius"),
        ("Temperature", "Fahrenheit", "50", 10.0, "Celsius"),
        ("SoC", "Percent", " 55 ", 55.0, "Percent"),
        ("Voltage", "V", "2.3e2", 230.0, "V"),
        ("Power.Active.Import", "Wh", "5", 5.0, "Wh"),
    ],
)
def test_units_are_made_one(measurand: str, unit: str, text: str, value: float, base: str) -> None:
    found = sample(value=text, measurand=measurand, unit=unit)
    assert (found.measurand, found.value, found.unit) == (measurand, value, base)


@pytest.mark.parametrize(
    ("measurand", "unit"),
    [
        *(("Energy.Active.Export.Interval", "Wh"), ("Energy.Reactive.Import.Register", "varh")),
        *(("Power.Active.Import", "W"), ("Power.Reactive.Export", "var"), ("Power.Factor", "")),
        *(("Current.Import", "A"), ("Voltage", "V"), ("SoC", "Percent"), ("Temperature", "Celsius")),
        *(("Frequency", "Hz"), ("RPM", "rpm")),
    ],
)
def test_missing_unit_is_the_base_unit(measurand: str, unit: str) -> None:
    assert sample(value="1", measurand=measurand).unit == unit


def test_phase_context_and_location_are_kept() -> None:
    found = sample(value="1", measurand="Current.Import", phase="L2", context="Trigger", location="EV")
    assert (found.phase, found.context, found.location) == ("L2", "Trigger", "EV")


def test_signed_data_is_kept_as_it_came() -> None:
    found = sample(value="AAEC//", format="SignedData", unit="kWh")
    assert (found.signed, found.value) == ("AAEC//", 0.0)


@pytest.mark.parametrize("text", ["", "  ", "NaN", "null", "-"])
def test_sample_without_a_reading_is_left_out(text: str) -> None:
    assert sample(value=text) is None


@pytest.mark.feature("F-OCPP-10")
@pytest.mark.parametrize("text", ["broken", "12,5", "0x10", "1_000", "inf", "1e999", "٣", "1.2.3", "12 kWh"])
def test_sample_that_is_no_number_is_refused(text: str) -> None:
    value = {"timestamp": "2024-05-01T10:00:00Z", "sampledValue": [{"value": text}]}
    error = fault("MeterValues", connectorId=1, meterValue=[value])
    assert faults.V16.spell(error.code) == "PropertyConstraintViolation"


@pytest.mark.parametrize(
    ("given", "expected"), [({}, None), ({"transactionId": -1}, "-1"), ({"transactionId": 0}, "0")]
)
def test_transaction_of_meter_values_is_kept_as_the_station_says_it(
    given: dict[str, int], expected: str | None
) -> None:
    value = {"timestamp": "2024-05-01T10:00:00Z", "sampledValue": [{"value": "1"}]}
    fact = decode("MeterValues", connectorId=0, meterValue=[value, value], **given)
    assert isinstance(fact, facts.MeterSampled)
    assert (fact.evse_id, fact.transaction_id, len(fact.meter_values)) == (0, expected, 2)


# -- numbers that cannot be kept


@pytest.mark.feature("F-OCPP-10")
@pytest.mark.parametrize(
    ("action", "change"),
    [
        ("StatusNotification", {"connectorId": -1}),
        ("StatusNotification", {"connectorId": 2**31}),
        ("StatusNotification", {"connectorId": 10**3000}),
        ("StatusNotification", {"timestamp": "0001-01-01T00:00:00+14:00"}),
        ("StartTransaction", {"connectorId": 0}),
        ("StartTransaction", {"meterStart": 2**64}),
        ("StartTransaction", {"reservationId": -(2**64)}),
        ("StopTransaction", {"transactionId": 2**63}),
        ("StopTransaction", {"meterStop": 10**400}),
    ],
)
def test_number_that_cannot_be_kept_is_refused(action: str, change: dict[str, Any]) -> None:
    fine: dict[str, dict[str, Any]] = {
        "StatusNotification": {"connectorId": 1, "errorCode": "NoError", "status": "Available"},
        "StartTransaction": {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": "2024-05-01T10:00:00Z"},
        "StopTransaction": {"transactionId": 1, "meterStop": 0, "timestamp": "2024-05-01T10:00:00Z"},
    }
    assert fault(action, **fine[action] | change).code == "PropertyConstraintViolation"


# -- replies that do not fit are our bug


@pytest.mark.parametrize(
    "action",
    ["Authorize", "BootNotification", "DataTransfer", "Heartbeat", "StartTransaction"],
)
def test_bare_acknowledgement_where_more_is_due_is_a_bug_of_ours(action: str) -> None:
    with pytest.raises(LocalProtocolError):
        reply(action, facts.ACK)


def test_wrong_replies_are_a_bug_of_ours() -> None:
    with pytest.raises(LocalProtocolError):
        reply("MeterValues", facts.HeartbeatReply(AT))
    with pytest.raises(LocalProtocolError):
        reply("StartTransaction", facts.TransactionReply(77))
    with pytest.raises(LocalProtocolError):
        reply("DataTransfer", facts.DataTransferReply("Perhaps"))


# -- to the station


@pytest.mark.parametrize(
    ("command", "action", "payload"),
    [
        (commands.RequestStartTransaction("A", 2, 5), "RemoteStartTransaction", {"idTag": "A", "connectorId": 2}),
        (commands.RequestStartTransaction("A"), "RemoteStartTransaction", {"idTag": "A"}),
        (commands.RequestStartTransaction("A", 0), "RemoteStartTransaction", {"idTag": "A"}),
        (commands.RequestStopTransaction("77"), "RemoteStopTransaction", {"transactionId": 77}),
        (commands.Reset(commands.ResetType.IMMEDIATE), "Reset", {"type": "Hard"}),
        (commands.Reset(commands.ResetType.ON_IDLE), "Reset", {"type": "Soft"}),
        (
            commands.ChangeAvailability(commands.OperationalStatus.INOPERATIVE),
            "ChangeAvailability",
            {"connectorId": 0, "type": "Inoperative"},
        ),
        (
            commands.ChangeAvailability(commands.OperationalStatus.OPERATIVE, 3),
            "ChangeAvailability",
            {"connectorId": 3, "type": "Operative"},
        ),
        (commands.UnlockConnector(1), "UnlockConnector", {"connectorId": 1}),
        (commands.ClearCache(), "ClearCache", {}),
        (commands.GetVariables(), "GetConfiguration", {}),
        (commands.GetVariables(("A", "B")), "GetConfiguration", {"key": ["A", "B"]}),
        (
            commands.SetVariables((commands.SetVariable("A", "1"),)),
            "ChangeConfiguration",
            {"key": "A", "value": "1"},
        ),
        (commands.DataTransfer("V"), "DataTransfer", {"vendorId": "V"}),
        (
            commands.DataTransfer("V", "M", ""),
            "DataTransfer",
            {"vendorId": "V", "messageId": "M", "data": ""},
        ),
    ],
)
def test_command_becomes_a_call(command: commands.Command, action: str, payload: dict[str, Any]) -> None:
    said, data = DIALECT.encode(command)
    assert (said, json.loads(data)) == (action, payload)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (commands.RequestStartTransaction("x" * 21), "VALUE_TOO_LONG"),
        (commands.RequestStartTransaction("A", -1), "INVALID_EVSE"),
        (commands.RequestStopTransaction("a-uuid"), "INVALID_TRANSACTION_ID"),
        (commands.ChangeAvailability(commands.OperationalStatus.OPERATIVE, -1), "INVALID_EVSE"),
        (commands.UnlockConnector(0), "INVALID_EVSE"),
        (commands.UnlockConnector(1, 2), "INVALID_CONNECTOR"),
        (commands.GetVariables(("x" * 51,)), "VALUE_TOO_LONG"),
        (commands.SetVariables(()), "ONE_VARIABLE_PER_CALL"),
        (commands.SetVariables((commands.SetVariable("A", "x" * 501),)), "VALUE_TOO_LONG"),
        (commands.DataTransfer("V", "x" * 51), "VALUE_TOO_LONG"),
    ],
)
def test_command_that_1_6_cannot_say_is_the_callers_mistake(command: commands.Command, reason: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        DIALECT.encode(command)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("command", "status", "accepted"),
    [
        (commands.Reset(commands.ResetType.ON_IDLE), "Accepted", True),
        (commands.Reset(commands.ResetType.ON_IDLE), "Rejected", False),
        (commands.ChangeAvailability(commands.OperationalStatus.OPERATIVE), "Scheduled", True),
        (commands.SetVariables((commands.SetVariable("A", "1"),)), "RebootRequired", True),
        (commands.SetVariables((commands.SetVariable("A", "1"),)), "NotSupported", False),
        (commands.UnlockConnector(1), "Unlocked", True),
        (commands.UnlockConnector(1), "UnlockFailed", False),
        (commands.DataTransfer("V"), "UnknownVendorId", False),
        (commands.ClearCache(), "Accepted", True),
    ],
)
def test_answer_keeps_the_stations_own_word(command: commands.Command, status: str, accepted: bool) -> None:
    answer = DIALECT.outcome(command, b'{"status":"%b"}' % status.encode())
    assert (answer.status, answer.accepted) == (status, accepted)


def test_configuration_is_read() -> None:
    keys = b'[{"key":"A","readonly":true,"value":"1"},{"key":"B","readonly":false}]'
    answer = DIALECT.outcome(commands.GetVariables(), b'{"configurationKey":%b,"unknownKey":["C"]}' % keys)
    assert answer.accepted
    assert answer.variables == (commands.Variable("A", "1", True), commands.Variable("B", None, False))
    assert answer.unknown_names == ("C",)
    assert DIALECT.outcome(commands.GetVariables(), b"{}").variables == ()


def test_data_of_a_data_transfer_is_read() -> None:
    answer = DIALECT.outcome(commands.DataTransfer("V"), b'{"status":"Accepted","data":"x"}')
    assert answer.data == "x"


@pytest.mark.feature("F-OCPP-10")
def test_invalid_answer_is_a_fault_of_the_station() -> None:
    with pytest.raises(Fault):
        DIALECT.outcome(commands.ClearCache(), b'{"status":"Perhaps"}')
