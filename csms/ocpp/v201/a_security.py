"""OCPP 2.0.1, block A. Security."""

from __future__ import annotations

from typing import Final

from csms.ocpp.routing import IncomingRow, OutgoingRow

INCOMING: Final[tuple[IncomingRow, ...]] = ()
OUTGOING: Final[tuple[OutgoingRow, ...]] = ()
