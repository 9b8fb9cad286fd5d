"""PictureService."""

from __future__ import annotations

from control.convert import pictures as convert
from control.convert.names import read_name
from control.guard import Call
from control.v1 import pictures_pb2
from csms.domain.errors import InvalidArgument
from csms.services.pictures import Pictures


class PictureServicer:
    """A method is: convert, call one use case, convert."""

    service = pictures_pb2.DESCRIPTOR.services_by_name["PictureService"]

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures

    async def upload_picture(
        self, call: Call, request: pictures_pb2.UploadPictureRequest
    ) -> pictures_pb2.UploadPictureResponse:
        """UploadPicture."""
        station_id = read_name(request.station, "stations")
        made = await self._pictures.upload_picture(call.caller, station_id, request.slot, request.content)
        return pictures_pb2.UploadPictureResponse(picture=convert.picture(made))

    async def list_pictures(
        self, call: Call, request: pictures_pb2.ListPicturesRequest
    ) -> pictures_pb2.ListPicturesResponse:
        """ListPictures."""
        found = await self._pictures.pictures(call.caller, read_name(request.station, "stations"))
        return pictures_pb2.ListPicturesResponse(pictures=[convert.picture(each) for each in found])

    async def get_picture_content(
        self, call: Call, request: pictures_pb2.GetPictureContentRequest
    ) -> pictures_pb2.GetPictureContentResponse:
        """GetPictureContent."""
        owner, number, slot = convert.read_picture_name(request.name)
        small = request.thumbnail
        if owner == "stations":
            found, content = await self._pictures.picture_content(call.caller, number, slot, thumbnail=small)
        else:
            found, content = await self._pictures.plan_content(call.caller, number, thumbnail=small)
        file = found.thumbnail if small else found.file
        return pictures_pb2.GetPictureContentResponse(
            picture=convert.picture(found), content=content, content_type=file.content_type
        )

    async def delete_picture(
        self, call: Call, request: pictures_pb2.DeletePictureRequest
    ) -> pictures_pb2.DeletePictureResponse:
        """DeletePicture."""
        owner, number, slot = convert.read_picture_name(request.name)
        if owner != "stations":
            raise InvalidArgument("Plans are deleted by DeleteFloorPlan.", reason="INVALID_NAME")
        await self._pictures.delete_picture(call.caller, number, slot)
        return pictures_pb2.DeletePictureResponse()

    async def upload_floor_plan(
        self, call: Call, request: pictures_pb2.UploadFloorPlanRequest
    ) -> pictures_pb2.UploadFloorPlanResponse:
        """UploadFloorPlan."""
        made = await self._pictures.upload_plan(call.caller, read_name(request.place, "places"), request.content)
        return pictures_pb2.UploadFloorPlanResponse(plan=convert.picture(made))

    async def get_floor_plan(
        self, call: Call, request: pictures_pb2.GetFloorPlanRequest
    ) -> pictures_pb2.GetFloorPlanResponse:
        """GetFloorPlan."""
        plan, positions = await self._pictures.plan(call.caller, read_name(request.place, "places"))
        return pictures_pb2.GetFloorPlanResponse(
            plan=None if plan is None else convert.picture(plan),
            positions=[convert.position(each) for each in positions],
        )

    async def delete_floor_plan(
        self, call: Call, request: pictures_pb2.DeleteFloorPlanRequest
    ) -> pictures_pb2.DeleteFloorPlanResponse:
        """DeleteFloorPlan."""
        await self._pictures.delete_plan(call.caller, read_name(request.place, "places"))
        return pictures_pb2.DeleteFloorPlanResponse()

    async def set_station_position(
        self, call: Call, request: pictures_pb2.SetStationPositionRequest
    ) -> pictures_pb2.SetStationPositionResponse:
        """SetStationPosition."""
        await self._pictures.set_position(call.caller, convert.read_position(request.position), remove=request.remove)
        return pictures_pb2.SetStationPositionResponse()
