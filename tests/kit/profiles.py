"""Charging profiles for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from csms.domain.charging_profile import (
    ChargingProfile,
    ChargingProfileKind,
    ChargingProfilePurpose,
    ChargingRateUnit,
    ChargingSchedule,
    ChargingSchedulePeriod,
)

START = datetime(2026, 5, 4, 12, tzinfo=UTC)


def a_schedule(*periods: tuple[int, float], **changes: Any) -> ChargingSchedule:
    """(start, limit) each, in amperes, from START on."""
    made = tuple(ChargingSchedulePeriod(start, limit) for start, limit in periods or ((0, 16.0),))
    fields = {"id": 1, "charging_rate_unit": ChargingRateUnit.AMPERE, "start_schedule": START}
    return ChargingSchedule(**{**fields, "charging_schedule_period": made, **changes})


def a_profile(*periods: tuple[int, float], **changes: Any) -> ChargingProfile:
    """An absolute TxDefaultProfile on stack level 0. `schedule`: changes to its only schedule."""
    schedule = a_schedule(*periods, **changes.pop("schedule", {}))
    fields = {
        "id": 1,
        "stack_level": 0,
        "charging_profile_purpose": ChargingProfilePurpose.TX_DEFAULT_PROFILE,
        "charging_profile_kind": ChargingProfileKind.ABSOLUTE,
        "charging_schedule": (schedule,),
    }
    return ChargingProfile(**{**fields, **changes})
