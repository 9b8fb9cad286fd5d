"""PlaceService over the wire."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from control.v1 import places_pb2 as pb
from tests.kit.control_world import ControlWorld, Refused

pytestmark = pytest.mark.feature("F-STA-1", "F-STA-8")


def a_site(name: str) -> pb.CreatePlaceRequest:
    position = pb.Position(latitude=59.3, longitude=18.1)
    return pb.CreatePlaceRequest(
        place=pb.Place(kind=pb.PLACE_KIND_SITE, display_name=name, position=position, static_id=name)
    )


async def test_a_tree_over_the_wire(world: ControlWorld) -> None:
    call = world.client.call
    site = (await call("places.CreatePlace", a_site("Harbour"))).place
    assert (site.parent, site.kind, site.position.latitude) == ("places/1", pb.PLACE_KIND_SITE, 59.3)
    floor = pb.Place(kind=pb.PLACE_KIND_FLOOR, display_name="Level 1", parent=site.name)
    floor = (await call("places.CreatePlace", pb.CreatePlaceRequest(place=floor))).place
    assert not floor.HasField("position")
    listed = await call("places.ListPlaces", pb.ListPlacesRequest())
    assert [place.name for place in listed.places] == ["places/1", site.name, floor.name]
    part = await call("places.ListPlaces", pb.ListPlacesRequest(within=floor.name))
    assert [place.display_name for place in part.places] == ["Level 1"]
    assert (await call("places.GetPlace", pb.GetPlaceRequest(name=floor.name))).place == floor


async def test_the_mask_says_what_changes(world: ControlWorld) -> None:
    call = world.client.call
    site = (await call("places.CreatePlace", a_site("Harbour"))).place
    changes = pb.Place(name=site.name, display_name="Dock", etag=site.etag)
    mask = FieldMask(paths=["display_name", "position"])
    changed = (await call("places.UpdatePlace", pb.UpdatePlaceRequest(place=changes, update_mask=mask))).place
    assert (changed.display_name, changed.HasField("position"), changed.static_id) == ("Dock", False, "Harbour")
    with pytest.raises(Refused) as refused:
        await call("places.UpdatePlace", pb.UpdatePlaceRequest(place=changes, update_mask=mask))
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.ABORTED, "STALE_VERSION")
    with pytest.raises(Refused) as refused:
        await call("places.UpdatePlace", pb.UpdatePlaceRequest(place=changes, update_mask=FieldMask(paths=["kind"])))
    assert refused.value.reason == "INVALID_FIELD_MASK"


async def test_stations_are_moved_and_hold_their_place(world: ControlWorld) -> None:
    call = world.client.call
    site = (await call("places.CreatePlace", a_site("Harbour"))).place
    station = await world.add_station("CP-1")
    moved = pb.MoveStationsRequest(place=site.name, stations=[f"stations/{station}", "stations/99"])
    assert list((await call("places.MoveStations", moved)).stations) == [f"stations/{station}"]
    with pytest.raises(Refused) as refused:
        await call("places.DeletePlace", pb.DeletePlaceRequest(name=site.name))
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "PLACE_NOT_EMPTY")
    await call("places.MoveStations", pb.MoveStationsRequest(place="places/1", stations=moved.stations))
    await call("places.DeletePlace", pb.DeletePlaceRequest(name=site.name))


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (pb.CreatePlaceRequest(place=pb.Place(display_name="x")), "KIND_MISSING"),
        (pb.CreatePlaceRequest(place=pb.Place(kind=pb.PLACE_KIND_FLOOR, display_name="x")), "INVALID_PARENT"),
        (pb.CreatePlaceRequest(place=pb.Place(kind=pb.PLACE_KIND_SITE)), "INVALID_NAME"),
        (
            pb.CreatePlaceRequest(place=pb.Place(kind=pb.PLACE_KIND_SITE, display_name="x", parent="sites/1")),
            "INVALID_NAME",
        ),
    ],
)
async def test_what_makes_no_sense_is_refused(
    world: ControlWorld, request_: pb.CreatePlaceRequest, reason: str
) -> None:
    with pytest.raises(Refused) as refused:
        await world.client.call("places.CreatePlace", request_)
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.INVALID_ARGUMENT, reason)


@pytest.mark.feature("F-STA-8")
async def test_an_address_is_looked_for_here_and_outside(world: ControlWorld) -> None:
    call = world.client.call
    site = (await call("places.CreatePlace", a_site("Harbour"))).place
    found = await call("places.SearchAddresses", pb.SearchAddressesRequest(query="harbour", language="sv"))
    assert [place.name for place in found.places] == [site.name]
    assert [(each.text, each.position.latitude) for each in found.addresses] == [("Quay 7, Gothenburg", 57.7)]
    assert found.geocoder == pb.GEOCODER_STATE_ANSWERED
    with pytest.raises(Refused) as refused:
        await call("places.SearchAddresses", pb.SearchAddressesRequest(query="h"))
    assert refused.value.reason == "INVALID_QUERY"
