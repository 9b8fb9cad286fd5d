"""OCPP 1.6, Local Auth List Management profile."""

from __future__ import annotations

from typing import Final

from csms.ocpp.routing import OutgoingRow

OUTGOING: Final[tuple[OutgoingRow, ...]] = ()
