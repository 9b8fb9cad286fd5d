"""The audit log: who did what to which thing, when, from where; what was and what is."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui.page import client_of, show, signed_in, with_query
from webui.values_people import AuditPage
from webui.words import current

NAMES = ("actor", "resource", "method", "outcome", "since", "until")


def midnight(day: str, plus: int = 0) -> datetime | None:
    """The beginning of a day in the reader's zone; None for what is no day."""
    try:
        date = datetime.fromisoformat(day).date() + timedelta(days=plus)
    except (ValueError, OverflowError):
        return None
    return datetime.combine(date, time(), current.get().zone)


@signed_in
async def table(request: Request) -> Response:
    """Entries that match, newest first."""
    params = request.query_params
    wanted = {name: params.get(name, "").strip()[:200] for name in NAMES}
    page = await client_of(request).desk.ask(
        "AuditService/ListAuditEntries",
        AuditPage,
        filter={
            "actor": wanted["actor"],
            "resource": wanted["resource"],
            "method": wanted["method"],
            "outcome": wanted["outcome"],
            "start_time": midnight(wanted["since"]),
            "end_time": midnight(wanted["until"], plus=1),
        },
        page_size=50,
        page_token=params.get("after", ""),
    )
    return await show(
        request,
        "people/audit.html",
        page=page,
        wanted=wanted,
        after=params.get("after", ""),
        filtered=any(wanted.values()),
        first_url=with_query("/audit", wanted),
        next_url=with_query("/audit", wanted | {"after": page.next_page_token}),
    )


ROUTES = [Route("/audit", table)]
