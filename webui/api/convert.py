"""control.v1 messages ⇄ the portal's values: one function per type."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from control.v1 import (
    auth_pb2,
    id_tokens_pb2,
    messages_pb2,
    remote_pb2,
    sessions_pb2,
    stations_pb2,
    system_pb2,
    watch_pb2,
)
from webui import values as v
from webui.api import wire
from webui.values_alarms import Alarm

E = TypeVar("E", bound=StrEnum)


def word(kind: type[E], names: Callable[[int], str], prefix: str, number: int) -> E:
    """The value of an enumeration; a word that this portal does not know yet is UNSPECIFIED."""
    try:
        return kind(names(number).removeprefix(prefix))
    except ValueError:
        return kind("UNSPECIFIED")


def time(message: Message, field: str) -> datetime | None:
    """The time in a field, or None when it is not set."""
    if not message.HasField(field):
        return None
    stamp: Timestamp = getattr(message, field)
    return stamp.ToDatetime(tzinfo=UTC)


def stamp(moment: datetime | None) -> Timestamp | None:
    """A time as a message, None when there is none."""
    if moment is None:
        return None
    message = Timestamp()
    message.FromDatetime(moment.astimezone(UTC))
    return message


def _seconds(message: Message, field: str) -> float | None:
    if not message.HasField(field):
        return None
    span: Duration = getattr(message, field)
    return span.seconds + span.nanos / 1e9


def caller(m: auth_pb2.Caller) -> v.Caller:
    """Who is signed in."""
    return v.Caller(name=m.name, display_name=m.display_name, email=m.email, role=role(m.role))


def role(number: int) -> v.Role:
    """A role."""
    return word(v.Role, auth_pb2.Role.Name, "ROLE_", number)  # type: ignore[arg-type]


def role_number(value: v.Role) -> auth_pb2.Role.ValueType:
    """A role as control.v1 numbers it."""
    return auth_pb2.Role.Value(f"ROLE_{value}")


def api_key(m: auth_pb2.ApiKey) -> v.ApiKey:
    """A key without its secret."""
    return v.ApiKey(
        name=m.name,
        display_name=m.display_name,
        role=role(m.role),
        hint=m.hint,
        create_time=time(m, "create_time"),
        expire_time=time(m, "expire_time"),
        last_use_time=time(m, "last_use_time"),
    )


def status(number: int) -> v.ConnectorStatus:
    """What a connector is doing."""
    return word(v.ConnectorStatus, stations_pb2.ConnectorStatus.Name, "CONNECTOR_STATUS_", number)  # type: ignore[arg-type]


def _boot(m: stations_pb2.BootInfo) -> v.BootInfo:
    return v.BootInfo(
        vendor=m.vendor,
        model=m.model,
        serial_number=m.serial_number,
        charge_box_serial_number=m.charge_box_serial_number,
        firmware_version=m.firmware_version,
        iccid=m.iccid,
        imsi=m.imsi,
        meter_type=m.meter_type,
        meter_serial_number=m.meter_serial_number,
        boot_time=time(m, "boot_time"),
    )


def _connector(m: stations_pb2.Connector) -> v.Connector:
    return v.Connector(
        connector_id=m.connector_id,
        status=status(m.status),
        error_code="" if m.error_code == "NoError" else m.error_code,
        info=m.info,
        vendor_error_code=m.vendor_error_code,
        status_time=time(m, "status_time"),
    )


def _evse(m: stations_pb2.Evse) -> v.Evse:
    return v.Evse(
        name=m.name,
        evse_id=m.evse_id,
        connectors=tuple(_connector(c) for c in m.connectors),
        session=m.session,
        power_w=m.power_w,
        energy_wh=m.energy_wh,
    )


def station(m: stations_pb2.Station) -> v.Station:
    """A station; ``NoError`` is shown as no error code."""
    return v.Station(
        name=m.name,
        identity=m.identity,
        display_name=m.display_name,
        description=m.description,
        address=m.address,
        registration=word(
            v.Registration,
            stations_pb2.RegistrationState.Name,  # type: ignore[arg-type]
            "REGISTRATION_STATE_",
            m.registration_state,
        ),
        connection=word(
            v.Connection,
            stations_pb2.ConnectionState.Name,  # type: ignore[arg-type]
            "CONNECTION_STATE_",
            m.connection_state,
        ),
        protocol=m.protocol,
        remote_address=m.remote_address,
        connect_time=time(m, "connect_time"),
        last_seen_time=time(m, "last_seen_time"),
        boot=_boot(m.boot_info),
        evses=tuple(_evse(e) for e in m.evses),
        status=status(m.status),
        error_code="" if m.error_code == "NoError" else m.error_code,
        has_password=m.has_password,
        connection_attempts=m.connection_attempts,
        create_time=time(m, "create_time"),
        update_time=time(m, "update_time"),
        etag=m.etag,
        security_profile=m.security_profile,
        password_change_pending=m.password_change_pending,
        failed_attempts=m.failed_attempts,
        last_failed_attempt_time=time(m, "last_failed_attempt_time"),
        last_failed_attempt_reason=m.last_failed_attempt_reason,
        last_failed_attempt_address=m.last_failed_attempt_address,
        place=m.place,
        owner=m.owner,
    )


def station_filter(q: v.StationQuery) -> stations_pb2.StationFilter:
    """Which stations."""
    return stations_pb2.StationFilter(
        query=q.query,
        registration_states=[stations_pb2.RegistrationState.Value(f"REGISTRATION_STATE_{r}") for r in q.registrations],
        connection_state=stations_pb2.ConnectionState.Value(f"CONNECTION_STATE_{q.connection}"),
        connector_statuses=[stations_pb2.ConnectorStatus.Value(f"CONNECTOR_STATUS_{s}") for s in q.statuses],
    )


def summary(m: stations_pb2.SummarizeStationsResponse) -> v.Summary:
    """Numbers over all stations."""
    return v.Summary(
        total=m.total,
        online=m.online,
        offline=m.offline,
        pending=m.pending,
        faulted=m.faulted,
        active_sessions=m.active_sessions,
        power_w=m.power_w,
    )


def session(m: sessions_pb2.Session) -> v.Session:
    """A session."""
    return wire.read(m, v.Session)


def session_filter(q: v.SessionQuery) -> sessions_pb2.SessionFilter:
    """Which sessions."""
    return sessions_pb2.SessionFilter(
        station=q.station,
        id_token=q.id_token,
        state=sessions_pb2.SessionState.Value(f"SESSION_STATE_{q.state}"),
        start_time_from=stamp(q.start_time_from),
        start_time_to=stamp(q.start_time_to),
        query=q.query,
        needs_reconciliation=q.needs_reconciliation,
    )


def meter_value(m: sessions_pb2.MeterValue) -> v.MeterValue:
    """A meter value with its numbers."""
    return v.MeterValue(
        sample_time=time(m, "sample_time"),
        samples=tuple(
            v.SampledValue(
                measurand=s.measurand,
                value=s.value,
                unit=s.unit,
                phase=s.phase,
                context=s.context,
                location=s.location,
            )
            for s in m.sampled_values
        ),
    )


def id_token(m: id_tokens_pb2.IdToken) -> v.IdToken:
    """A tag."""
    return v.IdToken(
        name=m.name,
        id_token=m.id_token,
        alias=m.alias,
        blocked=m.blocked,
        expire_time=time(m, "expire_time"),
        parent_id_token=m.parent_id_token,
        allow_concurrent=m.allow_concurrent,
        note=m.note,
        update_time=time(m, "update_time"),
        etag=m.etag,
    )


def id_token_message(t: v.IdToken) -> id_tokens_pb2.IdToken:
    """A tag as a message, for making and changing it."""
    return id_tokens_pb2.IdToken(
        name=t.name,
        id_token=t.id_token,
        alias=t.alias,
        blocked=t.blocked,
        expire_time=stamp(t.expire_time),
        parent_id_token=t.parent_id_token,
        allow_concurrent=t.allow_concurrent,
        note=t.note,
        etag=t.etag,
    )


def log_entry(m: messages_pb2.MessageLogEntry) -> v.LogEntry:
    """One frame or remark."""
    return v.LogEntry(
        sequence=m.sequence,
        log_time=time(m, "log_time"),
        direction=word(
            v.Direction,
            messages_pb2.MessageDirection.Name,  # type: ignore[arg-type]
            "MESSAGE_DIRECTION_",
            m.direction,
        ),
        message_type=m.message_type,
        action=m.action,
        message_id=m.message_id,
        content=m.content,
        latency=_seconds(m, "latency"),
    )


def log_filter(q: v.LogQuery) -> messages_pb2.MessageFilter:
    """Which entries."""
    return messages_pb2.MessageFilter(
        action=q.action,
        direction=messages_pb2.MessageDirection.Value(f"MESSAGE_DIRECTION_{q.direction}"),
        query=q.query,
    )


def result(m: remote_pb2.CommandResult, data: str = "") -> v.CommandResult:
    """What a station answered."""
    return v.CommandResult(
        accepted=m.accepted,
        status=m.status,
        error_code=m.error_code,
        error_description=m.error_description,
        latency=_seconds(m, "latency"),
        data=data,
    )


def system_info(m: system_pb2.GetSystemInfoResponse) -> v.SystemInfo:
    """The installation."""
    return v.SystemInfo(
        version=m.version,
        ocpp_addresses=tuple(m.ocpp_addresses),
        unknown_station_policy=word(
            v.UnknownStationPolicy,
            system_pb2.UnknownStationPolicy.Name,  # type: ignore[arg-type]
            "UNKNOWN_STATION_POLICY_",
            m.unknown_station_policy,
        ),
        station_password_required=m.station_password_required,
        database_available=m.database_available,
        draining=m.draining,
        protocols=tuple(m.protocols),
        addresses=tuple(v.ServerAddress(each.kind, each.url) for each in m.addresses),
    )


def change(m: watch_pb2.WatchResponse) -> v.Change:
    """One change of the live feed, or a tick."""
    kind = m.WhichOneof("change")
    return v.Change(
        revision=m.revision,
        station=station(m.station) if kind == "station" else None,
        deleted_station=m.deleted_station if kind == "deleted_station" else "",
        session=session(m.session) if kind == "session" else None,
        alarm=wire.read(m.alarm, Alarm) if kind == "alarm" else None,
    )
