"""Settlement, payment in a browser and VAT numbers in the words of 2.1."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from csms.domain.facts import ACK, Reply
from csms.domain.payment import (
    Address,
    NotifyWebPaymentStarted,
    SettlementReply,
    SettlementTold,
    VatNumberAsked,
    VatNumberReply,
)
from csms.ocpp.faults import LocalProtocolError
from csms.ocpp.frame import Call
from csms.ocpp.v21.routes import Dialect21

pytestmark = pytest.mark.feature("F-OCPP-5")
DIALECT = Dialect21()
ACME = {"name": "Acme", "address1": "Way 1", "city": "Delft", "country": "NL", "postalCode": "2600"}


def taken(action: str, **payload: object) -> Any:
    return DIALECT.decode(Call("1", action, msgspec.Raw(json.dumps(payload).encode())))


def replied(action: str, reply: Reply) -> Any:
    return json.loads(DIALECT.reply(Call("1", action, msgspec.Raw(b"{}")), reply))


def test_a_settlement_with_and_without_all_that_it_may_tell() -> None:
    least = {
        "pspRef": "P-1",
        "status": "Settled",
        "settlementAmount": 12.5,
        "settlementTime": "2026-05-04T14:00:00+02:00",
    }
    at = datetime(2026, 5, 4, 12, tzinfo=UTC)
    assert taken("NotifySettlement", **least) == SettlementTold("P-1", "Settled", 12.5, at)
    full = taken(
        "NotifySettlement",
        **least,
        transactionId="TX",
        statusInfo="fine",
        receiptId="R-1",
        receiptUrl="https://example.org/r",
        vatCompany=ACME,
        vatNumber="NL1",
    )
    assert full == SettlementTold(
        "P-1",
        "Settled",
        12.5,
        at,
        "TX",
        "fine",
        "R-1",
        "https://example.org/r",
        Address("Acme", "Way 1", "Delft", "NL", postal_code="2600"),
        "NL1",
    )
    assert replied("NotifySettlement", SettlementReply()) == {}
    assert replied("NotifySettlement", SettlementReply("https://example.org/r/1", "1")) == {
        "receiptUrl": "https://example.org/r/1",
        "receiptId": "1",
    }


def test_a_payment_in_a_browser() -> None:
    command = NotifyWebPaymentStarted(1, 60)
    action, payload = DIALECT.encode(command)
    assert (action, json.loads(payload)) == ("NotifyWebPaymentStarted", {"evseId": 1, "timeout": 60})
    assert DIALECT.outcome(command, b"{}").accepted


def test_a_vat_number_and_both_answers() -> None:
    assert taken("VatNumberValidation", vatNumber="NL1", evseId=2) == VatNumberAsked("NL1", 2)
    company = Address("Acme", "Way 1", "Delft", "NL", postal_code="2600")
    yes = VatNumberReply(accepted=True, vat_number="NL1", evse_id=2, company=company)
    assert replied("VatNumberValidation", yes) == {
        "vatNumber": "NL1",
        "evseId": 2,
        "status": "Accepted",
        "company": ACME,
    }
    no = VatNumberReply(accepted=False, vat_number="NL1", reason_code="NoVatRegister", additional_info="Nobody.")
    assert replied("VatNumberValidation", no) == {
        "vatNumber": "NL1",
        "status": "Rejected",
        "statusInfo": {"reasonCode": "NoVatRegister", "additionalInfo": "Nobody."},
    }
    with pytest.raises(LocalProtocolError):
        replied("VatNumberValidation", ACK)
