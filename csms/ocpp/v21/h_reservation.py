"""OCPP 2.1, block H. Reservation: as in 2.0.1, for connectors of any type, and with NoTransaction as an end."""

from __future__ import annotations

from typing import Final

from csms.ocpp.faults import V21
from csms.ocpp.routing import OutgoingRow
from csms.ocpp.v201 import h_reservation as v201

OUTGOING: Final[tuple[OutgoingRow, ...]] = v201.outgoing(V21)
