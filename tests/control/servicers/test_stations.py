"""StationService over the wire."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from control.v1 import reservations_pb2
from control.v1 import stations_pb2 as pb
from csms.domain.facts import RegistrationStatus
from tests.kit.control_world import ControlWorld, Refused


@pytest.mark.feature("F-SYS-4")
async def test_a_station_is_made_changed_and_removed(world: ControlWorld) -> None:
    made = await world.client.call(
        "stations.CreateStation", pb.CreateStationRequest(station=pb.Station(identity="CP-1", display_name="Gate"))
    )
    assert made.station.name == "stations/1"
    assert made.station.registration_state == pb.REGISTRATION_STATE_ACCEPTED
    wanted = pb.Station(name="stations/1", display_name="South gate", etag=made.station.etag)
    update = pb.UpdateStationRequest(station=wanted, update_mask=FieldMask(paths=["display_name"]))
    changed = await world.client.call("stations.UpdateStation", update)
    assert changed.station.display_name == "South gate"
    with pytest.raises(Refused) as stale:
        await world.client.call("stations.UpdateStation", update)
    assert stale.value.code is grpc.StatusCode.ABORTED
    await world.client.call("stations.DeleteStation", pb.DeleteStationRequest(name="stations/1"))
    with pytest.raises(Refused) as gone:
        await world.client.call("stations.GetStation", pb.GetStationRequest(name="stations/1"))
    assert (gone.value.code, gone.value.reason) == (grpc.StatusCode.NOT_FOUND, "STATION_NOT_FOUND")


async def test_a_station_shows_its_evses_and_its_own_status_apart(world: ControlWorld) -> None:
    number = await world.add_station("CP-1")
    world.add_session(7, number)
    station = (await world.client.call("stations.GetStation", pb.GetStationRequest(name=f"stations/{number}"))).station
    assert station.status == pb.CONNECTOR_STATUS_AVAILABLE
    assert [evse.evse_id for evse in station.evses] == [1, 2]
    assert station.evses[1].session == "sessions/7"
    assert station.evses[1].connectors[0].status == pb.CONNECTOR_STATUS_CHARGING
    assert station.boot_info.vendor == "Vendor"


async def test_pages_meet_without_gap_or_overlap_and_a_token_fits_only_its_query(world: ControlWorld) -> None:
    for number in range(5):
        await world.add_station(f"CP-{number}")
    revision = world.feed.revision
    seen, token = [], ""
    while True:
        page = await world.client.call("stations.ListStations", pb.ListStationsRequest(page_size=2, page_token=token))
        assert (page.total_size, page.revision) == (5, revision)
        seen += [station.identity for station in page.stations]
        if not (token := page.next_page_token):
            break
        last = token
    assert seen == [f"CP-{number}" for number in range(5)]
    other = pb.ListStationsRequest(page_token=last, filter=pb.StationFilter(query="CP"))
    with pytest.raises(Refused) as refused:
        await world.client.call("stations.ListStations", other)
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_PAGE_TOKEN")


async def test_only_the_fields_that_are_asked_for_are_told(world: ControlWorld) -> None:
    await world.add_station("CP-1")

    async def listed(*paths: str) -> pb.Station:
        request = pb.ListStationsRequest(read_mask=FieldMask(paths=paths))
        told: pb.Station = (await world.client.call("stations.ListStations", request)).stations[0]
        return told

    assert await listed("identity", "name") == pb.Station(name="stations/1", identity="CP-1")
    assert (await listed("status")).status == pb.CONNECTOR_STATUS_AVAILABLE
    everything = await listed()
    assert await listed("*") == everything == await listed(*(each.name for each in pb.Station.DESCRIPTOR.fields))
    assert everything.evses
    assert everything.reservable
    with pytest.raises(Refused) as refused:
        await listed("colour")
    assert refused.value.reason == "INVALID_FIELD_MASK"


async def test_a_station_that_cannot_be_reserved_says_so(world: ControlWorld) -> None:
    name = f"stations/{await world.add_station('CP-1')}"
    switch = reservations_pb2.SetReservableRequest(station=name, reservable=False)
    await world.client.call("reservations.SetReservable", switch)
    assert not (await world.client.call("stations.GetStation", pb.GetStationRequest(name=name))).station.reservable


async def test_a_state_that_does_not_exist_is_no_filter(world: ControlWorld) -> None:
    request = pb.ListStationsRequest(filter=pb.StationFilter(registration_states=[77]))  # type: ignore[list-item]
    with pytest.raises(Refused) as refused:
        await world.client.call("stations.ListStations", request)
    assert refused.value.reason == "INVALID_FILTER"


async def test_accept_reject_and_disconnect_reach_the_station(world: ControlWorld) -> None:
    number = await world.add_station("CP-1", RegistrationStatus.PENDING)
    name = f"stations/{number}"
    accepted = await world.client.call("stations.AcceptStation", pb.AcceptStationRequest(name=name))
    assert accepted.station.registration_state == pb.REGISTRATION_STATE_ACCEPTED
    rejected = await world.client.call("stations.RejectStation", pb.RejectStationRequest(name=name))
    assert rejected.station.registration_state == pb.REGISTRATION_STATE_REJECTED
    assert world.directory.disconnected == [number]
    await world.client.call("stations.DisconnectStation", pb.DisconnectStationRequest(name=name))
    world.tables.stations[number].online = False
    with pytest.raises(Refused) as refused:
        await world.client.call("stations.DisconnectStation", pb.DisconnectStationRequest(name=name))
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "STATION_OFFLINE")


async def test_a_made_password_can_be_read_once_also_when_the_answer_is_lost(world: ControlWorld) -> None:
    name = f"stations/{await world.add_station('CP-1')}"
    request = pb.SetStationPasswordRequest(name=name, request_id="r-1")
    made = await world.client.call("stations.SetStationPassword", request)
    assert made.password == "generated-password-1"
    again = await world.client.call("stations.SetStationPassword", request)
    assert again.password == made.password
    assert all(b"generated" not in (answer or b"") for _, answer in world.requests._known.values())
    removed = await world.client.call(
        "stations.SetStationPassword", pb.SetStationPasswordRequest(name=name, remove=True)
    )
    assert removed.password == ""
    with pytest.raises(Refused) as refused:
        await world.client.call(
            "stations.SetStationPassword", pb.SetStationPasswordRequest(name=name, password="short")
        )
    assert refused.value.reason == "INVALID_PASSWORD"


async def test_the_numbers_add_up(world: ControlWorld) -> None:
    await world.add_station("CP-1")
    await world.add_station("CP-2", online=False)
    answer = await world.client.call("stations.SummarizeStations", pb.SummarizeStationsRequest())
    assert (answer.total, answer.online, answer.offline) == (2, 1, 1)


async def test_stations_are_sorted_and_connectors_listed_page_by_page(world: ControlWorld) -> None:
    for name in ("CP-2", "CP-1"):
        await world.add_station(name)
    request = pb.ListStationsRequest(page_size=1, order=pb.STATION_ORDER_CREATE_TIME)
    first = await world.client.call("stations.ListStations", request)
    request.page_token = first.next_page_token
    rest = await world.client.call("stations.ListStations", request)
    assert [s.identity for s in [*first.stations, *rest.stations]] == ["CP-2", "CP-1"]
    request.descending = True  # the token belongs to another order
    with pytest.raises(Refused) as refused:
        await world.client.call("stations.ListStations", request)
    assert refused.value.reason == "INVALID_PAGE_TOKEN"
    own = pb.ListStationsRequest(filter=pb.StationFilter(ownership=pb.OWNERSHIP_OWN))
    assert (await world.client.call("stations.ListStations", own)).total_size == 0
    listed = await world.client.call(
        "stations.ListConnectors", pb.ListConnectorsRequest(statuses=[pb.CONNECTOR_STATUS_CHARGING])
    )
    assert ([each.identity for each in listed.connectors], listed.total_size) == (["CP-1", "CP-2"], 2)
