"""A driver's own use: energy, sessions and costs of the last months, tags, monthly reports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from itertools import pairwise
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from webui import figures, sentences
from webui.api import Client
from webui.page import client_of, redirect, show, signed_in, text
from webui.pages.reservations import now_here, own_tags
from webui.values import ApiError
from webui.values_drive import Month, ReportPart, Reports, Subscription, Subscriptions, Summary
from webui.words import _, current

MONTHS: Final = 12
KEPT: Final = 24
FORMATS: Final = {"pdf": "PDF", "xlsx": "XLSX"}


class Series(msgspec.Struct, frozen=True):
    """One user's bars."""

    key: str
    values: tuple[float, ...]


class Chart(msgspec.Struct, frozen=True):
    """Energy by month."""

    bucket_start_times: tuple[datetime, ...] = ()
    series: tuple[Series, ...] = ()


@signed_in
async def use(request: Request) -> Response:
    """The last twelve months in one page."""
    return await _use(request)


async def _use(request: Request, problem: str = "", status_code: int = 200) -> Response:
    client = client_of(request)
    me = (await client.caller()).name
    begins = months_until(now_here())
    energy, summaries, reports, subscribed, tags = await asyncio.gather(
        _energy(client, me, begins),
        asyncio.gather(*(_summary(client, me, a, b) for a, b in pairwise(begins))),
        client.desk.ask("CostReportService/ListCostReports", Reports, subject=me, page_size=KEPT),
        client.desk.ask("CostReportService/ListReportSubscriptions", Subscriptions, subject=me),
        own_tags(client, me),
    )
    months = [Month(begin=begin, summary=one) for begin, one in zip(begins, summaries, strict=False)]
    top = figures.nice_ceiling(max(energy, default=0.0) / 1000)
    return await show(
        request,
        "drive/use.html",
        status_code,
        tab="use",
        problem=problem,
        months=months,
        energy=energy,
        bars=figures.bars([wh / 1000 for wh in energy], top),
        top=top,
        reports=reports.reports,
        subscribed=any(one.active for one in subscribed.subscriptions),
        tags=tags.id_tokens,
    )


def months_until(now: datetime) -> list[datetime]:
    """The beginnings of the last twelve months and of the one to come, in the zone of `now`."""
    count = now.year * 12 + now.month - 1
    found = (divmod(count + step, 12) for step in range(1 - MONTHS, 2))
    return [datetime(year, month + 1, 1, tzinfo=now.tzinfo) for year, month in found]


async def _energy(client: Client, me: str, begins: list[datetime]) -> list[float]:
    """Wh of each month, when it flowed."""
    chart = await client.desk.ask(
        "StatisticsService/QueryChart",
        Chart,
        kind="ENERGY",
        bucket="MONTH",
        split="USER",
        top=100,
        start_time=begins[0],
        end_time=begins[-1],
        time_zone=current.get().zone_name,
    )
    mine = next((series.values for series in chart.series if series.key == me), ())
    return [value if value > 0 else 0.0 for value in mine] or [0.0] * MONTHS


async def _summary(client: Client, me: str, begin: datetime, end: datetime) -> Summary:
    wanted = {"user": me, "start_time_from": begin, "start_time_to": end}
    return await client.desk.ask("SessionService/SummarizeSessions", Summary, filter=wanted)


@signed_in
async def monthly(request: Request) -> Response:
    """Switch the monthly report by mail on or off."""
    client, active = client_of(request), text(await request.form(), "active") == "1"
    me = (await client.caller()).name
    known = await client.desk.ask("CostReportService/ListReportSubscriptions", Subscriptions, subject=me)
    present = next(iter(known.subscriptions), Subscription(subject=me))
    wanted = msgspec.structs.replace(present, active=active)
    try:
        await client.desk.do("CostReportService/SetReportSubscription", subscription=wanted)
    except ApiError as error:
        if error.code not in ("INVALID_ARGUMENT", "FAILED_PRECONDITION"):
            raise
        return await _use(request, sentences.of_error(error), 422)
    return redirect("/drive/use", "monthly-on" if active else "monthly-off")


@signed_in
async def report(request: Request) -> Response:
    """A monthly report as a file."""
    key, ending = request.path_params["key"], request.path_params["ending"]
    if ending not in FORMATS:
        raise ApiError("NOT_FOUND", "", _("Reports are PDF files or workbooks."))
    parts = client_of(request).desk.stream(
        "CostReportService/DownloadCostReport", ReportPart, name=f"costReports/{key}", format=FORMATS[ending]
    )
    first = await anext(aiter(parts))  # refused before the download begins, not in the middle of it
    name = "".join(c for c in first.filename if c.isascii() and (c.isalnum() or c in "-_.")) or f"report.{ending}"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_data(first, parts), media_type=first.content_type, headers=headers)


async def _data(first: ReportPart, parts: AsyncIterator[ReportPart]) -> AsyncIterator[bytes]:
    yield first.data
    async for part in parts:
        yield part.data


ROUTES = [
    Route("/drive/use", use),
    Route("/drive/monthly", monthly, methods=["POST"]),
    Route("/drive/reports/{key:int}.{ending}", report),
]
