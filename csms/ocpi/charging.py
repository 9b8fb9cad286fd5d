"""Sessions (2.2.1, part 9), CDRs (part 10) and tariffs (part 11)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from csms.ocpi.locations import ConnectorFormat, PowerType
from csms.ocpi.tokens import TokenType
from csms.ocpi.values import (
    CountryCode,
    DisplayText,
    GeoLocation,
    Id36,
    Id39,
    Model,
    Price,
    Text3,
    Text45,
    Text255,
)


class AuthMethod(StrEnum):
    """10.4.1."""

    AUTH_REQUEST = "AUTH_REQUEST"
    COMMAND = "COMMAND"
    WHITELIST = "WHITELIST"


class SessionStatus(StrEnum):
    """9.4.2."""

    ACTIVE = "ACTIVE"
    COMPLETED = "COMPLETED"
    INVALID = "INVALID"
    PENDING = "PENDING"
    RESERVATION = "RESERVATION"


class DimensionType(StrEnum):
    """10.4.3, as far as we measure it: kWh, hours."""

    ENERGY = "ENERGY"
    MAX_CURRENT = "MAX_CURRENT"
    PARKING_TIME = "PARKING_TIME"
    TIME = "TIME"


class Dimension(Model, frozen=True):
    """10.4.2."""

    type: DimensionType
    volume: Decimal


class ChargingPeriod(Model, frozen=True):
    """10.4.6."""

    start_date_time: datetime
    dimensions: Annotated[tuple[Dimension, ...], Meta(min_length=1)]
    tariff_id: Id36 | None = None


class CdrToken(Model, frozen=True):
    """Whose token (10.4.5)."""

    country_code: CountryCode
    party_id: Text3
    uid: Id36
    type: TokenType
    contract_id: Id36


class Session(Model, frozen=True):
    """9.3.1. kWh."""

    country_code: CountryCode
    party_id: Text3
    id: Id36
    start_date_time: datetime
    kwh: Decimal
    cdr_token: CdrToken
    auth_method: AuthMethod
    location_id: Id36
    evse_uid: Id36
    connector_id: Id36
    currency: Text3
    status: SessionStatus
    last_updated: datetime
    end_date_time: datetime | None = None
    authorization_reference: Id36 | None = None
    meter_id: Text255 | None = None
    charging_periods: tuple[ChargingPeriod, ...] = ()
    total_cost: Price | None = None


class CdrLocation(Model, frozen=True):
    """Where it was, as it was then (10.4.4)."""

    id: Id36
    address: Text45
    city: Text45
    country: Annotated[str, Meta(min_length=3, max_length=3)]
    coordinates: GeoLocation
    evse_uid: Id36
    evse_id: Annotated[str, Meta(max_length=48)]
    connector_id: Id36
    connector_standard: str
    connector_format: ConnectorFormat
    connector_power_type: PowerType
    name: Text255 | None = None
    postal_code: Annotated[str, Meta(max_length=10)] | None = None


class PriceComponentType(StrEnum):
    """11.4.3."""

    ENERGY = "ENERGY"
    FLAT = "FLAT"
    PARKING_TIME = "PARKING_TIME"
    TIME = "TIME"


class PriceComponent(Model, frozen=True):
    """11.4.2: per kWh, per hour or once, without VAT; `vat` in percent; `step_size` in Wh or seconds."""

    type: PriceComponentType
    price: Decimal
    step_size: int
    vat: Decimal | None = None


class Restrictions(Model, frozen=True):
    """When an element counts (11.4.6), as far as we have such rules."""

    start_time: str | None = None
    end_time: str | None = None
    day_of_week: tuple[str, ...] = ()


class TariffElement(Model, frozen=True):
    """11.4.5."""

    price_components: Annotated[tuple[PriceComponent, ...], Meta(min_length=1)]
    restrictions: Restrictions | None = None


class Tariff(Model, frozen=True):
    """11.3.1."""

    country_code: CountryCode
    party_id: Text3
    id: Id36
    currency: Text3
    elements: Annotated[tuple[TariffElement, ...], Meta(min_length=1)]
    last_updated: datetime
    tariff_alt_text: tuple[DisplayText, ...] = ()
    min_price: Price | None = None
    max_price: Price | None = None
    start_date_time: datetime | None = None


class Cdr(Model, frozen=True):
    """10.3.1. kWh and hours. Never changes once it was sent; a credit takes it back."""

    country_code: CountryCode
    party_id: Text3
    id: Id39
    start_date_time: datetime
    end_date_time: datetime
    cdr_token: CdrToken
    auth_method: AuthMethod
    cdr_location: CdrLocation
    currency: Text3
    charging_periods: Annotated[tuple[ChargingPeriod, ...], Meta(min_length=1)]
    total_cost: Price
    total_energy: Decimal
    total_time: Decimal
    last_updated: datetime
    session_id: Id36 | None = None
    authorization_reference: Id36 | None = None
    meter_id: Text255 | None = None
    tariffs: tuple[Tariff, ...] = ()
    total_fixed_cost: Price | None = None
    total_energy_cost: Price | None = None
    total_time_cost: Price | None = None
    total_parking_time: Decimal | None = None
    total_parking_cost: Price | None = None
    remark: Text255 | None = None
    credit: bool | None = None
    credit_reference_id: Id39 | None = None
