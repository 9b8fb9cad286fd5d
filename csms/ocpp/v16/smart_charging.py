"""OCPP 1.6, Smart Charging profile (§5.5, §5.7, §5.16; types §7.8 – §7.14).

1.6 has one schedule in a profile, limits with one decimal, and calls ChargingStationMaxProfile ChargePointMaxProfile.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from csms.domain import smart_charging as domain
from csms.domain.charging_profile import (
    ChargingProfile,
    ChargingProfilePurpose,
    ChargingRateUnit,
    ChargingSchedule,
    ChargingSchedulePeriod,
    CompositeSchedule,
)
from csms.domain.commands import Answer
from csms.domain.errors import InvalidArgument
from csms.domain.values import Value
from csms.ocpp.faults import V16
from csms.ocpp.fitting import fitted, tidied
from csms.ocpp.routing import Outgoing, OutgoingRow, Payload, Printable

_PURPOSES: Final = {
    ChargingProfilePurpose.CHARGING_STATION_MAX_PROFILE: "ChargePointMaxProfile",
    ChargingProfilePurpose.TX_DEFAULT_PROFILE: "TxDefaultProfile",
    ChargingProfilePurpose.TX_PROFILE: "TxProfile",
}
_PROFILE: Final = frozenset(
    {
        *("id", "stackLevel", "chargingProfilePurpose", "chargingProfileKind", "chargingSchedule", "recurrencyKind"),
        *("validFrom", "validTo", "transactionId"),
    }
)
_SCHEDULE: Final = frozenset(
    {"id", "chargingRateUnit", "chargingSchedulePeriod", "startSchedule", "duration", "minChargingRate"}
)
_PERIOD: Final = frozenset({"startPeriod", "limit", "numberPhases"})


def _known(value: Value, names: frozenset[str], what: str) -> Payload:
    """The JSON of a value. Raises InvalidArgument for what 1.6 has no property for."""
    payload: Payload = msgspec.to_builtins(value, builtin_types=(datetime,))
    strange = sorted(payload.keys() - names)
    if strange:
        raise InvalidArgument(
            f"OCPP 1.6 has no {', '.join(strange)} in a {what}. Leave it out for this station.",
            reason="NOT_IN_THIS_VERSION",
        )
    return payload


def _purpose(purpose: ChargingProfilePurpose) -> str:
    if purpose in _PURPOSES:
        return _PURPOSES[purpose]
    raise InvalidArgument(
        f"OCPP 1.6 has no charging profiles for {purpose.value}; it has ChargingStationMaxProfile, TxDefaultProfile and"
        " TxProfile.",
        reason="NOT_IN_THIS_VERSION",
    )


def _rate(rate: float) -> float:
    """One decimal (§7.14). Raises InvalidArgument."""
    rounded = round(rate, 1)
    if abs(rate - rounded) > 1e-9:
        raise InvalidArgument(
            f"OCPP 1.6 takes rates with one decimal, such as {rounded}; this one is {rate}.",
            reason="TOO_MANY_DECIMALS",
        )
    return rounded


def _period(period: ChargingSchedulePeriod) -> Payload:
    if period.limit is None:
        raise InvalidArgument(
            "OCPP 1.6 wants a limit in every period of a charging schedule.", reason="NOT_IN_THIS_VERSION"
        )
    payload = _known(period, _PERIOD, "period of a charging schedule")
    return {**payload, "limit": _rate(period.limit)}


def _schedule(schedule: ChargingSchedule) -> Payload:
    slim = msgspec.structs.replace(schedule, charging_schedule_period=())
    payload = _known(slim, _SCHEDULE, "charging schedule")
    del payload["id"]
    payload["chargingSchedulePeriod"] = [_period(period) for period in schedule.charging_schedule_period]
    if schedule.min_charging_rate is not None:
        payload["minChargingRate"] = _rate(schedule.min_charging_rate)
    return payload


def print_charging_profile(profile: ChargingProfile) -> Payload:
    """§7.8; also for RemoteStartTransaction. Raises InvalidArgument for what 1.6 cannot say."""
    if len(profile.charging_schedule) != 1:
        raise InvalidArgument(
            f"OCPP 1.6 has one schedule in a charging profile; this one has {len(profile.charging_schedule)}.",
            reason="NOT_IN_THIS_VERSION",
        )
    purpose = _purpose(profile.charging_profile_purpose)
    payload = _known(msgspec.structs.replace(profile, charging_schedule=()), _PROFILE, "charging profile")
    payload["chargingProfileId"] = payload.pop("id")
    payload["chargingProfilePurpose"] = purpose
    payload["chargingSchedule"] = _schedule(profile.charging_schedule[0])
    if profile.transaction_id is not None:
        try:
            payload["transactionId"] = int(profile.transaction_id)
        except ValueError:
            raise InvalidArgument(
                f"An OCPP 1.6 transaction has a number, not {profile.transaction_id[:40]!r}.",
                reason="INVALID_TRANSACTION_ID",
            ) from None
    return payload


def set_charging_profile(command: domain.SetChargingProfile) -> Printable:
    """§5.16."""
    payload = {
        "connectorId": command.evse_id,
        "csChargingProfiles": print_charging_profile(command.charging_profile),
    }
    return fitted(V16, "SetChargingProfile", payload)


def clear_charging_profile(command: domain.ClearChargingProfile) -> Printable:
    """§5.5."""
    if command.charging_profile_id is not None:
        return {"id": command.charging_profile_id}
    payload: Payload = {}
    if command.evse_id is not None:
        payload["connectorId"] = command.evse_id
    if command.purpose is not None:
        payload["chargingProfilePurpose"] = _purpose(command.purpose)
    if command.stack_level is not None:
        payload["stackLevel"] = command.stack_level
    return payload


def get_composite_schedule(command: domain.GetCompositeSchedule) -> Printable:
    """§5.7."""
    payload: Payload = {"connectorId": command.evse_id, "duration": command.duration}
    if command.charging_rate_unit is not None:
        payload["chargingRateUnit"] = command.charging_rate_unit.value
    return payload


class StatusResponse(Value, frozen=True):
    """Accepted, Rejected, NotSupported, Unknown."""

    status: str


class Schedule(Value, frozen=True):
    """ChargingSchedule (§7.13)."""

    charging_rate_unit: ChargingRateUnit
    charging_schedule_period: tuple[ChargingSchedulePeriod, ...]
    duration: int = 0
    start_schedule: datetime | None = None


class GetCompositeScheduleResponse(Value, frozen=True):
    """§6.26."""

    status: str
    connector_id: int = 0
    schedule_start: datetime | None = None
    charging_schedule: Schedule | None = None


def read_status(payload: StatusResponse) -> Answer:
    """An answer with a status and no more."""
    return Answer(payload.status, payload.status == "Accepted")


def read_composite_schedule(payload: GetCompositeScheduleResponse) -> Answer:
    """§6.26. All but the status may be missing."""
    told = tidied(payload)
    accepted = told.status == "Accepted"
    schedule = told.charging_schedule
    if schedule is None:
        return Answer(told.status, accepted)
    made = CompositeSchedule(
        told.connector_id,
        schedule.duration,
        told.schedule_start or schedule.start_schedule,
        schedule.charging_rate_unit,
        schedule.charging_schedule_period,
    )
    return Answer(told.status, accepted, result=domain.CompositeScheduleResult(made))


OUTGOING: Final[tuple[OutgoingRow, ...]] = (
    Outgoing(
        "ClearChargingProfile",
        domain.ClearChargingProfile,
        clear_charging_profile,
        read_status,
        shape=StatusResponse,
    ),
    Outgoing(
        "GetCompositeSchedule",
        domain.GetCompositeSchedule,
        get_composite_schedule,
        read_composite_schedule,
        shape=GetCompositeScheduleResponse,
    ),
    Outgoing("SetChargingProfile", domain.SetChargingProfile, set_charging_profile, read_status, shape=StatusResponse),
)
