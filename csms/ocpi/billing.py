"""Sessions, charge records and tariffs of ours in OCPI's words (2.2.1, parts 9 to 11).

Prices of OCPI are without VAT and per hour; ours are with or without, and per minute. What is paid is never reckoned
here: it is taken from the cost of the session, line by line.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

import msgspec

from csms.domain.roaming import RoamedSession, RoamingToken
from csms.domain.tariff import Element, Line, LineKind, PriceKind, Window
from csms.domain.tariff import Tariff as Terms
from csms.domain.third_party import RoamingSettings
from csms.ocpi.charging import (
    AuthMethod,
    Cdr,
    CdrLocation,
    CdrToken,
    ChargingPeriod,
    Dimension,
    DimensionType,
    PriceComponent,
    PriceComponentType,
    Restrictions,
    Session,
    SessionStatus,
    Tariff,
    TariffElement,
)
from csms.ocpi.locations import ConnectorFormat, Location, PowerType
from csms.ocpi.tokens import TokenType
from csms.ocpi.values import DisplayText, Price, cut, whole

_KINDS: Final = {
    PriceKind.ENERGY: PriceComponentType.ENERGY,
    PriceKind.CHARGING_TIME: PriceComponentType.TIME,
    PriceKind.PARKING_TIME: PriceComponentType.PARKING_TIME,
    PriceKind.SESSION: PriceComponentType.FLAT,
}
_DAYS: Final = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
_FOUR: Final = Decimal("0.0001")
_HOUR: Final = Decimal(3600)
_MINUTES: Final = Decimal(60)


# -- sessions ----------------------------------------------------------------------------------------------------------


def session_of(session: RoamedSession, location: Location, settings: RoamingSettings) -> Session:
    """The session as it is now. The location must have its EVSE."""
    cost = session.cost
    return Session(
        country_code=settings.country_code,
        party_id=settings.party_id,
        id=str(session.session_id),
        start_date_time=whole(session.started_at),
        end_date_time=None if session.ended_at is None else whole(session.ended_at),
        kwh=_kwh(session),
        cdr_token=_cdr_token(session.token),
        auth_method=_method(session),
        authorization_reference=session.authorization_reference or None,
        location_id=location.id,
        evse_uid=_evse_uid(session),
        connector_id=str(session.connector_id),
        meter_id=session.meter_serial or None,
        currency=(cost.currency if cost is not None else "") or settings.currency,
        charging_periods=(_period(session),),
        total_cost=None if cost is None else Price(cost.net, cost.gross),
        status=SessionStatus.ACTIVE if session.ended_at is None else SessionStatus.COMPLETED,
        last_updated=whole(session.changed_at),
    )


def cdr_of(
    session: RoamedSession, location: Location, settings: RoamingSettings, *, cdr_id: str, at: datetime
) -> Cdr | None:
    """The charge record; None while the session goes on or its cost is not reckoned."""
    cost, ended = session.cost, session.ended_at
    if cost is None or ended is None:
        return None
    sums = _sums(cost.lines, cost.gross == sum((line.amount for line in cost.lines), Decimal(0)), cost.vat_percent)
    parked = sum((line.used for line in cost.lines if line.kind is LineKind.PARKING_TIME), Decimal(0))
    tariffs: tuple[Tariff, ...] = ()
    if session.terms is not None and session.tariff_id is not None:
        tariffs = (tariff_of(session.tariff_id, "", session.terms, settings, at),)
    return Cdr(
        country_code=settings.country_code,
        party_id=settings.party_id,
        id=cdr_id,
        start_date_time=whole(session.started_at),
        end_date_time=whole(ended),
        session_id=str(session.session_id),
        cdr_token=_cdr_token(session.token),
        auth_method=_method(session),
        authorization_reference=session.authorization_reference or None,
        cdr_location=_cdr_location(session, location),
        meter_id=session.meter_serial or None,
        currency=cost.currency or settings.currency,
        tariffs=tariffs,
        charging_periods=(_period(session),),
        total_cost=Price(cost.net, cost.gross),
        total_energy=_kwh(session),
        total_time=_hours(session.started_at, ended),
        total_fixed_cost=sums.get("fixed"),
        total_energy_cost=sums.get("energy"),
        total_time_cost=sums.get("time"),
        total_parking_time=_rounded(parked / _MINUTES) if parked else None,
        total_parking_cost=sums.get("parking"),
        last_updated=whole(at),
    )


def credit_of(cdr: Cdr, *, cdr_id: str, at: datetime) -> Cdr:
    """What takes a record back (10.3.1: the same, with negative costs)."""

    def less(price: Price | None) -> Price | None:
        return None if price is None else Price(-price.excl_vat, None if price.incl_vat is None else -price.incl_vat)

    return msgspec.structs.replace(
        cdr,
        id=cdr_id,
        total_cost=Price(-cdr.total_cost.excl_vat, -(cdr.total_cost.incl_vat or cdr.total_cost.excl_vat)),
        total_fixed_cost=less(cdr.total_fixed_cost),
        total_energy_cost=less(cdr.total_energy_cost),
        total_time_cost=less(cdr.total_time_cost),
        total_parking_cost=less(cdr.total_parking_cost),
        credit=True,
        credit_reference_id=cdr.id,
        last_updated=whole(at),
    )


def _sums(lines: Iterable[Line], with_vat: bool, vat_percent: Decimal) -> dict[str, Price]:
    """By what OCPI asks for. What was added or taken off for a limit is neither, and counts as fixed."""
    names = {
        LineKind.ENERGY: "energy",
        LineKind.CHARGING_TIME: "time",
        LineKind.PARKING_TIME: "parking",
    }
    rate = 1 + vat_percent / 100
    sums: dict[str, Decimal] = {}
    for line in lines:
        name = names.get(line.kind, "fixed")
        sums[name] = sums.get(name, Decimal(0)) + line.amount
    if with_vat:
        return {name: Price(_rounded(amount / rate), amount) for name, amount in sums.items()}
    return {name: Price(amount, _rounded(amount * rate)) for name, amount in sums.items()}


def _cdr_location(session: RoamedSession, location: Location) -> CdrLocation:
    """One that was never told (its station was deleted at once) is told as a socket of type 2."""
    evse = next((each for each in location.evses if each.uid == _evse_uid(session)), None)
    connectors = () if evse is None else evse.connectors
    connector = next((each for each in connectors if each.id == str(session.connector_id)), None)
    plug = connector or (connectors[0] if connectors else None)
    return CdrLocation(
        id=location.id,
        name=location.name,
        address=location.address,
        city=location.city,
        postal_code=location.postal_code,
        country=location.country,
        coordinates=location.coordinates,
        evse_uid=_evse_uid(session),
        evse_id=(evse.evse_id if evse is not None else None) or _evse_uid(session),
        connector_id=str(session.connector_id),
        connector_standard="IEC_62196_T2" if plug is None else plug.standard,
        connector_format=ConnectorFormat.SOCKET if plug is None else plug.format,
        connector_power_type=PowerType.AC_3_PHASE if plug is None else plug.power_type,
    )


def _period(session: RoamedSession) -> ChargingPeriod:
    dimensions = [Dimension(DimensionType.ENERGY, _kwh(session))]
    until = session.ended_at or session.changed_at
    hours = _hours(session.started_at, until)
    parked = Decimal(0)
    if session.cost is not None:
        minutes = sum((line.used for line in session.cost.lines if line.kind is LineKind.PARKING_TIME), Decimal(0))
        parked = min(hours, _rounded(minutes / _MINUTES))
    if hours > parked:
        dimensions.append(Dimension(DimensionType.TIME, hours - parked))
    if parked:
        dimensions.append(Dimension(DimensionType.PARKING_TIME, parked))
    tariff = None if session.tariff_id is None else str(session.tariff_id)
    return ChargingPeriod(whole(session.started_at), tuple(dimensions), tariff)


def _cdr_token(token: RoamingToken) -> CdrToken:
    return CdrToken(token.country_code, token.party_code, token.uid, TokenType(token.type), token.contract_id)


def _method(session: RoamedSession) -> AuthMethod:
    if session.method:
        return AuthMethod(session.method)
    return AuthMethod.COMMAND if session.remote else AuthMethod.WHITELIST


def _evse_uid(session: RoamedSession) -> str:
    return f"{session.station_id}-{session.evse_id}"


def _kwh(session: RoamedSession) -> Decimal:
    return _rounded(Decimal(repr(round(session.energy_wh, 3))) / 1000)


def _hours(start: datetime, end: datetime) -> Decimal:
    return _rounded(Decimal(max(0.0, (whole(end) - whole(start)).total_seconds())) / _HOUR)


def _rounded(number: Decimal) -> Decimal:
    """To the four digits that OCPI has room for (16.4), without needless noughts."""
    rounded = number.quantize(_FOUR, ROUND_HALF_UP).normalize()
    exponent = rounded.as_tuple().exponent
    return rounded.quantize(Decimal(1)) if isinstance(exponent, int) and exponent > 0 else rounded


# -- tariffs -----------------------------------------------------------------------------------------------------------


def tariff_of(tariff_id: int, name: str, terms: Terms, settings: RoamingSettings, at: datetime) -> Tariff:
    """The prices. What OCPI cannot say (free minutes of parking) stands in the text beside them."""
    elements = tuple(_element(element, terms) for element in terms.elements)
    texts = [name] if name else []
    texts += [
        f"The first {element.grace_s // 60} minutes of parking are free."
        for element in terms.elements
        if element.grace_s
    ]
    return Tariff(
        country_code=settings.country_code,
        party_id=settings.party_id,
        id=str(tariff_id),
        currency=terms.currency,
        elements=elements,
        tariff_alt_text=(DisplayText("en", cut(" ".join(texts), 512)),) if texts else (),
        min_price=_limit(terms.minimum, terms),
        max_price=_limit(terms.maximum, terms),
        last_updated=whole(at),
    )


def _element(element: Element, terms: Terms) -> TariffElement:
    price = element.price / (1 + terms.vat_percent / 100) if terms.prices_include_vat else element.price
    if element.kind in (PriceKind.CHARGING_TIME, PriceKind.PARKING_TIME):
        price *= _MINUTES
    component = PriceComponent(
        type=_KINDS[element.kind],
        price=_rounded(price),
        vat=_rounded(terms.vat_percent),
        step_size=element.step or 1,
    )
    return TariffElement((component,), None if element.window is None else _restrictions(element.window))


def _restrictions(window: Window) -> Restrictions:
    days = () if len(window.days) == len(_DAYS) else tuple(_DAYS[day] for day in sorted(window.days))
    if window.start == window.end:
        return Restrictions(day_of_week=days)
    return Restrictions(_clock(window.start), _clock(window.end), days)


def _limit(amount: Decimal | None, terms: Terms) -> Price | None:
    if amount is None:
        return None
    rate = 1 + terms.vat_percent / 100
    if terms.prices_include_vat:
        return Price(_rounded(amount / rate), _rounded(amount))
    return Price(_rounded(amount), _rounded(amount * rate))


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
