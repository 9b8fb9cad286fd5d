"""One or two pictures of a station: shown, uploaded with a preview, removed."""

from __future__ import annotations

import msgspec
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import sentences
from webui.page import client_of, demand, redirect, signed_in
from webui.station_page import tab_page
from webui.values import ApiError
from webui.values_stations import Picture
from webui.words import _

SLOTS = (1, 2)
MOST_BYTES = 32 * 1024 * 1024
"""What the portal reads at all; the limit that counts is the control plane's."""


class Pictures(msgspec.Struct, frozen=True):
    """At most two."""

    pictures: tuple[Picture, ...]


class Content(msgspec.Struct, frozen=True):
    """A picture's content."""

    picture: Picture
    content: bytes
    content_type: str


@signed_in
async def pictures(request: Request) -> Response:
    """Both places for a picture."""
    return await _page(request)


async def _page(request: Request, problem: str = "", failed: int = 0) -> Response:
    found = await client_of(request).desk.ask(
        "PictureService/ListPictures", Pictures, station=f"stations/{request.path_params['key']}"
    )
    return await tab_page(
        request,
        "station/pictures.html",
        "pictures",
        422 if problem else 200,
        pictures={each.slot: each for each in found.pictures},
        slots=SLOTS,
        problem=problem,
        failed=failed,
    )


@signed_in
async def picture(request: Request) -> Response:
    """A picture; its address changes with its content, so browsers keep it."""
    key, slot = request.path_params["key"], request.path_params["slot"]
    small = request.query_params.get("small") == "1"
    found = await client_of(request).desk.ask(
        "PictureService/GetPictureContent", Content, name=f"stations/{key}/pictures/{slot}", thumbnail=small
    )
    headers = {"cache-control": "private, max-age=86400", "etag": f'"{found.picture.etag}"'}
    return Response(found.content, media_type=found.content_type, headers=headers)


@signed_in
async def upload(request: Request) -> Response:
    """Take in a picture for one of the places."""
    key, slot = request.path_params["key"], request.path_params["slot"]
    form = await request.form()
    given = form.get("picture")
    try:
        content = await _content(given)
        await client_of(request).desk.do(
            "PictureService/UploadPicture", timeout_s=60.0, station=f"stations/{key}", slot=slot, content=content
        )
    except ApiError as error:
        if error.code not in ("INVALID_ARGUMENT", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION"):
            raise
        return await _page(request, sentences.of_error(error), slot)
    return redirect(f"/stations/{key}/pictures", "station-saved")


async def _content(given: object) -> bytes:
    if not isinstance(given, UploadFile) or not given.size:
        raise ApiError("INVALID_ARGUMENT", "", _("Choose a picture (JPEG or PNG) first."))
    demand(given.size <= MOST_BYTES, _("This file is too large. Choose a smaller picture."))
    return await given.read()


@signed_in
async def remove(request: Request) -> Response:
    """Remove a picture."""
    key, slot = request.path_params["key"], request.path_params["slot"]
    await client_of(request).desk.do("PictureService/DeletePicture", name=f"stations/{key}/pictures/{slot}")
    return redirect(f"/stations/{key}/pictures", "station-saved")


ROUTES = [
    Route("/stations/{key}/pictures", pictures),
    Route("/stations/{key}/pictures/{slot:int}", picture),
    Route("/stations/{key}/pictures/{slot:int}/upload", upload, methods=["POST"]),
    Route("/stations/{key}/pictures/{slot:int}/delete", remove, methods=["POST"]),
]
