"""What a connector of OCPP 2.x is doing: it says Occupied and no more; its transaction says what that is.

there is                                                     the connector is
-----------------------------------------------------------  -----------------------------------
no transaction, and there was none since it was free          Preparing
a transaction that has charged nothing yet                    Preparing
a transaction whose chargingState is Charging, Suspended…     Charging, SuspendedEV, SuspendedEVSE
a transaction that has charged, and is Idle or EVConnected    Finishing
no transaction any more                                       Finishing
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from csms.domain.facts import ChargingState, ConnectorStatus, StatusChanged
from csms.domain.transaction import Transaction

OCCUPIED: Final = frozenset(
    {
        ConnectorStatus.PREPARING,
        ConnectorStatus.CHARGING,
        ConnectorStatus.SUSPENDED_EV,
        ConnectorStatus.SUSPENDED_EVSE,
        ConnectorStatus.FINISHING,
    }
)
"""The states of 1.6 that 2.x calls Occupied."""
_DELIVERING: Final = {
    ChargingState.CHARGING: ConnectorStatus.CHARGING,
    ChargingState.SUSPENDED_EV: ConnectorStatus.SUSPENDED_EV,
    ChargingState.SUSPENDED_EVSE: ConnectorStatus.SUSPENDED_EVSE,
}
_TOLD: Final = {
    "Available": ConnectorStatus.AVAILABLE,
    "Occupied": ConnectorStatus.PREPARING,
    "Reserved": ConnectorStatus.RESERVED,
    "Unavailable": ConnectorStatus.UNAVAILABLE,
    "Faulted": ConnectorStatus.FAULTED,
}


def occupied(
    transaction: Transaction | None, before: ConnectorStatus | None, *, begins: bool = False
) -> ConnectorStatus:
    """What Occupied means, with the open transaction on the connector and what it was before. `begins`: the transaction
    has just begun, so what was before tells nothing of it."""
    if transaction is None:
        gone = before in OCCUPIED and before is not ConnectorStatus.PREPARING
        return ConnectorStatus.FINISHING if gone else ConnectorStatus.PREPARING
    if transaction.charging_state in _DELIVERING:
        return _DELIVERING[transaction.charging_state]
    charged = transaction.energy_wh > 0.0 or transaction.max_power_w > 0.0
    if not begins:
        charged = charged or (before in OCCUPIED and before is not ConnectorStatus.PREPARING)
    return ConnectorStatus.FINISHING if charged else ConnectorStatus.PREPARING


def availability(evse_id: int, connector_id: int, word: str, at: datetime | None) -> StatusChanged | None:
    """OCPP 2.x ConnectorStatusEnumType as a fact; also the value of the variable AvailabilityState of a Connector, by
    which 2.1 tells it (NotifyEvent). None for another word."""
    status = _TOLD.get(word)
    if status is None:
        return None
    error = "OtherError" if status is ConnectorStatus.FAULTED else "NoError"
    return StatusChanged(evse_id, connector_id, status, error, timestamp=at, occupied=word == "Occupied")
