"""Which station is offered to a driver first."""

from __future__ import annotations

from webui.pages.drive import can_start, free_first, is_free
from webui.values import Connection, Connector, ConnectorStatus, Evse
from webui.values_reservations import StationBrief


def an_evse(status: ConnectorStatus, session: str = "") -> Evse:
    connector = Connector(connector_id=1, status=status, error_code="", info="", vendor_error_code="", status_time=None)
    return Evse(name="", evse_id=1, connectors=(connector,), session=session, power_w=0, energy_wh=0)


def a_station(name: str, *evses: Evse, online: bool = True) -> StationBrief:
    return StationBrief(
        name=f"stations/{name}",
        identity=name,
        display_name="",
        address="",
        place="",
        connection_state=Connection.ONLINE if online else Connection.OFFLINE,
        evses=evses,
    )


def test_free_stations_stand_before_taken_ones_and_offline_ones_last():
    free, taken = an_evse(ConnectorStatus.AVAILABLE), an_evse(ConnectorStatus.CHARGING, "sessions/1")
    stations = [a_station("d", free, online=False), a_station("c", taken), a_station("b", taken, free), a_station("a")]
    found = free_first(stations)
    assert [(one.station.identity, one.free, one.outlets) for one in found] == [
        ("b", 1, 2),
        ("a", 0, 0),
        ("c", 0, 1),
        ("d", 1, 1),
    ]


def test_a_vehicle_that_is_plugged_in_can_be_started_where_nothing_is_free():
    waiting = an_evse(ConnectorStatus.PREPARING)
    assert (is_free(waiting), can_start(waiting)) == (False, True)
    assert not can_start(an_evse(ConnectorStatus.AVAILABLE, "sessions/1"))
