"""OCPP 2.1, block R. DER control."""

from __future__ import annotations

from typing import Final

from csms.ocpp.routing import IncomingRow, OutgoingRow

INCOMING: Final[tuple[IncomingRow, ...]] = ()
OUTGOING: Final[tuple[OutgoingRow, ...]] = ()
