"""Charts: the ready-made set over any span, of any node, as pictures and as files; what CO₂ is reckoned with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from operator import itemgetter

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import nodes, sentences, tables
from webui.api import Client
from webui.charting import BUCKETS, KINDS, SPLITS, Cell, Shown, Wanted
from webui.page import client_of, demand, redirect, show, signed_in, text
from webui.values import ApiError, Role
from webui.values_statistics import Chart
from webui.words import _, current

STATIONS_TO_PICK = 300


class StationName(msgspec.Struct, frozen=True):
    """A station to pick."""

    name: str
    identity: str
    display_name: str

    @property
    def key(self) -> str:
        """The id of its name."""
        return self.name.removeprefix("stations/")

    @property
    def label(self) -> str:
        """What people call it."""
        return self.display_name or self.identity


class StationNames(msgspec.Struct, frozen=True):
    """Of ListStations."""

    stations: tuple[StationName, ...]


class Co2(msgspec.Struct, frozen=True):
    """What CO₂ is reckoned with."""

    grid_g_per_kwh: float
    fossil_g_per_km: float
    vehicle_wh_per_km: float
    saved_kg_per_kwh: float
    etag: str


class Co2Answer(msgspec.Struct, frozen=True):
    """Of GetStatisticsSettings."""

    settings: Co2


async def drawn(client: Client, wanted: Wanted) -> Shown:
    """The chart that the address wants. Raises ApiError."""
    now = datetime.now(tz=current.get().zone)
    return Shown(
        wanted, await client.desk.ask("StatisticsService/QueryChart", Chart, timeout_s=30.0, **wanted.asked(now))
    )


@signed_in
async def charts(request: Request) -> Response:
    """One chart with its fields around it."""
    client, wanted = client_of(request), Wanted.parse(request.query_params)
    places, stations, caller, (shown, problem) = await asyncio.gather(
        nodes.choices(client), _stations(client, wanted), client.caller(), _drawn_or_why_not(client, wanted)
    )
    values: dict[str, object] = {
        "wanted": wanted,
        "shown": shown,
        "problem": problem,
        "places": places,
        "stations": stations,
        "kinds": KINDS,
        "splits": SPLITS,
        "buckets": BUCKETS,
        "spans": spans(),
        "sets_co2": caller.role is Role.ADMINISTRATOR,
    }
    return await show(request, "charts/page.html", 422 if problem else 200, **values)


async def _drawn_or_why_not(client: Client, wanted: Wanted) -> tuple[Shown | None, str]:
    """The chart, or a sentence that says what is wrong with what the address wants."""
    try:
        return await drawn(client, wanted), ""
    except ApiError as error:
        if error.code not in ("INVALID_ARGUMENT", "NOT_FOUND", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED"):
            raise
        return None, sentences.of_error(error)


async def _stations(client: Client, wanted: Wanted) -> tuple[StationName, ...]:
    names = ("identity", "display_name")
    found = await client.desk.ask(
        "StationService/ListStations", StationNames, page_size=STATIONS_TO_PICK, read_mask=names
    )
    return tuple(sorted(found.stations, key=lambda each: (each.key not in wanted.stations, each.label.casefold())))


def spans() -> list[tuple[str, str]]:
    """The spans to choose from."""
    return [
        ("day", _("Today")),
        ("week", _("7 days")),
        ("month", _("30 days")),
        ("quarter", _("3 months")),
        ("year", _("12 months")),
        ("own", _("Own span")),
    ]


@signed_in
async def csv_file(request: Request) -> Response:
    """The chart's numbers as CSV."""
    return await _file(request, "csv")


@signed_in
async def xlsx_file(request: Request) -> Response:
    """The chart's numbers as a workbook."""
    return await _file(request, "xlsx")


async def _file(request: Request, ending: str) -> Response:
    shown = await drawn(client_of(request), Wanted.parse(request.query_params))
    heads, rows = shown.sheet()

    async def pages() -> AsyncIterator[Sequence[Sequence[Cell]]]:
        yield rows

    columns = [(head, itemgetter(index)) for index, head in enumerate(heads)]
    name = f"chart-{shown.kind.key.lower().replace('_', '-')}"
    return await tables.answer(name, ending, shown.kind.label[:31], columns, pages())


@signed_in
async def co2(request: Request) -> Response:
    """The three numbers behind CO₂ saved."""
    client = client_of(request)
    present = (await client.desk.ask("StatisticsService/GetStatisticsSettings", Co2Answer)).settings
    if request.method != "POST":
        return await show(request, "charts/co2.html", settings=present, typed={}, problem="")
    form = await request.form()
    names = ("grid_g_per_kwh", "fossil_g_per_km", "vehicle_wh_per_km")
    typed = {name: text(form, name) for name in names}
    try:
        settings: dict[str, object] = {name: _number(typed[name]) for name in names}
        settings["etag"] = text(form, "etag")
        await client.desk.do("StatisticsService/UpdateStatisticsSettings", settings=settings, update_mask=names)
    except ApiError as error:
        if error.code not in ("INVALID_ARGUMENT", "ABORTED"):
            raise
        problem = sentences.of_error(error)
        return await show(request, "charts/co2.html", 422, settings=present, typed=typed, problem=problem)
    return redirect("/charts?kind=CO2_SAVED", "co2-saved")


def _number(typed: str) -> float:
    try:
        return float(typed.replace(",", "."))
    except ValueError:
        demand(False, _("Enter a number in each field, for example 230."))
        raise


ROUTES = [
    Route("/charts", charts),
    Route("/charts/co2", co2, methods=["GET", "POST"]),
    Route("/charts.csv", csv_file),
    Route("/charts.xlsx", xlsx_file),
]
