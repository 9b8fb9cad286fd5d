"""OCPP 1.6, Remote Trigger profile (§5.17)."""

from __future__ import annotations

from typing import Final

from csms.domain import commands
from csms.domain.errors import NotSupported
from csms.ocpp.routing import Payload
from csms.ocpp.v16.core import evse

TRIGGERS: Final = frozenset(
    {
        "BootNotification",
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "Heartbeat",
        "MeterValues",
        "StatusNotification",
    }
)
"""MessageTrigger (§7.36)."""


def trigger_message(command: commands.TriggerMessage) -> Payload:
    """§5.17. Without a connector, the message is about all that it applies to."""
    if command.requested_message not in TRIGGERS:
        raise NotSupported(
            f"An OCPP 1.6 station cannot be asked for {command.requested_message[:60]}; it can be for"
            f" {', '.join(sorted(TRIGGERS))}."
        )
    payload: Payload = {"requestedMessage": command.requested_message}
    if command.evse_id:
        payload["connectorId"] = evse(command.evse_id)
    return payload
