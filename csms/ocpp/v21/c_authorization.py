"""OCPP 2.1, block C. Authorisation: the answer tells energy transfers and the tariff, too. What is paid otherwise is in
`c_payment`."""

from __future__ import annotations

from typing import Final

from csms.domain import facts
from csms.ocpp.routing import Incoming, IncomingRow, OutgoingRow, Payload
from csms.ocpp.v201.c_authorization import authorize
from csms.ocpp.v201.c_authorization import reply_authorize as reply_authorize_201


def reply_authorize(reply: facts.Reply) -> Payload:
    """C01; I07 (tariff); Q01 (energy transfers)."""
    payload = reply_authorize_201(reply)
    if isinstance(reply, facts.AuthorizationReply):
        if reply.allowed_energy_transfer:
            payload["allowedEnergyTransfer"] = list(reply.allowed_energy_transfer)
        if reply.tariff is not None:
            payload["tariff"] = reply.tariff
    return payload


INCOMING: Final[tuple[IncomingRow, ...]] = (Incoming("Authorize", authorize, reply_authorize),)
OUTGOING: Final[tuple[OutgoingRow, ...]] = ()
