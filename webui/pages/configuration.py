"""The configuration of all stations: which ones are not as wanted, and templates for kinds of stations."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import nodes, sentences
from webui.page import client_of, demand, redirect, show, signed_in, text, with_query
from webui.pages.station_configuration import wishes_of
from webui.person import place_of
from webui.values import ApiError, Role
from webui.values_configuration import (
    FAMILIES,
    Applied,
    DriftPage,
    SettingValue,
    Template,
    TemplateAnswer,
    Templates,
)
from webui.words import _

SIZE: Final = 50
FIELDS: Final = ("display_name", "vendor", "model", "firmware_version")
MASK: Final = (*FIELDS, "family", "priority", "enabled", "variables")
BESIDE: Final = frozenset({"INVALID_ARGUMENT", "ALREADY_EXISTS", "ABORTED", "FAILED_PRECONDITION"})
MOST_PRIORITY: Final = 1_000_000
EDITORS: Final = frozenset({Role.ADMINISTRATOR, Role.SUPPORT})


@signed_in
async def drift(request: Request) -> Response:
    """Stations that are not as wanted."""
    params, place = request.query_params, place_of(request)
    wanted = {"q": params.get("q", "").strip()[:200], "only": "drifted" if params.get("only") == "drifted" else ""}
    page = await client_of(request).desk.ask(
        "ConfigurationService/ListDrift",
        DriftPage,
        page_size=SIZE,
        page_token=params.get("after", "")[:400],
        filter={
            "drifted_only": bool(wanted["only"]),
            "query": wanted["q"],
            "place": f"places/{place}" if place else "",
        },
    )
    kept = wanted | {"place": place}
    following = with_query("/configuration", kept | {"after": page.next_page_token}) if page.next_page_token else ""
    return await show(request, "configuration/drift.html", page=page, wanted=wanted, next_url=following)


@signed_in
async def templates(request: Request) -> Response:
    """All templates."""
    found = await client_of(request).desk.ask("ConfigurationService/ListConfigurationTemplates", Templates)
    return await show(request, "configuration/templates.html", templates=found.templates, editors=EDITORS)


@signed_in
async def add(request: Request) -> Response:
    """A new one; `?station=` begins with what is wanted of a station."""
    client = client_of(request)
    if request.method != "POST":
        return await _form(request, await _begun(request))
    form = await request.form()
    try:
        typed = typed_template(form, Template())
        made = await client.desk.ask(
            "ConfigurationService/CreateConfigurationTemplate", TemplateAnswer, template=_asked(typed)
        )
    except ApiError as error:
        if error.code not in BESIDE:
            raise
        return await _form(request, _as_typed(form, Template()), problem=sentences.of_error(error), form=form)
    return redirect(f"/configuration/templates/{made.template.key}", "template-saved")


async def _begun(request: Request) -> Template:
    key = request.query_params.get("station", "")
    if not (key.isascii() and key.isdecimal()):
        return Template()
    client = client_of(request)
    station, wishes = await asyncio.gather(client.station(key), wishes_of(client, key))
    family = "2" if station.protocol.startswith("ocpp2") else "1_6"
    return Template(vendor=station.boot.vendor, model=station.boot.model, family=family, variables=wishes)


@signed_in
async def one(request: Request) -> Response:
    """A template: what it sets and for whom."""
    client, name = client_of(request), f"configurationTemplates/{request.path_params['key']}"
    found = await client.desk.ask("ConfigurationService/GetConfigurationTemplate", TemplateAnswer, name=name)
    if request.method != "POST":
        return await _form(request, found.template)
    form = await request.form()
    try:
        typed = typed_template(form, found.template)
        await client.desk.do(
            "ConfigurationService/UpdateConfigurationTemplate",
            template=_asked(typed) | {"name": name, "etag": text(form, "etag")},
            update_mask=MASK,
        )
    except ApiError as error:
        if error.code not in BESIDE:
            raise
        return await _form(request, _as_typed(form, found.template), problem=sentences.of_error(error), form=form)
    return redirect(f"/{name.replace('configurationTemplates', 'configuration/templates')}", "template-saved")


async def _form(request: Request, template: Template, *, problem: str = "", form: FormData | None = None) -> Response:
    lines = "\n".join(f"{each.name} = {each.value}" for each in template.variables)
    return await show(
        request,
        "configuration/template.html",
        422 if problem else 200,
        chosen=template,
        lines=lines if form is None else str(form.get("variables", "")),
        priority=template.priority if form is None else text(form, "priority"),
        families=FAMILIES,
        places=await nodes.choices(client_of(request)) if template.name else [],
        problem=problem,
        editors=EDITORS,
    )


@signed_in
async def delete(request: Request) -> Response:
    """Take one away; what stations were set to stays."""
    name = f"configurationTemplates/{request.path_params['key']}"
    await client_of(request).desk.do("ConfigurationService/DeleteConfigurationTemplate", name=name)
    return redirect("/configuration/templates", "template-deleted")


@signed_in
async def apply(request: Request) -> Response:
    """Have it applied to all stations in a place that it fits."""
    client, form = client_of(request), await request.form()
    key, place = request.path_params["key"], text(form, "place")
    done = await client.desk.ask(
        "ConfigurationService/ApplyTemplate",
        Applied,
        template=f"configurationTemplates/{key}",
        place=f"places/{place}" if place.isdecimal() else "places/1",
        upload=text(form, "upload") == "1",
    )
    return redirect("/configuration", "template-applied" if done.station_count else "template-fits-none")


def typed_template(form: FormData, base: Template) -> Template:
    """What was typed. Raises ApiError for a line or a number that cannot be read."""
    given = text(form, "priority") or "0"
    fine = given.removeprefix("-").isascii() and given.removeprefix("-").isdecimal()
    demand(fine and abs(int(given)) <= MOST_PRIORITY, _("The priority is a whole number; the higher one counts."))
    return msgspec.structs.replace(
        _as_typed(form, base), priority=int(given), variables=read_lines(str(form.get("variables", "")))
    )


def _as_typed(form: FormData, base: Template) -> Template:
    family = text(form, "family")
    return msgspec.structs.replace(
        base,
        **{name: text(form, name)[:400] for name in FIELDS},
        family=family if family in FAMILIES else "UNSPECIFIED",
        enabled=text(form, "enabled") == "1",
        etag=text(form, "etag"),
    )


def read_lines(typed: str) -> tuple[SettingValue, ...]:
    """`Name = value` a line; empty lines do not count. Raises ApiError, naming the line."""
    found = []
    for number, line in enumerate(typed.splitlines(), 1):
        if not line.strip():
            continue
        name, equals, value = line.partition("=")
        demand(equals and name.strip(), _("Line %(n)s: write it as Name = value.") % {"n": number})
        found.append(SettingValue(name.strip(), value.strip()))
    return tuple(found)


def _asked(template: Template) -> dict[str, object]:
    return {name: getattr(template, name) for name in MASK}


ROUTES = [
    Route("/configuration", drift),
    Route("/configuration/templates", templates),
    Route("/configuration/templates/add", add, methods=["GET", "POST"]),
    Route("/configuration/templates/{key:int}", one, methods=["GET", "POST"]),
    Route("/configuration/templates/{key:int}/delete", delete, methods=["POST"]),
    Route("/configuration/templates/{key:int}/apply", apply, methods=["POST"]),
]
