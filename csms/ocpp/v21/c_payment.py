"""OCPP 2.1, block C. Authorisation: settlement, payment in a browser, VAT numbers."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from csms.domain import payment as domain
from csms.domain.facts import Reply
from csms.domain.values import Value
from csms.ocpp.faults import V21
from csms.ocpp.fitting import evse_told, tidied
from csms.ocpp.routing import Incoming, IncomingRow, Outgoing, OutgoingRow, Printable
from csms.ocpp.v201.answers import StatusInfo
from csms.ocpp.v201.i_tariff_cost import Nothing, read_nothing
from csms.ocpp.v201.k_smart_charging import expect, held_against


class NotifySettlement(Value, frozen=True):
    """C21. `status_info` is a text here."""

    psp_ref: str
    status: str
    settlement_amount: float
    settlement_time: datetime
    transaction_id: str | None = None
    status_info: str = ""
    receipt_id: str = ""
    receipt_url: str = ""
    vat_company: domain.Address | None = None
    vat_number: str = ""


class NotifySettlementResponse(Value, frozen=True):
    """C21."""

    receipt_url: str = ""
    receipt_id: str = ""


class NotifyWebPaymentStarted(Value, frozen=True):
    """C25. `timeout` in seconds."""

    evse_id: int
    timeout: int


class VatNumberValidation(Value, frozen=True):
    """C22."""

    vat_number: str
    evse_id: int | None = None


class VatNumberAnswer(Value, frozen=True):
    """What of the answer is ours to say; the rest repeats the question."""

    vat_number: str
    status: str
    company: domain.Address | None = None
    status_info: StatusInfo | None = None
    evse_id: int | None = None


def notify_settlement(payload: NotifySettlement) -> domain.SettlementTold:
    """C21."""
    told = tidied(payload)
    return domain.SettlementTold(
        told.psp_ref,
        told.status,
        told.settlement_amount,
        told.settlement_time,
        told.transaction_id,
        told.status_info,
        told.receipt_id,
        told.receipt_url,
        told.vat_company,
        told.vat_number,
    )


def vat_number_validation(payload: VatNumberValidation) -> domain.VatNumberAsked:
    """C22."""
    evse_id = payload.evse_id
    return domain.VatNumberAsked(payload.vat_number, None if evse_id is None else evse_told(evse_id))


def web_payment_started(command: domain.NotifyWebPaymentStarted) -> Printable:
    """C25."""
    return NotifyWebPaymentStarted(command.evse_id, command.timeout_s)


def reply_settlement(reply: Reply) -> Printable:
    """C21."""
    receipt = expect(reply, domain.SettlementReply)
    return NotifySettlementResponse(receipt.receipt_url, receipt.receipt_id)


def reply_vat_number(reply: Reply) -> Printable:
    """C22. The number and the EVSE are those of the question."""
    found = expect(reply, domain.VatNumberReply)
    info = StatusInfo(found.reason_code, found.additional_info) if found.reason_code else None
    status = "Accepted" if found.accepted else "Rejected"
    return VatNumberAnswer(found.vat_number, status, found.company, info, found.evse_id)


INCOMING: Final[tuple[IncomingRow, ...]] = (
    Incoming("NotifySettlement", notify_settlement, reply_settlement, shape=NotifySettlement),
    Incoming("VatNumberValidation", vat_number_validation, reply_vat_number, shape=VatNumberValidation),
)
OUTGOING: Final[tuple[OutgoingRow, ...]] = (
    Outgoing(
        "NotifyWebPaymentStarted",
        domain.NotifyWebPaymentStarted,
        held_against(V21, "NotifyWebPaymentStarted", web_payment_started),
        read_nothing,
        shape=Nothing,
    ),
)
