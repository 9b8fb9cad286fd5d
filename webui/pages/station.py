"""One station: what it is doing, its operations, its configuration, its messages, its settings."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from webui import following, log_export, sentences, station_list
from webui.api import Client
from webui.ocpp_actions import actions_of
from webui.operations import Outcome, operation
from webui.page import client_of, demand, plain, redirect, show, signed_in, text, with_query
from webui.station_page import HELD_BACK, tab_page
from webui.values import ApiError, Direction, LogQuery, Session, SessionQuery, Station
from webui.values_stations import ConnectionInfo, Firmware, Images, Installed
from webui.words import _

RECENT = 8
MANY = 50
TAG_OPTIONS = 40


@signed_in
async def overview(request: Request) -> Response:
    """The station as it is now, live, with its operations."""
    return await _overview(request, None)


async def _overview(request: Request, outcome: Outcome | None, status_code: int = 200) -> Response:
    client, key = client_of(request), request.path_params["key"]
    station, recent, places = await asyncio.gather(
        client.station(key),
        client.sessions(SessionQuery(station=f"stations/{key}"), RECENT),
        station_list.places(client),
    )
    return await tab_page(
        request,
        "station/overview.html",
        "overview",
        status_code,
        station=station,
        place=places.labels.get(station.place, ""),
        recent=recent,
        active=under_way(station, recent.sessions),
        outcome=outcome,
        opened=request.query_params.get("do", ""),
    )


@signed_in
async def sessions(request: Request) -> Response:
    """Its latest sessions; the list of all has filters and exports."""
    recent = await client_of(request).sessions(SessionQuery(station=f"stations/{request.path_params['key']}"), MANY)
    return await tab_page(request, "station/sessions.html", "sessions", recent=recent)


def under_way(station: Station, sessions: tuple[Session, ...]) -> tuple[Session, ...]:
    """Its sessions under way, by EVSE."""
    return tuple(sorted((s for s in sessions if s.active), key=lambda s: s.evse_id))


@signed_in
async def operate(request: Request) -> Response:
    """Send one command; the answer appears under its button (or, without scripts, on the whole page)."""
    client, key = client_of(request), request.path_params["key"]
    began = datetime.now(tz=UTC)
    outcome = await operation(client, key, request.path_params["operation"], await request.form())
    if "hx-request" in request.headers:
        follow_from = following.address(key, began, outcome.job)
        return plain(request, "station/outcome.html", outcome=outcome, follow_from=follow_from)
    return await _overview(request, outcome)


@signed_in
async def followed(request: Request) -> Response:
    """What the station told since a command was sent to it, and how far its job is; asks again for a while."""
    client, key = client_of(request), request.path_params["key"]
    wanted = following.Wanted.parse(key, request.query_params)
    job, lines = await asyncio.gather(following.job_of(client, wanted), following.lines_of(client, wanted))
    again = wanted.again(datetime.now(tz=UTC), job)
    return plain(request, "station/followed.html", job=job, lines=lines, again=again)


@signed_in
async def tag_options(request: Request) -> Response:
    """Known tags to choose from, while the tag is typed."""
    wanted = request.query_params.get("id_token", "").strip()[:64]
    try:
        found = (await client_of(request).tags(wanted, TAG_OPTIONS)).tags
    except ApiError as error:
        if error.code != "PERMISSION_DENIED":
            raise
        found = ()
    return plain(request, "parts/tag_options.html", tags=found)


@signed_in
async def images(request: Request) -> Response:
    """Firmware images of the portal to choose from, those for the station's vendor and model."""
    client = client_of(request)
    station = await client.station(request.path_params["key"])
    try:
        found = await client.desk.ask(
            "FirmwareImageService/ListFirmwareImages", Images, vendor=station.boot.vendor, model=station.boot.model
        )
    except ApiError as error:
        if error.code not in HELD_BACK:
            raise
        found = Images()
    return plain(request, "station/images.html", images=found.firmware_images)


@signed_in
async def certificates(request: Request) -> Response:
    """Certificates that the station is known to hold, to choose from."""
    client, key = client_of(request), request.path_params["key"]
    found = await client.desk.ask("CertificateService/ListInstalledCertificates", Installed, station=f"stations/{key}")
    return plain(request, "parts/options.html", options=[(each.value, each.label) for each in found.certificates])


@signed_in
async def firmware(request: Request) -> Response:
    """Is there newer firmware for it?"""
    client, key = client_of(request), request.path_params["key"]
    found = await client.desk.ask("FirmwareImageService/CheckFirmware", Firmware, station=f"stations/{key}")
    if "hx-request" in request.headers:
        return plain(request, "station/firmware.html", key=key, found=found)
    return await tab_page(request, "station/firmware_page.html", "overview", key=key, found=found)


@dataclass(frozen=True, slots=True)
class LogView:
    """What the address of a message log says."""

    key: str
    action: str = ""
    direction: str = ""
    q: str = ""
    after: str = ""

    @classmethod
    def parse(cls, key: str, params: QueryParams) -> LogView:
        """From the address."""
        direction = params.get("direction", "")
        return cls(
            key=key,
            action=params.get("action", "").strip()[:64],
            direction=direction if direction in Direction.__members__ and direction != "UNSPECIFIED" else "",
            q=params.get("q", "").strip()[:200],
            after=params.get("after", ""),
        )

    @property
    def query(self) -> LogQuery:
        """For the control plane."""
        direction = Direction(self.direction) if self.direction else Direction.UNSPECIFIED
        return LogQuery(action=self.action, direction=direction, query=self.q)

    def url(self, path: str = "", **changes: str) -> str:
        """The address with some changes."""
        values = {"action": self.action, "direction": self.direction, "q": self.q, "after": ""}
        return with_query(path or f"/stations/{self.key}/messages", values | changes)

    def file(self, ending: str) -> str:
        """The address of what is filtered as a file."""
        return self.url(f"/stations/{self.key}/messages.{ending}")

    @property
    def live(self) -> str:
        """The stream that follows the log; older pages do not move."""
        return self.url(f"/live/station/{self.key}", tail="" if self.after else "1")


@signed_in
async def messages(request: Request) -> Response:
    """The message log, newest first, followed live on its first page."""
    client, key = client_of(request), request.path_params["key"]
    wanted = LogView.parse(key, request.query_params)
    station, page = await asyncio.gather(client.station(key), client.messages(key, wanted.query, 100, wanted.after))
    return await tab_page(
        request,
        "station/messages.html",
        "messages",
        station=station,
        wanted=wanted,
        page=page,
        actions=actions_of(station.protocol),
        directions=Direction,
    )


@signed_in
async def messages_as_json(request: Request) -> Response:
    """What is filtered, an object a line, as it comes."""
    return await _as_file(request, "jsonl")


@signed_in
async def messages_as_text(request: Request) -> Response:
    """What is filtered, for people, as it comes."""
    return await _as_file(request, "txt")


async def _as_file(request: Request, ending: str) -> Response:
    client, key = client_of(request), request.path_params["key"]
    wanted = LogView.parse(key, request.query_params)
    line, media_type = log_export.FORMATS[ending]
    await client.messages(key, wanted.query, 1)  # refused before the download begins, not in the middle of it
    pieces = log_export.lines(log_export.resuming(client, key, wanted.query), line)
    headers = {"content-disposition": f'attachment; filename="messages-{key}.{ending}"'}
    return StreamingResponse(pieces, media_type=media_type, headers=headers)


@signed_in
async def settings(request: Request) -> Response:
    """Name, description, address, identity; password; disconnect; delete."""
    station = await client_of(request).station(request.path_params["key"])
    return await settings_page(request, station, station)


async def settings_page(
    request: Request,
    station: Station,
    values: object,
    problem: str = "",
    status_code: int = 200,
    outcome: Outcome | None = None,
) -> Response:
    """What people edit, with what became of an attempt to."""
    return await tab_page(
        request,
        "station/settings.html",
        "settings",
        status_code,
        station=station,
        info=await _connection_info(client_of(request)),
        values=values,
        problem=problem,
        outcome=outcome,
    )


async def _connection_info(client: Client) -> ConnectionInfo | None:
    """Where stations connect; None for those who may not know."""
    try:
        return await client.desk.ask("SystemService/GetSystemInfo", ConnectionInfo)
    except ApiError as error:
        if error.code in HELD_BACK:
            return None
        raise


@signed_in
async def save(request: Request) -> Response:
    """Save what people edit. When somebody else was faster, both versions are shown before anything is written."""
    client, key = client_of(request), request.path_params["key"]
    form = await request.form()
    fields = ("identity", "display_name", "description", "address")
    changes = {name: text(form, name) for name in fields}
    try:
        await client.update_station(key, text(form, "etag"), changes)
    except ApiError as error:
        if error.code not in ("ABORTED", "INVALID_ARGUMENT", "ALREADY_EXISTS"):
            raise
        now = await client.station(key)
        return await settings_page(request, now, changes, sentences.of_error(error), 409)
    return redirect(f"/stations/{key}/settings", "station-saved")


@signed_in
async def password(request: Request) -> Response:
    """Set, make or remove the station's password; a new one is shown this once."""
    client, key = client_of(request), request.path_params["key"]
    form = await request.form()
    station = await client.station(key)
    try:
        remove = text(form, "how") == "remove"
        chosen = "" if text(form, "how") != "set" else str(form.get("password", ""))
        demand(text(form, "how") != "set" or chosen, _("Enter a password of 16 to 40 characters, or have one made."))
        valid = await client.set_station_password(key, chosen, remove)
    except ApiError as error:
        if error.code != "INVALID_ARGUMENT":
            raise
        return await settings_page(request, station, station, sentences.of_error(error), 422)
    if remove:
        return redirect(f"/stations/{key}/settings", "station-saved")
    info = await client.system_info()
    return await show(request, "password.html", station=station, password=valid, info=info)


@signed_in
async def disconnect(request: Request) -> Response:
    """Close the connection."""
    client, key = client_of(request), request.path_params["key"]
    try:
        await client.disconnect_station(key)
    except ApiError as error:
        if error.code != "FAILED_PRECONDITION":
            raise
        station = await client.station(key)
        return await settings_page(request, station, station, sentences.of_command(error), 409)
    return redirect(f"/stations/{key}/settings", "station-disconnected")


@signed_in
async def delete(request: Request) -> Response:
    """Delete the station; its sessions stay."""
    await client_of(request).delete_station(request.path_params["key"])
    return redirect("/stations", "station-deleted")


ROUTES = [
    Route("/tags/options", tag_options),
    Route("/stations/{key}", overview),
    Route("/stations/{key}/sessions", sessions),
    Route("/stations/{key}/operations/{operation}", operate, methods=["POST"]),
    Route("/stations/{key}/followed", followed),
    Route("/stations/{key}/images", images),
    Route("/stations/{key}/firmware", firmware),
    Route("/stations/{key}/certificates", certificates),
    Route("/stations/{key}/messages", messages),
    Route("/stations/{key}/messages.jsonl", messages_as_json),
    Route("/stations/{key}/messages.txt", messages_as_text),
    Route("/stations/{key}/settings", settings),
    Route("/stations/{key}/settings/save", save, methods=["POST"]),
    Route("/stations/{key}/settings/password", password, methods=["POST"]),
    Route("/stations/{key}/settings/disconnect", disconnect, methods=["POST"]),
    Route("/stations/{key}/settings/delete", delete, methods=["POST"]),
]
