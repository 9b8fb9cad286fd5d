"""Third-party services: each with its switch, state and settings; the sites that others are told."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import sentences
from webui.page import client_of, demand, redirect, show, signed_in, text
from webui.values import ApiError
from webui.values_services import (
    Location,
    LocationDataSettings,
    Locations,
    OneService,
    Parties,
    RoamingSettings,
    Service,
    Services,
    Tested,
)
from webui.words import N_, _

TITLES: Final = {"LOCATION_DATA": N_("Map services"), "ROAMING": N_("Roaming and parking payment")}
PURPOSES: Final = {
    "LOCATION_DATA": N_("Tells map services where charging is possible: GeoJSON and OCPI Locations, read only."),
    "ROAMING": N_("Customers of other companies charge here, by OCPI 2.2.1."),
}
BESIDE: Final = frozenset({"INVALID_ARGUMENT", "FAILED_PRECONDITION", "ALREADY_EXISTS", "ABORTED"})
"""Errors that are told beside the form."""
ADDRESS_FIELDS: Final = ("street", "city", "postal_code", "country")
TEST_S: Final = 40.0


@signed_in
async def overview(request: Request) -> Response:
    """All services and, below, who takes part in roaming."""
    desk = client_of(request).desk
    found, parties = await asyncio.gather(
        desk.ask("ThirdPartyService/ListServices", Services),
        desk.ask("ThirdPartyService/ListRoamingParties", Parties),
    )
    values = {"services": found.services, "parties": parties.parties, "titles": TITLES, "purposes": PURPOSES}
    return await show(request, "services/list.html", 200, **values)


@signed_in
async def one(request: Request) -> Response:
    """One service: state, addresses, settings."""
    return await _one(request)


async def _one(
    request: Request,
    typed: msgspec.Struct | None = None,
    problem: str = "",
    tested: Tested | None = None,
    status_code: int = 200,
) -> Response:
    service = await _read(request)
    settings = typed or service.location_data or service.roaming
    return await show(
        request,
        "services/one.html",
        status_code,
        service=service,
        settings=settings,
        titles=TITLES,
        purposes=PURPOSES,
        problem=problem,
        tested=tested,
    )


async def _read(request: Request) -> Service:
    key = request.path_params["key"]
    found = await client_of(request).desk.ask("ThirdPartyService/GetService", OneService, name=f"services/{key}")
    return found.service


@signed_in
async def save(request: Request) -> Response:
    """Save the settings."""
    form, service = await request.form(), await _read(request)
    typed = {name: value.strip() for name, value in form.items() if isinstance(value, str)}
    field = "roaming" if service.kind == "ROAMING" else "location_data"
    settings: LocationDataSettings | RoamingSettings = (
        _roaming(typed) if service.kind == "ROAMING" else LocationDataSettings(key_required=bool(typed.get("required")))
    )
    values: dict[str, object] = {
        name: getattr(settings, name) for name in settings.__struct_fields__ if name != "has_key"
    }
    if service.kind != "ROAMING" and typed.get("key"):
        values["new_key"] = typed["key"]
    try:
        demand(
            typed.get("token_pull_hours", "0").isdecimal(), _("Hours are a whole number; 0: only when asked or told.")
        )
        demand(typed.get("authorize_seconds", "1").isdecimal(), _("Seconds are a whole number, from 1 to 20."))
        await client_of(request).desk.do(
            "ThirdPartyService/UpdateService",
            service={"name": service.name, field: values, "etag": typed.get("etag", "")},
            update_mask=tuple(values),
        )
    except ApiError as error:
        if error.code not in BESIDE:
            raise
        return await _one(request, settings, sentences.of_error(error), status_code=422)
    return redirect(f"/services/{service.key}", "service-saved")


def _roaming(typed: Mapping[str, str]) -> RoamingSettings:
    def whole(name: str) -> int:
        value = typed.get(name, "")
        return int(value) if value.isdecimal() and len(value) < 6 else 0

    return RoamingSettings(
        country_code=typed.get("country_code", "").upper(),
        party_id=typed.get("party_id", "").upper(),
        business_name=typed.get("business_name", ""),
        website=typed.get("website", ""),
        public_url=typed.get("public_url", "").rstrip("/"),
        token_pull_hours=whole("token_pull_hours"),
        authorize_seconds=whole("authorize_seconds"),
        currency=typed.get("currency", "").upper(),
    )


@signed_in
async def switch(request: Request) -> Response:
    """On or off."""
    form, key = await request.form(), request.path_params["key"]
    on = text(form, "enabled") == "1"
    method = "ThirdPartyService/EnableService" if on else "ThirdPartyService/DisableService"
    try:
        await client_of(request).desk.do(method, name=f"services/{key}")
    except ApiError as error:
        if error.code not in BESIDE:
            raise
        return await _one(request, problem=sentences.of_error(error), status_code=422)
    return redirect(f"/services/{key}", "service-on" if on else "service-off")


@signed_in
async def test(request: Request) -> Response:
    """Try it out now."""
    key = request.path_params["key"]
    try:
        tested = await client_of(request).desk.ask(
            "ThirdPartyService/TestService", Tested, timeout_s=TEST_S, name=f"services/{key}"
        )
    except ApiError as error:
        if error.code not in BESIDE:
            raise
        return await _one(request, problem=sentences.of_error(error), status_code=422)
    return await _one(request, tested=tested)


@signed_in
async def locations(request: Request) -> Response:
    """Sites as others see them."""
    return await _locations(request)


async def _locations(
    request: Request, typed: Location | None = None, problem: str = "", status_code: int = 200
) -> Response:
    found = await client_of(request).desk.ask("ThirdPartyService/ListServiceLocations", Locations)
    shown = [typed if typed is not None and site.place == typed.place else site for site in found.locations]
    values = {"sites": shown, "problem": problem, "open": typed.place if typed else ""}
    return await show(request, "services/locations.html", status_code, **values)


@signed_in
async def save_location(request: Request) -> Response:
    """Publish a site or take it back, with its address in parts."""
    form, key = await request.form(), request.path_params["key"]
    address = {name: text(form, name)[:100] for name in ADDRESS_FIELDS}
    address["country"] = address["country"].upper()
    site = Location(
        place=f"places/{key}",
        display_name=text(form, "display_name")[:200],
        published=text(form, "published") == "1",
        street=address["street"],
        city=address["city"],
        postal_code=address["postal_code"],
        country=address["country"],
    )
    try:
        await client_of(request).desk.do(
            "ThirdPartyService/UpdateServiceLocation",
            location={"place": site.place, "published": site.published, **address},
            update_mask=("published", *ADDRESS_FIELDS),
        )
    except ApiError as error:
        if error.code not in BESIDE:
            raise
        return await _locations(request, site, sentences.of_error(error), 422)
    return redirect("/services/locations", "location-saved")


ROUTES = [
    Route("/services", overview),
    Route("/services/locations", locations),
    Route("/services/locations/{key:int}", save_location, methods=["POST"]),
    Route("/services/{key}", one),
    Route("/services/{key}/save", save, methods=["POST"]),
    Route("/services/{key}/switch", switch, methods=["POST"]),
    Route("/services/{key}/test", test, methods=["POST"]),
]
