"""GroupService over the wire, and calls that are narrowed to a group or a place."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from control.v1 import groups_pb2 as pb
from control.v1 import places_pb2, sessions_pb2, stations_pb2
from tests.kit.control_world import ControlWorld, Refused

pytestmark = pytest.mark.feature("F-USR-4")


async def a_group(world: ControlWorld, *stations: int) -> pb.Group:
    made = await world.client.call("groups.CreateGroup", pb.CreateGroupRequest(group=pb.Group(display_name="Yard")))
    names = [f"stations/{number}" for number in stations]
    added = await world.client.call("groups.AddStations", pb.AddStationsRequest(name=made.group.name, stations=names))
    group: pb.Group = added.group
    assert list(group.stations) == names
    return group


async def test_a_group_lives_over_the_wire(world: ControlWorld) -> None:
    call = world.client.call
    stations = [await world.add_station(f"CP-{n}") for n in range(2)]
    group = await a_group(world, *stations)
    changes = pb.Group(name=group.name, display_name="Dock", etag=group.etag)
    mask = FieldMask(paths=["display_name"])
    changed = (await call("groups.UpdateGroup", pb.UpdateGroupRequest(group=changes, update_mask=mask))).group
    assert changed.display_name == "Dock"
    with pytest.raises(Refused) as refused:
        await call("groups.UpdateGroup", pb.UpdateGroupRequest(group=changes, update_mask=mask))
    assert refused.value.reason == "STALE_VERSION"
    gone = pb.RemoveStationsRequest(name=group.name, stations=[f"stations/{stations[0]}"])
    assert list((await call("groups.RemoveStations", gone)).group.stations) == [f"stations/{stations[1]}"]
    assert [each.name for each in (await call("groups.ListGroups", pb.ListGroupsRequest())).groups] == [group.name]
    await call("groups.DeleteGroup", pb.DeleteGroupRequest(name=group.name))
    assert not (await call("groups.ListGroups", pb.ListGroupsRequest())).groups


async def test_a_call_with_a_group_sees_nothing_else(world: ControlWorld) -> None:
    chosen, other = [await world.add_station(f"CP-{n}") for n in range(2)]
    group = await a_group(world, chosen)

    async def call(method: str, request: object, name: str) -> object:
        async def run() -> object:
            metadata = (("authorization", f"Bearer {world.client.token}"), ("x-group", name))
            service, _, rpc = method.partition(".")
            return await getattr(world.client._stubs[service], rpc)(request, metadata=metadata)

        return await world.client.asyncio(run)

    listed = await call("stations.ListStations", stations_pb2.ListStationsRequest(), group.name)
    assert [station.identity for station in listed.stations] == ["CP-0"]  # type: ignore[attr-defined]
    summary = await call("stations.SummarizeStations", stations_pb2.SummarizeStationsRequest(), group.name)
    assert summary.total == 1  # type: ignore[attr-defined]
    with pytest.raises(Refused) as refused:
        await call("stations.GetStation", stations_pb2.GetStationRequest(name=f"stations/{other}"), group.name)
    assert refused.value.reason == "STATION_NOT_FOUND"
    for name, code in (
        ("groups/999", grpc.StatusCode.NOT_FOUND),
        ("groups/x", grpc.StatusCode.INVALID_ARGUMENT),
        ("stations/1", grpc.StatusCode.INVALID_ARGUMENT),
    ):
        with pytest.raises(Refused) as refused:
            await call("stations.ListStations", stations_pb2.ListStationsRequest(), name)
        assert refused.value.code is code


@pytest.mark.feature("F-STA-2")
async def test_lists_and_numbers_are_narrowed_to_a_place_and_a_group(world: ControlWorld) -> None:
    call = world.client.call
    here, there = [await world.add_station(f"CP-{n}") for n in range(2)]
    site = places_pb2.Place(kind=places_pb2.PLACE_KIND_SITE, display_name="Harbour")
    place = (await call("places.CreatePlace", places_pb2.CreatePlaceRequest(place=site))).place
    moved = places_pb2.MoveStationsRequest(place=place.name, stations=[f"stations/{here}"])
    await call("places.MoveStations", moved)
    for number, station in enumerate((here, there), 1):
        world.add_session(number, station)
        world.tables.session_places[number] = world.tables.stations[station].place_id
    group = await a_group(world, there)
    in_place = {"place": place.name}
    for narrowed, wanted in ((in_place, here), ({"group": group.name}, there), ({"place": "places/1"}, None)):
        stations = stations_pb2.ListStationsRequest(filter=stations_pb2.StationFilter(**narrowed))
        shown = (await call("stations.ListStations", stations)).stations
        sessions = sessions_pb2.ListSessionsRequest(filter=sessions_pb2.SessionFilter(**narrowed))
        charged = (await call("sessions.ListSessions", sessions)).sessions
        summary = await call("stations.SummarizeStations", stations_pb2.SummarizeStationsRequest(**narrowed))
        if wanted is None:
            assert (len(shown), len(charged), summary.total) == (2, 2, 2)
            continue
        assert [each.name for each in shown] == [f"stations/{wanted}"]
        assert [each.station for each in charged] == [f"stations/{wanted}"]
        assert (summary.total, summary.active_sessions) == (1, 1)
    both = stations_pb2.StationFilter(place=place.name, group=group.name)
    assert not (await call("stations.ListStations", stations_pb2.ListStationsRequest(filter=both))).stations
    exported = await world.client.collect(
        "sessions.ExportSessions", sessions_pb2.ExportSessionsRequest(filter=sessions_pb2.SessionFilter(**in_place))
    )
    assert [each.place for message in exported for each in message.sessions] == [place.name]
    nowhere = stations_pb2.StationFilter(place="places/99")
    with pytest.raises(Refused) as refused:
        await call("stations.ListStations", stations_pb2.ListStationsRequest(filter=nowhere))
    assert refused.value.reason == "PLACE_NOT_FOUND"
