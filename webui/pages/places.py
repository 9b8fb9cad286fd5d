"""Places: the tree, sites with their position, floors with their plan, and who stands where."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import msgspec
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import sentences
from webui.api import Client
from webui.page import client_of, demand, redirect, show, signed_in, text
from webui.pages import addresses
from webui.values import ApiError
from webui.values_places import (
    FloorPlan,
    PictureContent,
    Place,
    PlaceAnswer,
    PlaceKind,
    PlaceList,
    Position,
    Spot,
    SpotPage,
    kind_word,
    state_word,
    tree,
    way_to,
)
from webui.words import _

STATION_PAGE = 1000
FIELDS = ("parent", "display_name", "description", "static_id", "address", "position", "time_zone")
CHILDREN = {
    PlaceKind.SYSTEM: (PlaceKind.SITE,),
    PlaceKind.SITE: (PlaceKind.FLOOR, PlaceKind.GRID_CONTROLLER),
    PlaceKind.FLOOR: (),
    PlaceKind.GRID_CONTROLLER: (),
}
IN_THE_FORM = ("INVALID_ARGUMENT", "ALREADY_EXISTS", "ABORTED", "FAILED_PRECONDITION", "RESOURCE_EXHAUSTED")
"""What a person can mend: told beside the form."""


async def all_places(client: Client) -> tuple[Place, ...]:
    """The tree as the caller sees it, each place before those below it."""
    return (await client.desk.ask("PlaceService/ListPlaces", PlaceList)).places


async def stations_in(client: Client, place: str = "") -> list[Spot]:
    """All stations there and below."""
    found: list[Spot] = []
    token = ""
    while True:
        page = await client.desk.ask(
            "StationService/ListStations",
            SpotPage,
            filter={"place": place, "registration_states": ("ACCEPTED",)},
            page_size=STATION_PAGE,
            page_token=token,
        )
        found += page.stations
        token = page.next_page_token
        if not token:
            return found


@signed_in
async def overview(request: Request) -> Response:
    """The tree with counts and states, and the sites on a map."""
    client = client_of(request)
    places, stations = await asyncio.gather(all_places(client), stations_in(client))
    return await show(
        request,
        "places/tree.html",
        roots=tree(places, stations),
        sites=site_marks(places, stations),
        kind_word=kind_word,
        state_word=state_word,
        children_of=CHILDREN,
    )


def site_marks(places: tuple[Place, ...], stations: Sequence[Spot] = ()) -> str:
    """Sites with a position, as JSON for the map; `words` is what its search finds them by: their own names and
    addresses, those of what is below them, and their stations."""
    above = {place.name: place.parent for place in places}
    words = {place.name: [place.display_name, place.address] for place in places if place.position is not None}

    def add(place: str, *texts: str) -> None:
        while place and place not in words:
            place = above.get(place, "")
        if place:
            words[place] += texts

    for place in places:
        if place.name not in words:
            add(place.parent, place.display_name, place.address)
    for station in stations:
        add(station.place, station.display_name, station.identity)
    marks = [
        {
            "name": p.display_name,
            "href": f"/places/{p.key}",
            "at": [p.position.longitude, p.position.latitude],
            "words": "\n".join(text for text in words[p.name] if text).lower(),
        }
        for p in places
        if p.position is not None
    ]
    return json.dumps(marks, ensure_ascii=False)


@signed_in
async def add(request: Request) -> Response:
    """A new place below another one."""
    client = client_of(request)
    form = await request.form() if request.method == "POST" else request.query_params
    places = await all_places(client)
    kind = _kind(str(form.get("kind", "")))
    place = Place(kind=kind, parent=str(form.get("parent", "")))
    if not isinstance(form, FormData):
        return await _form(request, place, places, new=True)
    if looked := await addresses.instead(client, form, _typed(form, place)):
        return await _form(request, looked[0], places, new=True, found=looked[1])
    try:
        place = _from(form, place)
        made = await client.desk.ask("PlaceService/CreatePlace", PlaceAnswer, place=place)
    except ApiError as error:
        return await _form(request, _typed(form, place), places, new=True, problem=_problem(error))
    return redirect(f"/places/{made.place.key}", "place-created")


def _kind(word: str) -> PlaceKind:
    return PlaceKind(word) if word in (PlaceKind.FLOOR, PlaceKind.GRID_CONTROLLER) else PlaceKind.SITE


@signed_in
async def one(request: Request) -> Response:
    """A place: its fields, what stands in it, its plan; with a POST its fields are saved."""
    return await _one(request)


async def _one(request: Request, problem: str = "") -> Response:
    client, name = client_of(request), f"places/{request.path_params['key']}"
    answer, places = await asyncio.gather(
        client.desk.ask("PlaceService/GetPlace", PlaceAnswer, name=name), all_places(client)
    )
    place = answer.place
    if request.method != "POST" or problem:
        return await _form(request, place, places, problem=problem)
    form = await request.form()
    if looked := await addresses.instead(client, form, _typed(form, place)):
        return await _form(request, looked[0], places, found=looked[1])
    try:
        changed = _from(form, place)
        await client.desk.do("PlaceService/UpdatePlace", place=changed, update_mask=FIELDS)
    except ApiError as error:
        typed = msgspec.structs.replace(_typed(form, place), etag=place.etag)
        return await _form(request, typed, places, problem=_problem(error))
    return redirect(f"/places/{place.key}", "place-saved")


async def _form(
    request: Request,
    place: Place,
    places: tuple[Place, ...],
    *,
    new: bool = False,
    problem: str = "",
    found: addresses.Found | None = None,
) -> Response:
    client = client_of(request)
    floor = FloorPlan(None, ())
    stations = [] if new else await stations_in(client, place.name)
    if not new and place.kind in (PlaceKind.SITE, PlaceKind.FLOOR):
        floor = await client.desk.ask("PictureService/GetFloorPlan", FloorPlan, place=place.name)
    below = [] if new else [each for each in places if place in way_to(places, each)]
    return await show(
        request,
        "places/place.html",
        422 if problem else 200,
        place=place,
        new=new,
        problem=problem,
        found=found,
        way=way_to(places, place),
        parents=[each for each in places if place.kind in CHILDREN.get(each.kind, ())],
        targets=[each for each in places if each.takes_stations],
        branches=tree(below, stations),
        stations=[station for station in stations if station.place == place.name],
        floor=floor,
        spots=spots(stations, floor),
        sites=site_marks(tuple(each for each in places if each.name != place.name)),
        kind_word=kind_word,
        state_word=state_word,
        children_of=CHILDREN,
    )


def spots(stations: list[Spot], floor: FloorPlan) -> list[tuple[Spot, float, float]]:
    """Stations that stand on the plan, with their places in percent."""
    known = {station.name: station for station in stations}
    return [(known[at.station], at.x * 100, at.y * 100) for at in floor.positions if at.station in known]


def _problem(error: ApiError) -> str:
    if error.code not in IN_THE_FORM:
        raise error
    return sentences.of_error(error)


def _from(form: FormData, base: Place) -> Place:
    """What was typed. Raises ApiError for what cannot be a place."""
    place = _typed(form, base)
    demand(place.display_name, _("Enter a name."))
    latitude, longitude = text(form, "latitude"), text(form, "longitude")
    if latitude or longitude:
        sentence = _("Enter both coordinates as numbers: latitude from -90 to 90, longitude from -180 to 180.")
        place = msgspec.structs.replace(place, position=_position(latitude, longitude))
        demand(place.position, sentence)
    else:
        place = msgspec.structs.replace(place, position=None)
    return place


def _typed(form: FormData, base: Place) -> Place:
    parent = text(form, "parent", base.parent)
    return msgspec.structs.replace(
        base,
        parent=parent,
        display_name=text(form, "display_name"),
        description=text(form, "description").replace("\r\n", "\n"),
        static_id=text(form, "static_id"),
        address=text(form, "address").replace("\r\n", "\n"),
        position=_position(text(form, "latitude"), text(form, "longitude")),
        time_zone=text(form, "time_zone"),
        etag=text(form, "etag"),
    )


def _position(latitude: str, longitude: str) -> Position | None:
    try:
        found = Position(float(latitude.replace(",", ".")), float(longitude.replace(",", ".")))
    except ValueError:
        return None
    return found if abs(found.latitude) <= 90 and abs(found.longitude) <= 180 else None


@signed_in
async def delete(request: Request) -> Response:
    """Delete an empty place; one that is not empty says so."""
    key = request.path_params["key"]
    try:
        await client_of(request).desk.do("PlaceService/DeletePlace", name=f"places/{key}")
    except ApiError as error:
        return await _one(request, _problem(error))
    return redirect("/places", "place-deleted")


@signed_in
async def move(request: Request) -> Response:
    """Move the chosen stations to another place."""
    form = await request.form()
    stations = tuple(f"stations/{each}" for each in form.getlist("station") if isinstance(each, str))
    try:
        demand(stations, _("Choose the stations to move first."))
        demand(text(form, "to"), _("Choose where to move the stations."))
        await client_of(request).desk.do("PlaceService/MoveStations", place=text(form, "to"), stations=stations)
    except ApiError as error:
        return await _one(request, _problem(error))
    return redirect(f"/places/{request.path_params['key']}", "stations-moved")


@signed_in
async def upload_plan(request: Request) -> Response:
    """Take in the picture of a floor."""
    key = request.path_params["key"]
    file = (await request.form()).get("plan")
    try:
        content = await file.read() if isinstance(file, UploadFile) else b""
        demand(content, _("Choose a picture first: JPEG or PNG."))
        await client_of(request).desk.do("PictureService/UploadFloorPlan", place=f"places/{key}", content=content)
    except ApiError as error:
        return await _one(request, _problem(error))
    return redirect(f"/places/{key}", "plan-saved")


@signed_in
async def delete_plan(request: Request) -> Response:
    """Take the picture away; positions stay."""
    key = request.path_params["key"]
    await client_of(request).desk.do("PictureService/DeleteFloorPlan", place=f"places/{key}")
    return redirect(f"/places/{key}", "plan-deleted")


@signed_in
async def plan(request: Request) -> Response:
    """The picture; its address has the etag, so browsers may keep it."""
    name = f"places/{request.path_params['key']}/plan"
    found = await client_of(request).desk.ask("PictureService/GetPictureContent", PictureContent, name=name)
    return Response(found.content, media_type=found.content_type, headers={"cache-control": "private, max-age=86400"})


@signed_in
async def place_station(request: Request) -> Response:
    """Put a station somewhere on the plan (x and y in percent), or take it off."""
    key = request.path_params["key"]
    form = await request.form()
    remove = text(form, "remove") == "1"
    try:
        position = {"station": f"stations/{text(form, 'station')}", **({} if remove else _percent(form))}
        await client_of(request).desk.do("PictureService/SetStationPosition", position=position, remove=remove)
    except ApiError as error:
        if "application/json" in request.headers.get("accept", ""):
            return Response(sentences.of_error(error), 422, media_type="text/plain")
        return await _one(request, _problem(error))
    if "application/json" in request.headers.get("accept", ""):
        return Response(status_code=204)
    return redirect(f"/places/{key}", "station-placed")


def _percent(form: FormData) -> dict[str, float]:
    sentence = _("Enter both distances in percent: from 0 to 100.")
    try:
        x, y = float(text(form, "x").replace(",", ".")), float(text(form, "y").replace(",", "."))
    except ValueError:
        raise ApiError("INVALID_ARGUMENT", "", sentence) from None
    demand(0 <= x <= 100 and 0 <= y <= 100, sentence)
    return {"x": x / 100, "y": y / 100}


ROUTES = [
    Route("/places", overview),
    Route("/places/add", add, methods=["GET", "POST"]),
    Route("/places/{key}", one, methods=["GET", "POST"]),
    Route("/places/{key}/delete", delete, methods=["POST"]),
    Route("/places/{key}/move", move, methods=["POST"]),
    Route("/places/{key}/plan", plan),
    Route("/places/{key}/plan", upload_plan, methods=["POST"]),
    Route("/places/{key}/plan/delete", delete_plan, methods=["POST"]),
    Route("/places/{key}/positions", place_station, methods=["POST"]),
]
