"""Messages to values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from google.protobuf.duration_pb2 import Duration

from control.v1 import messages_pb2, sessions_pb2, stations_pb2, watch_pb2
from webui import values as v
from webui.api import convert


def test_a_time_that_is_not_set_is_none_and_not_1970():
    session = convert.session(sessions_pb2.Session())
    assert session.start_time is None
    assert session.meter_start_wh is None
    assert session.soc_percent is None


def test_a_meter_that_began_at_zero_is_told_from_one_that_is_not_known():
    assert convert.session(sessions_pb2.Session(meter_start_wh=0)).meter_start_wh == 0


def test_times_of_any_zone_are_sent_as_the_same_moment():
    moment = datetime(2026, 5, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    stamp = convert.stamp(moment)
    assert stamp is not None
    assert stamp.ToDatetime(tzinfo=UTC) == moment
    assert convert.stamp(None) is None


def test_no_error_is_no_error_code():
    connector = stations_pb2.Connector(error_code="NoError")
    station = convert.station(
        stations_pb2.Station(error_code="NoError", evses=[stations_pb2.Evse(connectors=[connector])])
    )
    assert station.error_code == ""
    assert station.evses[0].connectors[0].error_code == ""


def test_words_of_a_newer_control_plane_are_unspecified():
    assert convert.station(stations_pb2.Station(registration_state=77)).registration is v.Registration.UNSPECIFIED
    assert convert.session(sessions_pb2.Session(authentication=77)).authentication is v.Authentication.UNSPECIFIED


def test_every_enumeration_has_all_of_control_v1s_words():
    pairs = [
        (v.ConnectorStatus, stations_pb2.ConnectorStatus, "CONNECTOR_STATUS_"),
        (v.Registration, stations_pb2.RegistrationState, "REGISTRATION_STATE_"),
        (v.Connection, stations_pb2.ConnectionState, "CONNECTION_STATE_"),
        (v.SessionState, sessions_pb2.SessionState, "SESSION_STATE_"),
        (v.Authentication, sessions_pb2.Authentication, "AUTHENTICATION_"),
        (v.Direction, messages_pb2.MessageDirection, "MESSAGE_DIRECTION_"),
    ]
    for ours, theirs, prefix in pairs:
        assert {prefix + word for word in ours} == set(theirs.keys())


def test_an_answers_latency_is_in_seconds():
    entry = messages_pb2.MessageLogEntry(latency=Duration(seconds=1, nanos=500_000_000))
    assert convert.log_entry(entry).latency == 1.5
    assert convert.log_entry(messages_pb2.MessageLogEntry()).latency is None


def test_a_tick_changes_nothing():
    tick = convert.change(watch_pb2.WatchResponse(revision=7))
    assert (tick.revision, tick.station, tick.session, tick.deleted_station) == (7, None, None, "")
