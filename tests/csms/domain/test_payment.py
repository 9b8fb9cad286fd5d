"""Settlements, payments in browsers, VAT numbers."""

from __future__ import annotations

from datetime import UTC, datetime

from csms.domain.applying import Applied, Context
from csms.domain.facts import AuthorizationStatus, Fact, IdTokenInfo, Reply
from csms.domain.ids import StationId
from csms.domain.payment import (
    HANDLERS,
    Address,
    SettlementReply,
    SettlementTold,
    VatNumberAsked,
    VatNumberReply,
)
from csms.domain.records import EventRecord, ItemRecord

NOW = datetime(2026, 5, 4, tzinfo=UTC)


def apply(fact: Fact, consulted: Reply | None = None) -> Applied:
    context = Context(NOW, lambda _tag, _starting: IdTokenInfo(AuthorizationStatus.INVALID), lambda: 1)
    context.consulted = consulted
    return HANDLERS[type(fact)](fact, StationId(1), context)


def test_a_settlement_is_kept_and_may_be_answered_with_a_receipt() -> None:
    fact = SettlementTold("psp-1", "Failed", 12.5, NOW, "TX", "no cover")
    applied = apply(fact)
    assert applied.reply == SettlementReply()
    event, item = applied.records
    assert isinstance(event, EventRecord)
    assert isinstance(item, ItemRecord)
    assert event.summary == "Payment psp-1 of transaction TX: Failed, 12.5 (no cover)."
    assert (item.kind, item.key) == ("settlement", "psp-1")
    receipt = SettlementReply("https://example.org/r/1", "1")
    assert apply(fact, receipt).reply == receipt


def test_a_vat_number_that_nobody_looks_up_is_rejected_with_the_reason() -> None:
    reply = apply(VatNumberAsked("NL1", 3)).reply
    assert isinstance(reply, VatNumberReply)
    assert (reply.accepted, reply.reason_code, reply.vat_number, reply.evse_id) == (False, "NoVatRegister", "NL1", 3)
    assert reply.additional_info.endswith(".")


def test_a_vat_number_comes_back_with_its_company() -> None:
    company = Address("Acme", "Way 1", "Delft", "NL")
    applied = apply(VatNumberAsked("NL1"), VatNumberReply(accepted=True, company=company))
    assert applied.reply == VatNumberReply(accepted=True, vat_number="NL1", company=company)
    (event,) = applied.records
    assert isinstance(event, EventRecord)
    assert event.summary == "The VAT number NL1 belongs to Acme."
