"""From the form of a new operation to what the control plane is asked for. No request, no clock: tested as it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from starlette.datastructures import FormData

from webui.page import demand, text
from webui.words import _, current

WAVES: Final = 3
"""Rows of the form."""


def order(kind: str, form: FormData) -> dict[str, object]:
    """What each station is to do. Raises ApiError."""
    return {kind.lower(): _ORDERS[kind](form)}


def _trigger(form: FormData) -> dict[str, object]:
    message = text(form, "requested_message")
    demand(message, _("Choose the message to ask for."))
    return {"requested_message": message, "evse_id": _whole(form, "evse_id")}


def _variables(form: FormData) -> dict[str, object]:
    found = []
    for line in text(form, "variables").splitlines():
        name, equals, value = line.partition("=")
        if line.strip():
            demand(equals and name.strip(), _("Write one variable on each line: name = value."))
            found.append({"name": name.strip(), "value": value.strip()})
    demand(found, _("Write one variable on each line: name = value."))
    return {"variables": found}


def _transfer(form: FormData) -> dict[str, object]:
    demand(text(form, "vendor_id"), _("Enter the vendor's identifier."))
    return {name: text(form, name) for name in ("vendor_id", "message_id", "data")}


def _firmware(form: FormData) -> dict[str, object]:
    image, location = text(form, "image"), text(form, "location")
    demand(bool(image) != bool(location), _("Choose a firmware image, or enter the address of one: one of the two."))
    found: dict[str, object] = {"image": image} if image else {"location": location, "version": text(form, "version")}
    begin, end = _minute(text(form, "window_start")), _minute(text(form, "window_end"))
    return {**found, "window_start_minute": begin or 0, "window_end_minute": end or 0}


_ORDERS: Final[dict[str, Callable[[FormData], dict[str, object]]]] = {
    "RESET": lambda form: {"type": "IMMEDIATE" if text(form, "type") == "IMMEDIATE" else "ON_IDLE"},
    "CHANGE_AVAILABILITY": lambda form: {
        "operational_status": "OPERATIVE" if text(form, "to") == "OPERATIVE" else "INOPERATIVE"
    },
    "UNLOCK_CONNECTOR": lambda form: {"evse_id": _whole(form, "evse_id"), "connector_id": _whole(form, "connector_id")},
    "CLEAR_CACHE": lambda form: {},
    "TRIGGER_MESSAGE": _trigger,
    "SYNC_LOCAL_LIST": lambda form: {"full": text(form, "full") == "1"},
    "SET_VARIABLES": _variables,
    "DATA_TRANSFER": _transfer,
    "ADMISSION": lambda form: {"admit": text(form, "admit") == "1"},
    "GET_LOG": lambda form: {"log_type": "SECURITY" if text(form, "log_type") == "SECURITY" else "DIAGNOSTICS"},
    "UPDATE_FIRMWARE": _firmware,
}


def draft(kind: str, form: FormData) -> dict[str, object]:
    """What is wanted: the order, which stations, how it goes on. Raises ApiError."""
    found: dict[str, object] = {"title": text(form, "title"), "order": order(kind, form), **targets(form)}
    found |= {"concurrency": _whole(form, "concurrency"), "stop_after_failures": _whole(form, "stop_after_failures")}
    if hours := _whole(form, "offline_hours"):
        found["offline_wait"] = timedelta(hours=hours)
    if minutes := _whole(form, "station_minutes"):
        found["station_timeout"] = timedelta(minutes=minutes)
    if begin := text(form, "start"):
        found["start_time"] = _moment(begin)
    if parts := waves(form):
        found["waves"] = parts
    return found


def targets(form: FormData) -> dict[str, object]:
    """The ticked stations, or a filter. Raises ApiError."""
    if text(form, "by") == "chosen":
        chosen = tuple(f"stations/{key}" for key in form.getlist("station") if isinstance(key, str))
        demand(chosen, _("Tick the stations, or choose them by a filter."))
        return {"stations": chosen}
    wanted: dict[str, object] = {name: text(form, name) for name in ("place", "group", "query")}
    for name in ("vendors", "models", "firmware_versions", "except_firmware_versions"):
        wanted[name] = tuple(each.strip() for each in text(form, name).split(",") if each.strip())
    return {"filter": wanted}


def waves(form: FormData) -> tuple[dict[str, object], ...]:
    """Parts of the stations: so many, so much in percent, or the rest. Raises ApiError."""
    if text(form, "in_waves") != "1":
        return ()
    found = []
    for n in range(1, WAVES + 1):
        share = text(form, f"wave{n}_share")
        part: dict[str, object] = {"by_hand": text(form, f"wave{n}_by_hand") == "1"}
        if share.endswith("%"):
            part["percent"] = _number(share.rstrip("% "))
        elif share:
            part["count"] = int(_number(share))
        part["wait"] = timedelta(minutes=_whole(form, f"wave{n}_wait"))
        part["success_percent"] = _number(text(form, f"wave{n}_success") or "0")
        found.append(part)
        if not share:
            break  # the rest
    return tuple(found)


def schedule(kind: str, form: FormData) -> dict[str, object]:
    """The same by the clock: once on a date, or on days of the week. Raises ApiError."""
    when = by_the_clock(form)
    wanted = draft(kind, form)
    wanted.pop("start_time", None)
    return {**when, "draft": wanted, "time_zone": current.get().zone_name, "enabled": True}


def by_the_clock(form: FormData) -> dict[str, object]:
    """When a schedule begins, and its title. Raises ApiError."""
    minute = _minute(text(form, "clock"))
    demand(minute is not None, _("Enter the time of day to begin at."))
    days = tuple(int(day) for day in form.getlist("day") if isinstance(day, str) and day in "1234567" and day)
    return {
        "title": text(form, "title"),
        "minute_of_day": minute,
        "days_of_week": days,
        "date": text(form, "date"),
    }


def _whole(form: FormData, name: str) -> int:
    value = text(form, name)
    demand(not value or (value.isdecimal() and len(value) < 7), _("Enter whole numbers, or leave the field empty."))
    return int(value or 0)


def _number(value: str) -> float:
    try:
        return float(value.replace(",", "."))
    except ValueError:
        demand(False, _("Enter a number of stations, or a part of them like 10 %."))
        raise


def _minute(value: str) -> int | None:
    """Minutes after midnight of `07:30`."""
    hours, _colon, minutes = value.partition(":")
    return int(hours) * 60 + int(minutes) if hours.isdecimal() and minutes.isdecimal() else None


def _moment(value: str) -> datetime | None:
    try:
        return datetime.fromisoformat(value).replace(tzinfo=current.get().zone)
    except ValueError:
        demand(False, _("Enter date and time to begin at, or leave it empty."))
        return None
