"""What 2.1 adds to TransactionEvent."""

from __future__ import annotations

from typing import Any

import pytest

from csms.domain.facts import TransactionEventSeen, TransactionExtras, TransactionLimit, TransactionReply
from csms.ocpp.faults import Fault
from tests.kit.dialects_2 import D21, D201, fact_of, replied

pytestmark = pytest.mark.feature("F-OCPP-5")


def event(info: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "eventType": "Updated",
        "timestamp": "2026-05-01T10:00:00Z",
        "triggerReason": "RunningCost",
        "seqNo": 3,
        "transactionInfo": {"transactionId": "tx-1", **(info or {})},
        **more,
    }


def test_costs_limits_tariff_and_what_the_vehicle_does() -> None:
    costs = {
        "totalCost": {"currency": "EUR", "typeOfCost": "NormalCost", "total": {"inclTax": 4.2}},
        "totalUsage": {"energy": 5.0, "chargingTime": 60, "idleTime": 0},
    }
    info = {
        "operationMode": "ChargingOnly",
        "tariffId": "night",
        "transactionLimit": {"maxCost": 20.0, "maxSoC": 80, "maxTime": 3600, "maxEnergy": 9000.0},
    }
    payload = event(info, costDetails=costs, preconditioningStatus="Ready", evseSleep=True)
    fact = fact_of(D21, "TransactionEvent", payload)
    assert isinstance(fact, TransactionEventSeen)
    assert fact.extras == TransactionExtras(
        evse_sleep=True,
        preconditioning_status="Ready",
        operation_mode="ChargingOnly",
        tariff_id="night",
        transaction_limit=TransactionLimit(20.0, 9000.0, 3600, 80),
        cost_details=costs,
    )


def test_an_event_without_any_of_it_has_none() -> None:
    fact = fact_of(D21, "TransactionEvent", event())
    assert isinstance(fact, TransactionEventSeen)
    assert fact.extras is None


def test_a_limit_that_cannot_be_kept_is_refused() -> None:
    with pytest.raises(Fault):
        fact_of(D21, "TransactionEvent", event({"transactionLimit": {"maxTime": 2**64}}))


def test_a_limit_goes_into_the_answer() -> None:
    reply = TransactionReply(7, transaction_limit=TransactionLimit(max_cost=20.0, max_soc=80))
    assert replied(D21, "TransactionEvent", reply) == {"transactionLimit": {"maxCost": 20.0, "maxSoC": 80}}


@pytest.mark.feature("F-SES-6")
def test_a_running_cost_is_for_2_1_alone_and_the_final_one_for_both() -> None:
    running, final = TransactionReply(7, running_cost=2.5), TransactionReply(7, total_cost=4.0)
    assert [replied(D21, "TransactionEvent", each) for each in (running, final)] == [
        {"totalCost": 2.5},
        {"totalCost": 4.0},
    ]
    assert [replied(D201, "TransactionEvent", each) for each in (running, final)] == [{}, {"totalCost": 4.0}]
