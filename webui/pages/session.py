"""One session: facts, charts, cost line by line, what happened, and what people may put right of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from webui import chart, export, sentences, session_series
from webui.api import Client
from webui.menu import ADMINISTRATORS, MANAGERS
from webui.operations import operation
from webui.page import client_of, demand, fragment, frame, plain, redirect, signed_in, text
from webui.values import ApiError, MeterValue, Role, Session
from webui.values_money import Cost, SessionCost
from webui.words import _, current

PAGE_OF_VALUES: Final = 500
PUT_RIGHT: Final = ("energy_wh", "start_time", "stop_time", "id_token", "user")
LOGBOOK: Final = ("mileage_km", "vehicle_id", "purpose", "note", "reference_number")


class Event(msgspec.Struct, frozen=True):
    """Something that happened during the session."""

    event_time: datetime | None
    kind: str
    word: str
    summary: str
    error_code: str


class Correction(msgspec.Struct, frozen=True):
    """One change of one field."""

    field: str
    before: str
    after: str
    actor_display_name: str
    change_time: datetime | None
    reason: str


class Detail(msgspec.Struct, frozen=True):
    """A session and its history."""

    session: Session
    events: tuple[Event, ...]
    corrections: tuple[Correction, ...]


class User(msgspec.Struct, frozen=True):
    """Somebody."""

    name: str
    email: str


class Users(msgspec.Struct, frozen=True):
    """Some users."""

    users: tuple[User, ...]


class Costs(msgspec.Struct, frozen=True):
    """What an ended session costs."""

    session_cost: SessionCost
    earlier: tuple[SessionCost, ...]


class Running(msgspec.Struct, frozen=True):
    """What a session under way has cost so far."""

    cost: Cost
    tariff_version: str
    tariff_display_name: str


class Bill(msgspec.Struct, frozen=True):
    """What the page says about money; `cost` is None when nothing is known yet."""

    cost: Cost | None = None
    tariff: str = ""
    version: str = ""
    reason: str = ""
    earlier: tuple[SessionCost, ...] = ()

    @property
    def tariff_key(self) -> str:
        """The id of the tariff, for its page."""
        return self.version.split("/")[1] if self.version.count("/") >= 1 else ""


async def _detail(client: Client, key: str) -> Detail:
    return await client.desk.ask("SessionService/GetSession", Detail, name=f"sessions/{key}")


async def _bill(client: Client, key: str) -> Bill:
    """The cost, of an ended session or so far; without one while it is not worked out."""
    name = f"sessions/{key}"
    for method in ("GetSessionCost", "GetRunningCost"):
        try:
            if method == "GetSessionCost":
                found = await client.desk.ask(f"TariffService/{method}", Costs, session=name)
                one = found.session_cost
                return Bill(one.cost, one.tariff_display_name, one.tariff_version, one.reason, found.earlier)
            so_far = await client.desk.ask(f"TariffService/{method}", Running, session=name)
            return Bill(so_far.cost, so_far.tariff_display_name, so_far.tariff_version)
        except ApiError as error:
            if error.away or error.code == "UNAUTHENTICATED":
                raise
    return Bill()


async def live_part(client: Client, key: str) -> str:
    """All that changes while it charges, for the page's stream."""
    detail, bill = await asyncio.gather(_detail(client, key), _bill(client, key))
    values = {"session": detail.session, "events": detail.events, "bill": bill}
    return fragment("live/session.html", values) + fragment("sessions/side.html", values)


@signed_in
async def one(request: Request) -> Response:
    """The page; live while the session is under way."""
    return await _one(request)


async def _one(request: Request, status_code: int = 200, **more: object) -> Response:
    client, key = client_of(request), request.path_params["key"]
    detail, bill, around = await asyncio.gather(_detail(client, key), _bill(client, key), frame(request))
    role = around.caller.role
    return plain(
        request,
        "sessions/one.html",
        status_code,
        **{
            "frame": around,
            "session": detail.session,
            "events": detail.events,
            "corrections": detail.corrections,
            "bill": bill,
            "manager": role in MANAGERS,
            "administrator": role in ADMINISTRATORS,
            "may_write": role is not Role.SUPPORT,
            "outcome": None,
            "problem": "",
            "form": {},
            "failed": "",
            **more,
        },
    )


async def _again(request: Request, failed: str, form: FormData, error: ApiError) -> Response:
    """The page with what was typed, and why it did not work."""
    if error.away or error.code in ("UNAUTHENTICATED", "PERMISSION_DENIED", "NOT_FOUND"):
        raise error
    typed = {name: value for name, value in form.items() if isinstance(value, str)}
    return await _one(request, 422, failed=failed, problem=sentences.of_error(error), form=typed)


@signed_in
async def stop(request: Request) -> Response:
    """Ask the station to stop the session."""
    client, key = client_of(request), request.path_params["key"]
    session = await client.session(key)
    form = await request.form()
    form = type(form)([*form.multi_items(), ("session", key)])
    outcome = await operation(client, session.station_key, "stop", form)
    if "hx-request" in request.headers:
        return plain(request, "parts/outcome.html", outcome=outcome)
    return await _one(request, outcome=outcome)


@signed_in
async def correct(request: Request) -> Response:
    """Put right what the station told: only what was changed in the form, for a reason."""
    client, key, form = client_of(request), request.path_params["key"], await request.form()
    present = (await _detail(client, key)).session
    try:
        values, fields = corrections(form, present)
        email = text(form, "user_email")
        if email and email != present.user_email and "user" not in fields:
            values, fields = {**values, "user": await _user(client, email)}, (*fields, "user")
        demand(text(form, "reason"), _("Say why it is corrected. The reason is kept with the change."))
        demand(fields, _("Nothing was changed. Change a value first."))
        await client.desk.do(
            "SessionService/CorrectSession",
            name=present.name,
            values=values,
            update_mask=fields,
            reason=text(form, "reason"),
        )
    except ApiError as error:
        return await _again(request, "correct", form, error)
    return redirect(f"/sessions/{key}", "session-corrected")


async def _user(client: Client, email: str) -> str:
    """`users/{id}` of an address. Raises ApiError when nobody has it."""
    found = await client.desk.ask("UserService/ListUsers", Users, filter={"query": email}, page_size=50)
    name = next((user.name for user in found.users if user.email.casefold() == email.casefold()), "")
    demand(name, _("There is no user with this e-mail address. Look it up in the list of users."))
    return name


def corrections(form: FormData, present: Session) -> tuple[dict[str, object], tuple[str, ...]]:
    """What is right and which fields: those that differ from the session as it is, or go back to the station's word.

    Raises ApiError for a value that is none.
    """
    back = {str(name) for name in form.getlist("back")}
    values: dict[str, object] = {}
    if "energy_wh" not in back and text(form, "energy"):
        wh = number(text(form, "energy"), _("The energy is a number of kWh, for example 12.5.")) * 1000
        if abs(wh - present.energy_wh) >= 0.5:
            values["energy_wh"] = wh
    for name, was in (("start_time", present.start_time), ("stop_time", present.stop_time)):
        told = moment(text(form, name))
        same = was is not None and told == was.astimezone(current.get().zone).replace(microsecond=0)
        if name not in back and told is not None and not same:
            values[name] = told
    if "id_token" not in back and text(form, "id_token").upper() != present.id_token.upper():
        values["id_token"] = text(form, "id_token").upper()
    return values, tuple(name for name in PUT_RIGHT if name in values or name in back)


def number(value: str, sentence: str) -> float:
    """A number as people type it. Raises ApiError with the sentence."""
    try:
        return float(value.replace(",", ".").replace(" ", ""))
    except ValueError:
        raise ApiError("INVALID_ARGUMENT", "", sentence) from None


def moment(value: str) -> datetime | None:
    """What a field for date and time says, in the reader's zone. Raises ApiError."""
    if not value:
        return None
    try:
        return datetime.fromisoformat(value).replace(tzinfo=current.get().zone)
    except ValueError:
        raise ApiError("INVALID_ARGUMENT", "", _("Enter date and time like 2026-05-12 11:30.")) from None


@signed_in
async def close(request: Request) -> Response:
    """End a session whose end never came."""
    client, key, form = client_of(request), request.path_params["key"], await request.form()
    try:
        demand(text(form, "reason"), _("Say why it is closed. The reason is kept with the session."))
        await client.desk.do("SessionService/CloseSession", name=f"sessions/{key}", reason=text(form, "reason"))
    except ApiError as error:
        return await _again(request, "close", form, error)
    return redirect(f"/sessions/{key}", "session-closed")


@signed_in
async def logbook(request: Request) -> Response:
    """What the driver writes down."""
    client, key, form = client_of(request), request.path_params["key"], await request.form()
    try:
        written = _logbook(form)
        await client.desk.do(
            "SessionService/UpdateSessionLogbook", name=f"sessions/{key}", logbook=written, update_mask=LOGBOOK
        )
    except ApiError as error:
        return await _again(request, "logbook", form, error)
    return redirect(f"/sessions/{key}", "logbook-saved")


def _logbook(form: FormData) -> Mapping[str, object]:
    mileage = text(form, "mileage_km")
    km = number(mileage, _("The mileage is a number of kilometres.")) if mileage else None
    demand(km is None or 0 <= km < 10_000_000, _("The mileage is a number of kilometres."))
    rest = {name: text(form, name) for name in LOGBOOK if name != "mileage_km"}
    return {**rest, "mileage_km": None if km is None else int(km)}


@signed_in
async def recompute(request: Request) -> Response:
    """Work the cost out anew."""
    client, key, form = client_of(request), request.path_params["key"], await request.form()
    tariff = text(form, "tariff")
    try:
        demand(text(form, "reason"), _("Say why the cost is worked out anew. The reason is kept with it."))
        await client.desk.do(
            "TariffService/RecomputeSessionCost",
            session=f"sessions/{key}",
            reason=text(form, "reason"),
            tariff=f"tariffs/{tariff}" if tariff else "",
        )
    except ApiError as error:
        return await _again(request, "recompute", form, error)
    return redirect(f"/sessions/{key}", "cost-recomputed")


# ---- what was measured


@signed_in
async def series(request: Request) -> Response:
    """The lines of the charts."""
    key = request.path_params["key"]
    found = await client_of(request).desk.ask(
        "SessionService/GetSessionSeries", session_series.AllSeries, session=f"sessions/{key}", max_points=1000
    )
    return JSONResponse(session_series.groups(found.series))


class ValuesPage(msgspec.Struct, frozen=True):
    """A page of meter values as the chart's table wants them."""

    meter_values: tuple[session_series.Sample, ...]
    next_page_token: str


@signed_in
async def meter_values(request: Request) -> Response:
    """All meter values, page by page; the first page is put into the session's page when it is unfolded."""
    client, key = client_of(request), request.path_params["key"]
    page = await client.desk.ask(
        "SessionService/ListMeterValues",
        ValuesPage,
        session=f"sessions/{key}",
        page_size=PAGE_OF_VALUES,
        page_token=request.query_params.get("after", ""),
    )
    told = tuple(MeterValue(sample_time=each.sample_time, samples=each.sampled_values) for each in page.meter_values)
    values = {"key": key, "columns": chart.columns(told), "rows": chart.rows(told), "next": page.next_page_token}
    if "hx-request" in request.headers:
        return plain(request, "sessions/values_part.html", **values)
    return plain(request, "sessions/values.html", frame=await frame(request), **values)


@signed_in
async def meter_values_csv(request: Request) -> Response:
    """All meter values of a session, as CSV."""
    client, key = client_of(request), request.path_params["key"]
    values = await client.meter_values(key)
    headers = {"content-disposition": f'attachment; filename="session-{key}.csv"'}
    return Response(export.meter_values_csv(values), media_type="text/csv; charset=utf-8", headers=headers)


ROUTES = [
    Route("/sessions/{key}", one),
    Route("/sessions/{key}/stop", stop, methods=["POST"]),
    Route("/sessions/{key}/correct", correct, methods=["POST"]),
    Route("/sessions/{key}/close", close, methods=["POST"]),
    Route("/sessions/{key}/logbook", logbook, methods=["POST"]),
    Route("/sessions/{key}/cost", recompute, methods=["POST"]),
    Route("/sessions/{key}/series.json", series),
    Route("/sessions/{key}/meter-values", meter_values),
    Route("/sessions/{key}/meter-values.csv", meter_values_csv),
]
