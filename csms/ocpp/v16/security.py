"""OCPP 1.6 security extension (the security whitepaper)."""

from __future__ import annotations

from typing import Final

from csms.ocpp.routing import IncomingRow, OutgoingRow

INCOMING: Final[tuple[IncomingRow, ...]] = ()
OUTGOING: Final[tuple[OutgoingRow, ...]] = ()
