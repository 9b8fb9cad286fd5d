"""Running cost, tariffs at the station, web payment and settlement (OCPP 2.x blocks C and I).

Tariffs that a station has are kept as items `tariff` (key: EVSE/tariff id), settlements as `settlement` (key: the
payment service provider's reference).
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from csms.domain.applying import Applied, Context, Handler, event
from csms.domain.commands import Command, Result
from csms.domain.facts import Fact, Reply
from csms.domain.ids import StationId
from csms.domain.records import ItemRecord
from csms.domain.station_tariff import ClearedTariff, StationTariff, TariffAssignment
from csms.domain.values import Value

TARIFF_ITEM: Final = "tariff"
SETTLEMENT_ITEM: Final = "settlement"


class Address(Value, frozen=True):
    """2.1 AddressType: of a company, for a bill."""

    name: str
    address1: str
    city: str
    country: str
    address2: str = ""
    postal_code: str = ""


# -- what stations are told --------------------------------------------------------------------------------------------


class CostUpdated(Command, frozen=True):
    """I02: the running cost of a transaction, taxes included, for the display. 2.x alone."""

    transaction_id: str
    total_cost: float


class SetDefaultTariff(Command, frozen=True):
    """2.1 I07. EVSE 0: all of them."""

    evse_id: int
    tariff: StationTariff


class GetTariffs(Command, frozen=True):
    """2.1 I08. EVSE 0: all of them."""

    evse_id: int = 0


class ClearTariffs(Command, frozen=True):
    """2.1 I09. Without ids: all. EVSE None: everywhere."""

    tariff_ids: tuple[str, ...] = ()
    evse_id: int | None = None


class ChangeTransactionTariff(Command, frozen=True):
    """2.1 I11: from now on this transaction is reckoned with another tariff."""

    transaction_id: str
    tariff: StationTariff


class NotifyWebPaymentStarted(Command, frozen=True):
    """2.1 C25: somebody scanned the code and pays in a browser; for so many seconds the station may expect a remote
    start on this EVSE."""

    evse_id: int
    timeout_s: int


class TariffsFound(Result, frozen=True):
    """The answer to GetTariffs."""

    assignments: tuple[TariffAssignment, ...]


class TariffsCleared(Result, frozen=True):
    """The answer to ClearTariffs: one for each tariff."""

    results: tuple[ClearedTariff, ...]


# -- what stations tell ------------------------------------------------------------------------------------------------


class SettlementTold(Fact, frozen=True):
    """2.1 NotifySettlement (C21): a payment at a terminal was settled or failed. `status`: Settled, Canceled, Rejected,
    Failed. `amount` is in the terminal's currency."""

    psp_ref: str
    status: str
    amount: float
    settled_at: datetime
    transaction_id: str | None = None
    status_info: str = ""
    receipt_id: str = ""
    receipt_url: str = ""
    vat_company: Address | None = None
    vat_number: str = ""


class VatNumberAsked(Fact, frozen=True):
    """2.1 VatNumberValidation (C22): whose is this VAT number? It goes on a bill."""

    vat_number: str
    evse_id: int | None = None


class SettlementReply(Reply, frozen=True):
    """Where the driver finds the receipt, when we make it. Empty: the station makes its own."""

    receipt_url: str = ""
    receipt_id: str = ""


class VatNumberReply(Reply, frozen=True):
    """Accepted with the company, or Rejected with the reason (a word of at most 20 characters, and a text). The number
    and the EVSE of the question go back with it."""

    accepted: bool
    vat_number: str = ""
    evse_id: int | None = None
    company: Address | None = None
    reason_code: str = ""
    additional_info: str = ""


_NOBODY_ASKED: Final = VatNumberReply(
    accepted=False,
    reason_code="NoVatRegister",
    additional_info="The central system cannot look up VAT numbers.",
)
"""Nobody is asked about VAT numbers, or there was no answer in time."""

_encode: Final = msgspec.json.Encoder().encode


def _settled(fact: SettlementTold, station_id: StationId, context: Context) -> Applied:
    whose = "" if fact.transaction_id is None else f" of transaction {fact.transaction_id}"
    why = f" ({fact.status_info})" if fact.status_info else ""
    summary = f"Payment {fact.psp_ref}{whose}: {fact.status}, {fact.amount:g}{why}."
    reply = context.consulted if isinstance(context.consulted, SettlementReply) else SettlementReply()
    return Applied(
        reply,
        [
            event(station_id, context, "NotifySettlement", summary, at=fact.settled_at, body=fact),
            ItemRecord(station_id, SETTLEMENT_ITEM, fact.psp_ref, context.now, _encode(fact)),
        ],
    )


def _vat_number(fact: VatNumberAsked, station_id: StationId, context: Context) -> Applied:
    reply = context.consulted if isinstance(context.consulted, VatNumberReply) else _NOBODY_ASKED
    if reply.accepted:
        said = "is valid" if reply.company is None else f"belongs to {reply.company.name}"
    else:
        said = f"was not accepted ({reply.reason_code})"
    summary = f"The VAT number {fact.vat_number} {said}."
    told = event(station_id, context, "VatNumberValidation", summary, evse_id=fact.evse_id, body=fact)
    return Applied(msgspec.structs.replace(reply, vat_number=fact.vat_number, evse_id=fact.evse_id), [told])


HANDLERS: Final[dict[type[Fact], Handler]] = {
    SettlementTold: _settled,
    VatNumberAsked: _vat_number,
}
