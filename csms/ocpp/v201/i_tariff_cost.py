"""OCPP 2.0.1, block I. Tariff and cost. What a transaction costs in the end travels with its events (block E)."""

from __future__ import annotations

from typing import Final

from csms.domain import payment as domain
from csms.domain.commands import Answer
from csms.domain.values import Value
from csms.ocpp.faults import V201
from csms.ocpp.routing import IncomingRow, Outgoing, OutgoingRow, Printable
from csms.ocpp.v201.k_smart_charging import held_against


class CostUpdatedRequest(Value, frozen=True):
    """I02."""

    total_cost: float
    transaction_id: str


class Nothing(Value, frozen=True):
    """An empty answer."""


def cost_updated(command: domain.CostUpdated) -> Printable:
    """I02."""
    return CostUpdatedRequest(command.total_cost, command.transaction_id)


def read_nothing(_payload: Nothing) -> Answer:
    """It came: that is all there is to it."""
    return Answer("Accepted", accepted=True)


INCOMING: Final[tuple[IncomingRow, ...]] = ()
OUTGOING: Final[tuple[OutgoingRow, ...]] = (
    Outgoing(
        "CostUpdated",
        domain.CostUpdated,
        held_against(V201, "CostUpdated", cost_updated),
        read_nothing,
        shape=Nothing,
    ),
)
