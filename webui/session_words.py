"""Words of a session's page: events, changed fields, lines of a bill. Also filters of the templates."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final, Protocol

from babel import dates, numbers

from webui import view
from webui.values_money import CostLine, Element, Window
from webui.words import N_, _, current

_FIELDS: Final = {
    "energy_wh": N_("Energy"),
    "start_time": N_("Start"),
    "stop_time": N_("End"),
    "id_token": N_("Tag"),
    "user": N_("User"),
    "mileage_km": N_("Mileage"),
    "vehicle_id": N_("Vehicle"),
    "purpose": N_("Purpose"),
    "note": N_("Description"),
    "reference_number": N_("Reference number"),
}
_WORDS: Final = {
    "PLUGGED_IN": N_("The cable was plugged in"),
    "STARTED": N_("The session began"),
    "GOAL_REACHED": N_("The vehicle had enough"),
    "STOPPED": N_("The session ended"),
    "PLUGGED_OUT": N_("The cable was pulled out"),
}
_KINDS: Final = {
    "ENERGY": N_("Energy"),
    "CHARGING_TIME": N_("Time charging"),
    "PARKING_TIME": N_("Time parked"),
    "SESSION": N_("Session"),
    "MINIMUM": N_("Up to the minimum"),
    "MAXIMUM": N_("Down to the maximum"),
}
_UNITS: Final = {"ENERGY": "kWh", "CHARGING_TIME": "min", "PARKING_TIME": "min"}


class EventLike(Protocol):
    """An event of a session."""

    @property
    def word(self) -> str:
        """Its stable word."""

    @property
    def summary(self) -> str:
        """A sentence in English."""

    @property
    def kind(self) -> str:
        """What kind."""


def session_field(name: str) -> str:
    """What a changed field is called."""
    return _(_FIELDS[name]) if name in _FIELDS else name.replace("_", " ").capitalize()


def session_value(value: str, name: str) -> str:
    """A value of a change, as the reader writes it."""
    if not value:
        return view.DASH
    if name.endswith("_time"):
        try:
            return view.moment(datetime.fromisoformat(value), True)
        except ValueError:
            return value
    if name == "energy_wh":
        try:
            return view.kwh(float(value), 3)
        except ValueError:
            return value
    return value


def session_event(event: EventLike) -> str:
    """What happened."""
    known = _WORDS.get(event.word)
    return _(known) if known is not None else event.summary or event.word


def local_input(value: datetime | None) -> str:
    """As a field for date and time wants it, in the reader's zone."""
    return value.astimezone(current.get().zone).strftime("%Y-%m-%dT%H:%M:%S") if value else ""


def cost_kind(kind: str) -> str:
    """What a line is for."""
    return _(_KINDS.get(kind, kind))


def plain_number(value: Decimal | str | None) -> str:
    """With as many digits as it has."""
    if value is None or value == "":
        return "0"
    return str(numbers.format_decimal(Decimal(value), format="#,##0.######", locale=current.get().locale))


def cost_line(line: CostLine, currency: str) -> str:
    """Quantity × price, and when the price counts."""
    if line.quantity is None or line.price is None:
        return line.text
    unit = _UNITS.get(line.kind, "")
    price = view.price(line.price, currency) + (f"/{unit}" if unit else "")
    made = f"{plain_number(line.quantity)} {unit} × {price}" if unit else price
    if line.used is not None and line.used != line.quantity and unit:
        made += f" ({_('used: %(n)s %(unit)s') % {'n': plain_number(line.used), 'unit': unit}})"
    return f"{made}, {window(line.window)}" if line.window is not None else made


def window(value: Window | None) -> str:
    """Hours and days of a price."""
    if value is None:
        return _("always")
    hours = f"{_clock(value.start_minute)}–{_clock(value.end_minute)}"
    if value.start_minute == value.end_minute:
        hours = _("all day")
    if not value.weekdays:
        return hours
    names = dates.get_day_names("abbreviated", locale=current.get().locale)
    return f"{', '.join(str(names[day]) for day in sorted(value.weekdays))} {hours}"


def price(element: Element, currency: str) -> str:
    """A price in a line: €0.35/kWh, Mon–Fri 08:00–18:00."""
    unit = _UNITS.get(element.kind, "")
    made = view.price(element.price, currency) + (f"/{unit}" if unit else "")
    if element.grace_s:
        made += ", " + _("after %(n)s free minutes") % {"n": plain_number(str(element.grace_s // 60))}
    return f"{made}, {window(element.window)}" if element.window is not None else made


def weekdays() -> list[tuple[int, str]]:
    """0 (Monday) to 6 with their names."""
    names = dates.get_day_names("abbreviated", locale=current.get().locale)
    return [(day, str(names[day])) for day in range(7)]


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


FILTERS: Final = {
    "session_field": session_field,
    "session_value": session_value,
    "session_event": session_event,
    "local_input": local_input,
    "cost_kind": cost_kind,
    "cost_line": cost_line,
    "plain_number": plain_number,
    "price_words": price,
    "window_words": window,
}
