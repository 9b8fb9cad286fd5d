"""A station's configuration: what it has beside what is wanted, editing, uploading with its answers, templates."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import uuid4

from starlette.datastructures import FormData, QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import sentences
from webui.api import Client
from webui.operations import Outcome, operation
from webui.page import client_of, redirect, signed_in, text, with_query
from webui.station_page import HELD_BACK, tab_page
from webui.values import ApiError
from webui.values_configuration import (
    Plan,
    Refreshed,
    Setting,
    SettingsPage,
    SettingValue,
    Template,
    Templates,
    Uploaded,
)
from webui.words import N_, _, ngettext

SIZE: Final = 100
ALL: Final = 1000
UPLOAD_S: Final = 60
READ_S: Final = 30
GRACE_S: Final = 5
SHOWN: Final = {"": N_("All"), "differences": N_("Differences"), "wanted": N_("Wanted")}
BESIDE: Final = frozenset({"INVALID_ARGUMENT", "FAILED_PRECONDITION", "DEADLINE_EXCEEDED", "ABORTED", "UNAVAILABLE"})


@dataclass(frozen=True, slots=True)
class View:
    """What the address of the tab says."""

    key: str
    q: str = ""
    show: str = ""
    after: str = ""

    @classmethod
    def parse(cls, key: str, params: QueryParams) -> View:
        """From the address; nonsense counts as not given."""
        show = params.get("show", "")
        return cls(key, params.get("q", "").strip()[:200], show if show in SHOWN else "", params.get("after", "")[:400])

    def url(self, path: str = "", **changes: str) -> str:
        """The address with some changes; a change of filter begins at the first page."""
        values = {"q": self.q, "show": self.show, "after": ""}
        return with_query(f"/stations/{self.key}/configuration{path}", values | changes)

    @property
    def filters(self) -> dict[str, object]:
        """For the control plane."""
        return {
            "query": self.q,
            "only_differences": self.show == "differences",
            "only_desired": self.show == "wanted",
        }


@dataclass(frozen=True, slots=True)
class Change:
    """A setting whose field was changed."""

    setting: str
    was: str
    value: str


@signed_in
async def overview(request: Request) -> Response:
    """The table."""
    return await _page(request)


async def _page(
    request: Request,
    status_code: int = 200,
    *,
    problem: str = "",
    outcome: Outcome | None = None,
    uploaded: Uploaded | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    client, key = client_of(request), request.path_params["key"]
    view = View.parse(key, request.query_params)
    page, templates = await asyncio.gather(_settings(client, view), _templates(client))
    return await tab_page(
        request,
        "station/configuration.html",
        "configuration",
        status_code,
        view=view,
        page=page,
        risky=await _risky(client, key) if page.difference_count else (),
        templates=templates,
        shown=SHOWN,
        answered=answered(uploaded) if uploaded else "",
        problem=problem,
        outcome=outcome,
        uploaded=uploaded,
        typed=typed or {},
    )


async def _settings(client: Client, view: View) -> SettingsPage:
    return await client.desk.ask(
        "ConfigurationService/ListConfiguration",
        SettingsPage,
        station=f"stations/{view.key}",
        filter=view.filters,
        page_size=SIZE,
        page_token=view.after,
    )


async def _risky(client: Client, key: str) -> tuple[str, ...]:
    """Names of settings that an upload would send and that can do harm."""
    found = await _settings_where(client, key, only_differences=True)
    return tuple(each.name for each in found if each.warning)


async def _settings_where(client: Client, key: str, **wanted: object) -> tuple[Setting, ...]:
    found: tuple[Setting, ...] = ()
    token = ""
    while True:
        page = await client.desk.ask(
            "ConfigurationService/ListConfiguration",
            SettingsPage,
            station=f"stations/{key}",
            filter=wanted,
            page_size=ALL,
            page_token=token,
        )
        found, token = found + page.settings, page.next_page_token
        if not token:
            return found


async def _templates(client: Client) -> tuple[Template, ...]:
    """Those to apply; none for drivers."""
    try:
        return (await client.desk.ask("ConfigurationService/ListConfigurationTemplates", Templates)).templates
    except ApiError as error:
        if error.code not in HELD_BACK:
            raise
        return ()


def changes_of(form: FormData) -> list[Change]:
    """Fields that were changed, and the one for a setting that the station did not tell."""
    columns = [[str(value) for value in form.getlist(name)] for name in ("name", "was", "value")]
    found = [Change(*row) for row in zip(*columns, strict=False) if row[1].strip() != row[2].strip()]
    if added := text(form, "new_name"):
        found.append(Change(added, "", text(form, "new_value")))
    return found


@signed_in
async def keep(request: Request) -> Response:
    """Keep what was changed in the table, and send it when that was asked for. What can do harm is asked about once."""
    client, key = client_of(request), request.path_params["key"]
    form = await request.form()
    changes, sends = changes_of(form), text(form, "do") == "upload"
    if not changes:
        return await _upload(request) if sends else redirect(_back(request), "nothing-changed")
    if text(form, "sure") != "1":
        known = {each.name: each for each in await _settings_where(client, key)}
        risky = [(each, known[each.setting].warning) for each in changes if _warns(known.get(each.setting))]
        if risky:
            return await tab_page(
                request,
                "station/configuration_review.html",
                "configuration",
                view=View.parse(key, request.query_params),
                changes=changes,
                risky=risky,
                do="upload" if sends else "keep",
            )
    try:
        await client.desk.do(
            "ConfigurationService/SetDesired",
            station=f"stations/{key}",
            values=[{"name": each.setting, "value": each.value.strip()} for each in changes],
        )
    except ApiError as error:
        if error.code not in BESIDE:
            raise
        typed = {each.setting: each.value for each in changes}
        return await _page(request, 422, problem=sentences.of_error(error), typed=typed)
    return await _upload(request) if sends else redirect(_back(request), "wishes-kept")


def _warns(setting: Setting | None) -> bool:
    return setting is not None and bool(setting.warning)


def _back(request: Request) -> str:
    return View.parse(request.path_params["key"], request.query_params).url()


@signed_in
async def upload(request: Request) -> Response:
    """Send what differs; the station's answer to each is shown."""
    return await _upload(request)


async def _upload(request: Request) -> Response:
    client, key = client_of(request), request.path_params["key"]
    waits = text(await request.form(), "wait") == "1"
    try:
        done = await client.desk.ask(
            "ConfigurationService/UploadConfiguration",
            Uploaded,
            timeout_s=UPLOAD_S + GRACE_S,
            target=_target(key, UPLOAD_S),
            when_connected=waits,
        )
    except ApiError as error:
        if error.code not in BESIDE:
            raise
        return await _page(request, 409, problem=sentences.of_command(error))
    return await _page(request, uploaded=done)


@signed_in
async def read(request: Request) -> Response:
    """Have the station tell everything anew."""
    client, key = client_of(request), request.path_params["key"]
    try:
        done = await client.desk.ask(
            "ConfigurationService/RefreshConfiguration",
            Refreshed,
            timeout_s=READ_S + GRACE_S,
            target=_target(key, READ_S),
        )
    except ApiError as error:
        if error.code not in BESIDE:
            raise
        return await _page(request, 409, problem=sentences.of_command(error))
    return redirect(_back(request), "configuration-read" if done.complete else "configuration-coming")


def _target(key: str, seconds: int) -> dict[str, object]:
    return {"station": f"stations/{key}", "timeout": timedelta(seconds=seconds), "request_id": uuid4().hex}


@signed_in
async def forget(request: Request) -> Response:
    """Nothing is wanted of one setting, or of any."""
    client, key = client_of(request), request.path_params["key"]
    name = text(await request.form(), "forget")
    await client.desk.do(
        "ConfigurationService/ClearDesired", station=f"stations/{key}", names=[name] if name else [], all=not name
    )
    return redirect(_back(request), "wish-forgotten")


@signed_in
async def send_once(request: Request) -> Response:
    """Write one value to the station now; it is not kept here. For secrets, which never are."""
    outcome = await operation(client_of(request), request.path_params["key"], "set-variable", await request.form())
    return await _page(request, outcome=outcome)


@signed_in
async def template(request: Request) -> Response:
    """What a template would make of this station, and the button that does it."""
    client, key = client_of(request), request.path_params["key"]
    params = request.query_params if request.method == "GET" else await request.form()
    number = str(params.get("template", ""))
    name = f"configurationTemplates/{number}" if number.isdecimal() else ""
    if request.method == "POST":
        await client.desk.do(
            "ConfigurationService/ApplyTemplate",
            template=name,
            stations=[f"stations/{key}"],
            upload=params.get("upload") == "1",
        )
        return redirect(f"/stations/{key}/configuration?show=wanted", "template-applied")
    plan, templates = await asyncio.gather(
        client.desk.ask("ConfigurationService/PreviewTemplate", Plan, station=f"stations/{key}", template=name),
        _templates(client),
    )
    return await tab_page(
        request,
        "station/configuration_template.html",
        "configuration",
        plan=plan.settings,
        names={each.name: each for each in templates},
        chosen=next((each for each in templates if each.name == name), None),
    )


async def wishes_of(client: Client, key: str) -> tuple[SettingValue, ...]:
    """What is wanted of a station, for a template that is made of it."""
    found = await _settings_where(client, key, only_desired=True)
    return tuple(SettingValue(each.name, each.desired_value or "") for each in found)


def answered(uploaded: Uploaded) -> str:
    """An upload in one sentence."""
    number = len(uploaded.settings)
    if uploaded.queued:
        return ngettext(
            "The station is offline. %(n)s setting is sent when it connects.",
            "The station is offline. %(n)s settings are sent when it connects.",
            number,
        ) % {"n": number}
    if not number:
        return _("The station has everything that is wanted. Nothing was sent.")
    taken = sum(each.state in ("ACCEPTED", "REBOOT_REQUIRED") for each in uploaded.settings)
    return ngettext(
        "%(n)s setting was sent; %(taken)s taken.", "%(n)s settings were sent; %(taken)s taken.", number
    ) % {
        "n": number,
        "taken": taken,
    }


BASE: Final = "/stations/{key}/configuration"
ROUTES = [
    Route(BASE, overview),
    Route(BASE, keep, methods=["POST"]),
    Route(f"{BASE}/upload", upload, methods=["POST"]),
    Route(f"{BASE}/read", read, methods=["POST"]),
    Route(f"{BASE}/forget", forget, methods=["POST"]),
    Route(f"{BASE}/send-once", send_once, methods=["POST"]),
    Route(f"{BASE}/template", template, methods=["GET", "POST"]),
]
