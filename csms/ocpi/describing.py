"""A site becomes a Location (OCPI 2.2.1, part 8)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import msgspec

from csms.domain.facts import ConnectorStatus
from csms.domain.roaming import Outlet, Plug, Site
from csms.domain.third_party import RoamingSettings, street_of
from csms.ocpi.locations import Connector, ConnectorFormat, Evse, EvseStatus, Hours, Location, PowerType
from csms.ocpi.values import BusinessDetails, GeoLocation, cut, whole

_CABLE, _SOCKET = ConnectorFormat.CABLE, ConnectorFormat.SOCKET
_ONE, _THREE, _DC = PowerType.AC_1_PHASE, PowerType.AC_3_PHASE, PowerType.DC
# OCPP's word → OCPI's standard, format, power type, V, A (of a usual one, where its power is not known).
_STANDARDS: Final = {
    "": ("IEC_62196_T2", _SOCKET, _THREE, 230, 32),
    "sType2": ("IEC_62196_T2", _SOCKET, _THREE, 230, 32),
    "cType2": ("IEC_62196_T2", _CABLE, _THREE, 230, 32),
    "cType1": ("IEC_62196_T1", _CABLE, _ONE, 230, 32),
    "cCCS1": ("IEC_62196_T1_COMBO", _CABLE, _DC, 500, 125),
    "cCCS2": ("IEC_62196_T2_COMBO", _CABLE, _DC, 500, 125),
    "cG105": ("CHADEMO", _CABLE, _DC, 500, 125),
    "cGBT-DC": ("GBT_DC", _CABLE, _DC, 750, 125),
    "cChaoJi": ("CHAOJI", _CABLE, _DC, 1000, 400),
    "cTesla": ("TESLA_S", _CABLE, _DC, 480, 200),
    "cMCS": ("MCS", _CABLE, _DC, 1250, 1000),
    "s309-1P-16A": ("IEC_60309_2_single_16", _SOCKET, _ONE, 230, 16),
    "s309-1P-32A": ("IEC_60309_2_single_16", _SOCKET, _ONE, 230, 32),
    "s309-3P-16A": ("IEC_60309_2_three_16", _SOCKET, _THREE, 230, 16),
    "s309-3P-32A": ("IEC_60309_2_three_32", _SOCKET, _THREE, 230, 32),
    "sCEE-7-7": ("DOMESTIC_F", _SOCKET, _ONE, 230, 16),
    "sBS1361": ("DOMESTIC_G", _SOCKET, _ONE, 230, 13),
    "sType3": ("IEC_62196_T3C", _SOCKET, _THREE, 230, 32),
    "Pan": ("PANTOGRAPH_BOTTOM_UP", _CABLE, _DC, 750, 500),
}
# Outlets name their type in OCPI's words; stations of OCPP 2.x in theirs.
_BY_STANDARD: Final = {row[0]: row for row in reversed(_STANDARDS.values())}
_STATUSES: Final = {
    ConnectorStatus.AVAILABLE: EvseStatus.AVAILABLE,
    # A car stands at it: nobody else can charge there, and nothing is charged.
    ConnectorStatus.PREPARING: EvseStatus.BLOCKED,
    ConnectorStatus.FINISHING: EvseStatus.BLOCKED,
    ConnectorStatus.CHARGING: EvseStatus.CHARGING,
    ConnectorStatus.SUSPENDED_EV: EvseStatus.CHARGING,
    ConnectorStatus.SUSPENDED_EVSE: EvseStatus.CHARGING,
    ConnectorStatus.RESERVED: EvseStatus.RESERVED,
    ConnectorStatus.UNAVAILABLE: EvseStatus.INOPERATIVE,
    ConnectorStatus.FAULTED: EvseStatus.OUTOFORDER,
}
# Of an EVSE with several connectors: one in use takes them all.
_STRONGEST: Final = (
    EvseStatus.CHARGING,
    EvseStatus.BLOCKED,
    EvseStatus.RESERVED,
    EvseStatus.AVAILABLE,
    EvseStatus.INOPERATIVE,
    EvseStatus.OUTOFORDER,
)
CAPABILITIES: Final = ("REMOTE_START_STOP_CAPABLE", "RESERVABLE", "RFID_READER", "UNLOCK_CAPABLE")


def location_of(site: Site, settings: RoamingSettings, changed_at: datetime) -> Location:
    """The site, told. Its position must be known."""
    place, told = site.place, site.published
    evses = tuple(evse_of(outlet, settings) for outlet in site.outlets)
    return Location(
        country_code=settings.country_code,
        party_id=settings.party_id,
        id=str(place.id),
        publish=True,
        name=cut(place.name, 255),
        address=cut(street_of(told, place.address), 45),
        city=told.city,
        postal_code=told.postal_code or None,
        country=told.country,
        coordinates=coordinates_of(place.latitude or 0.0, place.longitude or 0.0),
        time_zone=site.time_zone,
        evses=evses,
        operator=business_of(settings),
        opening_times=Hours(True),
        last_updated=whole(max((changed_at, *(evse.last_updated for evse in evses)))),
    )


def evse_of(outlet: Outlet, settings: RoamingSettings) -> Evse:
    """The outlet, told."""
    return Evse(
        uid=outlet.uid,
        evse_id=evse_reference(outlet, settings),
        status=status_of(outlet),
        capabilities=CAPABILITIES,
        connectors=tuple(connector_of(plug, outlet) for plug in outlet.plugs or (Plug(1),)),
        floor_level=outlet.floor[:4] or None,
        physical_reference=cut(outlet.label or outlet.identity, 16) or None,
        last_updated=whole(outlet.changed_at),
    )


def evse_reference(outlet: Outlet, settings: RoamingSettings) -> str:
    """What the operator says it is at the service `roaming`; else made of the outlet's own number (`SE*CHA*EP7`), or of
    the station and the EVSE (`SE*CHA*E17*1`)."""
    number = "".join(each for each in outlet.number.upper() if each.isascii() and (each.isalnum() or each == "*"))
    made = f"{settings.country_code}*{settings.party_id}*E{number or f'{outlet.station_id}*{outlet.evse_id}'}"
    return (outlet.reference or made)[:48]


def status_of(outlet: Outlet) -> EvseStatus:
    """UNKNOWN while the station is away."""
    if not outlet.online or not outlet.statuses:
        return EvseStatus.UNKNOWN
    found = {_STATUSES[status] for status in outlet.statuses}
    return next(status for status in _STRONGEST if status in found)


def connector_of(plug: Plug, outlet: Outlet) -> Connector:
    """A type that we do not know is told as a socket of type 2."""
    row = _BY_STANDARD.get(plug.type) or _STANDARDS.get(plug.type, _STANDARDS[""])
    standard, shape, power, volts, amperes = row
    if plug.max_power_w > 0:
        phases = 3 if power is _THREE else 1
        amperes = max(1, round(plug.max_power_w / (volts * phases)))
    return Connector(
        id=str(plug.connector_id),
        standard=standard,
        format=shape,
        power_type=power,
        max_voltage=volts,
        max_amperage=amperes,
        max_electric_power=plug.max_power_w or None,
        tariff_ids=() if outlet.tariff_id is None else (str(outlet.tariff_id),),
        last_updated=whole(outlet.changed_at),
    )


def withdrawn(old: Location, at: datetime) -> Location:
    """What is told of a site that is told no longer: its EVSEs are gone (8.1: an EVSE is never deleted)."""
    return msgspec.structs.replace(old, evses=tuple(gone(evse, at) for evse in old.evses), last_updated=whole(at))


def gone(evse: Evse, at: datetime) -> Evse:
    """8.4.22 REMOVED."""
    if evse.status is EvseStatus.REMOVED:
        return evse
    return msgspec.structs.replace(evse, status=EvseStatus.REMOVED, last_updated=whole(at))


def with_times(new: Location, old: Location | None, at: datetime) -> Location:
    """With the times at which each part last differed from what was told: a station that goes away changes its EVSE's
    status, too. What is no longer there is told as removed."""
    if old is None:
        return new
    new = with_removed(new, old, at)
    before = {evse.uid: evse for evse in old.evses}
    evses = tuple(_evse_with_time(evse, before.get(evse.uid), at) for evse in new.evses)
    same = msgspec.structs.replace(new, evses=evses, last_updated=old.last_updated)
    return same if same == old else msgspec.structs.replace(same, last_updated=whole(at))


def _evse_with_time(new: Evse, old: Evse | None, at: datetime) -> Evse:
    if old is None:
        return new
    plugs = {plug.id: plug for plug in old.connectors}
    connectors = tuple(
        plug if (was := plugs.get(plug.id)) is None else _connector_with_time(plug, was, at) for plug in new.connectors
    )
    same = msgspec.structs.replace(new, connectors=connectors, last_updated=old.last_updated)
    return same if same == old else msgspec.structs.replace(same, last_updated=whole(at))


def _connector_with_time(new: Connector, old: Connector, at: datetime) -> Connector:
    same = msgspec.structs.replace(new, last_updated=old.last_updated)
    return same if same == old else msgspec.structs.replace(same, last_updated=whole(at))


def with_removed(new: Location, old: Location | None, at: datetime) -> Location:
    """With the EVSEs that are no longer there."""
    if old is None:
        return new
    present = {evse.uid for evse in new.evses}
    removed = tuple(gone(evse, at) for evse in old.evses if evse.uid not in present)
    return msgspec.structs.replace(new, evses=(*new.evses, *removed)) if removed else new


def changed_statuses(old: Location, new: Location) -> tuple[Evse, ...] | None:
    """The EVSEs whose status differs, if that is all that differs; None: more does."""
    if _bare(old) != _bare(new):
        return None
    before = {evse.uid: evse.status for evse in old.evses}
    return tuple(evse for evse in new.evses if before[evse.uid] is not evse.status)


def _bare(location: Location) -> Location:
    """Without statuses and times."""
    replace = msgspec.structs.replace
    at = datetime.min.replace(tzinfo=UTC)

    def bare(evses: Iterable[Evse]) -> Iterable[Evse]:
        for evse in evses:
            connectors = tuple(replace(each, last_updated=at) for each in evse.connectors)
            yield replace(evse, status=EvseStatus.UNKNOWN, last_updated=at, connectors=connectors)

    return replace(location, evses=tuple(sorted(bare(location.evses), key=lambda evse: evse.uid)), last_updated=at)


def coordinates_of(latitude: float, longitude: float) -> GeoLocation:
    """8.4.13: text with six digits after the point."""
    return GeoLocation(f"{latitude:.6f}", f"{longitude:.6f}")


def business_of(settings: RoamingSettings) -> BusinessDetails:
    """Who we are."""
    return BusinessDetails(settings.business_name, settings.website or None)


def feature_collection(locations: Iterable[Location]) -> dict[str, object]:
    """The same as GeoJSON (RFC 7946): a point per site."""
    return {"type": "FeatureCollection", "features": [_feature(location) for location in locations]}


def _feature(location: Location) -> dict[str, object]:
    evses = [evse for evse in location.evses if evse.status is not EvseStatus.REMOVED]
    position = [float(location.coordinates.longitude), float(location.coordinates.latitude)]
    statuses = [evse.status.value for evse in evses]
    powers = [each.max_electric_power or 0 for evse in evses for each in evse.connectors]
    return {
        "type": "Feature",
        "id": location.id,
        "geometry": {"type": "Point", "coordinates": position},
        "properties": {
            "name": location.name,
            "address": location.address,
            "postal_code": location.postal_code,
            "city": location.city,
            "country": location.country,
            "operator": None if location.operator is None else location.operator.name,
            "evses": len(evses),
            "available": statuses.count(EvseStatus.AVAILABLE.value),
            "max_power_w": max(powers, default=0) or None,
            "connectors": sorted({each.standard for evse in evses for each in evse.connectors}),
            "statuses": {evse.evse_id or evse.uid: evse.status.value for evse in evses},
            "updated": location.last_updated.isoformat().replace("+00:00", "Z"),
        },
    }
