"""OCPP 2.1, block Q. Bidirectional power transfer. What vehicles give back is said in charging profiles (block K)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from csms.domain import smart_charging as domain
from csms.domain.values import Value
from csms.ocpp.faults import V21
from csms.ocpp.routing import IncomingRow, Outgoing, OutgoingRow, Printable
from csms.ocpp.v201.answers import StatusAnswer, read_status
from csms.ocpp.v201.k_smart_charging import held_against


class AfrrSignalRequest(Value, frozen=True):
    """Q07."""

    timestamp: datetime
    signal: int


class NotifyAllowedEnergyTransferRequest(Value, frozen=True):
    """Q01."""

    transaction_id: str
    allowed_energy_transfer: tuple[str, ...]


def afrr_signal(command: domain.SendAfrrSignal) -> Printable:
    """Q07."""
    return AfrrSignalRequest(command.timestamp, command.signal)


def notify_allowed_energy_transfer(command: domain.NotifyAllowedEnergyTransfer) -> Printable:
    """Q01."""
    return NotifyAllowedEnergyTransferRequest(command.transaction_id, command.allowed_energy_transfer)


INCOMING: Final[tuple[IncomingRow, ...]] = ()

OUTGOING: Final[tuple[OutgoingRow, ...]] = (
    Outgoing(
        "AFRRSignal",
        domain.SendAfrrSignal,
        held_against(V21, "AFRRSignal", afrr_signal),
        read_status,
        shape=StatusAnswer,
    ),
    Outgoing(
        "NotifyAllowedEnergyTransfer",
        domain.NotifyAllowedEnergyTransfer,
        held_against(V21, "NotifyAllowedEnergyTransfer", notify_allowed_energy_transfer),
        read_status,
        shape=StatusAnswer,
    ),
)
