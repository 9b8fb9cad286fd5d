"""Operations on many stations: history, a new one with its dry run, its course station by station, schedules."""

from __future__ import annotations

import asyncio

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import operation_draft, sentences
from webui.operations import BY_KEY
from webui.page import client_of, redirect, show, signed_in, text, with_query
from webui.pages.places import all_places, stations_in
from webui.pages.tags import if_told
from webui.values import ApiError, Registration, StationQuery
from webui.values_operations import (
    ENDED,
    KINDS,
    Begun,
    FirmwareImages,
    OperationAnswer,
    OperationPage,
    ScheduleAnswer,
    SchedulePage,
    StepPage,
    kind_word,
)
from webui.values_people import Groups
from webui.words import _

STATES = ("SCHEDULED", "QUEUED", "RUNNING", "PAUSED", "SUCCEEDED", "FAILED", "STOPPED", "CANCELLED")
STEP_STATES = ("PENDING", "RUNNING", "SUCCEEDED", "FAILED", "SKIPPED", "UNKNOWN")
STEPS = 100
OFFERED = 50
AT_ONE = ("start", "stop", "reset", "availability", "unlock")
MENDED = ("INVALID_ARGUMENT", "FAILED_PRECONDITION", "ABORTED", "NOT_FOUND")


@signed_in
async def table(request: Request) -> Response:
    """Operations that match, newest first."""
    params = request.query_params
    wanted = {name: params.get(name, "").strip()[:100] for name in ("q", "kind", "state", "schedule")}
    states: tuple[str, ...] = (wanted["state"],) if wanted["state"] in STATES else ()
    if wanted["state"] == "open":
        states = tuple(state for state in STATES if state not in ENDED)
    page = await client_of(request).desk.ask(
        "OperationService/ListOperations",
        OperationPage,
        filter={
            "query": wanted["q"],
            "kinds": (wanted["kind"],) if wanted["kind"] in KINDS else (),
            "states": states,
            "schedule": f"operationSchedules/{wanted['schedule']}" if wanted["schedule"] else "",
        },
        page_size=50,
        page_token=params.get("after", ""),
    )
    return await show(
        request,
        "operations/list.html",
        page=page,
        wanted=wanted,
        filtered=any(wanted.values()),
        after=params.get("after", ""),
        kinds=KINDS,
        kind_word=kind_word,
        first_url=with_query("/operations", wanted),
        next_url=with_query("/operations", wanted | {"after": page.next_page_token}),
    )


@signed_in
async def at_station(request: Request) -> Response:
    """What is done at one station at a time: first which; the form is on its own page."""
    key, q = request.query_params.get("do", ""), request.query_params.get("q", "").strip()[:100]
    if key not in AT_ONE:
        return redirect("/operations/new")
    page = await client_of(request).stations(StationQuery(query=q, registrations=(Registration.ACCEPTED,)), OFFERED)
    return await show(request, "operations/station.html", operation=BY_KEY[key], q=q, page=page)


@signed_in
async def new(request: Request) -> Response:
    """A new operation: first what, then the form for it. `stations` ticks some from the beginning."""
    kind = request.query_params.get("kind", "")
    if kind not in KINDS:
        query = {"stations": request.query_params.get("stations", "")}
        return await show(
            request,
            "operations/kinds.html",
            kinds=KINDS,
            kind_word=kind_word,
            query=query,
            link=_link,
            at_one=[BY_KEY[each] for each in AT_ONE],
        )
    if request.method != "POST":
        return await _form(request, kind, FormData())
    form, desk = await request.form(), client_of(request).desk
    dry = Begun(None, 0, ())
    try:
        if text(form, "do") == "schedule":
            await desk.do("OperationService/CreateSchedule", schedule=operation_draft.schedule(kind, form))
            return redirect("/operations/schedules", "schedule-created")
        method = "CreateRollout" if kind == "UPDATE_FIRMWARE" else "CreateOperation"
        is_dry = text(form, "do") == "dry"
        wanted = operation_draft.draft(kind, form)
        dry = await desk.ask(f"OperationService/{method}", Begun, operation=wanted, dry_run=is_dry)
    except ApiError as error:
        if error.code not in MENDED:
            raise
        return await _form(request, kind, form, problem=sentences.of_error(error))
    if dry.operation is not None and not is_dry:
        return redirect(f"/{dry.operation.name}")
    return await _form(request, kind, form, dry=dry)


def _link(kind: str, stations: str) -> str:
    return with_query("/operations/new", {"kind": kind, "stations": stations})


async def _form(
    request: Request, kind: str, form: FormData, *, problem: str = "", dry: Begun | None = None
) -> Response:
    client = client_of(request)
    given = [key for key in request.query_params.get("stations", "").split(",") if key.isdecimal()]
    ticked = [each for each in form.getlist("station") if isinstance(each, str)] or given
    images = FirmwareImages(())
    if kind == "UPDATE_FIRMWARE":
        images = await if_told(client.desk.ask("FirmwareImageService/ListFirmwareImages", FirmwareImages), images)
    places, stations, groups = await asyncio.gather(
        all_places(client), stations_in(client), if_told(client.desk.ask("GroupService/ListGroups", Groups), Groups(()))
    )

    def typed(name: str, default: str = "") -> str:
        return text(form, name, default) if form else request.query_params.get(name, default)

    return await show(
        request,
        "operations/new.html",
        422 if problem else 200,
        kind=kind,
        kind_word=kind_word,
        typed=typed,
        days=[each for each in form.getlist("day") if isinstance(each, str)],
        ticked=ticked,
        by=typed("by", "chosen" if ticked else "filter"),
        problem=problem,
        dry=dry,
        stations=stations,
        places=places,
        groups=groups.groups,
        images=images.firmware_images,
        day_names=[_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun")],
        waves=range(1, operation_draft.WAVES + 1),
    )


@signed_in
async def one(request: Request) -> Response:
    """An operation and what became of each station."""
    return await _one(request)


async def _one(request: Request, problem: str = "") -> Response:
    client, params, name = client_of(request), request.query_params, f"operations/{request.path_params['key']}"
    state, q = params.get("state", ""), params.get("q", "").strip()[:100]
    found, page = await asyncio.gather(
        client.desk.ask("OperationService/GetOperation", OperationAnswer, name=name),
        client.desk.ask(
            "OperationService/ListOperationSteps",
            StepPage,
            operation=name,
            states=(state,) if state in STEP_STATES else (),
            query=q,
            page_size=STEPS,
            page_token=params.get("after", ""),
        ),
    )
    wanted = {"state": state, "q": q}
    return await show(
        request,
        "operations/one.html",
        422 if problem else 200,
        op=found.operation,
        page=page,
        wanted=wanted,
        after=params.get("after", ""),
        problem=problem,
        kind_word=kind_word,
        step_states=STEP_STATES,
        first_url=with_query(f"/{name}", wanted),
        next_url=with_query(f"/{name}", wanted | {"after": page.next_page_token}),
    )


@signed_in
async def act(request: Request) -> Response:
    """Pause, resume, cancel, or have what failed done again."""
    key, form = request.path_params["key"], await request.form()
    desk, do, name = client_of(request).desk, text(form, "do"), f"operations/{key}"
    try:
        if do == "retry":
            await desk.do(
                "OperationService/RetryFailed",
                name=name,
                include_unknown=text(form, "include_unknown") == "1",
                include_skipped=text(form, "include_skipped") == "1",
            )
        else:
            method = {"pause": "PauseOperation", "resume": "ResumeOperation"}.get(do, "CancelOperation")
            await desk.do(f"OperationService/{method}", name=name)
    except ApiError as error:
        if error.code != "FAILED_PRECONDITION":
            raise
        return await _one(request, sentences.of_error(error))
    return redirect(f"/{name}")


@signed_in
async def schedules(request: Request) -> Response:
    """Operations that begin by the clock."""
    asked = client_of(request).desk.ask("OperationService/ListSchedules", SchedulePage, page_size=200)
    return await show(request, "operations/schedules.html", schedules=(await asked).schedules)


@signed_in
async def edit_schedule(request: Request) -> Response:
    """When it begins, and what it is called."""
    desk, name = client_of(request).desk, f"operationSchedules/{request.path_params['key']}"
    found = (await desk.ask("OperationService/GetSchedule", ScheduleAnswer, name=name)).schedule
    if request.method != "POST":
        return await show(request, "operations/schedule.html", schedule=found, typed={}, problem="")
    form = await request.form()
    try:
        changed = operation_draft.by_the_clock(form)
        zone = text(form, "time_zone")
        await desk.do(
            "OperationService/UpdateSchedule",
            schedule={**changed, "time_zone": zone, "name": name, "etag": text(form, "etag")},
            update_mask=(*changed, "time_zone"),
        )
    except ApiError as error:
        if error.code not in ("INVALID_ARGUMENT", "ABORTED", "FAILED_PRECONDITION"):
            raise
        typed: dict[str, object] = {each: text(form, each) for each in ("title", "clock", "date", "time_zone")}
        typed["days"] = [int(day) for day in form.getlist("day") if isinstance(day, str) and day.isdecimal()]
        problem = sentences.of_error(error)
        return await show(request, "operations/schedule.html", 422, schedule=found, typed=typed, problem=problem)
    return redirect("/operations/schedules", "schedule-saved")


@signed_in
async def change_schedule(request: Request) -> Response:
    """Switch a schedule on or off, or delete it."""
    do, desk = text(await request.form(), "do"), client_of(request).desk
    name = f"operationSchedules/{request.path_params['key']}"
    if do == "delete":
        await desk.do("OperationService/DeleteSchedule", name=name)
        return redirect("/operations/schedules", "schedule-deleted")
    changed = {"name": name, "enabled": do == "on"}
    await desk.do("OperationService/UpdateSchedule", schedule=changed, update_mask=("enabled",))
    return redirect("/operations/schedules", "schedule-saved")


ROUTES = [
    Route("/operations", table),
    Route("/operations/new", new, methods=["GET", "POST"]),
    Route("/operations/station", at_station),
    Route("/operations/schedules", schedules),
    Route("/operations/schedules/{key:int}/edit", edit_schedule, methods=["GET", "POST"]),
    Route("/operations/schedules/{key}", change_schedule, methods=["POST"]),
    Route("/operations/{key}", one),
    Route("/operations/{key}", act, methods=["POST"]),
]
