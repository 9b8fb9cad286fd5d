"""Alarms: those that are active, the history, the event log; taking notice, ending by hand, exports, live numbers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import alarm_words, nodes, sentences, tables, view
from webui.alarm_list import (
    GRAVE,
    KINDS,
    ORDERS,
    SEVERITIES,
    SIZES,
    SOURCES,
    AlarmsWanted,
    EventsWanted,
    event_severity,
)
from webui.api import Client
from webui.page import alarm_numbers, client_of, demand, plain, redirect, show, signed_in, text
from webui.tables import local
from webui.values import ApiError
from webui.values_alarms import (
    Alarm,
    AlarmAnswer,
    AlarmMail,
    AlarmMailAnswer,
    AlarmPage,
    AlarmSummary,
    EventPage,
    LogEvent,
)
from webui.words import _, current

PER_CALL = 1000
HANDLED = ("INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION", "ABORTED")


@signed_in
async def active(request: Request) -> Response:
    """Alarms that go on."""
    return await _table(request, "/alarms")


@signed_in
async def history(request: Request) -> Response:
    """All alarms, also those that are over."""
    return await _table(request, "/alarms/history")


async def _table(request: Request, path: str, problem: str = "", note: str = "") -> Response:
    client = client_of(request)
    wanted = AlarmsWanted.parse(path, request.query_params)
    page, numbers, places = await asyncio.gather(
        page_of(client, wanted, wanted.size, wanted.after),
        client.desk.ask("AlarmService/SummarizeAlarms", AlarmSummary),
        nodes.choices(client),
    )
    values: dict[str, object] = {
        "wanted": wanted,
        "page": page,
        "numbers": numbers,
        "places": places,
        "kinds": KINDS,
        "severities": SEVERITIES,
        "orders": ORDERS,
        "sizes": SIZES,
        "problem": problem,
        "note": note,
    }
    return await show(request, "alarms/list.html", 422 if problem else 200, **values)


async def page_of(client: Client, wanted: AlarmsWanted, size: int, after: str) -> AlarmPage:
    """A page of the table. Raises ApiError."""
    return await client.desk.ask(
        "AlarmService/ListAlarms",
        AlarmPage,
        filter=wanted.filter,
        order=wanted.asked_order,
        page_size=size,
        page_token=after,
    )


@signed_in
async def numbers(request: Request) -> Response:
    """How many are active; asked for while the page's stream is down."""
    answer = await client_of(request).desk.ask("AlarmService/SummarizeAlarms", AlarmSummary)
    return plain(request, "alarms/numbers.html", numbers=answer)


@signed_in
async def badge(request: Request) -> Response:
    """The number beside the menu's entry: active alarms of which nobody took notice; none while it cannot be read."""
    return plain(request, "alarms/badge.html", numbers=await alarm_numbers(client_of(request)))


@signed_in
async def handle(request: Request) -> Response:
    """Take notice of the alarms that were ticked, or end them by hand; then back to the table."""
    form = await request.form()
    back = text(form, "back")
    back = (
        back
        if back.startswith(("/alarms?", "/alarms/history?")) or back in ("/alarms", "/alarms/history")
        else "/alarms"
    )
    try:
        notice = await _handled(client_of(request), form)
    except ApiError as error:
        if error.code not in HANDLED:
            raise
        return await _table(request, back.partition("?")[0], sentences.of_error(error), text(form, "note"))
    return redirect(back, notice)


async def _handled(client: Client, form: FormData) -> str:
    """Do it, and which notice tells of it. Raises ApiError."""
    names = [f"alarms/{key}" for key in form.getlist("alarm") if isinstance(key, str) and key.isdecimal()]
    if one := text(form, "one"):
        names = [f"alarms/{one}"]
    demand(names, _("Tick the alarms first."))
    ending = text(form, "do") == "clear"
    method = "AlarmService/ClearAlarms" if ending else "AlarmService/AcknowledgeAlarms"
    await client.desk.do(method, names=names, note=text(form, "note"))
    return "alarms-cleared" if ending else "alarms-acknowledged"


@signed_in
async def one(request: Request) -> Response:
    """One alarm with all that is known of it."""
    client, key = client_of(request), request.path_params["key"]
    alarm = (await client.desk.ask("AlarmService/GetAlarm", AlarmAnswer, name=f"alarms/{key}")).alarm
    if request.method == "POST":
        form = await request.form()
        try:
            notice = await _handled(client, form)
        except ApiError as error:
            if error.code not in HANDLED:
                raise
            return await _one(request, alarm, sentences.of_error(error), text(form, "note"))
        return redirect(f"/alarms/{key}", notice)
    return await _one(request, alarm)


async def _one(request: Request, alarm: Alarm, problem: str = "", note: str = "") -> Response:
    values = await known_of(client_of(request), alarm)
    values |= {"note": note or alarm.note, "problem": problem}
    return await show(request, "alarms/one.html", 422 if problem else 200, **values)


async def known_of(client: Client, alarm: Alarm) -> dict[str, object]:
    """What the parts of an alarm's page are given. Raises ApiError."""
    told: EventPage | None = None
    if alarm.station:
        told = await client.desk.ask(
            "AlarmService/ListEvents", EventPage, filter={"station": alarm.station}, page_size=10
        )
    events = told.events if told else ()
    return {"alarm": alarm, "events": events, "event_severity": event_severity, "sources": SOURCES}


@signed_in
async def events(request: Request) -> Response:
    """The event log."""
    client, wanted = client_of(request), EventsWanted.parse(request.query_params)
    page, places = await asyncio.gather(
        log_of(client, wanted),
        nodes.choices(client),
    )
    values: dict[str, object] = {"wanted": wanted, "page": page, "places": places, "sources": SOURCES, "graves": GRAVE}
    return await show(request, "alarms/events.html", 200, sizes=SIZES, event_severity=event_severity, **values)


async def log_of(client: Client, wanted: EventsWanted) -> EventPage:
    """A page of the event log. Raises ApiError."""
    return await client.desk.ask(
        "AlarmService/ListEvents", EventPage, filter=wanted.filter, page_size=wanted.size, page_token=wanted.after
    )


# ---- files


@signed_in
async def alarms_file(request: Request) -> Response:
    """What is filtered, as CSV or XLSX."""
    client, ending = client_of(request), request.url.path.rpartition(".")[2]
    path = "/alarms/history" if request.url.path.startswith("/alarms/history") else "/alarms"
    wanted = AlarmsWanted.parse(path, request.query_params)

    async def pages() -> AsyncIterator[Sequence[Alarm]]:
        after = ""
        while True:
            page = await page_of(client, wanted, PER_CALL, after)
            yield page.alarms
            after = page.next_page_token
            if not after:
                return

    columns: list[tables.Column[Alarm]] = [
        (_("Alarm"), lambda a: a.key),
        (_("Severity"), lambda a: view.severity(a.severity)),
        (_("Kind"), lambda a: view.alarm_kind(a.kind)),
        (_("Station"), lambda a: a.station_display_name),
        (_("EVSE"), lambda a: a.evse_id),
        (_("Place"), lambda a: a.place_display_name),
        (_("Text"), alarm_words.of_alarm),
        (_("Code"), lambda a: a.code),
        (_("Times"), lambda a: a.count),
        (_("First raised"), lambda a: local(a.first_raise_time)),
        (_("Last raised"), lambda a: local(a.last_raise_time)),
        (_("Over"), lambda a: local(a.clear_time)),
        (_("Notice taken"), lambda a: local(a.acknowledge_time)),
        (_("Note"), lambda a: a.note),
    ]
    return await tables.answer(f"alarms-{_today()}", ending, _("Alarms"), columns, pages())


@signed_in
async def events_file(request: Request) -> Response:
    """What is filtered of the event log, as CSV or XLSX."""
    client, wanted = client_of(request), EventsWanted.parse(request.query_params)

    async def pages() -> AsyncIterator[Sequence[LogEvent]]:
        after = ""
        while True:
            page = await client.desk.ask(
                "AlarmService/ListEvents", EventPage, filter=wanted.filter, page_size=PER_CALL, page_token=after
            )
            yield page.events
            after = page.next_page_token
            if not after:
                return

    columns: list[tables.Column[LogEvent]] = [
        (_("Time"), lambda e: local(e.time)),
        (_("About"), lambda e: _(SOURCES.get(e.source, view.DASH))),
        (_("Event"), lambda e: e.kind),
        (_("Text"), alarm_words.of_event),
        (_("Station"), lambda e: e.station_display_name),
        (_("EVSE"), lambda e: e.evse_id),
        (_("Severity"), lambda e: event_severity(e.severity)),
    ]
    ending = request.url.path.rpartition(".")[2]
    return await tables.answer(f"events-{_today()}", ending, _("Event log"), columns, pages())


def _today() -> str:
    return datetime.now(tz=current.get().zone).date().isoformat()


# ---- the daily mail


@signed_in
async def mail(request: Request) -> Response:
    """The reader's daily mail with active alarms."""
    client = client_of(request)
    present = (await client.desk.ask("AlarmService/GetAlarmMail", AlarmMailAnswer)).mail
    if request.method != "POST":
        return await show(request, "alarms/mail.html", mail=present, problem="")
    form = await request.form()
    hour = text(form, "hour")
    typed = AlarmMail(text(form, "wanted") == "1", int(hour) if hour.isdecimal() else -1, present.can_send)
    try:
        await client.desk.do("AlarmService/UpdateAlarmMail", mail={"wanted": typed.wanted, "hour": typed.hour})
    except ApiError as error:
        if error.code not in HANDLED:
            raise
        return await show(request, "alarms/mail.html", 422, mail=typed, problem=sentences.of_error(error))
    return redirect("/alarms/mail", "alarm-mail-saved")


ROUTES = [
    Route("/alarms", active),
    Route("/alarms.csv", alarms_file),
    Route("/alarms.xlsx", alarms_file),
    Route("/alarms/handle", handle, methods=["POST"]),
    Route("/alarms/numbers", numbers),
    Route("/alarms/badge", badge),
    Route("/alarms/history", history),
    Route("/alarms/history.csv", alarms_file),
    Route("/alarms/history.xlsx", alarms_file),
    Route("/alarms/events", events),
    Route("/alarms/events.csv", events_file),
    Route("/alarms/events.xlsx", events_file),
    Route("/alarms/mail", mail, methods=["GET", "POST"]),
    Route("/alarms/{key:int}", one, methods=["GET", "POST"]),
]
