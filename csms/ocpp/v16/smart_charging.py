"""OCPP 1.6, Smart Charging profile."""

from __future__ import annotations

from typing import Final

from csms.ocpp.routing import OutgoingRow

OUTGOING: Final[tuple[OutgoingRow, ...]] = ()
