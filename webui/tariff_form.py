"""The form of a tariff ⇄ its terms: one row for each price, windows as clock and days."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from starlette.datastructures import FormData

from webui.page import demand, text
from webui.values import ApiError
from webui.values_money import Element, Terms, Window
from webui.words import N_, _, current

KINDS: Final = {
    "ENERGY": N_("Energy, per kWh"),
    "CHARGING_TIME": N_("Time charging, per minute"),
    "PARKING_TIME": N_("Time parked, per minute"),
    "SESSION": N_("Once for the session"),
}
MOST: Final = 100


@dataclass(frozen=True, slots=True)
class Row:
    """A price as it is typed."""

    kind: str = "ENERGY"
    price: str = ""
    step: str = ""
    grace: str = ""
    begin: str = ""
    end: str = ""
    days: tuple[int, ...] = field(default=())


def rows_of_terms(terms: Terms) -> list[Row]:
    """What the form begins with."""
    rows = [
        Row(
            kind=each.kind,
            price=each.price,
            step=str(each.step) if each.step else "",
            grace=str(each.grace_s // 60) if each.grace_s else "",
            begin=_clock(each.window.start_minute) if each.window else "",
            end=_clock(each.window.end_minute) if each.window else "",
            days=each.window.weekdays if each.window else (),
        )
        for each in terms.elements
    ]
    return rows or [Row()]


def as_form(terms: Terms) -> dict[str, str]:
    """The other fields."""
    return {
        "currency": terms.currency,
        "vat_percent": terms.vat_percent,
        "prices_exclude_vat": "1" if terms.prices_exclude_vat else "",
        "minimum": terms.minimum,
        "maximum": terms.maximum,
    }


def rows_of_form(form: FormData) -> list[Row]:
    """What was typed, row by row."""
    rows = []
    for number in range(MOST):
        if f"kind-{number}" not in form:
            break
        days = {int(str(day)) for day in form.getlist(f"day-{number}") if str(day) in "0123456" and str(day)}
        rows.append(
            Row(
                kind=text(form, f"kind-{number}"),
                price=text(form, f"price-{number}"),
                step=text(form, f"step-{number}"),
                grace=text(form, f"grace-{number}"),
                begin=text(form, f"begin-{number}"),
                end=text(form, f"end-{number}"),
                days=tuple(sorted(days)),
            )
        )
    return rows


def changed_rows(rows: list[Row], do: str) -> list[Row]:
    """After a button of the form: one more, or one less."""
    if do == "more" and len(rows) < MOST:
        return [*rows, Row()]
    if do.startswith("less-") and do[5:].isdecimal():
        return [row for number, row in enumerate(rows) if number != int(do[5:])] or [Row()]
    return rows or [Row()]


def read_terms(form: FormData) -> Terms:
    """The terms; rows without a price are left out. Raises ApiError for what makes no sense."""
    elements = tuple(_element(number, row) for number, row in enumerate(rows_of_form(form), 1) if row.price)
    demand(elements, _("Enter at least one price."))
    return Terms(
        currency=text(form, "currency").upper(),
        elements=elements,
        vat_percent=_decimal(text(form, "vat_percent"), _("VAT is a number of percent.")),
        prices_exclude_vat=text(form, "prices_exclude_vat") == "1",
        minimum=_decimal(text(form, "minimum"), _("The minimum is an amount.")),
        maximum=_decimal(text(form, "maximum"), _("The maximum is an amount.")),
    )


def _element(number: int, row: Row) -> Element:
    demand(row.kind in KINDS, _("Choose what price %(n)s is for.") % {"n": number})
    price = _decimal(row.price, _("Price %(n)s is no number.") % {"n": number})
    step = _whole(row.step, _("The step of price %(n)s is a whole number.") % {"n": number})
    grace = _whole(row.grace, _("The free minutes of price %(n)s are a whole number.") % {"n": number})
    window = None
    if row.begin or row.end or row.days:
        window = Window(_minute(row.begin), _minute(row.end), row.days)
    return Element(row.kind, price, step, grace * 60 if row.kind == "PARKING_TIME" else 0, window)


def _decimal(value: str, sentence: str) -> str:
    if not value:
        return ""
    try:
        number = Decimal(value.replace(",", ".").replace(" ", ""))
    except InvalidOperation:
        raise ApiError("INVALID_ARGUMENT", "", sentence) from None
    demand(number.is_finite(), sentence)
    return str(number)


def _whole(value: str, sentence: str) -> int:
    demand(not value or (value.isdecimal() and int(value) < 10**9), sentence)
    return int(value) if value else 0


def _minute(value: str) -> int:
    hours, _sep, minutes = value.partition(":")
    if not hours:
        return 0
    fine = hours.isdecimal() and minutes[:2].isdecimal() and int(hours) < 24 and int(minutes[:2]) < 60
    demand(fine, _("Enter times like 08:30."))
    return int(hours) * 60 + int(minutes[:2])


def number(form: FormData, name: str) -> float:
    """A number of the trial; nothing is 0. Raises ApiError."""
    value = _decimal(text(form, name), _("The imagined session needs numbers."))
    return min(float(value), 1e6) if value else 0.0


def moment(form: FormData, name: str) -> datetime | None:
    """A date and time in the reader's zone. Raises ApiError."""
    value = text(form, name)
    if not value:
        return None
    try:
        return datetime.fromisoformat(value).replace(tzinfo=current.get().zone)
    except ValueError:
        raise ApiError("INVALID_ARGUMENT", "", _("Enter date and time like 2026-05-12 11:30.")) from None


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def typed_in(form: FormData | None) -> defaultdict[str, str]:
    """What is in each field, to be shown again; nothing where nothing was typed."""
    return defaultdict(str, {key: str(value) for key, value in form.items()} if form else {})
