"""OCPP 2.1, blocks L and N: firmware and logs, with longer locations and one more kind of log."""

from __future__ import annotations

from typing import Final

from csms.ocpp import faults
from csms.ocpp.routing import IncomingRow, OutgoingRow
from csms.ocpp.v201 import l_firmware, n_logs

INCOMING: Final[tuple[IncomingRow, ...]] = ()
OUTGOING: Final[tuple[OutgoingRow, ...]] = (*l_firmware.outgoing(faults.V21), *n_logs.outgoing(faults.V21))
