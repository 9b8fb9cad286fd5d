"""Tariffs and costs."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from control.convert.common import timestamp
from control.convert.names import print_name
from control.v1 import tariffs_pb2
from csms.domain.errors import InvalidArgument
from csms.domain.tariff import DAYS, Cost, Element, Line, LineKind, PriceKind, Tariff, Window
from csms.domain.tariff_book import Assignment, NamedTariff, SessionCost, TariffVersion, version_at
from csms.services.session_costs import CostView

MAX_DIGITS: Final = 40
_KINDS: Final = {kind: tariffs_pb2.PriceKind.Value(f"PRICE_KIND_{kind.name}") for kind in PriceKind}
_READ_KINDS: Final = {number: kind for kind, number in _KINDS.items()}
_LINE_KINDS: Final = {kind: tariffs_pb2.CostLineKind.Value(f"COST_LINE_KIND_{kind.name}") for kind in LineKind}


def amount(number: Decimal) -> str:
    """As people write it, without an exponent; digits stay as they are."""
    return f"{number:f}"


def quantity(number: Decimal) -> str:
    """Without needless zeros, to a hundred thousandth."""
    text = f"{round(number, 5).normalize():f}"
    return "0" if text == "-0" else text


def read_amount(text: str, what: str) -> Decimal:
    """Raises InvalidArgument/INVALID_AMOUNT."""
    try:
        number = Decimal(text) if len(text) <= MAX_DIGITS and text.isascii() else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite() or abs(number.adjusted()) > MAX_DIGITS:
        raise InvalidArgument(f"The {what} {text[:50]!r} is no number like 0.35.", reason="INVALID_AMOUNT")
    return number


def window(found: Window | None) -> tariffs_pb2.TariffWindow | None:
    """None stays unset."""
    if found is None:
        return None
    days = [] if found.days == DAYS else sorted(found.days)
    return tariffs_pb2.TariffWindow(start_minute=found.start, end_minute=found.end, weekdays=days)


def terms(found: Tariff) -> tariffs_pb2.TariffTerms:
    """All of it."""
    return tariffs_pb2.TariffTerms(
        currency=found.currency,
        elements=[
            tariffs_pb2.TariffElement(
                kind=_KINDS[each.kind],
                price=amount(each.price),
                step=each.step,
                grace_s=each.grace_s,
                window=window(each.window),
            )
            for each in found.elements
        ],
        vat_percent=amount(found.vat_percent),
        prices_exclude_vat=not found.prices_include_vat,
        minimum="" if found.minimum is None else amount(found.minimum),
        maximum="" if found.maximum is None else amount(found.maximum),
    )


def read_terms(message: tariffs_pb2.TariffTerms) -> Tariff:
    """What it says; whether that makes sense is for the domain. Raises InvalidArgument."""
    return Tariff(
        message.currency,
        tuple(_read_element(each) for each in message.elements),
        read_amount(message.vat_percent, "VAT") if message.vat_percent else Decimal(0),
        not message.prices_exclude_vat,
        read_amount(message.minimum, "minimum") if message.minimum else None,
        read_amount(message.maximum, "maximum") if message.maximum else None,
    )


def _read_element(message: tariffs_pb2.TariffElement) -> Element:
    kind = _READ_KINDS.get(message.kind)
    if kind is None:
        raise InvalidArgument("Say what each element prices: PRICE_KIND_ENERGY and so on.", reason="KIND_MISSING")
    hours = None
    if message.HasField("window"):
        days = frozenset(message.window.weekdays) or DAYS
        hours = Window(message.window.start_minute, message.window.end_minute, days)
    return Element(kind, read_amount(message.price, "price"), message.step, message.grace_s, hours)


def version(found: TariffVersion) -> tariffs_pb2.TariffVersion:
    """All of it."""
    return tariffs_pb2.TariffVersion(
        name=version_name(found),
        valid_from_time=timestamp(found.valid_from),
        terms=terms(found.terms),
        create_time=timestamp(found.created_at),
    )


def version_name(found: TariffVersion) -> str:
    """`tariffs/{id}/versions/{number}`."""
    return f"{print_name('tariffs', found.tariff_id)}/versions/{found.number}"


def tariff(found: NamedTariff, at: datetime) -> tariffs_pb2.Tariff:
    """With the prices in force at a moment; before the first version, that one's."""
    message = tariffs_pb2.Tariff(
        name=print_name("tariffs", found.id),
        display_name=found.name,
        description=found.description,
        retired=found.retired,
        version_count=len(found.versions),
        create_time=timestamp(found.created_at),
        update_time=timestamp(found.updated_at),
        etag=str(found.version),
    )
    shown = version_at(found.versions, at) or (found.versions[0] if found.versions else None)
    if shown is not None:
        message.terms.CopyFrom(terms(shown.terms))
        message.valid_from_time.FromDatetime(shown.valid_from)
    return message


def assignment(found: Assignment, name: str) -> tariffs_pb2.TariffAssignment:
    """With the tariff's name."""
    return tariffs_pb2.TariffAssignment(
        target=str(found.target),
        tariff=print_name("tariffs", found.tariff_id),
        tariff_display_name=name,
        valid_from_time=timestamp(found.valid_from),
    )


def line(found: Line) -> tariffs_pb2.CostLine:
    """With the whole line as text."""
    return tariffs_pb2.CostLine(
        kind=_LINE_KINDS[found.kind],
        quantity=quantity(found.quantity),
        used=quantity(found.used),
        price=amount(found.price),
        amount=amount(found.amount),
        window=window(found.window),
        text=str(found),
    )


def cost(found: Cost | None, vat_percent: Decimal) -> tariffs_pb2.Cost:
    """None: no tariff holds."""
    if found is None:
        return tariffs_pb2.Cost(total_excl="0", vat="0", total_incl="0", vat_percent="0")
    return tariffs_pb2.Cost(
        currency=found.currency,
        lines=[line(each) for each in found.lines],
        total_excl=amount(found.net),
        vat=amount(found.vat),
        total_incl=amount(found.gross),
        vat_percent=amount(vat_percent),
    )


def session_cost(view: CostView) -> tariffs_pb2.SessionCost:
    """All of it."""
    found: SessionCost = view.cost
    return tariffs_pb2.SessionCost(
        session=print_name("sessions", found.session_id),
        revision=found.revision,
        tariff_version="" if view.version is None else version_name(view.version),
        tariff_display_name=view.tariff,
        cost=cost(Cost(found.currency, found.lines, found.net, found.vat, found.gross), found.vat_percent),
        reason=found.reason,
        compute_time=timestamp(found.computed_at),
    )
