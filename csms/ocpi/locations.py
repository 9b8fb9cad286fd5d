"""Locations (2.2.1, part 8): a site, its EVSEs and their connectors."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from csms.ocpi.values import (
    BusinessDetails,
    CountryCode,
    DisplayText,
    GeoLocation,
    Id36,
    Model,
    Text3,
    Text16,
    Text20,
    Text45,
    Text255,
)


class EvseStatus(StrEnum):
    """8.4.22."""

    AVAILABLE = "AVAILABLE"
    BLOCKED = "BLOCKED"
    CHARGING = "CHARGING"
    INOPERATIVE = "INOPERATIVE"
    OUTOFORDER = "OUTOFORDER"
    PLANNED = "PLANNED"
    REMOVED = "REMOVED"
    RESERVED = "RESERVED"
    UNKNOWN = "UNKNOWN"


class ConnectorFormat(StrEnum):
    """8.4.4."""

    SOCKET = "SOCKET"
    CABLE = "CABLE"


class PowerType(StrEnum):
    """8.4.19."""

    AC_1_PHASE = "AC_1_PHASE"
    AC_2_PHASE = "AC_2_PHASE"
    AC_2_PHASE_SPLIT = "AC_2_PHASE_SPLIT"
    AC_3_PHASE = "AC_3_PHASE"
    DC = "DC"


class Connector(Model, frozen=True):
    """8.3.3. V, A, W."""

    id: Id36
    standard: str
    format: ConnectorFormat
    power_type: PowerType
    max_voltage: int
    max_amperage: int
    last_updated: datetime
    max_electric_power: int | None = None
    tariff_ids: tuple[Id36, ...] = ()


class Evse(Model, frozen=True):
    """8.3.2."""

    uid: Id36
    status: EvseStatus
    connectors: Annotated[tuple[Connector, ...], Meta(min_length=1)]
    last_updated: datetime
    evse_id: Annotated[str, Meta(max_length=48)] | None = None
    capabilities: tuple[str, ...] = ()
    floor_level: Annotated[str, Meta(max_length=4)] | None = None
    coordinates: GeoLocation | None = None
    physical_reference: Text16 | None = None
    directions: tuple[DisplayText, ...] = ()


class Hours(Model, frozen=True):
    """Opening times (8.4.14), of which we know one."""

    twentyfourseven: bool


class Location(Model, frozen=True):
    """8.3.1."""

    country_code: CountryCode
    party_id: Text3
    id: Id36
    publish: bool
    address: Text45
    city: Text45
    country: Annotated[str, Meta(min_length=3, max_length=3)]
    coordinates: GeoLocation
    time_zone: Text255
    last_updated: datetime
    name: Text255 | None = None
    postal_code: Annotated[str, Meta(max_length=10)] | None = None
    state: Text20 | None = None
    evses: tuple[Evse, ...] = ()
    operator: BusinessDetails | None = None
    opening_times: Hours | None = None
