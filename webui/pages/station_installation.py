"""A station as a piece of equipment: what is known of its installation, and the secrets on its label."""

from __future__ import annotations

import asyncio

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import days, sentences
from webui.page import client_of, demand, plain, redirect, signed_in, text
from webui.station_page import tab_page
from webui.values import ApiError
from webui.values_stations import Installation, Secrets
from webui.words import _

TEXTS = (
    "part_number",
    "material_number",
    "mes_serial_number",
    "vendor_code",
    "installation_date",
    "installer",
    "warranty_date",
    "grid_connection",
    "note",
)
NUMBERS = ("fuse_amperes", "phases")


class Answer(msgspec.Struct, frozen=True):
    """An installation."""

    installation: Installation


@signed_in
async def installation(request: Request) -> Response:
    """What is known, with its form."""
    return await _page(request)


async def _page(request: Request, problem: str = "", typed: dict[str, str] | None = None) -> Response:
    client, key = client_of(request), request.path_params["key"]
    station, found = await asyncio.gather(
        client.station(key),
        client.desk.ask("InstallationService/GetInstallation", Answer, station=f"stations/{key}"),
    )
    return await tab_page(
        request,
        "station/installation.html",
        "installation",
        422 if problem else 200,
        station=station,
        installation=found.installation,
        values=typed or found.installation,
        made=typed["manufacture_day"] if typed else None,
        problem=problem,
    )


@signed_in
async def save(request: Request) -> Response:
    """What people know."""
    key, form = request.path_params["key"], await request.form()
    typed = {name: text(form, name) for name in (*TEXTS, *NUMBERS, "manufacture_day")}
    try:
        changed: dict[str, object] = {name: typed[name] for name in TEXTS}
        for name in NUMBERS:
            demand(not typed[name] or typed[name].isdecimal(), _("Enter amperes and phases as whole numbers."))
            changed[name] = int(typed[name] or 0)
        changed["manufacture_time"] = days.begin_of(typed["manufacture_day"])
        wanted = {"station": f"stations/{key}", "etag": text(form, "etag"), **changed}
        await client_of(request).desk.do(
            "InstallationService/UpdateInstallation", installation=wanted, update_mask=tuple(changed)
        )
    except ApiError as error:
        if error.code not in ("INVALID_ARGUMENT", "ABORTED"):
            raise
        return await _page(request, sentences.of_error(error), typed)
    return redirect(f"/stations/{key}/installation", "station-saved")


@signed_in
async def reveal(request: Request) -> Response:
    """Show the secrets; the control plane writes down who saw them."""
    client, key = client_of(request), request.path_params["key"]
    secrets = await client.desk.ask("InstallationService/RevealStationSecrets", Secrets, station=f"stations/{key}")
    if "hx-request" in request.headers:
        response = plain(request, "station/secrets.html", secrets=secrets)
    else:
        response = await tab_page(request, "station/secrets_page.html", "installation", secrets=secrets)
    response.headers["cache-control"] = "no-store"
    return response


@signed_in
async def keep(request: Request) -> Response:
    """Keep secrets; an empty field leaves what is kept, the ticks forget it."""
    key, form = request.path_params["key"], await request.form()
    fields: dict[str, str] = {}
    for name in ("master_password", "access_code"):
        typed = text(form, name)
        if typed or text(form, f"forget_{name}"):
            fields[name] = typed
    if not fields:
        return await _page(request, _("Enter the secret to keep, or tick what to forget."), None)
    await client_of(request).desk.do(
        "InstallationService/SetStationSecrets",
        station=f"stations/{key}",
        master_password=fields.get("master_password"),
        access_code=fields.get("access_code"),
    )
    return redirect(f"/stations/{key}/installation", "station-saved")


ROUTES = [
    Route("/stations/{key}/installation", installation),
    Route("/stations/{key}/installation/save", save, methods=["POST"]),
    Route("/stations/{key}/installation/reveal", reveal, methods=["POST"]),
    Route("/stations/{key}/installation/secrets", keep, methods=["POST"]),
]
