"""OCPP 2.1, block K. Smart charging: dynamic schedules, priority charging."""

from __future__ import annotations

from typing import Final

from csms.ocpp.routing import IncomingRow, OutgoingRow

INCOMING: Final[tuple[IncomingRow, ...]] = ()
OUTGOING: Final[tuple[OutgoingRow, ...]] = ()
