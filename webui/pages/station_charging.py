"""What limits a station: charging profiles, what results of them; the local tag list; messages on its display."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import uuid4

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webui import days, sentences
from webui.api import Client
from webui.api.remote import ANSWER_S, GRACE_S
from webui.operations import Answer, Outcome, of_failure, of_result
from webui.page import client_of, demand, signed_in, text
from webui.station_page import HELD_BACK, tab_page
from webui.values import ApiError
from webui.values_charging import AnswerWithSchedule, Composite, DisplayItems, LocalList, Profiles
from webui.words import N_, _

PURPOSES: Final = (
    ("ChargingStationMaxProfile", N_("The whole station, at most")),
    ("TxDefaultProfile", N_("Each session, unless it has its own")),
)
PRIORITIES: Final = ("NormalCycle", "InFront", "AlwaysFront")
FAR: Final = timedelta(minutes=24 * 60)


@signed_in
async def charging(request: Request) -> Response:
    """All of it."""
    return await _page(request, None)


async def _page(
    request: Request,
    outcome: Outcome | None,
    *,
    composite: Composite | None = None,
    typed: Mapping[str, object] | None = None,
) -> Response:
    client, key = client_of(request), request.path_params["key"]
    station, profiles, tags, messages = await asyncio.gather(
        client.station(key), _profiles(client, key), _local_list(client, key), _messages(client, key)
    )
    return await tab_page(
        request,
        "station/charging.html",
        "charging",
        422 if outcome and outcome.tone == "bad" else 200,
        station=station,
        profiles=profiles.profiles,
        local_list=tags,
        messages=messages.items,
        purposes=PURPOSES,
        priorities=PRIORITIES,
        outcome=outcome,
        composite=composite,
        typed=typed or {},
    )


async def _profiles(client: Client, key: str) -> Profiles:
    return await client.desk.ask("SmartChargingService/ListChargingProfiles", Profiles, station=f"stations/{key}")


async def _local_list(client: Client, key: str) -> LocalList | None:
    try:
        return await client.desk.ask("LocalListService/GetLocalList", LocalList, station=f"stations/{key}")
    except ApiError as error:
        if error.code in HELD_BACK:
            return None
        raise


async def _messages(client: Client, key: str) -> DisplayItems:
    try:
        return await client.desk.ask(
            "InventoryService/ListStationItems", DisplayItems, station=f"stations/{key}", kind="display_message"
        )
    except ApiError as error:
        if error.code in HELD_BACK:
            return DisplayItems()
        raise


@signed_in
async def change(request: Request) -> Response:
    """Set or clear a profile, compute what results, show or take off a message: the last part of the address says."""
    client, key, what = client_of(request), request.path_params["key"], request.path_params["what"]
    form = await request.form()
    typed = {name: value for name, value in form.items() if isinstance(value, str)}
    composite: Composite | None = None
    try:
        if what == "composite":
            outcome, composite = await _composite(client, key, form)
        else:
            outcome = await _done(client, key, what, form)
    except ApiError as error:
        outcome = of_failure(what, error)
        if error.code == "INVALID_ARGUMENT":
            outcome = Outcome(what, "bad", sentences.of_error(error))
    if outcome.tone == "good":
        typed = {}
    return await _page(request, outcome, composite=composite, typed=typed)


async def _done(client: Client, key: str, what: str, form: FormData) -> Outcome:
    match what:
        case "set":
            profiles = (await _profiles(client, key)).profiles
            free = max((each.profile.id for each in profiles), default=0) + 1
            return await _sent(client, key, what, "SmartChargingService/SetChargingProfile", _profile(form, free))
        case "clear":
            return await _sent(client, key, what, "SmartChargingService/ClearChargingProfile", _cleared(form))
        case "message":
            return await _sent(client, key, what, "DisplayService/SetDisplayMessage", _message(form))
        case "take-off":
            number = {"message_id": _whole(text(form, "id"))}
            return await _sent(client, key, what, "DisplayService/ClearDisplayMessage", number)
    raise ApiError("NOT_FOUND", "", "")


def _target(key: str) -> dict[str, object]:
    return {"station": f"stations/{key}", "timeout": timedelta(seconds=ANSWER_S), "request_id": uuid4().hex}


async def _sent(client: Client, key: str, what: str, method: str, fields: Mapping[str, object]) -> Outcome:
    request = dict(fields)
    answer = await client.desk.ask(
        method,
        Answer,
        timeout_s=ANSWER_S + GRACE_S,
        target=_target(key),
        **request,
    )
    return of_result(what, answer.result.plain)


async def _composite(client: Client, key: str, form: FormData) -> tuple[Outcome, Composite]:
    minutes = _whole(text(form, "minutes"))
    demand(0 < minutes <= FAR.total_seconds() / 60, _("Look ahead between one minute and a day."))
    unit = text(form, "unit")
    answer = await client.desk.ask(
        "SmartChargingService/GetCompositeSchedule",
        AnswerWithSchedule,
        timeout_s=ANSWER_S + GRACE_S,
        target=_target(key),
        evse_id=_whole(text(form, "evse")),
        duration=timedelta(minutes=minutes),
        charging_rate_unit=unit if unit in ("W", "A") else "",
        include_computed=True,
    )
    return of_result("composite", answer.result.plain), Composite(answer.schedule, answer.computed)


# ---- forms to requests; each raises ApiError for what is wrong


def _profile(form: FormData, free: int) -> dict[str, object]:
    unit, purpose = text(form, "unit"), text(form, "purpose")
    demand(purpose in dict(PURPOSES), _("Choose what the profile limits."))
    schedule: dict[str, object] = {
        "id": 1,
        "start_schedule": datetime.now(tz=UTC).replace(microsecond=0),
        "charging_rate_unit": "W" if unit == "W" else "A",
        "charging_schedule_period": periods(text(form, "periods")),
    }
    if hours := _whole(text(form, "hours")):
        schedule["duration"] = hours * 3600
    profile: dict[str, object] = {
        "id": _whole(text(form, "id")) or free,
        "stack_level": _whole(text(form, "stack_level")),
        "charging_profile_purpose": purpose,
        "charging_profile_kind": "Absolute",
        "valid_from": days.moment_of(text(form, "valid_from")),
        "valid_to": days.moment_of(text(form, "valid_to")),
        "charging_schedule": [schedule],
    }
    if text(form, "daily") == "1":
        profile |= {"charging_profile_kind": "Recurring", "recurrency_kind": "Daily"}
    return {"evse_id": _whole(text(form, "evse")), "profile": profile}


def periods(typed: str) -> list[dict[str, object]]:
    """From lines of `minutes: limit`, the first of which begins at 0. Raises ApiError."""
    found: list[dict[str, object]] = []
    wrong = _("Write each period on a line of its own, as minutes: limit. The first one begins at 0.")
    for line in filter(None, (each.strip() for each in typed.splitlines())):
        begin, separator, limit = (part.strip() for part in line.partition(":"))
        try:
            demand(separator and begin.isdecimal(), wrong)
            found.append({"start_period": int(begin) * 60, "limit": float(limit.replace(",", "."))})
        except ValueError:
            raise ApiError("INVALID_ARGUMENT", "", wrong) from None
    demand(found and found[0]["start_period"] == 0, wrong)
    return found


def _cleared(form: FormData) -> dict[str, object]:
    number = text(form, "id")
    return {"charging_profile_id": _whole(number)} if number else {}


def _message(form: FormData) -> dict[str, object]:
    content, priority = text(form, "content"), text(form, "priority")
    demand(content, _("Enter the text to show."))
    message = {
        "priority": priority if priority in PRIORITIES else PRIORITIES[0],
        "message": {"format": "UTF8", "content": content[:512], "language": text(form, "language")},
        "end_date_time": days.moment_of(text(form, "until")),
    }
    return {"message": message}


def _whole(value: str) -> int:
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 10 else 0


ROUTES = [
    Route("/stations/{key}/charging", charging),
    Route("/stations/{key}/charging/{what}", change, methods=["POST"]),
]
