"""Orders about a station's security, and what became of them."""

from __future__ import annotations

from typing import Final

from control.convert import remote
from control.v1 import station_security_pb2
from csms.domain.errors import InvalidArgument
from csms.services.station_security import MAX_SLOTS, NetworkChoice, PasswordRotation, PasswordState, ProfileUpgrade

_STATES: Final[dict[PasswordState, station_security_pb2.PasswordState.ValueType]] = {
    PasswordState.SENT: station_security_pb2.PASSWORD_STATE_SENT,
    PasswordState.REJECTED: station_security_pb2.PASSWORD_STATE_REJECTED,
}


def rotation(found: PasswordRotation) -> station_security_pb2.RotateStationPasswordResponse:
    """What became of a new password; never the password."""
    return station_security_pb2.RotateStationPasswordResponse(
        state=_STATES[found.state], result=remote.result(found.outcome)
    )


def network(message: station_security_pb2.NetworkChoice) -> NetworkChoice:
    """Raises InvalidArgument."""
    slot, seconds = message.configuration_slot, message.message_timeout_s
    if not 0 <= slot < MAX_SLOTS or seconds < 0:
        raise InvalidArgument(
            f"Slots count from 1 to {MAX_SLOTS - 1} (0: the lowest free one), and no time is below 0.",
            reason="INVALID_NETWORK",
        )
    usual = NetworkChoice()
    return NetworkChoice(
        slot, message.ocpp_interface or usual.interface, message.ocpp_csms_url, seconds or usual.message_timeout_s
    )


def upgrade(found: ProfileUpgrade) -> station_security_pb2.UpgradeSecurityProfileResponse:
    """The commands that were sent, and the answers."""
    return station_security_pb2.UpgradeSecurityProfileResponse(
        accepted=found.accepted,
        steps=[
            station_security_pb2.SecurityProfileStep(command=step.command, result=remote.result(step.outcome))
            for step in found.steps
        ],
    )
