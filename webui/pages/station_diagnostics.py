"""A station's diagnostics: ordering a log and following it, the files that arrived, and the event log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from webui.api import Client
from webui.operations import BY_KEY, Outcome, asked, of_failure
from webui.page import client_of, plain, redirect, signed_in, with_query
from webui.station_page import HELD_BACK, tab_page
from webui.values import ApiError
from webui.values_stations import Events, File, Files, Jobs

SHOWN: Final = 20
EVENTS: Final = 50
ORDERS: Final = ("LOG_UPLOAD", "FIRMWARE_UPDATE", "CUSTOMER_INFORMATION")


class FileAnswer(msgspec.Struct, frozen=True):
    """One file."""

    file: File


class Component(msgspec.Struct, frozen=True):
    """A part of a station."""

    name: str
    evse_id: int


class Monitor(msgspec.Struct, frozen=True):
    """Something that a station watches by itself."""

    id: int
    component: Component
    variable: str
    type: str
    value: float
    severity: int


class Monitors(msgspec.Struct, frozen=True):
    """All of a station's, as it last told."""

    monitors: tuple[Monitor, ...] = ()


class Piece(msgspec.Struct, frozen=True):
    """A piece of a file's content."""

    data: bytes


@signed_in
async def diagnostics(request: Request) -> Response:
    """All of it."""
    return await _page(request, None)


async def _page(request: Request, outcome: Outcome | None) -> Response:
    client, key = client_of(request), request.path_params["key"]
    jobs, files, events, monitors = await asyncio.gather(
        _jobs(client, key),
        _files(client, key),
        _events(client, key, request.query_params.get("after", "")),
        _monitors(client, key),
    )
    return await tab_page(
        request,
        "station/diagnostics.html",
        "diagnostics",
        log=BY_KEY["log"],
        jobs=jobs,
        files=files,
        events=events,
        monitors=monitors.monitors,
        outcome=outcome,
        after=request.query_params.get("after", ""),
        older=with_query(f"/stations/{key}/diagnostics", {"after": events.next_page_token}),
    )


async def _monitors(client: Client, key: str) -> Monitors:
    try:
        return await client.desk.ask("DeviceModelService/ListMonitors", Monitors, station=f"stations/{key}")
    except ApiError as error:
        if error.code not in HELD_BACK:
            raise
        return Monitors()


@signed_in
async def order(request: Request) -> Response:
    """Have the station send a log; the page then follows it."""
    client, key = client_of(request), request.path_params["key"]
    try:
        outcome = await asked(client, key, BY_KEY["log"], await request.form())
    except ApiError as error:
        outcome = of_failure("log", error)
    return await _page(request, outcome)


@signed_in
async def progress(request: Request) -> Response:
    """Jobs and files as they are now; asked again while a job is under way."""
    client, key = client_of(request), request.path_params["key"]
    jobs, files = await asyncio.gather(_jobs(client, key), _files(client, key))
    return plain(request, "station/progress.html", key=key, jobs=jobs, files=files)


async def _jobs(client: Client, key: str) -> Jobs:
    try:
        return await client.desk.ask(
            "InventoryService/ListJobs", Jobs, station=f"stations/{key}", kinds=ORDERS, page_size=SHOWN
        )
    except ApiError as error:
        if error.code in HELD_BACK:
            return Jobs()
        raise


async def _files(client: Client, key: str) -> Files:
    try:
        return await client.desk.ask("FileService/ListFiles", Files, station=f"stations/{key}", page_size=SHOWN)
    except ApiError as error:
        if error.code in HELD_BACK:
            return Files()
        raise


async def _events(client: Client, key: str, token: str) -> Events:
    wanted = {"station": f"stations/{key}"}
    return await client.desk.ask(
        "InventoryService/ListStationEvents", Events, filter=wanted, page_size=EVENTS, page_token=token
    )


@signed_in
async def give_up(request: Request) -> Response:
    """No longer follow a job."""
    key, job = request.path_params["key"], request.path_params["job"]
    await client_of(request).desk.do("InventoryService/CancelJob", name=f"stations/{key}/jobs/{job}")
    return redirect(f"/stations/{key}/diagnostics", "station-saved")


@signed_in
async def download(request: Request) -> Response:
    """A file, as it comes."""
    client, name = client_of(request), f"files/{request.path_params['file']}"
    file = (await client.desk.ask("FileService/GetFile", FileAnswer, name=name)).file

    async def pieces() -> AsyncIterator[bytes]:
        async for piece in client.desk.stream("FileService/ExportFile", Piece, name=name):
            if piece.data:
                yield piece.data

    headers = {
        "content-disposition": f"attachment; filename*=UTF-8''{quote(file.filename)}",
        "content-length": str(file.size_bytes),
    }
    return StreamingResponse(pieces(), media_type="application/octet-stream", headers=headers)


@signed_in
async def remove(request: Request) -> Response:
    """Delete a file for good."""
    client, name = client_of(request), f"files/{request.path_params['file']}"
    file = (await client.desk.ask("FileService/GetFile", FileAnswer, name=name)).file
    await client.desk.do("FileService/DeleteFile", name=name)
    return redirect(f"/{file.station}/diagnostics" if file.station else "/stations", "file-deleted")


ROUTES = [
    Route("/stations/{key}/diagnostics", diagnostics),
    Route("/stations/{key}/diagnostics/order", order, methods=["POST"]),
    Route("/stations/{key}/diagnostics/progress", progress),
    Route("/stations/{key}/jobs/{job:int}/cancel", give_up, methods=["POST"]),
    Route("/files/{file:int}", download),
    Route("/files/{file:int}/delete", remove, methods=["POST"]),
]
