"""Smart charging in 1.6 words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from csms.domain import smart_charging as domain
from csms.domain.charging_profile import (
    ChargingProfileKind,
    ChargingProfilePurpose,
    ChargingRateUnit,
    ChargingSchedulePeriod,
    RecurrencyKind,
)
from csms.domain.errors import InvalidArgument, NotSupported
from csms.ocpp.v16.routes import Dialect16
from tests.kit.profiles import START, a_profile, a_schedule

DIALECT = Dialect16()
P, K = ChargingProfilePurpose, ChargingProfileKind


def with_period(*fields: Any, **more: Any) -> dict[str, Any]:
    return {"schedule": {"charging_schedule_period": (ChargingSchedulePeriod(*fields, **more),)}}


def printed(command: Any) -> tuple[str, Any]:
    action, payload = DIALECT.encode(command)
    return action, json.loads(payload)


@pytest.mark.feature("F-OCPP-1")
def test_profile_in_the_words_of_1_6() -> None:
    profile = a_profile(
        (0, 16.0),
        (3600, 8.1),
        id=7,
        stack_level=2,
        charging_profile_purpose=P.CHARGING_STATION_MAX_PROFILE,
        charging_profile_kind=K.RECURRING,
        recurrency_kind=RecurrencyKind.WEEKLY,
        valid_from=START,
        valid_to=START.replace(year=2027),
        schedule={"duration": 7200, "min_charging_rate": 6.0},
    )
    assert printed(domain.SetChargingProfile(0, profile)) == (
        "SetChargingProfile",
        {
            "connectorId": 0,
            "csChargingProfiles": {
                "chargingProfileId": 7,
                "stackLevel": 2,
                "chargingProfilePurpose": "ChargePointMaxProfile",
                "chargingProfileKind": "Recurring",
                "recurrencyKind": "Weekly",
                "validFrom": "2026-05-04T12:00:00Z",
                "validTo": "2027-05-04T12:00:00Z",
                "chargingSchedule": {
                    "duration": 7200,
                    "startSchedule": "2026-05-04T12:00:00Z",
                    "chargingRateUnit": "A",
                    "minChargingRate": 6.0,
                    "chargingSchedulePeriod": [
                        {"startPeriod": 0, "limit": 16.0},
                        {"startPeriod": 3600, "limit": 8.1},
                    ],
                },
            },
        },
    )


def test_transaction_is_a_number() -> None:
    profile = a_profile(charging_profile_purpose=P.TX_PROFILE, transaction_id="77")
    _, payload = printed(domain.SetChargingProfile(1, profile))
    assert payload["csChargingProfiles"]["transactionId"] == 77
    with pytest.raises(InvalidArgument, match="has a number, not 'abc'"):
        printed(domain.SetChargingProfile(1, a_profile(charging_profile_purpose=P.TX_PROFILE, transaction_id="abc")))


@pytest.mark.parametrize(
    ("said", "changes"),
    [
        ("no charging profiles for PriorityCharging", {"charging_profile_purpose": P.PRIORITY_CHARGING}),
        ("one schedule in a charging profile; this one has 2", {"charging_schedule": (a_schedule(), a_schedule(id=2))}),
        ("no maxOfflineDuration in a charging profile", {"max_offline_duration": 5}),
        ("no powerTolerance, useLocalTime in a", {"schedule": {"power_tolerance": 5.0, "use_local_time": True}}),
        ("no phaseToUse in a period", with_period(0, 1.0, phase_to_use=1)),
        ("a limit in every period", with_period(0)),
        ("rates with one decimal, such as 16.1", with_period(0, 16.12)),
        ("OCPP 1.6 cannot say this", {"charging_profile_kind": K.DYNAMIC}),
    ],
)
def test_what_1_6_lacks_is_named(said: str, changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match=said):
        printed(domain.SetChargingProfile(1, a_profile(**changes)))


@pytest.mark.feature("F-OCPP-1")
def test_clearing() -> None:
    assert printed(domain.ClearChargingProfile()) == ("ClearChargingProfile", {})
    assert printed(domain.ClearChargingProfile(7))[1] == {"id": 7}
    some = domain.ClearChargingProfile(None, 2, P.CHARGING_STATION_MAX_PROFILE, 0)
    assert printed(some)[1] == {
        "connectorId": 2,
        "chargingProfilePurpose": "ChargePointMaxProfile",
        "stackLevel": 0,
    }
    answer = DIALECT.outcome(some, b'{"status":"Unknown"}')
    assert (answer.status, answer.accepted) == ("Unknown", False)


@pytest.mark.feature("F-OCPP-1")
def test_composite_schedule() -> None:
    command = domain.GetCompositeSchedule(1, 600, ChargingRateUnit.WATT)
    assert printed(command) == ("GetCompositeSchedule", {"connectorId": 1, "duration": 600, "chargingRateUnit": "W"})
    answer = DIALECT.outcome(
        command,
        b'{"status":"Accepted","connectorId":1,"scheduleStart":"2026-05-04T14:00:00+02:00","chargingSchedule":'
        b'{"duration":600,"chargingRateUnit":"W","chargingSchedulePeriod":[{"startPeriod":0,"limit":11000.0}]}}',
    )
    assert answer.accepted
    assert isinstance(answer.result, domain.CompositeScheduleResult)
    schedule = answer.result.schedule
    assert (schedule.evse_id, schedule.duration, schedule.schedule_start) == (1, 600, START)
    assert schedule.charging_schedule_period == (ChargingSchedulePeriod(0, 11000.0),)
    assert DIALECT.outcome(command, b'{"status":"Rejected"}').result is None


def test_what_1_6_has_no_message_for() -> None:
    with pytest.raises(NotSupported, match=r"OCPP 1\.6 knows no GetChargingProfiles"):
        printed(domain.GetChargingProfiles(1))
