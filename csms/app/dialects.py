"""The versions that stations may speak over WebSocket, in the order of our preference."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from csms.ocpp.dialect import Dialect
from csms.ocpp.v16.routes import Dialect16
from csms.ocpp.v21.routes import Dialect21
from csms.ocpp.v201.routes import Dialect201

DIALECTS: Final[Mapping[str, Dialect]] = MappingProxyType(
    {dialect.subprotocol: dialect for dialect in (Dialect21(), Dialect201(), Dialect16())}
)
"""Subprotocol → dialect. "When a station offers several, the CSMS picks the one it prefers" (OCPP-J 2.0.1 §3.1.2)."""
