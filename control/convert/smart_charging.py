"""Charging profiles and schedules."""

from __future__ import annotations

from typing import TypeVar

from control.convert.common import seconds
from control.convert.ocpp_values import print_value, read_value
from control.v1 import charging_profiles_pb2, smart_charging_pb2
from csms.domain import smart_charging as domain
from csms.domain.charging_profile import (
    ChargingProfile,
    ChargingProfilePurpose,
    ChargingRateUnit,
    ChargingScheduleUpdate,
    CompositeSchedule,
)
from csms.domain.errors import InvalidArgument
from csms.services.smart_charging import StoredProfile

E = TypeVar("E", ChargingProfilePurpose, ChargingRateUnit)


def profile(message: charging_profiles_pb2.ChargingProfile) -> ChargingProfile:
    """Raises InvalidArgument."""
    return read_value(message, ChargingProfile, "charging profile")


def schedule_update(message: smart_charging_pb2.ChargingScheduleUpdate) -> ChargingScheduleUpdate:
    """Raises InvalidArgument."""
    return read_value(message, ChargingScheduleUpdate, "schedule update")


def clearing(request: smart_charging_pb2.ClearChargingProfileRequest) -> domain.ClearChargingProfile:
    """Raises InvalidArgument."""
    return domain.ClearChargingProfile(
        request.charging_profile_id if request.HasField("charging_profile_id") else None,
        request.evse_id if request.HasField("evse_id") else None,
        _word(request.charging_profile_purpose, ChargingProfilePurpose),
        request.stack_level if request.HasField("stack_level") else None,
    )


def composite(request: smart_charging_pb2.GetCompositeScheduleRequest) -> domain.GetCompositeSchedule:
    """Raises InvalidArgument."""
    unit = _word(request.charging_rate_unit, ChargingRateUnit)
    return domain.GetCompositeSchedule(request.evse_id, int(seconds(request.duration)), unit)


def reporting(request: smart_charging_pb2.GetChargingProfilesRequest) -> domain.GetChargingProfiles:
    """Without its request id. Raises InvalidArgument."""
    return domain.GetChargingProfiles(
        0,
        request.evse_id if request.HasField("evse_id") else None,
        _word(request.charging_profile_purpose, ChargingProfilePurpose),
        request.stack_level if request.HasField("stack_level") else None,
        tuple(request.charging_profile_ids),
        tuple(request.charging_limit_sources),
    )


def composite_schedule(schedule: CompositeSchedule | None) -> smart_charging_pb2.CompositeSchedule | None:
    """None stays unset."""
    return None if schedule is None else print_value(schedule, smart_charging_pb2.CompositeSchedule())


def stored(known: StoredProfile) -> smart_charging_pb2.StationChargingProfile:
    """What a station holds."""
    message = print_value(known.held, smart_charging_pb2.StationChargingProfile())
    message.update_time.FromDatetime(known.at)
    return message


def _word(text: str, kind: type[E]) -> E | None:
    """None for the empty one. Raises InvalidArgument."""
    try:
        return kind(text) if text else None
    except ValueError:
        words = ", ".join(word.value for word in kind)
        raise InvalidArgument(f"{text[:60]!r} is none of {words}.", reason="INVALID_VALUE") from None
