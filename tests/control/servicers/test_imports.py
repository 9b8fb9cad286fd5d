"""ImportService over the wire."""

from __future__ import annotations

import grpc
import pytest

from control.v1 import imports_pb2 as pb
from control.v1 import stations_pb2, users_pb2
from tests.kit.control_world import ControlWorld, Refused

pytestmark = pytest.mark.feature("F-STA-13")


async def test_stations_are_tried_then_made(world: ControlWorld) -> None:
    rows = [pb.StationImportRow(identity="CP-1", display_name="One", phases=3), pb.StationImportRow(identity="CP 2/3")]
    tried = await world.client.call("imports.ImportStations", pb.ImportStationsRequest(rows=rows, dry_run=True))
    assert (tried.good_count, list(tried.stations)) == (1, [])
    assert [(error.row, error.field, error.reason) for error in tried.errors] == [(1, "identity", "INVALID_IDENTITY")]
    refused = await world.client.call("imports.ImportStations", pb.ImportStationsRequest(rows=rows))
    assert list(refused.stations) == []
    some = pb.ImportStationsRequest(rows=rows, good_rows_only=True)
    done = await world.client.call("imports.ImportStations", some)
    made = await world.client.call("stations.GetStation", stations_pb2.GetStationRequest(name=done.stations[0]))
    assert (made.station.identity, made.station.display_name) == ("CP-1", "One")


async def test_users_are_made_and_their_links_are_given(world: ControlWorld) -> None:
    rows = [
        pb.UserImportRow(email="ann@example.org", first_name="Ann", alarm_mails=True),
        pb.UserImportRow(email="bo@example.org", role="support"),
    ]
    done = await world.client.call("imports.ImportUsers", pb.ImportUsersRequest(rows=rows, invite=True))
    assert [user.row for user in done.users] == [0, 1]
    assert [user.invitation_link for user in done.users] == ["", ""]  # a mail server is set up
    kept = await world.client.call("users.GetUser", users_pb2.GetUserRequest(name=done.users[1].user))
    assert kept.user.email == "bo@example.org"


async def test_no_rows_are_a_mistake(world: ControlWorld) -> None:
    for method, request in (
        ("imports.ImportStations", pb.ImportStationsRequest()),
        ("imports.ImportUsers", pb.ImportUsersRequest()),
    ):
        with pytest.raises(Refused) as refused:
            await world.client.call(method, request)
        assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "NO_ROWS")
