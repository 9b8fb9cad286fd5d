"""A station with rules is read by them; everybody else strictly."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from csms.domain.commands import ChangeAvailability, OperationalStatus, RequestStartTransaction
from csms.domain.facts import (
    ACK,
    AuthorizationAsked,
    ConnectorStatus,
    StationBooted,
    StatusChanged,
    TransactionEventSeen,
)
from csms.ocpp import faults
from csms.ocpp.dialect import Dialect
from csms.ocpp.faults import Fault
from csms.ocpp.frame import Call
from csms.ocpp.tolerance import Tolerant, TolerantDialect
from csms.ocpp.v16.routes import Dialect16
from csms.ocpp.v201.routes import Dialect201

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
DEVIANT = {"connectorId": "1", "status": "charging"}


class Known:
    """A `Tolerance` with one set of rules for station 1."""

    def __init__(self, *rules: str) -> None:
        self.rules = Tolerant(rules) if rules else None
        self.introduced: list[tuple[int, str, str, str]] = []

    def rules_of(self, station_id: int) -> Tolerant | None:
        return self.rules if station_id == 1 else None

    def introduce(self, station_id: int, vendor: str, model: str, firmware: str) -> None:
        self.introduced.append((station_id, vendor, model, firmware))


class World:
    def __init__(self, *rules: str, station_id: int = 1, dialect: Dialect | None = None) -> None:
        self.known, self.remarks = Known(*rules), list[str]()
        self.dialect = TolerantDialect(
            dialect or Dialect16(), self.known, station_id, remark=self.remarks.append, now=lambda: NOW
        )

    def decode(self, action: str, payload: dict[str, Any] | str) -> object:
        text = payload if isinstance(payload, str) else json.dumps(payload)
        return self.dialect.decode(Call("1", action, msgspec.Raw(text.encode())))


@pytest.mark.feature("F-OCPP-10")
def test_strict_without_rules_and_for_others() -> None:
    for world in (World(), World("words", station_id=2)):
        with pytest.raises(Fault):
            world.decode("StatusNotification", DEVIANT)
        assert world.remarks == []


@pytest.mark.feature("F-OCPP-10")
def test_several_rules_together_read_a_message_and_each_is_told() -> None:
    world = World("numbers-as-texts", "words", "missing-error-code", "connector-zero")
    fact = world.decode("StatusNotification", DEVIANT)
    assert fact == StatusChanged(1, 1, ConnectorStatus.CHARGING)
    assert [remark.split(":")[0] for remark in world.remarks] == [
        "StatusNotification was read by the tolerance rule numbers-as-texts",
        "StatusNotification was read by the tolerance rule words",
        "StatusNotification was read by the tolerance rule missing-error-code",
    ]


def test_what_no_rule_helps_is_refused_for_what_came() -> None:
    world = World("words")
    with pytest.raises(Fault, match="errorCode") as caught:
        world.decode("StatusNotification", {"connectorId": 1, "status": "charging"})
    assert caught.value.details["keyword"] == "required"
    assert world.remarks == []
    with pytest.raises(Fault):
        World("words").decode("StatusNotification", "[[[[")
    with pytest.raises(Fault):
        World("words", "padded-tags").decode("StatusNotification", '{"a":' * 5000 + "1" + "}" * 5000)
    with pytest.raises(Fault):
        World("words", "padded-tags").decode("MakeCoffee", {})


def test_a_rule_for_every_message_is_applied_to_valid_ones() -> None:
    world = World("padded-tags", "numbers-as-texts")
    assert world.decode("Authorize", {"idTag": "TAG  "}) == AuthorizationAsked("TAG")
    assert len(world.remarks) == 1
    assert world.decode("Authorize", {"idTag": "TAG"}) == AuthorizationAsked("TAG")
    assert len(world.remarks) == 1


def test_healing_comes_before_the_rules_for_every_message() -> None:
    world = World("numbers-as-texts", "connector-zero")
    payload = {"connectorId": "0", "idTag": "T", "meterStart": "5", "timestamp": "2024-05-01T10:00:00Z"}
    fact = world.decode("StartTransaction", payload)
    assert isinstance(fact, TransactionEventSeen)
    assert (fact.evse_id, fact.meter_wh) == (1, 5.0)


def test_a_stop_without_a_meter_reading_ends_the_transaction() -> None:
    fact = World("missing-meter-stop").decode(
        "StopTransaction", {"transactionId": 7, "timestamp": "2024-05-01T10:00:00Z"}
    )
    assert isinstance(fact, TransactionEventSeen)
    assert fact.meter_wh is None


def test_cards_are_turned_round_both_ways() -> None:
    world = World("reversed-tags")
    assert world.decode("Authorize", {"idTag": "04A1B2C3"}) == AuthorizationAsked("C3B2A104")
    action, payload = world.dialect.encode(RequestStartTransaction("C3B2A104"))
    assert (action, json.loads(payload)) == ("RemoteStartTransaction", {"idTag": "04A1B2C3"})
    assert len(world.remarks) == 2
    assert World().dialect.encode(RequestStartTransaction("C3B2A104"))[1] == b'{"idTag":"C3B2A104"}'


def test_answers_are_mended_too() -> None:
    world = World("words")
    command = ChangeAvailability(OperationalStatus.OPERATIVE)
    assert world.dialect.outcome(command, b'{"status":"Accepted"}').accepted
    assert world.remarks == []
    assert world.dialect.outcome(command, b'{"status":"accepted"}').accepted
    assert world.remarks[0].startswith("The answer to ChangeAvailability")
    for strict in (World(), World("nulls")):
        with pytest.raises(Fault):
            strict.dialect.outcome(command, b'{"status":"accepted"}')


def test_a_station_introduces_itself_however_it_does() -> None:
    world = World("unknown-fields")
    boot = {"chargePointVendor": "Acme", "chargePointModel": "X", "firmwareVersion": "1.2", "acme": 1}
    assert isinstance(world.decode("BootNotification", boot), StationBooted)
    assert world.known.introduced == [(1, "Acme", "X", "1.2")]
    other = World(dialect=Dialect201())
    told = {"reason": "PowerUp", "chargingStation": {"vendorName": "Acme", "model": 7}}
    with pytest.raises(Fault):
        other.decode("BootNotification", told)
    assert other.known.introduced == [(1, "Acme", "7", "")]
    for nonsense in ("[]", '{"chargingStation":3}', "{"):
        with pytest.raises(Fault):
            other.decode("BootNotification", nonsense)


def test_what_is_not_about_reading_is_the_dialects_own() -> None:
    world = World("words")
    assert world.dialect.edition is faults.V16
    assert world.dialect.subprotocol == "ocpp1.6"
    assert world.dialect.reply(Call("1", "StatusNotification", msgspec.Raw(b"{}")), ACK) == b"{}"


def test_rules_of_another_version_of_the_program_are_left_out() -> None:
    assert World("no-such-rule").decode("Authorize", {"idTag": "TAG"}) == AuthorizationAsked("TAG")
