"""OCPP 2.1, block B: a restart may take sessions up again afterwards (B13)."""

from __future__ import annotations

from typing import Final

from csms.domain import commands
from csms.ocpp.routing import IncomingRow, Outgoing, OutgoingRow
from csms.ocpp.v201.b_boot import reset
from csms.ocpp.v201.common import read_status

INCOMING: Final[tuple[IncomingRow, ...]] = ()
OUTGOING: Final[tuple[OutgoingRow, ...]] = (Outgoing("Reset", commands.Reset, reset, read_status),)
