"""A station's alarms: those that are active and those that were, acknowledged here."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui.page import client_of, redirect, signed_in, text, with_query
from webui.station_page import tab_page
from webui.values_stations import Alarms

STATES = ("ACTIVE", "CLEARED")


@signed_in
async def alarms(request: Request) -> Response:
    """A page of them, the active ones unless the address says otherwise."""
    key, params = request.path_params["key"], request.query_params
    state = params.get("state", "")
    wanted = {"station": f"stations/{key}", "state": state if state in STATES else "UNSPECIFIED"}
    page = await client_of(request).desk.ask(
        "AlarmService/ListAlarms", Alarms, filter=wanted, order="NEWEST", page_token=params.get("after", "")
    )
    return await tab_page(
        request,
        "station/alarms.html",
        "alarms",
        page=page,
        state=state,
        next_url=with_query(f"/stations/{key}/alarms", {"state": state, "after": page.next_page_token}),
    )


@signed_in
async def acknowledge(request: Request) -> Response:
    """Say that somebody knows of it."""
    key, alarm = request.path_params["key"], request.path_params["alarm"]
    note = text(await request.form(), "note")
    await client_of(request).desk.do("AlarmService/AcknowledgeAlarms", names=(f"alarms/{alarm}",), note=note)
    return redirect(f"/stations/{key}/alarms", "station-saved")


ROUTES = [
    Route("/stations/{key}/alarms", alarms),
    Route("/stations/{key}/alarms/{alarm:int}/acknowledge", acknowledge, methods=["POST"]),
]
