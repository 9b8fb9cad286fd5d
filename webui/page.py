"""How a page is made: sign-in required, the frame around it, templates, forms and notices after a redirect."""

from __future__ import annotations

import asyncio
import functools
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from pathlib import Path
from urllib.parse import quote, urlencode

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from webui import alarm_words, server_words, session, session_words, view, words, zones
from webui.api import Client
from webui.doors import may_open
from webui.menu import Entry, groups_of, menu_of
from webui.navigator import Leaf, Node, link, standing, station_link
from webui.person import Person, arrival, arrive, place_of
from webui.values import ApiError, Caller, Role, Summary
from webui.values_alarms import AlarmSummary
from webui.words import N_, _

HERE = Path(__file__).parent
STATIC = HERE / "static"
NOTICE_COOKIE = "notice"

Page = Callable[[Request], Awaitable[Response]]


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_callables(words.gettext, words.ngettext, newstyle=True)  # type: ignore[attr-defined]
    # Marked texts are kept ready: a page says hundreds of them.
    environment.globals.update(_=words.marked, gettext=words.marked)
    environment.filters.update(view.FILTERS | session_words.FILTERS | alarm_words.FILTERS | server_words.FILTERS)
    environment.globals.update(static=static, icon=icon, place_link=link, station_link=station_link)
    environment.globals.update(manners=words.current.get, Role=Role, zone_options=zones.options)
    return environment


@functools.cache
def static(name: str) -> str:
    """Address of a static file; it changes with the content, so browsers may keep it for ever."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]
    return f"/static/{name}?v={digest}"


@functools.cache
def icon(name: str, label: str = "") -> Markup:
    """An icon of the sprite; without a label it is decoration."""
    said = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    return Markup('<svg class="icon" {}><use href="{}#{}"/></svg>').format(said, static("icons.svg"), name)


ENVIRONMENT = _environment()


NO_ALARMS = AlarmSummary((), 0, 0)


class Frame(msgspec.Struct, frozen=True):
    """What surrounds every page of a signed-in person."""

    caller: Caller
    summary: Summary | None
    person: Person = Person()
    group: str = ""
    """`groups/{id}` that the reader has chosen."""
    trail: tuple[Node, ...] = ()
    """The picked place and those above it, outermost first."""
    alarms: AlarmSummary = NO_ALARMS
    """For the badge."""
    station: Leaf | None = None
    """The picked station: a list is narrowed to it."""

    @property
    def menu(self) -> tuple[Entry, ...]:
        """What the menu shows."""
        return menu_of(self.caller.role, self.person.keeper)

    @property
    def menu_groups(self) -> tuple[tuple[str, tuple[Entry, ...]], ...]:
        """The same under its headings."""
        return groups_of(self.caller.role, self.person.keeper)

    @property
    def group_name(self) -> str:
        """What the chosen group is called; empty when none is."""
        return next((g.display_name for g in self.person.groups if g.name == self.group), self.group)

    @property
    def staff(self) -> bool:
        """Not an EV driver: gets the navigator."""
        return self.caller.role is not Role.EV_USER

    @property
    def administrator(self) -> bool:
        """May they see the administrators' menu? (Whether they may *do* a thing is decided by the control plane.)"""
        return self.caller.role is Role.ADMINISTRATOR


def client_of(request: Request) -> Client:
    """The signed-in person's client."""
    client: Client = request.state.client
    return client


def signed_in(page: Page) -> Page:
    """The page needs somebody who is signed in; others are sent to the sign-in page and come back afterwards."""

    @functools.wraps(page)
    async def guarded(request: Request) -> Response:
        if not session.token(request):
            return to_sign_in(request)
        client = await arrive(request)
        if not _opens_page(request):
            return await page(request)
        client.ask_ahead()
        around = asyncio.create_task(_read_frame(client))
        ahead.set(around)
        try:
            return await page(request)
        finally:
            ahead.set(None)  # a page that tells what went wrong reads its own
            around.add_done_callback(_seen)
            around.cancel()

    return guarded


ahead: ContextVar[asyncio.Task[Frame] | None] = ContextVar("ahead", default=None)
"""The frame of the page that this request will show: it is read while the page reads what is its own."""


def _opens_page(request: Request) -> bool:
    """Somebody opens an address, and a page with its frame is what will be shown. Scripts take anything, files have an
    ending, and a change is made before anything is read."""
    if request.method != "GET" or "hx-request" in request.headers:
        return False
    return request.headers.get("accept", "").startswith("text/html") and "." not in request.url.path.rpartition("/")[2]


def _seen(around: asyncio.Task[Frame]) -> None:
    """The page told what went wrong, or went without a frame: a failure is no news."""
    if not around.cancelled():
        around.exception()


def to_sign_in(request: Request) -> Response:
    """Off to the sign-in page; back to here afterwards."""
    if "hx-request" in request.headers:
        here = request.headers.get("hx-current-url", "/")
        path = "/" + here.split("/", 3)[3] if here.count("/") >= 3 else "/"
        return Response(headers={"hx-redirect": f"/signin?next={quote(path)}"})
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    back = "" if request.method != "GET" or path == "/" else f"?next={quote(path)}"
    return RedirectResponse(f"/signin{back}", status_code=303)


async def frame(asker: Request | Client) -> Frame:
    """Who is signed in, the numbers for the menu, and where the reader stands."""
    around = ahead.get()
    if around is not None:
        return await asyncio.shield(around)
    return await _read_frame(asker if isinstance(asker, Client) else client_of(asker))


async def _read_frame(client: Client) -> Frame:
    here = arrival.get()
    caller, summary, (trail, station), alarms = await asyncio.gather(
        client.caller(), summary_or_none(client), standing(client, here.place, here.station), alarm_numbers(client)
    )
    return Frame(caller, summary, here.person, here.group, trail, alarms, station)


async def summary_or_none(client: Client) -> Summary | None:
    """The numbers over all stations, None for those who may not see them."""
    try:
        return await client.summary()
    except ApiError as error:
        if error.code == "PERMISSION_DENIED":
            return None
        raise


async def alarm_numbers(client: Client) -> AlarmSummary:
    """How many alarms are active; none while it cannot be read: no page is the worse for it."""
    try:
        return await client.desk.ask("AlarmService/SummarizeAlarms", AlarmSummary)
    except ApiError:
        return NO_ALARMS


def fragment(template: str, values: Mapping[str, object]) -> str:
    """A template as text."""
    return ENVIRONMENT.get_template(template).render(**values)


async def show(request: Request, template: str, status_code: int = 200, **values: object) -> Response:
    """A page inside the frame. Raises ApiError for those whose role has no business there."""
    around = await frame(request)
    if not may_open(request.url.path, around.caller.role, around.person.keeper):
        raise ApiError("PERMISSION_DENIED", "PERMISSION_DENIED", "")
    return plain(request, template, status_code, frame=around, **values)


def plain(request: Request, template: str, status_code: int = 200, **values: object) -> Response:
    """A page with what it is given; ``frame`` is None where nobody is signed in."""
    notice = NOTICES.get(request.cookies.get(NOTICE_COOKIE, ""), "")
    context = {
        "frame": None,
        "path": request.url.path,
        "here": request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        "place": place_of(request),
        "picked_place": place_of(request),  # a page may have a place of its own
        "site": request.app.state.notice.info,
        "languages": [(key, words.NAMES.get(key, key)) for key in words.languages()],
        "theme": theme(request),
        "tree_closed": request.cookies.get("tree") == "closed",
        "notice": _(notice) if notice else "",
        **values,
    }
    response = HTMLResponse(fragment(template, context), status_code=status_code)
    if NOTICE_COOKIE in request.cookies:
        response.delete_cookie(NOTICE_COOKIE, path="/", httponly=True, samesite="lax")
    return response


def theme(request: Request) -> str:
    """light, dark or auto: from a cookie, else from the settings of who is signed in."""
    chosen = getattr(request.state, "person", Person()).settings.theme.lower()
    wanted = request.cookies.get("theme", chosen)
    return wanted if wanted in ("light", "dark") else "auto"


def redirect(target: str, notice: str = "") -> Response:
    """After a change: go there, and say there what was done (a key of NOTICES)."""
    response = RedirectResponse(target, status_code=303)
    if notice:
        response.set_cookie(NOTICE_COOKIE, notice, max_age=30, path="/", httponly=True, samesite="lax")
    return response


def text(form: FormData, name: str, default: str = "") -> str:
    """A text field without the blanks around it."""
    value = form.get(name, default)
    return value.strip() if isinstance(value, str) else default


def demand(fine: object, sentence: str) -> None:
    """Raise what the control plane would raise for a wrong form, without asking it. Raises ApiError."""
    if not fine:
        raise ApiError("INVALID_ARGUMENT", "", sentence)


def with_place(request: Request, path: str) -> str:
    """A path that keeps the picked place."""
    number = place_of(request)
    return f"{path}{'&' if '?' in path else '?'}place={number}" if number else path


def with_query(path: str, values: Mapping[str, str]) -> str:
    """A path with those parameters that are not empty: the URL is the state."""
    query = urlencode({name: value for name, value in values.items() if value})
    return f"{path}?{query}" if query else path


NOTICES = {
    "station-accepted": N_("The station is accepted. It can charge as soon as it has booted."),
    "station-rejected": N_("The station is refused."),
    "stations-accepted": N_("The stations are accepted. They can charge as soon as they have booted."),
    "stations-rejected": N_("The stations are refused."),
    "stations-changed": N_("Done for all of them."),
    "station-created": N_("The station is known now. It is accepted at its first boot."),
    "file-deleted": N_("The file is deleted."),
    "station-saved": N_("Saved."),
    "nothing-changed": N_("Nothing was changed."),
    "wishes-kept": N_("Kept. Upload it to send it to the station."),
    "wish-forgotten": N_("Forgotten. The station keeps what it has."),
    "configuration-read": N_("Read. This is what the station has now."),
    "configuration-coming": N_("The station is still telling it. Look again in a moment."),
    "template-applied": N_("It is applied now, one station after another. Look again in a moment."),
    "template-fits-none": N_("It fits no station there. Nothing is changed."),
    "template-saved": N_("The template is saved. It counts for stations that connect for the first time from now on."),
    "template-deleted": N_("The template is deleted. What stations were set to stays."),
    "station-deleted": N_("The station is deleted. Its sessions are kept."),
    "station-disconnected": N_("The connection was closed. The station connects again by itself."),
    "tag-created": N_("The tag is added. It counts from the next authorisation on."),
    "tag-saved": N_("The tag is saved. It counts from the next authorisation on."),
    "tag-blocked": N_("The tag is blocked. It is refused from now on."),
    "tag-unblocked": N_("The tag is no longer blocked."),
    "tag-deleted": N_("The tag is deleted. Its sessions are kept."),
    "tags-blocked": N_("The ticked tags are blocked. They are refused from now on."),
    "tags-unblocked": N_("The ticked tags are no longer blocked."),
    "tags-deleted": N_("The ticked tags are deleted. Their sessions are kept."),
    "place-created": N_("The place is added."),
    "place-saved": N_("The place is saved."),
    "place-deleted": N_("The place is deleted."),
    "load-created": N_("The load group is added. Its stations are told within seconds."),
    "load-saved": N_("The load group is saved. Its stations are told within seconds."),
    "load-deleted": N_("The load group is deleted. Its stations forget their limits."),
    "stations-moved": N_("The stations are moved. Their sessions stay where they were charged."),
    "plan-saved": N_("The plan is saved. Put the stations where they stand."),
    "plan-deleted": N_("The plan is taken away. Where stations stand is kept."),
    "station-placed": N_("Saved. The plan shows it."),
    "reservation-made": N_("The outlet is reserved."),
    "reservation-booked": N_("It is booked. The station is asked when the time comes."),
    "reservation-cancelled": N_("The reservation is cancelled."),
    "waiting-joined": N_("On the waiting list. When an outlet is free, it is reserved for a quarter of an hour."),
    "waiting-left": N_("Off the waiting list."),
    "reservable-on": N_("The station can be reserved from now on."),
    "reservable-off": N_("The station can no longer be reserved. Reservations that there are stay."),
    "charge-asked": N_("The station agreed. Plug in; charging appears here when the station says that it began."),
    "charge-stopped": N_("The station agreed. Charging ends when the station says so."),
    "monthly-on": N_("You get a report by mail on the first of each month."),
    "monthly-off": N_("You get no more monthly reports by mail."),
    "service-saved": N_("The settings are saved."),
    "service-on": N_("The service is on."),
    "service-off": N_("The service is off: nothing is answered and nothing leaves."),
    "location-saved": N_("Saved. Others are told within seconds."),
    "party-registered": N_("Registered. Both systems know each other now."),
    "party-saved": N_("The party is saved."),
    "party-suspended": N_("Suspended. Nothing is answered and nothing is sent until you resume it."),
    "party-resumed": N_("The party takes part again."),
    "party-renewed": N_("New credentials are exchanged."),
    "party-deleted": N_("The party is told and forgotten. Sessions and charge records stay."),
    "tokens-pulled": N_("The tokens are read."),
    "rules-saved": N_("The rules are saved. They count for the very next message."),
    "rules-deleted": N_("The rules are deleted."),
    "certificate-revoked": N_("The certificate is revoked. It is refused from now on."),
    "pushes-retried": N_("What waits is tried again now."),
    "session-corrected": N_("The session is corrected. What the station told is kept beside it."),
    "session-closed": N_("The session is closed. If the station tells its end after all, that holds."),
    "logbook-saved": N_("The logbook is saved."),
    "cost-recomputed": N_("The cost is worked out anew. The earlier one is kept."),
    "tariff-created": N_("The tariff is there. Assign it where it shall hold."),
    "tariff-saved": N_("The tariff is saved."),
    "tariff-version": N_("The new prices are saved. Sessions that began before keep theirs."),
    "tariff-retired": N_("The tariff is retired. It can no longer be assigned."),
    "tariff-deleted": N_("The tariff is deleted."),
    "tariff-assigned": N_("The tariff is assigned. It counts for sessions that begin from now on."),
    "tariff-unassigned": N_("The tariff no longer holds there."),
    "report-created": N_("The report is made."),
    "subscription-saved": N_("Saved. Reports leave on the first of each month."),
    "seller-saved": N_("Saved. It counts for reports that are made from now on."),
    "user-created": N_("The user is added. Send the invitation when they may sign in."),
    "tags-added": N_("The tags are added."),
    "user-invited": N_("The link is on its way by mail. It works once, and for 24 hours."),
    "user-saved": N_("The user is saved."),
    "user-blocked": N_("The user is blocked, and signed out everywhere."),
    "user-unblocked": N_("The user is no longer blocked."),
    "user-deleted": N_("The user is deleted. Their sessions are kept, and are nobody's."),
    "second-factor-reset": N_("The second factor is gone. The password alone is enough until they set up another one."),
    "sign-in-ended": N_("They are signed out there."),
    "group-created": N_("The group is made. Put stations into it."),
    "group-saved": N_("The group is saved."),
    "group-deleted": N_("The group is deleted. Its stations stay."),
    "tag-policy-saved": N_("Saved. It counts from now on."),
    "limit-saved": N_("The limit is set. It counts from the next session on."),
    "limit-removed": N_("The limit is taken away."),
    "schedule-created": N_("The schedule is saved. It begins by the clock."),
    "schedule-saved": N_("The schedule is saved."),
    "schedule-deleted": N_("The schedule is deleted. Its runs stay."),
    "firmware-saved": N_("The image is kept. Roll it out when you like."),
    "firmware-deleted": N_("The image is deleted."),
    "key-deleted": N_("The key is deleted. It no longer works."),
    "settings-saved": N_("Your settings are saved."),
    "profile-saved": N_("Your profile is saved."),
    "second-factor-removed": N_("Your second factor is removed. The password alone is enough again."),
    "browser-signed-out": N_("That browser is signed out."),
    "account-deleted": N_("Your account is deleted. Farewell."),
    "system-saved": N_("The system settings are saved. They count at once."),
    "backup-begun": N_("The backup has begun. It appears here when it is done."),
    "backup-verified": N_("The backup was restored beside the database and compared. See its state."),
    "password-set": N_("Your password is set. Sign in with it."),
    "co2-saved": N_("Saved. Charts are reckoned with it from now on."),
    "alarms-acknowledged": N_("Others see now that notice was taken."),
    "alarms-cleared": N_("Ended. What is still wrong comes back when it is told anew."),
    "alarm-mail-saved": N_("Saved."),
    "alarm-settings-saved": N_("Saved. They count from now on."),
    "rule-saved": N_("The rule is saved. It counts for what is told from now on."),
    "rule-deleted": N_("The rule is deleted."),
    "webhook-saved": N_("The webhook is saved."),
    "webhook-deleted": N_("The webhook is deleted."),
    "news-saved": N_("The message is saved."),
    "news-deleted": N_("The message is deleted."),
    "widgets-saved": N_("Your dashboard is saved."),
    "password-changed": N_("Your password is changed. Your other sessions are signed out."),
}
