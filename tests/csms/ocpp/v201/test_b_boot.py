"""Block B: boot, heartbeat, restart."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from csms.domain.commands import Reset, ResetType
from csms.domain.errors import InvalidArgument, NotSupported
from csms.domain.facts import BootReply, HeartbeatReply, HeartbeatSeen, RegistrationStatus, StationBooted
from csms.ocpp.faults import LocalProtocolError
from csms.ocpp.routing import RoutedDialect
from tests.kit.dialects_2 import D21, D201, answer, both, fact_of, printed, replied

NOW = datetime(2026, 5, 1, 10, tzinfo=UTC)
pytestmark = pytest.mark.feature("F-OCPP-4", "F-OCPP-5")


@both
def test_a_boot_and_its_answer(dialect: RoutedDialect) -> None:
    station: dict[str, Any] = {"vendorName": "Volt", "model": "One"}
    payload = {"reason": "PowerUp", "chargingStation": station}
    assert fact_of(dialect, "BootNotification", payload) == StationBooted("Volt", "One", reason="PowerUp")
    station |= {"serialNumber": "S1", "firmwareVersion": "1.2", "modem": {"iccid": "89", "imsi": "26"}}
    booted = StationBooted("Volt", "One", "S1", "1.2", "89", "26", reason="PowerUp")
    assert fact_of(dialect, "BootNotification", payload) == booted
    assert replied(dialect, "BootNotification", BootReply(RegistrationStatus.PENDING, NOW, 30)) == {
        "currentTime": "2026-05-01T10:00:00Z",
        "interval": 30,
        "status": "Pending",
    }


@both
def test_a_heartbeat_and_its_answer(dialect: RoutedDialect) -> None:
    assert fact_of(dialect, "Heartbeat", {}) == HeartbeatSeen()
    assert replied(dialect, "Heartbeat", HeartbeatReply(NOW)) == {"currentTime": "2026-05-01T10:00:00Z"}
    with pytest.raises(LocalProtocolError):
        replied(dialect, "Heartbeat", BootReply(RegistrationStatus.ACCEPTED, NOW, 1))
    with pytest.raises(LocalProtocolError):
        replied(dialect, "BootNotification", HeartbeatReply(NOW))


@both
def test_a_restart_of_the_station_or_one_evse(dialect: RoutedDialect) -> None:
    assert printed(dialect, Reset(ResetType.IMMEDIATE)) == ("Reset", {"type": "Immediate"})
    assert printed(dialect, Reset(ResetType.ON_IDLE, 2)) == ("Reset", {"type": "OnIdle", "evseId": 2})
    with pytest.raises(InvalidArgument, match="no EVSE -1"):
        printed(dialect, Reset(ResetType.ON_IDLE, -1))
    told = answer(dialect, Reset(ResetType.ON_IDLE), {"status": "Scheduled", "statusInfo": {"reasonCode": "Busy"}})
    assert (told.status, told.accepted, told.reason_code) == ("Scheduled", True, "Busy")


def test_sessions_go_on_after_a_restart_since_2_1() -> None:
    command = Reset(ResetType.IMMEDIATE_AND_RESUME)
    assert printed(D21, command) == ("Reset", {"type": "ImmediateAndResume"})
    with pytest.raises(NotSupported, match=r"2\.0\.1"):
        printed(D201, command)
