"""Block F: start, stop, unlock, trigger."""

from __future__ import annotations

import pytest

from csms.domain.charging_profile import (
    ChargingProfile,
    ChargingProfileKind,
    ChargingProfilePurpose,
    ChargingRateUnit,
    ChargingSchedule,
    ChargingSchedulePeriod,
)
from csms.domain.commands import (
    RequestStartTransaction,
    RequestStopTransaction,
    TransactionStarted,
    TriggerMessage,
    UnlockConnector,
)
from csms.domain.errors import InvalidArgument, NotSupported
from csms.ocpp.routing import RoutedDialect
from tests.kit.dialects_2 import D21, D201, answer, both, printed

pytestmark = pytest.mark.feature("F-OCPP-4", "F-OCPP-5", "F-OCPP-11")
SCHEDULE = ChargingSchedule(1, ChargingRateUnit.AMPERE, (ChargingSchedulePeriod(0, 16.0),))
PROFILE = ChargingProfile(5, 0, ChargingProfilePurpose.TX_PROFILE, ChargingProfileKind.RELATIVE, (SCHEDULE,))


@both
def test_a_remote_start_in_short(dialect: RoutedDialect) -> None:
    assert printed(dialect, RequestStartTransaction("SHOP-7", remote_start_id=5)) == (
        "RequestStartTransaction",
        {"idToken": {"idToken": "SHOP-7", "type": "Central"}, "remoteStartId": 5},
    )


@both
@pytest.mark.parametrize(
    ("token", "kind"), [("04A2B3C4", "ISO14443"), ("04a2b3c4d5e680", "ISO14443"), ("04A2B3C4D", "Central")]
)
def test_a_token_is_what_it_looks_like(dialect: RoutedDialect, token: str, kind: str) -> None:
    assert printed(dialect, RequestStartTransaction(token))[1]["idToken"]["type"] == kind


@both
def test_a_remote_start_with_everything(dialect: RoutedDialect) -> None:
    command = RequestStartTransaction("DEABC1", 2, 5, "eMAID", "FAMILY", PROFILE)
    _, payload = printed(dialect, command)
    assert payload["idToken"] == {"idToken": "DEABC1", "type": "eMAID"}
    assert payload["groupIdToken"] == {"idToken": "FAMILY", "type": "Central"}
    assert payload["evseId"] == 2
    assert payload["chargingProfile"]["chargingProfilePurpose"] == "TxProfile"
    told = answer(dialect, command, {"status": "Accepted", "transactionId": "tx-1"})
    assert told.result == TransactionStarted("tx-1")
    assert answer(dialect, command, {"status": "Rejected"}).result is None


def test_what_2_0_1_cannot_say_is_refused_with_a_sentence() -> None:
    with pytest.raises(InvalidArgument, match=r"OCPP 2\.0\.1 cannot say this"):
        printed(D201, RequestStartTransaction("x" * 40))
    with pytest.raises(InvalidArgument, match="EVSE -1"):
        printed(D201, RequestStartTransaction("A", -1))
    assert printed(D21, RequestStartTransaction("x" * 40))


@both
def test_a_remote_stop(dialect: RoutedDialect) -> None:
    command = RequestStopTransaction("tx-1")
    assert printed(dialect, command) == ("RequestStopTransaction", {"transactionId": "tx-1"})
    assert answer(dialect, command, {"status": "Accepted"}).accepted
    with pytest.raises(InvalidArgument):
        printed(dialect, RequestStopTransaction("x" * 37))


@both
def test_a_connector_is_unlocked(dialect: RoutedDialect) -> None:
    command = UnlockConnector(2, 1)
    assert printed(dialect, command) == ("UnlockConnector", {"evseId": 2, "connectorId": 1})
    assert answer(dialect, command, {"status": "Unlocked"}).accepted
    assert not answer(dialect, command, {"status": "OngoingAuthorizedTransaction"}).accepted
    with pytest.raises(InvalidArgument):
        printed(dialect, UnlockConnector(2, 0))


@both
def test_triggers_with_the_words_of_1_6_too(dialect: RoutedDialect) -> None:
    for word, theirs in (
        ("Heartbeat", "Heartbeat"),
        ("TransactionEvent", "TransactionEvent"),
        ("DiagnosticsStatusNotification", "LogStatusNotification"),
        ("SignChargePointCertificate", "SignChargingStationCertificate"),
    ):
        assert printed(dialect, TriggerMessage(word)) == ("TriggerMessage", {"requestedMessage": theirs})
    _, payload = printed(dialect, TriggerMessage("StatusNotification", 2))
    assert payload["evse"] == {"id": 2, "connectorId": 1}
    _, payload = printed(dialect, TriggerMessage("MeterValues", 2))
    assert payload["evse"] == {"id": 2}
    with pytest.raises(InvalidArgument, match="at which EVSE"):
        printed(dialect, TriggerMessage("MeterValues", None, 1))
    with pytest.raises(NotSupported, match="MakeCoffee"):
        printed(dialect, TriggerMessage("MakeCoffee"))
    assert not answer(dialect, TriggerMessage("Heartbeat"), {"status": "NotImplemented"}).accepted
