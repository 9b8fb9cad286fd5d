"""Tariffs: what there is, prices and their versions, what a session would cost, and where each tariff holds."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

import msgspec
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import sentences, session_words, tariff_form
from webui.api import Client
from webui.menu import ADMINISTRATORS, MANAGERS
from webui.page import client_of, demand, frame, plain, redirect, signed_in, text, with_query
from webui.tariff_form import KINDS, read_terms, rows_of_form, rows_of_terms, typed_in
from webui.values import ApiError
from webui.values_money import Cost, Terms
from webui.words import N_, _, current

S = TypeVar("S", bound=msgspec.Struct)
LEVELS: Final = {
    "system": N_("Everywhere"),
    "place": N_("A site or floor"),
    "station": N_("A station"),
    "outlet": N_("An outlet"),
    "group": N_("A group of tags"),
    "user": N_("A user"),
}


class Tariff(msgspec.Struct, frozen=True):
    """A tariff."""

    name: str = ""
    display_name: str = ""
    description: str = ""
    terms: Terms = Terms()
    valid_from_time: datetime | None = None
    retired: bool = False
    version_count: int = 0
    etag: str = ""

    @property
    def key(self) -> str:
        """The id of ``tariffs/{id}``."""
        return self.name.partition("/")[2]


class Tariffs(msgspec.Struct, frozen=True):
    """A page of tariffs."""

    tariffs: tuple[Tariff, ...]
    next_page_token: str
    total_size: int


class Version(msgspec.Struct, frozen=True):
    """Prices from a moment on."""

    name: str
    valid_from_time: datetime | None
    terms: Terms
    create_time: datetime | None

    @property
    def number(self) -> str:
        """1, 2, …"""
        return self.name.rpartition("/")[2]


class Assignment(msgspec.Struct, frozen=True):
    """A tariff holds somewhere, or for somebody."""

    target: str
    tariff: str
    tariff_display_name: str
    valid_from_time: datetime | None


class Whole(msgspec.Struct, frozen=True):
    """A tariff with all its versions."""

    tariff: Tariff
    versions: tuple[Version, ...]
    assignments: tuple[Assignment, ...]


class Assignments(msgspec.Struct, frozen=True):
    """Where tariffs hold."""

    assignments: tuple[Assignment, ...]


class Made(msgspec.Struct, frozen=True):
    """A tariff that was made."""

    tariff: Tariff


class Preview(msgspec.Struct, frozen=True):
    """What it would cost."""

    cost: Cost


class _Place(msgspec.Struct, frozen=True):
    name: str
    display_name: str
    kind: str


class _Places(msgspec.Struct, frozen=True):
    places: tuple[_Place, ...]


class _Station(msgspec.Struct, frozen=True):
    name: str
    identity: str
    display_name: str


class _Stations(msgspec.Struct, frozen=True):
    stations: tuple[_Station, ...]


class _User(msgspec.Struct, frozen=True):
    name: str
    email: str


class _Users(msgspec.Struct, frozen=True):
    users: tuple[_User, ...]


class Targets(msgspec.Struct, frozen=True):
    """To what a tariff can be assigned: name → words."""

    places: dict[str, str]
    stations: dict[str, str]
    users: dict[str, str]

    def words(self, target: str) -> str:
        """What a target is called, if the reader may see it."""
        unseen = _("not visible to you")
        collection, _sep, key = target.partition("/")
        if collection == "tagGroups":
            return _("Group %(tag)s") % {"tag": key}
        if "/evses/" in target:
            station, _sep, evse = target.partition("/evses/")
            return _("%(station)s, outlet %(n)s") % {"station": self.stations.get(station, unseen), "n": evse}
        return (self.places | self.stations | self.users).get(target, unseen)


async def targets(client: Client) -> Targets:
    """Places, stations and users that the caller sees; what may not be seen is left out."""
    names = ("identity", "display_name")
    places, stations, users = await asyncio.gather(
        _or_none(client, "PlaceService/ListPlaces", _Places),
        _or_none(client, "StationService/ListStations", _Stations, page_size=1000, read_mask=names),
        _or_none(client, "UserService/ListUsers", _Users, page_size=1000),
    )
    return Targets(
        {p.name: p.display_name for p in places.places} if places else {},
        {s.name: s.display_name or s.identity for s in stations.stations} if stations else {},
        {u.name: u.email for u in users.users} if users else {},
    )


async def _or_none(client: Client, method: str, kind: type[S], **wanted: Any) -> S | None:
    try:
        return await client.desk.ask(method, kind, **wanted)
    except ApiError as error:
        if error.away or error.code == "UNAUTHENTICATED":
            raise
        return None


# ---- pages


@signed_in
async def table(request: Request) -> Response:
    """All tariffs, and where they hold."""
    client, params = client_of(request), request.query_params
    q, retired = params.get("q", "").strip()[:100], params.get("retired") == "1"
    page, held, around, names = await asyncio.gather(
        client.desk.ask(
            "TariffService/ListTariffs",
            Tariffs,
            page_size=50,
            page_token=params.get("after", ""),
            query=q,
            show_retired=retired,
        ),
        client.desk.ask("TariffService/ListTariffAssignments", Assignments),
        frame(request),
        targets(client),
    )
    following = {"q": q, "retired": "1" if retired else "", "after": page.next_page_token}
    return plain(
        request,
        "tariffs/list.html",
        frame=around,
        page=page,
        q=q,
        retired=retired,
        assignments=held.assignments,
        names=names,
        may_edit=around.caller.role in ADMINISTRATORS,
        next_url=with_query("/tariffs", following),
    )


@signed_in
async def add(request: Request) -> Response:
    """A new tariff; the buttons of the form add a price or work a cost out without saving."""
    if request.method != "POST":
        return await _form(request, Tariff(), rows_of_terms(Terms()), {"currency": "EUR"})
    form = await request.form()
    if text(form, "do") != "save":
        return await _form_again(request, Tariff(), form, "")
    try:
        demand(text(form, "display_name"), _("Give the tariff a name."))
        made = await client_of(request).desk.ask(
            "TariffService/CreateTariff",
            Made,
            tariff={
                "display_name": text(form, "display_name"),
                "description": text(form, "description"),
                "terms": read_terms(form),
                "valid_from_time": tariff_form.moment(form, "valid_from"),
            },
        )
    except ApiError as error:
        return await _form_again(request, Tariff(), form, _why(error))
    return redirect(f"/tariffs/{made.tariff.key}", "tariff-created")


@signed_in
async def one(request: Request) -> Response:
    """A tariff: its prices, versions, and where it holds."""
    return await _one(request, "")


async def _one(request: Request, problem: str, status_code: int = 200, form: FormData | None = None) -> Response:
    client, key = client_of(request), request.path_params["key"]
    whole, around, names = await asyncio.gather(
        client.desk.ask("TariffService/GetTariff", Whole, name=f"tariffs/{key}"), frame(request), targets(client)
    )
    role = around.caller.role
    return plain(
        request,
        "tariffs/one.html",
        status_code,
        frame=around,
        tariff=whole.tariff,
        versions=whole.versions,
        assignments=whole.assignments,
        names=names,
        levels=[(key, _(words)) for key, words in LEVELS.items() if key != "system" or role in ADMINISTRATORS],
        may_edit=role in ADMINISTRATORS,
        may_assign=role in MANAGERS,
        problem=problem,
        typed=typed_in(form),
    )


@signed_in
async def edit(request: Request) -> Response:
    """Name and description, or new prices: those make a new version."""
    client, key = client_of(request), request.path_params["key"]
    present = (await client.desk.ask("TariffService/GetTariff", Whole, name=f"tariffs/{key}")).tariff
    if request.method != "POST":
        start = tariff_form.as_form(present.terms)
        return await _form(request, present, rows_of_terms(present.terms), start)
    form = await request.form()
    if text(form, "do") != "save":
        return await _form_again(request, present, form, "")
    try:
        demand(text(form, "display_name"), _("Give the tariff a name."))
        terms = read_terms(form)
        changed = terms != present.terms or bool(text(form, "valid_from"))
        fields = ("display_name", "description", *(("terms",) if changed else ()))
        await client.desk.do(
            "TariffService/UpdateTariff",
            tariff={
                "name": present.name,
                "display_name": text(form, "display_name"),
                "description": text(form, "description"),
                "terms": terms,
                "valid_from_time": tariff_form.moment(form, "valid_from"),
                "etag": text(form, "etag"),
            },
            update_mask=fields,
        )
    except ApiError as error:
        return await _form_again(request, present, form, _why(error))
    return redirect(f"/tariffs/{key}", "tariff-version" if changed else "tariff-saved")


def _why(error: ApiError) -> str:
    """The sentence for a form; what the form cannot help is raised again."""
    if error.away or error.code in ("UNAUTHENTICATED", "PERMISSION_DENIED", "NOT_FOUND"):
        raise error
    return sentences.of_error(error)


async def _form_again(request: Request, tariff: Tariff, form: FormData, problem: str) -> Response:
    rows = tariff_form.changed_rows(rows_of_form(form), text(form, "do"))
    typed = dict(typed_in(form))
    return await _form(request, tariff, rows, typed, problem, await _preview(client_of(request), form))


async def _form(
    request: Request,
    tariff: Tariff,
    rows: list[tariff_form.Row],
    typed: dict[str, str],
    problem: str = "",
    preview: tuple[Cost | None, str] = (None, ""),
) -> Response:
    return plain(
        request,
        "tariffs/form.html",
        422 if problem else 200,
        frame=await frame(request),
        tariff=tariff,
        rows=rows,
        typed=defaultdict(str, typed),
        kinds=[(kind, _(words)) for kind, words in KINDS.items()],
        weekdays=session_words.weekdays(),
        problem=problem,
        cost=preview[0],
        preview_problem=preview[1],
    )


@signed_in
async def preview(request: Request) -> Response:
    """What the imagined session would cost, while the form is filled in."""
    cost, problem = await _preview(client_of(request), await request.form())
    return plain(request, "tariffs/preview.html", cost=cost, preview_problem=problem)


async def _preview(client: Client, form: FormData) -> tuple[Cost | None, str]:
    try:
        asked = await client.desk.ask(
            "TariffService/PreviewCost",
            Preview,
            draft=read_terms(form),
            start_time=tariff_form.moment(form, "try_start") or datetime.now(tz=UTC),
            charging=timedelta(minutes=tariff_form.number(form, "try_charging")),
            parked=timedelta(minutes=tariff_form.number(form, "try_parked")),
            energy_wh=tariff_form.number(form, "try_energy") * 1000,
            time_zone=current.get().zone_name,
        )
    except ApiError as error:
        return None, _why(error)
    return asked.cost, ""


# ---- changes


@signed_in
async def assign(request: Request) -> Response:
    """From now on it holds there."""
    key, form = request.path_params["key"], await request.form()
    try:
        target = _target(form)
        await client_of(request).desk.do("TariffService/AssignTariff", target=target, tariff=f"tariffs/{key}")
    except ApiError as error:
        return await _one(request, _why(error), 422, form)
    return redirect(f"/tariffs/{key}", "tariff-assigned")


def _target(form: FormData) -> str:
    level = text(form, "level")
    if level == "system":
        return "places/1"
    found = text(form, {"outlet": "station"}.get(level, level))
    demand(level in LEVELS and found, _("Choose where, or for whom, the tariff shall hold."))
    if level == "group":
        return f"tagGroups/{found.upper()}"
    if level != "outlet":
        return found
    evse = text(form, "evse")
    demand(evse.isdecimal() and int(evse) > 0, _("Enter the number of the outlet at this station."))
    return f"{found}/evses/{evse}"


@signed_in
async def unassign(request: Request) -> Response:
    """From now on it no longer holds there."""
    form = await request.form()
    await client_of(request).desk.do("TariffService/UnassignTariff", target=text(form, "target"))
    return redirect(f"/tariffs/{request.path_params['key']}", "tariff-unassigned")


@signed_in
async def retire(request: Request) -> Response:
    """It can no longer be assigned."""
    key = request.path_params["key"]
    try:
        await client_of(request).desk.do("TariffService/RetireTariff", name=f"tariffs/{key}")
    except ApiError as error:
        return await _one(request, _why(error), 422)
    return redirect(f"/tariffs/{key}", "tariff-retired")


@signed_in
async def delete(request: Request) -> Response:
    """It was never used."""
    key = request.path_params["key"]
    try:
        await client_of(request).desk.do("TariffService/DeleteTariff", name=f"tariffs/{key}")
    except ApiError as error:
        return await _one(request, _why(error), 422)
    return redirect("/tariffs", "tariff-deleted")


ROUTES = [
    Route("/tariffs", table),
    Route("/tariffs/add", add, methods=["GET", "POST"]),
    Route("/tariffs/preview", preview, methods=["POST"]),
    Route("/tariffs/{key}", one),
    Route("/tariffs/{key}/edit", edit, methods=["GET", "POST"]),
    Route("/tariffs/{key}/assign", assign, methods=["POST"]),
    Route("/tariffs/{key}/unassign", unassign, methods=["POST"]),
    Route("/tariffs/{key}/retire", retire, methods=["POST"]),
    Route("/tariffs/{key}/delete", delete, methods=["POST"]),
]
