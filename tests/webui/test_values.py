"""Values."""

from __future__ import annotations

from control.v1 import sessions_pb2, stations_pb2
from webui.api import convert
from webui.values import ApiError


def test_a_station_without_a_name_is_called_by_its_identity():
    assert convert.station(stations_pb2.Station(identity="CP-1")).label == "CP-1"
    assert convert.station(stations_pb2.Station(identity="CP-1", display_name="Gate")).label == "Gate"


def test_a_stations_power_is_that_of_all_its_sessions():
    evses = [stations_pb2.Evse(power_w=1000), stations_pb2.Evse(power_w=500)]
    assert convert.station(stations_pb2.Station(evses=evses)).power_w == 1500


def test_a_session_of_a_deleted_station_has_no_station_to_link_to():
    assert convert.session(sessions_pb2.Session(name="sessions/5")).station_key == ""


def test_only_silence_of_the_control_plane_itself_is_away():
    assert ApiError("UNAVAILABLE", "", "").away
    assert ApiError("DEADLINE_EXCEEDED", "", "").away
    assert not ApiError("DEADLINE_EXCEEDED", "NO_ANSWER", "").away
    assert not ApiError("INTERNAL", "", "").away
