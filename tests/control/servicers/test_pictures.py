"""PictureService over the wire."""

from __future__ import annotations

import pytest

from control.v1 import pictures_pb2 as pb
from csms.domain.topology import SYSTEM_ID, Place, PlaceKind
from csms.domain.transfers import FileLimits
from tests.kit.control_world import ControlWorld, Refused

pytestmark = pytest.mark.feature("F-STA-5", "F-STA-9")


async def test_two_pictures_of_a_station(world: ControlWorld) -> None:
    call = world.client.call
    name = f"stations/{await world.add_station('CP-1')}"
    made = [
        (
            await call("pictures.UploadPicture", pb.UploadPictureRequest(station=name, slot=slot, content=content))
        ).picture
        for slot, content in ((1, b"JPEG a"), (2, b"JPEG b"), (1, b"JPEG c"))
    ]
    assert made[0].name == made[2].name == f"{name}/pictures/1"
    assert made[0].etag != made[2].etag
    listed = await call("pictures.ListPictures", pb.ListPicturesRequest(station=name))
    assert list(listed.pictures) == [made[2], made[1]]
    large = await call("pictures.GetPictureContent", pb.GetPictureContentRequest(name=made[2].name))
    small = await call("pictures.GetPictureContent", pb.GetPictureContentRequest(name=made[2].name, thumbnail=True))
    assert (large.content, small.content, small.picture) == (b"drawn JPEG c", b"small", made[2])
    assert len(world.vault.contents) == 4
    await call("pictures.DeletePicture", pb.DeletePictureRequest(name=made[2].name))
    with pytest.raises(Refused) as refused:
        await call("pictures.GetPictureContent", pb.GetPictureContentRequest(name=made[2].name))
    assert refused.value.reason == "PICTURE_NOT_FOUND"
    assert len(world.vault.contents) == 2


async def test_what_is_no_picture_is_refused(world: ControlWorld) -> None:
    name = f"stations/{await world.add_station('CP-1')}"
    await world.file_store.set_limits(FileLimits(picture_max_bytes=100))
    for slot, content, reason in (
        (1, b"GIF", "INVALID_PICTURE"),
        (3, b"JPEG", "INVALID_SLOT"),
        (1, b"JPEG" * 100, "FILE_TOO_LARGE"),
    ):
        with pytest.raises(Refused) as refused:
            await world.client.call(
                "pictures.UploadPicture", pb.UploadPictureRequest(station=name, slot=slot, content=content)
            )
        assert refused.value.reason == reason
    assert world.vault.contents == {}


async def test_a_plan_and_where_stations_are_on_it(world: ControlWorld) -> None:
    call = world.client.call
    site = await world.place_store.create(Place(0, SYSTEM_ID, PlaceKind.SITE, "Harbour"))
    await world.places.load()
    station = await world.add_station("CP-1")
    world.tables.stations[station].place_id = site.id
    place, name = f"places/{site.id}", f"stations/{station}"
    empty = await call("pictures.GetFloorPlan", pb.GetFloorPlanRequest(place=place))
    assert not empty.HasField("plan")
    made = await call("pictures.UploadFloorPlan", pb.UploadFloorPlanRequest(place=place, content=b"JPEG plan"))
    assert made.plan.name == f"{place}/plan"
    position = pb.StationPosition(station=name, x=0.1, y=0.9)
    await call("pictures.SetStationPosition", pb.SetStationPositionRequest(position=position))
    found = await call("pictures.GetFloorPlan", pb.GetFloorPlanRequest(place=place))
    assert (found.plan, list(found.positions)) == (made.plan, [position])
    content = await call("pictures.GetPictureContent", pb.GetPictureContentRequest(name=made.plan.name))
    assert content.content == b"drawn JPEG plan"
    for x in (-0.1, 1.1, float("nan")):
        bad = pb.SetStationPositionRequest(position=pb.StationPosition(station=name, x=x))
        with pytest.raises(Refused) as refused:
            await call("pictures.SetStationPosition", bad)
        assert refused.value.reason == "INVALID_POSITION"
    await call("pictures.SetStationPosition", pb.SetStationPositionRequest(position=position, remove=True))
    await call("pictures.DeleteFloorPlan", pb.DeleteFloorPlanRequest(place=place))
    gone = await call("pictures.GetFloorPlan", pb.GetFloorPlanRequest(place=place))
    assert gone == pb.GetFloorPlanResponse()
    with pytest.raises(Refused) as refused:
        await call("pictures.UploadFloorPlan", pb.UploadFloorPlanRequest(place="places/1", content=b"JPEG"))
    assert refused.value.reason == "NO_PLAN_HERE"
