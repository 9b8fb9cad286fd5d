"""Making and cancelling reservations, joining and leaving the waiting list, the switch of a station."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import choosing, sentences
from webui.api import Client
from webui.page import client_of, demand, redirect, show, signed_in, text
from webui.pages.reservations import now_here, own_tags, show_one
from webui.session import safe_next
from webui.values import ApiError
from webui.values_reservations import Answered, OneStation, Reservable, StationBriefs, WaitingPage
from webui.words import _, current

USUAL: Final = timedelta(hours=1)
STEP: Final = timedelta(minutes=15)
CHOICES: Final = 50
FIELDS: Final = ("where", "connector_type", "for", "tag", "who", "group", "from", "until", "next")
ANSWER_S: Final = 40.0
REFUSED: Final = frozenset(
    {"INVALID_ARGUMENT", "ALREADY_EXISTS", "FAILED_PRECONDITION", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED"}
)
"""What is said beside the form; the rest has a page of its own."""


@signed_in
async def make(request: Request) -> Response:
    """The form; with a POST the reservation is made."""
    if request.method != "POST":
        if not request.query_params.get("station", "").isdecimal():
            return await _choose_station(request)
        return await _form(request, request.query_params.get("station", ""), _begin(request.query_params))
    form = await request.form()
    typed = {name: text(form, name)[:60] for name in FIELDS}
    key = text(form, "station")
    try:
        if typed["for"] == "user":
            typed["tag"] = await _tag_of(client_of(request), typed["who"])
        answered = await client_of(request).desk.ask(
            "ReservationService/CreateReservation",
            Answered,
            timeout_s=ANSWER_S,
            target={"station": f"stations/{key}"},
            **_order(typed),
        )
    except ApiError as error:
        if error.code not in REFUSED and not error.reason:
            raise
        return await _form(request, key, typed, sentences.of_command(error), 422)
    made = answered.reservation
    if not answered.result.accepted:
        word = answered.result.status or answered.result.error_code
        problem = _("The station did not agree: %(word)s. Choose another outlet or another time.") % {"word": word}
        return await _form(request, key, typed, problem, 422)
    onward = safe_next(typed["next"] or f"/reservations/{made.key}")
    return redirect(onward, "reservation-booked" if made.state == "BOOKED" else "reservation-made")


def _order(typed: Mapping[str, str]) -> dict[str, object]:
    """What the form asks for. Raises ApiError."""
    tag, group = typed["tag"].upper(), typed["group"].upper()
    if typed["for"] == "group":
        demand(group, _("Enter the group: the parent that its tags have."))
        tag = group
    else:
        demand(tag, _("Choose or type the tag that the outlet is for."))
        group = ""
    where = typed["where"]
    start, until = _moment(typed["from"]), _moment(typed["until"])
    demand(until is not None, _("Say until when: a date and a time."))
    demand(not typed["from"] or start is not None, _("Say from when: a date and a time, or leave it empty for now."))
    kind = typed["connector_type"] if where == "type" else ""
    demand(where != "type" or kind, _("Enter the type of connector, for example cCCS2."))
    return {
        "id_token": tag,
        "group_id_token": group,
        "evse_id": int(where) if where.isdecimal() and len(where) < 5 else 0,
        "connector_type": kind,
        "expire_time": until,
        "start_time": start,
    }


async def _tag_of(client: Client, typed: str) -> str:
    """A tag of the user that was typed. Raises ApiError, with a sentence."""
    demand(typed, _("Choose or type the user that the outlet is for."))
    person = choosing.user_meant(typed, await choosing.users_like(client, typed))
    demand(person, _("No user, or more than one, is called %(name)s.") % {"name": typed})
    tags = (await own_tags(client, person.name if person else "")).id_tokens
    valid = next((tag.id_token for tag in tags if tag.valid), "")
    demand(valid, _("This user has no tag that counts. Give them one first."))
    return valid


def _moment(value: str) -> datetime | None:
    """What a field of date and time says, in the reader's zone."""
    try:
        return datetime.fromisoformat(value).replace(tzinfo=current.get().zone) if value else None
    except ValueError:
        return None


def _begin(params: Mapping[str, str]) -> dict[str, str]:
    """What the form shows at first: an hour from the time in the address, or from now."""
    now = now_here()
    wanted = _moment(params.get("from", ""))
    start = wanted if wanted is not None and wanted > now else None
    minute = now.replace(second=0, microsecond=0)
    rounded = minute + (STEP - timedelta(minutes=minute.minute % 15))
    end = (start or rounded) + USUAL
    return {
        "where": params.get("evse", "0"),
        "connector_type": "",
        "for": "tag",
        "tag": params.get("tag", "")[:36],
        "who": "",
        "group": "",
        "from": f"{start:%Y-%m-%dT%H:%M}" if start else "",
        "until": f"{end:%Y-%m-%dT%H:%M}",
        "next": safe_next(params["next"]) if params.get("next") else "",
    }


async def _form(
    request: Request, key: str, typed: Mapping[str, str], problem: str = "", status_code: int = 200
) -> Response:
    client, name = client_of(request), f"stations/{key}"
    found, switched, tags, waiting = await asyncio.gather(
        client.desk.ask("StationService/GetStation", OneStation, name=name),
        client.desk.ask("ReservationService/GetReservable", Reservable, station=name),
        own_tags(client),
        client.desk.ask("ReservationService/ListWaiting", WaitingPage, station=name, page_size=1),
    )
    return await show(
        request,
        "reservations/make.html",
        status_code,
        station=found.station,
        reservable=switched.reservable,
        tags=tags.id_tokens,
        waiting=waiting.total_size,
        typed=typed,
        problem=problem,
    )


async def _choose_station(request: Request) -> Response:
    """Which one? All that match, by name."""
    client, q = client_of(request), request.query_params.get("q", "").strip()[:100]
    page = await client.desk.ask(
        "StationService/ListStations",
        StationBriefs,
        filter={"query": q, "registration_states": ("ACCEPTED",)},
        page_size=CHOICES,
    )
    return await show(request, "reservations/choose.html", page=page, q=q)


@signed_in
async def cancel(request: Request) -> Response:
    """Take a reservation back."""
    key, form = request.path_params["key"], await request.form()
    try:
        answered = await client_of(request).desk.ask(
            "ReservationService/CancelReservation", Answered, timeout_s=ANSWER_S, name=f"reservations/{key}"
        )
    except ApiError as error:
        if error.code not in REFUSED:
            raise
        return await show_one(request, sentences.of_command(error), 409)
    if answered.reservation.open:
        return await show_one(request, sentences.of_result(answered.result.result), 409)
    return redirect(safe_next(text(form, "next", f"/reservations/{key}")), "reservation-cancelled")


@signed_in
async def join(request: Request) -> Response:
    """Put a tag on the waiting list of a station."""
    form = await request.form()
    key, tag, until = text(form, "station"), text(form, "tag").upper()[:36], text(form, "until")
    where = text(form, "where")
    try:
        demand(tag, _("Choose or type the tag that waits."))
        await client_of(request).desk.do(
            "ReservationService/JoinWaitingList",
            station=f"stations/{key}",
            id_token=tag,
            evse_id=int(where) if where.isdecimal() and len(where) < 5 else 0,
            until_time=_moment(until),
        )
    except ApiError as error:
        if error.code not in REFUSED:
            raise
        return await _form(request, key, {**_begin({}), "tag": tag}, sentences.of_error(error), 422)
    return redirect(safe_next(text(form, "next", "/reservations?view=waiting")), "waiting-joined")


@signed_in
async def leave(request: Request) -> Response:
    """Take a tag off the waiting list."""
    form = await request.form()
    await client_of(request).desk.do(
        "ReservationService/LeaveWaitingList", name=f"waiting/{request.path_params['key']}"
    )
    return redirect(safe_next(text(form, "next", "/reservations?view=waiting")), "waiting-left")


@signed_in
async def switch(request: Request) -> Response:
    """Let a station be reserved, or no longer."""
    form, key = await request.form(), request.path_params["key"]
    on = text(form, "reservable") == "1"
    await client_of(request).desk.do("ReservationService/SetReservable", station=f"stations/{key}", reservable=on)
    return redirect(safe_next(text(form, "next", "/reservations")), "reservable-on" if on else "reservable-off")


ROUTES = [
    Route("/reservations/add", make, methods=["GET", "POST"]),
    Route("/reservations/wait", join, methods=["POST"]),
    Route("/reservations/waiting/{key:int}/leave", leave, methods=["POST"]),
    Route("/reservations/stations/{key:int}/switch", switch, methods=["POST"]),
    Route("/reservations/{key:int}/cancel", cancel, methods=["POST"]),
]
