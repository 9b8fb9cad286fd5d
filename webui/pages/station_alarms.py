"""A station's alarms: those that are active and those that were, acknowledged here."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui.api import Client
from webui.page import client_of, redirect, signed_in, text, with_query
from webui.station_page import tab_page
from webui.values_alarms import AlarmPage

STATES = ("ACTIVE", "CLEARED")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of a station's alarms."""

    key: str
    state: str = ""
    after: str = ""

    @classmethod
    def parse(cls, key: str, params: QueryParams) -> Wanted:
        """From the address; nonsense counts as not given."""
        state = params.get("state", "")
        return cls(key, state if state in STATES else "", params.get("after", ""))

    async def values(self, client: Client) -> dict[str, object]:
        """What the list is given. Raises ApiError."""
        wanted = {"station": f"stations/{self.key}", "state": self.state or "UNSPECIFIED"}
        page = await client.desk.ask(
            "AlarmService/ListAlarms", AlarmPage, filter=wanted, order="NEWEST", page_token=self.after
        )
        here = f"/stations/{self.key}/alarms"
        return {"page": page, "next_url": with_query(here, {"state": self.state, "after": page.next_page_token})}

    @property
    def live(self) -> str:
        """The stream that keeps it true."""
        return with_query(f"/live/station/{self.key}/alarms", {"state": self.state, "after": self.after})


@signed_in
async def alarms(request: Request) -> Response:
    """A page of them, the newest first."""
    wanted = Wanted.parse(request.path_params["key"], request.query_params)
    values = await wanted.values(client_of(request))
    values |= {"state": wanted.state, "live_url": wanted.live}
    return await tab_page(request, "station/alarms.html", "alarms", 200, **values)


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
