"""Firmware: images that are kept here, which stations have an update, and the files that stations sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

import msgspec
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import sentences
from webui.api.desk import Nothing
from webui.page import client_of, demand, redirect, show, signed_in, text, with_query
from webui.values import ApiError
from webui.values_operations import (
    FirmwareImage,
    FirmwareImages,
    StationUpdate,
    StationUpdates,
    size_word,
    standing_word,
)
from webui.words import _

PIECE = 512 * 1024
UPLOAD_S = 1800.0
MENDED = ("INVALID_ARGUMENT", "ALREADY_EXISTS", "FAILED_PRECONDITION", "RESOURCE_EXHAUSTED")


class StoredFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a station sent."""

    name: str
    filename: str
    size_bytes: int
    station: str
    create_time: datetime | None

    @property
    def key(self) -> str:
        """The id of ``files/{id}``."""
        return self.name.partition("/")[2]


class Files(msgspec.Struct, frozen=True):
    """Newest first."""

    files: tuple[StoredFile, ...]
    next_page_token: str


@signed_in
async def images(request: Request) -> Response:
    """The images; with a POST another one is taken in."""
    if request.method != "POST":
        return await _images(request, FirmwareImage())
    form = await request.form()
    file, image = form.get("file"), _from(form)
    try:
        demand(isinstance(file, UploadFile) and file.filename, _("Choose the file of the image."))
        demand(image.vendor and image.version, _("Enter the vendor and the version as stations tell them."))
        if isinstance(file, UploadFile):
            pieces = _pieces(file, form, image)
            await client_of(request).desk.send(
                "FirmwareImageService/UploadFirmwareImage", Nothing, pieces, timeout_s=UPLOAD_S
            )
    except ApiError as error:
        return await _images(request, image, _problem(error))
    kept = redirect("/firmware", "firmware-saved")
    if "application/json" in request.headers.get("accept", ""):
        kept.status_code = 204  # the script goes there itself, so that the notice is shown there and not to it
    return kept


def _from(form: FormData) -> FirmwareImage:
    return FirmwareImage(
        vendor=text(form, "vendor"),
        models=tuple(each.strip() for each in text(form, "models").split(",") if each.strip()),
        version=text(form, "version"),
        min_version=text(form, "min_version"),
        notes=text(form, "notes"),
        signature=text(form, "signature"),
        sha256=text(form, "sha256").lower(),
    )


async def _pieces(file: UploadFile, form: FormData, image: FirmwareImage) -> AsyncIterator[dict[str, object]]:
    """What it is, then its content: what is sent is never in memory as a whole."""
    names = ("vendor", "models", "version", "min_version", "notes", "signature", "sha256")
    described = {name: getattr(image, name) for name in names}
    described |= {"filename": file.filename or "image.bin", "signing_certificate": text(form, "signing_certificate")}
    yield {"firmware_image": described}
    while piece := await file.read(PIECE):
        yield {"data": piece}


def _problem(error: ApiError) -> str:
    if error.code not in MENDED:
        raise error
    return sentences.of_error(error)


async def _images(request: Request, typed: FirmwareImage, problem: str = "") -> Response:
    found = await client_of(request).desk.ask("FirmwareImageService/ListFirmwareImages", FirmwareImages)
    return await show(
        request,
        "operations/firmware.html",
        422 if problem else 200,
        images=found.firmware_images,
        typed=typed,
        problem=problem,
        size_word=size_word,
    )


@signed_in
async def delete(request: Request) -> Response:
    """Delete an image; one that a station may still be fetching says so."""
    name = f"firmwareImages/{request.path_params['key']}"
    try:
        await client_of(request).desk.do("FirmwareImageService/DeleteFirmwareImage", name=name)
    except ApiError as error:
        return await _images(request, FirmwareImage(), _problem(error))
    return redirect("/firmware", "firmware-deleted")


@signed_in
async def updates(request: Request) -> Response:
    """For each station, whether firmware is known that is newer than its own."""
    everything = request.query_params.get("all") == "1"
    asked = client_of(request).desk.ask(
        "OperationService/CheckForUpdates", StationUpdates, newer_only=not everything, timeout_s=30.0
    )
    found = (await asked).updates
    by_image: dict[str, list[str]] = {}
    for each in found:
        if each.standing == "UPDATE_AVAILABLE":
            by_image.setdefault(each.image, []).append(each.station.partition("/")[2])
    return await show(
        request,
        "operations/updates.html",
        updates=found,
        everything=everything,
        standing_word=standing_word,
        rollouts=[(_version(found, image), _rollout(image, keys), len(keys)) for image, keys in by_image.items()],
    )


def _version(found: tuple[StationUpdate, ...], image: str) -> str:
    return next((each.image_version for each in found if each.image == image), "")


def _rollout(image: str, keys: list[str]) -> str:
    """The form of an operation with these stations ticked (as many as an address can hold)."""
    query = {"kind": "UPDATE_FIRMWARE", "stations": ",".join(keys[:200]), "image": image}
    return with_query("/operations/new", query)


@signed_in
async def files(request: Request) -> Response:
    """What stations uploaded, newest first."""
    after = request.query_params.get("after", "")
    asked = client_of(request).desk.ask("FileService/ListFiles", Files, page_size=50, page_token=after)
    page = await asked
    return await show(
        request,
        "operations/files.html",
        page=page,
        after=after,
        size_word=size_word,
        next_url=with_query("/files", {"after": page.next_page_token}),
    )


ROUTES = [
    Route("/firmware", images, methods=["GET", "POST"]),
    Route("/firmware/updates", updates),
    Route("/firmware/{key}/delete", delete, methods=["POST"]),
    Route("/files", files),
]
