"""Stations."""

from __future__ import annotations

import pytest

from control.convert.stations import REGISTRATIONS, STATUSES, station, station_filter, summary
from control.v1 import stations_pb2 as pb
from csms.domain.errors import InvalidArgument
from csms.domain.facts import ConnectorStatus, RegistrationStatus
from csms.ports.queries import ActiveSession, ConnectorView, FleetSummary, StationFilter, StationView
from tests.kit.service_world import NOW


def a_view(connectors: tuple[ConnectorView, ...] = (), sessions: tuple[ActiveSession, ...] = ()) -> StationView:
    return StationView(
        7, "CP", "", "", "", RegistrationStatus.PENDING, False, "", "", None, None, None, None, connectors, sessions,
        False, 3, NOW, NOW, 4,
    )  # fmt: skip


def test_every_word_has_its_number() -> None:
    assert set(STATUSES) == set(ConnectorStatus)
    assert set(REGISTRATIONS) == set(RegistrationStatus)
    assert len(set(STATUSES.values())) == len(ConnectorStatus)


def test_a_station_that_never_booted_is_bare() -> None:
    message = station(a_view())
    assert not message.HasField("boot_info")
    assert not message.HasField("connect_time")
    assert (message.status, list(message.evses)) == (pb.CONNECTOR_STATUS_UNSPECIFIED, [])
    assert (message.etag, message.connection_attempts) == ("4", 3)


def test_an_evse_of_which_only_a_session_is_known_is_shown() -> None:
    connectors = (
        ConnectorView(2, 2, ConnectorStatus.FAULTED, "GroundFailure", "i", "v", NOW),
        ConnectorView(2, 1, ConnectorStatus.AVAILABLE, "NoError", "", "", NOW),
        ConnectorView(0, 1, ConnectorStatus.UNAVAILABLE, "NoError", "", "", NOW),
    )
    message = station(a_view(connectors, (ActiveSession(9, 1, 7.0, 8.0), ActiveSession(8, 0, 1.0, 1.0))))
    assert [(evse.name, len(evse.connectors)) for evse in message.evses] == [
        ("stations/7/evses/1", 0),
        ("stations/7/evses/2", 2),
    ]
    assert (message.evses[0].session, message.evses[0].power_w) == ("sessions/9", 7.0)
    assert [c.connector_id for c in message.evses[1].connectors] == [1, 2]
    assert message.status == pb.CONNECTOR_STATUS_UNAVAILABLE


def test_filters() -> None:
    assert station_filter(pb.StationFilter()) == StationFilter()
    message = pb.StationFilter(
        query=" gate ",
        registration_states=[pb.REGISTRATION_STATE_PENDING],
        connection_state=pb.CONNECTION_STATE_OFFLINE,
        connector_statuses=[pb.CONNECTOR_STATUS_FAULTED],
    )
    assert station_filter(message) == StationFilter(
        "gate", (RegistrationStatus.PENDING,), False, (ConnectorStatus.FAULTED,)
    )
    with pytest.raises(InvalidArgument):
        station_filter(pb.StationFilter(connection_state=9))  # type: ignore[arg-type]


def test_offline_is_what_is_not_online() -> None:
    fleet = FleetSummary(10, 4, 2, 1, 3, 5.0, ((ConnectorStatus.CHARGING, 3),))
    message = summary(fleet)
    assert (message.offline, message.connector_counts[0].count) == (6, 3)
