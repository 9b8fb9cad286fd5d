"""How codes become alarms, and when silence is one."""

from __future__ import annotations

from datetime import timedelta

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import sentences
from webui.alarm_list import KINDS, NOT_BY_CODE, SEVERITIES
from webui.page import client_of, demand, redirect, show, signed_in, text
from webui.values import ApiError, Role
from webui.values_alarms import AlarmRule, AlarmSettings, AlarmSettingsAnswer, RulesAnswer
from webui.words import N_, _

FIELDS = ("source", "vendor", "model", "code", "kind", "severity", "text")
SOURCES = {
    "UNSPECIFIED": N_("Any"),
    "STATUS": N_("Status of a connector"),
    "MONITOR": N_("Monitor of the device model"),
    "SECURITY": N_("Security event"),
}
EMPTY = AlarmRule("", "UNSPECIFIED", "", "", "", "HARDWARE_FAULT", "UNSPECIFIED", "", False, "")
MADE_HERE = ("INVALID_ARGUMENT", "ALREADY_EXISTS", "ABORTED")
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
TIMES = {"silent_after": MINUTE, "not_registered_after": HOUR, "hold_off": MINUTE, "backup_after": HOUR}


@signed_in
async def rules(request: Request) -> Response:
    """All rules, those made here first."""
    client = client_of(request)
    found = (await client.desk.ask("AlarmService/ListAlarmRules", RulesAnswer)).rules
    edits = (await client.caller()).role is Role.ADMINISTRATOR
    return await show(request, "alarms/rules.html", rules=found, sources=SOURCES, edits=edits)


@signed_in
async def add(request: Request) -> Response:
    """A new rule; `?from=` begins with one that is there."""
    client = client_of(request)
    if request.method != "POST":
        base = EMPTY
        if key := request.query_params.get("from", ""):
            found = (await client.desk.ask("AlarmService/ListAlarmRules", RulesAnswer)).rules
            base = next((rule for rule in found if rule.key == key), EMPTY)
        return await _form(request, base, new=True)
    rule = _typed(await request.form(), EMPTY)
    try:
        await client.desk.do("AlarmService/CreateAlarmRule", rule=_asked(rule))
    except ApiError as error:
        if error.code not in MADE_HERE:
            raise
        return await _form(request, rule, new=True, problem=sentences.of_error(error))
    return redirect("/alarms/rules", "rule-saved")


@signed_in
async def edit(request: Request) -> Response:
    """A rule made here."""
    client, key = client_of(request), request.path_params["key"]
    found = (await client.desk.ask("AlarmService/ListAlarmRules", RulesAnswer)).rules
    present = next((rule for rule in found if rule.key == key and not rule.built_in), None)
    if present is None:
        raise ApiError("NOT_FOUND", "", "")
    if request.method != "POST":
        return await _form(request, present)
    rule = _typed(await request.form(), present)
    try:
        wanted = _asked(rule) | {"name": present.name, "etag": rule.etag}
        await client.desk.do("AlarmService/UpdateAlarmRule", rule=wanted, update_mask=FIELDS)
    except ApiError as error:
        if error.code not in MADE_HERE:
            raise
        return await _form(request, rule, problem=sentences.of_error(error), etag=present.etag)
    return redirect("/alarms/rules", "rule-saved")


async def _form(request: Request, rule: AlarmRule, *, new: bool = False, problem: str = "", etag: str = "") -> Response:
    values: dict[str, object] = {"rule": rule, "new": new, "problem": problem, "etag": etag or rule.etag}
    values |= {"kinds": KINDS, "not_by_code": NOT_BY_CODE, "severities": SEVERITIES, "sources": SOURCES}
    return await show(request, "alarms/rule.html", 422 if problem else 200, **values)


def _typed(form: FormData, base: AlarmRule) -> AlarmRule:
    source, kind, severity = text(form, "source"), text(form, "kind"), text(form, "severity")
    return AlarmRule(
        name=base.name,
        source=source if source in SOURCES else "UNSPECIFIED",
        vendor=text(form, "vendor"),
        model=text(form, "model"),
        code=text(form, "code"),
        kind=kind if kind in KINDS else "UNSPECIFIED",
        severity=severity if severity in SEVERITIES else "UNSPECIFIED",
        text=text(form, "text"),
        built_in=False,
        etag=text(form, "etag"),
    )


def _asked(rule: AlarmRule) -> dict[str, object]:
    return {name: getattr(rule, name) for name in FIELDS}


@signed_in
async def delete(request: Request) -> Response:
    """Remove a rule; the built-in one for its code counts again."""
    name = f"alarmRules/{request.path_params['key']}"
    await client_of(request).desk.do("AlarmService/DeleteAlarmRule", name=name)
    return redirect("/alarms/rules", "rule-deleted")


@signed_in
async def settings(request: Request) -> Response:
    """When silence is an alarm, and the like."""
    client = client_of(request)
    present = (await client.desk.ask("AlarmService/GetAlarmSettings", AlarmSettingsAnswer)).settings
    edits = (await client.caller()).role is Role.ADMINISTRATOR
    typed = told(present)
    if request.method != "POST":
        return await show(request, "alarms/settings.html", typed=typed, etag=present.etag, edits=edits, problem="")
    form = await request.form()
    typed = {name: text(form, name) for name in typed}
    try:
        asked = read(typed) | {"etag": text(form, "etag")}
        await client.desk.do("AlarmService/UpdateAlarmSettings", settings=asked, update_mask=tuple(typed))
    except ApiError as error:
        if error.code not in MADE_HERE:
            raise
        values: dict[str, object] = {"typed": typed, "etag": present.etag, "edits": edits}
        return await show(request, "alarms/settings.html", 422, problem=sentences.of_error(error), **values)
    return redirect("/alarms/settings", "alarm-settings-saved")


def told(settings: AlarmSettings) -> dict[str, str]:
    """The settings as their fields show them: minutes, hours, per cent."""
    times = {name: f"{(getattr(settings, name) or timedelta()) / unit:g}" for name, unit in TIMES.items()}
    return {**times, "network_percent": str(settings.network_percent)}


def read(typed: dict[str, str]) -> dict[str, object]:
    """The other way round. Raises ApiError for what is no number."""
    asked: dict[str, object] = {}
    for name, words in typed.items():
        try:
            number = float(words.replace(",", "."))
        except ValueError:
            number = -1
        demand(0 <= number < 1e6, _("Enter a number in each field."))
        asked[name] = round(number) if name == "network_percent" else number * TIMES[name]
    return asked


ROUTES = [
    Route("/alarms/rules", rules),
    Route("/alarms/rules/add", add, methods=["GET", "POST"]),
    Route("/alarms/rules/{key}", edit, methods=["GET", "POST"]),
    Route("/alarms/rules/{key}/delete", delete, methods=["POST"]),
    Route("/alarms/settings", settings, methods=["GET", "POST"]),
]
