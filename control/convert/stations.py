"""Stations, EVSEs, connectors, their filter and their numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final

from google.protobuf import field_mask_pb2
from google.protobuf.message import Message

from control.convert.common import moment, timestamp
from control.convert.names import print_name, read_name
from control.v1 import stations_pb2
from csms.domain.errors import InvalidArgument
from csms.domain.facts import ConnectorStatus, RegistrationStatus
from csms.ports.queries import (
    ConnectorFilter,
    ConnectorRow,
    ConnectorView,
    FleetSummary,
    StationFilter,
    StationOrder,
    StationSorting,
    StationView,
)

REGISTRATIONS: Final[dict[RegistrationStatus, stations_pb2.RegistrationState.ValueType]] = {
    RegistrationStatus.ACCEPTED: stations_pb2.REGISTRATION_STATE_ACCEPTED,
    RegistrationStatus.PENDING: stations_pb2.REGISTRATION_STATE_PENDING,
    RegistrationStatus.REJECTED: stations_pb2.REGISTRATION_STATE_REJECTED,
}
STATUSES: Final[dict[ConnectorStatus, stations_pb2.ConnectorStatus.ValueType]] = {
    ConnectorStatus.AVAILABLE: stations_pb2.CONNECTOR_STATUS_AVAILABLE,
    ConnectorStatus.PREPARING: stations_pb2.CONNECTOR_STATUS_PREPARING,
    ConnectorStatus.CHARGING: stations_pb2.CONNECTOR_STATUS_CHARGING,
    ConnectorStatus.SUSPENDED_EV: stations_pb2.CONNECTOR_STATUS_SUSPENDED_EV,
    ConnectorStatus.SUSPENDED_EVSE: stations_pb2.CONNECTOR_STATUS_SUSPENDED_EVSE,
    ConnectorStatus.FINISHING: stations_pb2.CONNECTOR_STATUS_FINISHING,
    ConnectorStatus.RESERVED: stations_pb2.CONNECTOR_STATUS_RESERVED,
    ConnectorStatus.UNAVAILABLE: stations_pb2.CONNECTOR_STATUS_UNAVAILABLE,
    ConnectorStatus.FAULTED: stations_pb2.CONNECTOR_STATUS_FAULTED,
}
_REGISTRATIONS_BACK: Final = {int(number): value for value, number in REGISTRATIONS.items()}
_STATUSES_BACK: Final = {int(number): value for value, number in STATUSES.items()}
_ONLINE: Final = {
    stations_pb2.CONNECTION_STATE_UNSPECIFIED: None,
    stations_pb2.CONNECTION_STATE_ONLINE: True,
    stations_pb2.CONNECTION_STATE_OFFLINE: False,
}

_ORDERS: Final = {
    stations_pb2.STATION_ORDER_UNSPECIFIED: StationOrder.IDENTITY,
    stations_pb2.STATION_ORDER_DISPLAY_NAME: StationOrder.DISPLAY_NAME,
    stations_pb2.STATION_ORDER_MODEL: StationOrder.MODEL,
    stations_pb2.STATION_ORDER_FIRMWARE_VERSION: StationOrder.FIRMWARE_VERSION,
    stations_pb2.STATION_ORDER_CREATE_TIME: StationOrder.CREATE_TIME,
    stations_pb2.STATION_ORDER_LAST_SEEN_TIME: StationOrder.LAST_SEEN_TIME,
}


def station(view: StationView, fields: frozenset[str] = frozenset()) -> stations_pb2.Station:
    """The fields that are asked for; none: all of it."""
    told = {name: _FIELDS[name](view) for name in (fields or _FIELDS) if name != "name"}
    return stations_pb2.Station(name=print_name("stations", view.id), **told)


def read_mask(mask: field_mask_pb2.FieldMask) -> frozenset[str]:
    """The fields of Station that are asked for; none: all. Raises InvalidArgument."""
    if list(mask.paths) == ["*"]:
        return frozenset()
    unknown = [path for path in mask.paths if path not in stations_pb2.Station.DESCRIPTOR.fields_by_name]
    if unknown:
        raise InvalidArgument(f"A station has no field {', '.join(unknown)}.", reason="INVALID_FIELD_MASK")
    return frozenset(mask.paths)


def needs_connectors(fields: frozenset[str]) -> bool:
    """Is something asked for that comes from connectors or from sessions under way?"""
    return not fields or not fields.isdisjoint(("evses", "status", "error_code"))


def _own(view: StationView) -> ConnectorView | None:
    """What the station says of itself: its EVSE 0."""
    return next((c for c in view.connectors if c.evse_id == 0), None)


def _status(view: StationView) -> stations_pb2.ConnectorStatus.ValueType:
    own = _own(view)
    return STATUSES[own.status] if own else stations_pb2.CONNECTOR_STATUS_UNSPECIFIED


def _error_code(view: StationView) -> str:
    own = _own(view)
    return own.error_code if own else ""


def _connection(view: StationView) -> stations_pb2.ConnectionState.ValueType:
    return stations_pb2.CONNECTION_STATE_ONLINE if view.online else stations_pb2.CONNECTION_STATE_OFFLINE


def _boot_info(view: StationView) -> stations_pb2.BootInfo | None:
    boot = view.boot
    if boot is None:
        return None
    return stations_pb2.BootInfo(
        vendor=boot.vendor,
        model=boot.model,
        serial_number=boot.serial_number,
        charge_box_serial_number=boot.charge_box_serial_number,
        firmware_version=boot.firmware_version,
        iccid=boot.iccid,
        imsi=boot.imsi,
        meter_type=boot.meter_type,
        meter_serial_number=boot.meter_serial_number,
        boot_time=timestamp(view.booted_at),
    )


def _evses(view: StationView) -> list[stations_pb2.Evse]:
    """In the order of their numbers; also those of which only a session is known."""
    sessions = {s.evse_id: s for s in view.sessions if s.evse_id > 0}
    numbers = {c.evse_id for c in view.connectors if c.evse_id > 0} | set(sessions)
    evses = []
    for number in sorted(numbers):
        evse = stations_pb2.Evse(
            name=f"stations/{view.id}/evses/{number}",
            evse_id=number,
            connectors=[
                _connector(c) for c in sorted(view.connectors, key=lambda c: c.connector_id) if c.evse_id == number
            ],
        )
        session = sessions.get(number)
        if session is not None:
            evse.session = print_name("sessions", session.session_id)
            evse.power_w, evse.energy_wh = session.power_w, session.energy_wh
        evses.append(evse)
    return evses


def _connector(view: ConnectorView) -> stations_pb2.Connector:
    return stations_pb2.Connector(
        connector_id=view.connector_id,
        status=STATUSES[view.status],
        error_code=view.error_code,
        info=view.info,
        vendor_error_code=view.vendor_error_code,
        status_time=timestamp(view.at),
    )


def station_filter(message: stations_pb2.StationFilter, user_id: int | None = None) -> StationFilter:
    """`user_id` is the caller's. Raises InvalidArgument for a state that does not exist."""
    caller = user_id or 0  # a key owns nothing
    try:
        return StationFilter(
            identity=message.identity,
            vendor=message.vendor,
            model=message.model,
            firmware_version=message.firmware_version,
            protocol=message.protocol.strip(),
            created_from=_moment(message, "created_from"),
            created_before=_moment(message, "created_before"),
            owned_by=caller if message.ownership == stations_pb2.OWNERSHIP_OWN else None,
            shared_with=caller if message.ownership == stations_pb2.OWNERSHIP_SHARED else None,
            query=message.query.strip(),
            registrations=tuple(_REGISTRATIONS_BACK[number] for number in message.registration_states),
            online=_ONLINE[message.connection_state],
            connector_statuses=tuple(_STATUSES_BACK[number] for number in message.connector_statuses),
            place_id=read_name(message.place, "places") if message.place else None,
            group_id=read_name(message.group, "groups") if message.group else None,
        )
    except KeyError as error:
        raise InvalidArgument(f"There is no state with the number {error}.", reason="INVALID_FILTER") from error


def sorting(order: stations_pb2.StationOrder.ValueType, *, descending: bool) -> StationSorting:
    """Raises InvalidArgument for an order that does not exist."""
    if order not in _ORDERS:
        raise InvalidArgument(f"There is no order with the number {order}.", reason="INVALID_ORDER")
    return StationSorting(_ORDERS[order], descending)


def connector_filter(message: stations_pb2.ListConnectorsRequest, user_id: int | None) -> ConnectorFilter:
    """Raises InvalidArgument for a state that does not exist."""
    unknown = [number for number in message.statuses if int(number) not in _STATUSES_BACK]
    if unknown:
        raise InvalidArgument(f"There is no state with the number {unknown[0]}.", reason="INVALID_FILTER")
    return ConnectorFilter(
        station_filter(message.filter, user_id),
        tuple(_STATUSES_BACK[int(number)] for number in message.statuses),
        _moment(message, "changed_from"),
        _moment(message, "changed_before"),
    )


def connector_item(row: ConnectorRow) -> stations_pb2.ConnectorItem:
    """A line of the list of connectors."""
    return stations_pb2.ConnectorItem(
        station=print_name("stations", row.station_id),
        identity=row.identity,
        station_display_name=row.display_name,
        place=print_name("places", row.place_id),
        connection_state=(
            stations_pb2.CONNECTION_STATE_ONLINE if row.online else stations_pb2.CONNECTION_STATE_OFFLINE
        ),
        evse_id=row.connector.evse_id,
        connector=_connector(row.connector),
    )


def _moment(message: Message, field: str) -> datetime | None:
    return moment(getattr(message, field)) if message.HasField(field) else None


def summary(fleet: FleetSummary) -> stations_pb2.SummarizeStationsResponse:
    """Numbers over all stations."""
    return stations_pb2.SummarizeStationsResponse(
        total=fleet.total,
        online=fleet.online,
        offline=fleet.total - fleet.online,
        pending=fleet.pending,
        faulted=fleet.faulted,
        active_sessions=fleet.active_sessions,
        power_w=fleet.power_w,
        connector_counts=[
            stations_pb2.ConnectorCount(status=STATUSES[status], count=count) for status, count in fleet.connectors
        ],
    )


_FIELDS: Final[Mapping[str, Callable[[StationView], Any]]] = MappingProxyType(
    {
        "identity": attrgetter("identity"),
        "display_name": attrgetter("display_name"),
        "description": attrgetter("description"),
        "address": attrgetter("address"),
        "registration_state": lambda view: REGISTRATIONS[view.registration],
        "connection_state": _connection,
        "protocol": attrgetter("protocol"),
        "remote_address": attrgetter("remote_address"),
        "connect_time": lambda view: timestamp(view.connected_at),
        "last_seen_time": lambda view: timestamp(view.last_seen_at),
        "boot_info": _boot_info,
        "evses": _evses,
        "status": _status,
        "error_code": _error_code,
        "has_password": attrgetter("has_password"),
        "connection_attempts": attrgetter("attempts"),
        "create_time": lambda view: timestamp(view.created_at),
        "update_time": lambda view: timestamp(view.updated_at),
        "etag": lambda view: str(view.version),
        "security_profile": attrgetter("security_profile"),
        "password_change_pending": attrgetter("password_change_pending"),
        "failed_attempts": attrgetter("failed_attempts"),
        "last_failed_attempt_time": lambda view: timestamp(view.last_failed_attempt_at),
        "last_failed_attempt_reason": attrgetter("last_failed_attempt_reason"),
        "last_failed_attempt_address": attrgetter("last_failed_attempt_address"),
        "place": lambda view: print_name("places", view.place_id),
        "owner": lambda view: print_name("users", view.owner_id) if view.owner_id is not None else "",
        "reservable": attrgetter("reservable"),
    }
)
"""Each field of Station but its name; `name` in a mask is no more than what is there anyway."""
