"""OCPP 2.1, block D. Local authorisation list: as in 2.0.1, with longer tags of any type."""

from __future__ import annotations

from typing import Final

from csms.ocpp.faults import V21
from csms.ocpp.routing import OutgoingRow
from csms.ocpp.v201 import d_local_list as v201

OUTGOING: Final[tuple[OutgoingRow, ...]] = v201.outgoing(V21)
