"""OCPP 2.1, block O. Display messages: as in 2.0.1, in several languages, with QR codes and more states."""

from __future__ import annotations

from typing import Final

from csms.ocpp.faults import V21
from csms.ocpp.routing import OutgoingRow
from csms.ocpp.v201 import o_display as v201

OUTGOING: Final[tuple[OutgoingRow, ...]] = v201.outgoing(V21)
