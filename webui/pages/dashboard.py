"""The dashboard: widgets that everybody picks and orders for themselves, kept true by a stream."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.datastructures import FormData, QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import nodes, view, widgets
from webui.api import Client
from webui.api.desk import CALL_S
from webui.menu import MANAGERS
from webui.page import client_of, redirect, show, signed_in, with_query
from webui.values import Role
from webui.values_alarms import AlarmPage
from webui.values_statistics import Dashboard, DashboardAnswer, Preferences, PreferencesAnswer
from webui.widgets import Figures, Widget
from webui.words import _, current

SHOWN_ALARMS = 4


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the address says: over how many days, and where."""

    days: int = 7
    place: str = ""

    @classmethod
    def parse(cls, params: QueryParams) -> Wanted:
        """From the address; nonsense counts as not given."""
        days, place = params.get("days", ""), params.get("place", "")
        return cls(
            days=int(days) if days.isdecimal() and int(days) in widgets.SPANS else 7,
            place=place if place.isdecimal() else "",
        )

    @property
    def asked(self) -> dict[str, object]:
        """For GetDashboard and WatchDashboard."""
        zone = current.get().zone_name
        return {"days": self.days, "place": f"places/{self.place}" if self.place else "", "time_zone": zone}

    def url(self, path: str) -> str:
        """An address with the same state."""
        return with_query(path, {"days": str(self.days) if self.days != 7 else "", "place": self.place})

    @property
    def live(self) -> str:
        """The stream that keeps the widgets true."""
        return self.url("/live/dashboard")

    def href(self, widget: Widget, told: Dashboard) -> str:
        """Where a widget leads, with the same span and place."""
        first = view.day(told.days[0].start_time) if told.days else ""
        return self.narrowed(widget.href.format(since=first))

    def narrowed(self, path: str) -> str:
        """A list's address, narrowed to the same place."""
        return f"{path}{'&' if '?' in path else '?'}place={self.place}" if self.place else path


async def parts(
    client: Client, wanted: Wanted, shown: tuple[Widget, ...], told: Dashboard, role: Role
) -> dict[str, object]:
    """What the widgets' template is given. Raises ApiError."""
    alarms = None
    if told.active_alarm_count and any(widget.key == "alarms" for widget in shown):
        only = {"state": "ACTIVE", "place": wanted.asked["place"]}
        alarms = await client.desk.ask(
            "AlarmService/ListAlarms", AlarmPage, filter=only, order="SEVERITY", page_size=SHOWN_ALARMS
        )
    return {"wanted": wanted, "shown": shown, "told": told, "figures": Figures(told), "alarms": alarms} | {
        "may_admit": role in MANAGERS
    }


async def picked(client: Client) -> tuple[str, ...]:
    """The widgets in the caller's settings. Raises ApiError."""
    answer = await client.desk.ask("UserService/GetSettings", PreferencesAnswer)
    return answer.settings.dashboard_widgets


@signed_in
async def dashboard(request: Request) -> Response:
    """All widgets."""
    client, wanted = client_of(request), Wanted.parse(request.query_params)
    answer, keys, caller, places = await asyncio.gather(
        client.desk.ask("StatisticsService/GetDashboard", DashboardAnswer, timeout_s=CALL_S, **wanted.asked),
        picked(client),
        client.caller(),
        nodes.choices(client),
    )
    shown = widgets.chosen(keys, caller.role)
    values = await parts(client, wanted, shown, answer.dashboard, caller.role)
    values |= {
        "places": places,
        "spans": spans(),
        "can_add": caller.role in (Role.ADMINISTRATOR, Role.SITE_ADMINISTRATOR),
    }
    return await show(request, "dashboard/page.html", 200, **values)


def spans() -> list[tuple[int, str]]:
    """The spans to choose from."""
    return [(7, _("7 days")), (14, _("14 days")), (30, _("30 days")), (92, _("3 months"))]


@signed_in
async def choose(request: Request) -> Response:
    """Which widgets, and in which order: a form that also works without scripts."""
    client = client_of(request)
    if request.method != "POST":
        keys, caller = await asyncio.gather(picked(client), client.caller())
        shown = [widget.key for widget in widgets.chosen(keys, caller.role)]
        return await _form(request, shown, shown)
    form = await request.form()
    on = [key for key in form.getlist("widget") if isinstance(key, str)]
    if "up" in form or "down" in form:
        order = moved(form)
        return await _form(request, order, on)
    if len(set(on)) < widgets.LEAST:
        return await _form(request, _order(form), on, _("Pick at least four widgets."))
    await keep(client, on)
    if form.get("quiet"):
        return Response(status_code=204)
    return redirect("/dashboard", "widgets-saved")


async def keep(client: Client, keys: list[str]) -> None:
    """Into the caller's settings. Raises ApiError."""
    settings = Preferences(tuple(dict.fromkeys(keys)))
    await client.desk.do("UserService/UpdateSettings", settings=settings, update_mask=("dashboard_widgets",))


async def _form(request: Request, order: list[str], on: list[str], problem: str = "") -> Response:
    values: dict[str, object] = {"order": widgets.arranged(order), "on": set(on), "problem": problem}
    return await show(request, "dashboard/widgets.html", 422 if problem else 200, **values)


def _order(form: FormData) -> list[str]:
    return [key for key in form.getlist("order") if isinstance(key, str)]


def moved(form: FormData) -> list[str]:
    """The order with one widget put up or down by one."""
    order = _order(form)
    step = -1 if "up" in form else 1
    key = form.get("up") or form.get("down")
    if isinstance(key, str) and key in order:
        place = order.index(key)
        order.remove(key)
        order.insert(max(0, place + step), key)
    return order


@signed_in
async def usual(request: Request) -> Response:
    """Back to the usual widgets."""
    await keep(client_of(request), [])
    return redirect("/dashboard", "widgets-saved")


ROUTES = [
    Route("/dashboard", dashboard),
    Route("/dashboard/widgets", choose, methods=["GET", "POST"]),
    Route("/dashboard/widgets/usual", usual, methods=["POST"]),
]
