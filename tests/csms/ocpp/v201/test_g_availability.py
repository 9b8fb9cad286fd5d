"""Block G: status and availability."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from csms.domain.commands import ChangeAvailability, OperationalStatus
from csms.domain.errors import InvalidArgument
from csms.domain.facts import ConnectorStatus, StatusChanged
from csms.ocpp.routing import RoutedDialect
from tests.kit.dialects_2 import answer, both, decode, printed

AT = datetime(2026, 5, 1, 10, tzinfo=UTC)
pytestmark = pytest.mark.feature("F-OCPP-4", "F-OCPP-5")


@both
@pytest.mark.parametrize(
    ("word", "status", "error"),
    [
        ("Available", ConnectorStatus.AVAILABLE, "NoError"),
        ("Occupied", ConnectorStatus.PREPARING, "NoError"),
        ("Reserved", ConnectorStatus.RESERVED, "NoError"),
        ("Unavailable", ConnectorStatus.UNAVAILABLE, "NoError"),
        ("Faulted", ConnectorStatus.FAULTED, "OtherError"),
    ],
)
def test_the_status_of_a_connector(dialect: RoutedDialect, word: str, status: ConnectorStatus, error: str) -> None:
    payload = {"evseId": 1, "connectorId": 2, "connectorStatus": word, "timestamp": "2026-05-01T10:00:00Z"}
    fact = StatusChanged(1, 2, status, error, timestamp=AT, occupied=word == "Occupied")
    assert decode(dialect, "StatusNotification", payload) == fact


@both
def test_station_evse_and_connector_in_and_out_of_service(dialect: RoutedDialect) -> None:
    down = OperationalStatus.INOPERATIVE
    for command, evse in (
        (ChangeAvailability(down), None),
        (ChangeAvailability(down, 0), None),
        (ChangeAvailability(down, 2), {"id": 2}),
        (ChangeAvailability(down, 2, 1), {"id": 2, "connectorId": 1}),
    ):
        action, payload = printed(dialect, command)
        assert (action, payload["operationalStatus"], payload.get("evse")) == (
            "ChangeAvailability",
            "Inoperative",
            evse,
        )
    assert answer(dialect, ChangeAvailability(down), {"status": "Scheduled"}).accepted
    for wrong in (ChangeAvailability(down, None, 1), ChangeAvailability(down, -1), ChangeAvailability(down, 1, -1)):
        with pytest.raises(InvalidArgument):
            printed(dialect, wrong)
