"""The installation."""

from __future__ import annotations

from typing import Final

from control.v1 import system_pb2
from csms.services.stations import UnknownStationPolicy
from csms.services.system import SystemInfo

POLICIES: Final[dict[UnknownStationPolicy, system_pb2.UnknownStationPolicy.ValueType]] = {
    UnknownStationPolicy.REFUSE: system_pb2.UNKNOWN_STATION_POLICY_REFUSE,
    UnknownStationPolicy.PENDING: system_pb2.UNKNOWN_STATION_POLICY_PENDING,
    UnknownStationPolicy.ACCEPT: system_pb2.UNKNOWN_STATION_POLICY_ACCEPT,
}


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
    )
