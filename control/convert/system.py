"""The installation."""

from __future__ import annotations

from typing import Final

import msgspec

from control.convert.common import timestamp
from control.v1 import system_pb2
from csms.domain.system import EDITABLE, SystemSettings
from csms.ports.processes import Process
from csms.services.stations import UnknownStationPolicy
from csms.services.system import SystemInfo

POLICIES: Final[dict[UnknownStationPolicy, system_pb2.UnknownStationPolicy.ValueType]] = {
    UnknownStationPolicy.REFUSE: system_pb2.UNKNOWN_STATION_POLICY_REFUSE,
    UnknownStationPolicy.PENDING: system_pb2.UNKNOWN_STATION_POLICY_PENDING,
    UnknownStationPolicy.ACCEPT: system_pb2.UNKNOWN_STATION_POLICY_ACCEPT,
}
FIELDS: Final = {name: name for name in EDITABLE}
"""Paths of an update mask → fields of SystemSettings."""


def system_info(info: SystemInfo) -> system_pb2.GetSystemInfoResponse:
    """All of it."""
    return system_pb2.GetSystemInfoResponse(
        version=info.facts.version,
        ocpp_addresses=info.facts.ocpp_addresses,
        unknown_station_policy=POLICIES[info.facts.unknown_station_policy],
        station_password_required=info.facts.station_password_required,
        database_available=info.database_available,
        draining=info.draining,
        protocols=info.facts.protocols,
        addresses=(system_pb2.ServerAddress(kind=each.kind, url=each.url) for each in info.addresses),
        title=info.settings.title,
        description=info.settings.description,
        start_time=timestamp(info.facts.started_at),
        mail_configured=info.facts.mail_configured,
        database_bytes=info.database_bytes,
        retention=system_pb2.Retention(**msgspec.structs.asdict(info.facts.retention)),
        mail_sender=info.facts.mail_sender,
        min_security_profile=info.facts.min_security_profile,
        identity_provider=info.facts.identity_provider,
    )


def server_process(process: Process) -> system_pb2.ServerProcess:
    """One process."""
    return system_pb2.ServerProcess(
        display_name=process.name,
        kind=process.role,
        version=process.version,
        host=process.host,
        start_time=timestamp(process.started_at),
        station_count=process.stations,
        leases=process.leases,
        troubles=process.troubles,
        silent=not process.answers,
    )


def public_info(settings: SystemSettings) -> system_pb2.GetPublicInfoResponse:
    """What everybody may read."""
    return system_pb2.GetPublicInfoResponse(
        title=settings.title,
        organization=settings.organization,
        support_email=settings.support_email,
        support_phone=settings.support_phone,
        imprint=settings.imprint,
        privacy=settings.privacy,
        language=settings.language,
    )


def system_settings(settings: SystemSettings) -> system_pb2.SystemSettings:
    """All of it."""
    return system_pb2.SystemSettings(
        **{name: getattr(settings, name) for name in EDITABLE},
        update_time=timestamp(settings.updated_at),
        etag=str(settings.version),
    )


def read_system_settings(message: system_pb2.SystemSettings) -> SystemSettings:
    """What people may write of it."""
    return SystemSettings(**{name: getattr(message, name) for name in EDITABLE})
