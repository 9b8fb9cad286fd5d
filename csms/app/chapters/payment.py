"""Running cost, tariffs at stations, VAT numbers."""

from __future__ import annotations

from control.server import Servicer
from control.servicers.payment import PaymentServicer
from csms.app.parts import Parts
from csms.domain.payment import VatNumberAsked
from csms.services.payment import Payments, VatNumbers


def build(parts: Parts) -> list[Servicer]:
    """Its use cases, wired. Nobody looks VAT numbers up yet, and stations that ask are told so."""
    parts.consulting.ask(VatNumberAsked, VatNumbers(None).answer)
    payments = Payments(parts.remote, parts.stores.session_queries, parts.inventory, now=parts.now)
    return [PaymentServicer(payments)]
