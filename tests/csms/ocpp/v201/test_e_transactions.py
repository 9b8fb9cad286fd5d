"""Block E: TransactionEvent, word by word, and the question after a transaction."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from csms.domain.commands import GetTransactionStatus, TransactionStatus
from csms.domain.errors import InvalidArgument
from csms.domain.facts import (
    ACK,
    AdditionalInfo,
    AuthorizationStatus,
    ChargingState,
    IdTokenInfo,
    TransactionEventSeen,
    TransactionEventType,
    TransactionExtras,
    TransactionReply,
)
from csms.domain.metering import MeterValue, SampledValue
from csms.ocpp.faults import Fault, LocalProtocolError
from csms.ocpp.routing import RoutedDialect
from tests.kit.dialects_2 import answer, both, fact_of, printed, replied

AT = datetime(2026, 5, 1, 10, tzinfo=UTC)
pytestmark = pytest.mark.feature("F-OCPP-4", "F-OCPP-5")


def event(**more: Any) -> dict[str, Any]:
    return {
        "eventType": "Updated",
        "timestamp": "2026-05-01T10:00:00Z",
        "triggerReason": "MeterValuePeriodic",
        "seqNo": 3,
        "transactionInfo": {"transactionId": "tx-1"},
        **more,
    }


@both
def test_the_least_that_an_event_says(dialect: RoutedDialect) -> None:
    assert fact_of(dialect, "TransactionEvent", event()) == TransactionEventSeen(
        TransactionEventType.UPDATED,
        AT,
        transaction_id="tx-1",
        seq_no=3,
        trigger_reason="MeterValuePeriodic",
    )


@both
def test_all_that_an_event_says(dialect: RoutedDialect) -> None:
    payload = event(
        eventType="Ended",
        triggerReason="EVDeparted",
        offline=True,
        numberOfPhasesUsed=3,
        cableMaxCurrent=32,
        reservationId=9,
        evse={"id": 2, "connectorId": 1},
        idToken={
            "idToken": "aa",
            "type": "ISO14443",
            "additionalInfo": [{"additionalIdToken": "7", "type": "PIN"}],
        },
        transactionInfo={
            "transactionId": "tx-1",
            "chargingState": "Idle",
            "timeSpentCharging": 90,
            "stoppedReason": "EVDisconnected",
            "remoteStartId": 77,
        },
        meterValue=[{"timestamp": "2026-05-01T10:00:00Z", "sampledValue": [{"value": 5}]}],
    )
    assert fact_of(dialect, "TransactionEvent", payload) == TransactionEventSeen(
        TransactionEventType.ENDED,
        AT,
        transaction_id="tx-1",
        evse_id=2,
        connector_id=1,
        id_token="aa",
        reason="EVDisconnected",
        reservation_id=9,
        meter_values=(MeterValue(AT, (SampledValue("Energy.Active.Import.Register", 5.0, "Wh"),)),),
        seq_no=3,
        trigger_reason="EVDeparted",
        charging_state=ChargingState.IDLE,
        offline=True,
        token_type="ISO14443",
        remote_start_id=77,
        extras=TransactionExtras(3, 32.0, 90, additional_info=(AdditionalInfo("7", "PIN"),)),
    )


@both
def test_a_session_ends_even_if_its_last_value_cannot_be_read(dialect: RoutedDialect) -> None:
    bad = [{"timestamp": "2026-05-01T10:00:00Z", "sampledValue": [{"value": 5, "unitOfMeasure": {"multiplier": 99}}]}]
    with pytest.raises(Fault):
        fact_of(dialect, "TransactionEvent", event(meterValue=bad))
    fact = fact_of(dialect, "TransactionEvent", event(eventType="Ended", meterValue=bad))
    assert isinstance(fact, TransactionEventSeen)
    assert fact.meter_values == (MeterValue(AT, ()),)


@both
@pytest.mark.parametrize("wrong", [{"seqNo": -1}, {"seqNo": 2**63}, {"evse": {"id": -1}}, {"reservationId": 2**64}])
def test_numbers_that_cannot_be_kept_are_refused(dialect: RoutedDialect, wrong: dict[str, Any]) -> None:
    with pytest.raises(Fault):
        fact_of(dialect, "TransactionEvent", event(**wrong))


@both
def test_the_answer_says_what_there_is_to_say(dialect: RoutedDialect) -> None:
    assert replied(dialect, "TransactionEvent", TransactionReply(7)) == {}
    full = TransactionReply(7, IdTokenInfo(AuthorizationStatus.BLOCKED), 4.25, 5, "Hello")
    assert replied(dialect, "TransactionEvent", full) == {
        "idTokenInfo": {"status": "Blocked"},
        "totalCost": 4.25,
        "chargingPriority": 5,
        "updatedPersonalMessage": {"format": "UTF8", "content": "Hello"},
    }
    with pytest.raises(LocalProtocolError):
        replied(dialect, "TransactionEvent", ACK)


@both
def test_the_status_of_a_transaction(dialect: RoutedDialect) -> None:
    assert printed(dialect, GetTransactionStatus()) == ("GetTransactionStatus", {})
    command = GetTransactionStatus("tx-1")
    assert printed(dialect, command) == ("GetTransactionStatus", {"transactionId": "tx-1"})
    told = answer(dialect, command, {"messagesInQueue": True, "ongoingIndicator": False})
    assert (told.accepted, told.result) == (True, TransactionStatus(messages_in_queue=True, ongoing=False))
    assert answer(dialect, command, {"messagesInQueue": False}).result == TransactionStatus(messages_in_queue=False)
    with pytest.raises(InvalidArgument, match="1 to 36"):
        printed(dialect, GetTransactionStatus("x" * 37))
