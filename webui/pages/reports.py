"""Monthly reports: made, listed, fetched as PDF or workbook, sent by mail, and who issues them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import msgspec
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from webui import sentences
from webui.api import Client
from webui.menu import ADMINISTRATORS
from webui.page import client_of, demand, frame, plain, redirect, signed_in, text, with_query
from webui.pages.tariffs import Targets, targets
from webui.tariff_form import typed_in
from webui.values import ApiError, Role
from webui.words import N_, _

SELLER: Final = ("display_name", "address", "email", "vat_number", "registration", "footer", "number_prefix")
LANGUAGES: Final = {"en": "English", "sv": "Svenska", "nl": "Nederlands", "de": "Deutsch"}
FORMATS: Final = ("pdf", "xlsx")
TITLES: Final = {
    "display_name": N_("Name of the company"),
    "email": N_("E-mail"),
    "vat_number": N_("VAT number"),
    "registration": N_("Number in the register of companies"),
    "number_prefix": N_("Report numbers begin with"),
}


class Total(msgspec.Struct, frozen=True):
    """What was charged in one currency."""

    currency: str
    total_incl: Decimal | None


class Report(msgspec.Struct, frozen=True):
    """A report, as it was made."""

    name: str
    number: str
    subject: str
    subject_display_name: str
    month: str
    session_count: int
    energy_wh: float
    totals: tuple[Total, ...]
    create_time: datetime | None
    replaced_by: str

    @property
    def key(self) -> str:
        """The id of ``costReports/{id}``."""
        return self.name.partition("/")[2]


class Reports(msgspec.Struct, frozen=True):
    """A page of reports."""

    reports: tuple[Report, ...]
    next_page_token: str


class Subscription(msgspec.Struct, frozen=True):
    """Who gets reports by mail."""

    subject: str
    active: bool
    recipients: tuple[str, ...]
    language: str


class Subscriptions(msgspec.Struct, frozen=True):
    """All of them."""

    subscriptions: tuple[Subscription, ...]


class Seller(msgspec.Struct, frozen=True):
    """Who issues the reports."""

    display_name: str = ""
    address: str = ""
    email: str = ""
    vat_number: str = ""
    registration: str = ""
    footer: str = ""
    number_prefix: str = ""
    next_number: int = 0
    etag: str = ""


class SellerAnswer(msgspec.Struct, frozen=True):
    """The seller."""

    seller: Seller


class Part(msgspec.Struct, frozen=True):
    """A part of the file."""

    filename: str
    content_type: str
    data: bytes


def last_month(now: datetime) -> str:
    """The month that is over: 2026-10."""
    year, month = (now.year, now.month - 1) if now.month > 1 else (now.year - 1, 12)
    return f"{year:04d}-{month:02d}"


@signed_in
async def table(request: Request) -> Response:
    """Reports, and for administrators all that is kept around them."""
    return await _table(request)


async def _table(request: Request, problem: str = "", failed: str = "", form: FormData | None = None) -> Response:
    client, params = client_of(request), request.query_params
    month = params.get("month", "") if re.fullmatch(r"\d{4}-\d{2}", params.get("month", "")) else ""
    subject, replaced = params.get("subject", "")[:200], params.get("replaced") == "1"
    page, subscriptions, around = await asyncio.gather(
        client.desk.ask(
            "CostReportService/ListCostReports",
            Reports,
            page_size=50,
            page_token=params.get("after", ""),
            subject=subject,
            month=month,
            show_replaced=replaced,
        ),
        client.desk.ask("CostReportService/ListReportSubscriptions", Subscriptions),
        frame(request),
    )
    administrator = around.caller.role in ADMINISTRATORS
    seller, names = await _of_administrators(client) if administrator else (Seller(), Targets({}, {}, {}))
    following = {"month": month, "subject": subject, "replaced": "1" if replaced else "", "after": page.next_page_token}
    return plain(
        request,
        "reports/list.html",
        422 if problem else 200,
        frame=around,
        page=page,
        month=month,
        subject=subject,
        replaced=replaced,
        subscriptions=subscriptions.subscriptions,
        own=next((s for s in subscriptions.subscriptions if s.subject == around.caller.name), None),
        administrator=administrator,
        driver=around.caller.role is Role.EV_USER,
        seller=seller,
        names=names,
        titles=[(name, _(words)) for name, words in TITLES.items()],
        languages=LANGUAGES,
        last_month=last_month(datetime.now(tz=UTC)),
        next_url=with_query("/reports", following),
        problem=problem,
        failed=failed,
        typed=typed_in(form),
    )


async def _of_administrators(client: Client) -> tuple[Seller, Targets]:
    answer, names = await asyncio.gather(client.desk.ask("CostReportService/GetSeller", SellerAnswer), targets(client))
    return answer.seller, names


def _why(error: ApiError) -> str:
    """The sentence for a form; what the form cannot help is raised again."""
    if error.away or error.code in ("UNAUTHENTICATED", "PERMISSION_DENIED"):
        raise error
    if error.reason == "REPORT_EXISTS":
        return _("There is a report of this month already. Tick “in its place” to make it anew.")
    return sentences.of_error(error)


def _subject(form: FormData) -> str:
    """`users/3` chosen, or `tagGroups/FLEET` typed. Raises ApiError."""
    group = text(form, "group").upper()
    subject = f"tagGroups/{group}" if group else text(form, "user")
    demand(subject, _("Choose a user, or enter the parent tag of a group."))
    return subject


@signed_in
async def create(request: Request) -> Response:
    """Make the report of a month."""
    form = await request.form()
    try:
        await client_of(request).desk.do(
            "CostReportService/CreateCostReport",
            timeout_s=60.0,
            subject=_subject(form),
            month=text(form, "month"),
            replace=text(form, "replace") == "1",
            language=text(form, "language"),
        )
    except ApiError as error:
        return await _table(request, _why(error), "create", form)
    return redirect("/reports", "report-created")


@signed_in
async def subscribe(request: Request) -> Response:
    """Switch the mails on or off."""
    form, client = await request.form(), client_of(request)
    try:
        caller = await client.caller()
        subject = caller.name if text(form, "own") == "1" else text(form, "subject") or _subject(form)
        subscription: dict[str, object] = {"subject": subject, "active": text(form, "active") == "1"}
        if text(form, "own") != "1":
            subscription["recipients"] = tuple(text(form, "recipients").replace(",", " ").split())
            subscription["language"] = text(form, "language")
        await client.desk.do("CostReportService/SetReportSubscription", subscription=subscription)
    except ApiError as error:
        return await _table(request, _why(error), "subscribe", form)
    return redirect("/reports", "subscription-saved")


@signed_in
async def seller(request: Request) -> Response:
    """Who issues reports."""
    form = await request.form()
    try:
        values = {name: text(form, name) for name in SELLER}
        await client_of(request).desk.do(
            "CostReportService/UpdateSeller", seller={**values, "etag": text(form, "etag")}, update_mask=SELLER
        )
    except ApiError as error:
        return await _table(request, _why(error), "seller", form)
    return redirect("/reports", "seller-saved")


@signed_in
async def download(request: Request) -> Response:
    """A report as a file."""
    ending = request.path_params["ending"]
    demand(ending in FORMATS, _("There is no such kind of file."))
    name = f"costReports/{request.path_params['key']}"
    parts = client_of(request).desk.stream(
        "CostReportService/DownloadCostReport", Part, name=name, format=ending.upper()
    )
    first = await anext(parts)
    filename = re.sub(r"[^\w.\- ]", "_", first.filename) or f"report.{ending}"

    async def pieces() -> AsyncIterator[bytes]:
        yield first.data
        async for part in parts:
            yield part.data

    headers = {"content-disposition": f'attachment; filename="{filename}"'}
    return StreamingResponse(pieces(), media_type=first.content_type, headers=headers)


ROUTES = [
    Route("/reports", table),
    Route("/reports/create", create, methods=["POST"]),
    Route("/reports/subscribe", subscribe, methods=["POST"]),
    Route("/reports/seller", seller, methods=["POST"]),
    Route("/reports/{key}.{ending}", download),
]
