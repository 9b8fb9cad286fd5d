"""Smart charging in the words of 2.0.1."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from csms.domain import facts
from csms.domain import smart_charging as domain
from csms.domain.charging_profile import ChargingProfileKind, ChargingProfilePurpose, ChargingRateUnit
from csms.domain.errors import InvalidArgument, NotSupported
from csms.ocpp.faults import ErrorCode, Fault
from csms.ocpp.frame import Call
from csms.ocpp.v201.routes import Dialect201
from tests.kit.profiles import START, a_profile, a_schedule

DIALECT = Dialect201()
P, K = ChargingProfilePurpose, ChargingProfileKind
SCHEDULE = {
    "id": 1,
    "startSchedule": "2026-05-04T12:00:00Z",
    "chargingRateUnit": "A",
    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}],
}


def printed(command: Any) -> tuple[str, Any]:
    action, payload = DIALECT.encode(command)
    return action, json.loads(payload)


def taken(action: str, **payload: object) -> Any:
    return DIALECT.decode(Call("1", action, msgspec.Raw(json.dumps(payload).encode())))


def replied(action: str, reply: facts.Reply) -> Any:
    return json.loads(DIALECT.reply(Call("1", action, msgspec.Raw(b"{}")), reply))


@pytest.mark.feature("F-OCPP-4")
def test_set_charging_profile() -> None:
    profile = a_profile(id=7, charging_profile_purpose=P.TX_PROFILE, transaction_id="abc")
    command = domain.SetChargingProfile(1, profile)
    assert printed(command) == (
        "SetChargingProfile",
        {
            "evseId": 1,
            "chargingProfile": {
                "id": 7,
                "stackLevel": 0,
                "chargingProfilePurpose": "TxProfile",
                "chargingProfileKind": "Absolute",
                "chargingSchedule": [SCHEDULE],
                "transactionId": "abc",
            },
        },
    )
    answer = DIALECT.outcome(command, b'{"status":"Rejected","statusInfo":{"reasonCode":"InvalidSchedule"}}')
    assert (answer.accepted, answer.reason_code) == (False, "InvalidSchedule")


@pytest.mark.parametrize(
    ("said", "changes"),
    [
        ("maxOfflineDuration", {"max_offline_duration": 5}),
        ("useLocalTime", {"schedule": {"use_local_time": True}}),
        ("chargingProfileKind", {"charging_profile_kind": K.DYNAMIC}),
        ("chargingProfilePurpose", {"charging_profile_purpose": P.PRIORITY_CHARGING}),
        ("longer than 36", {"transaction_id": "x" * 37}),
    ],
)
def test_what_2_0_1_lacks_is_named(said: str, changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match=rf"OCPP 2\.0\.1 cannot say this: .*{said}") as caught:
        printed(domain.SetChargingProfile(1, a_profile(**changes)))
    assert caught.value.reason == "NOT_IN_THIS_VERSION"


@pytest.mark.feature("F-OCPP-4")
def test_clearing_reporting_and_computing() -> None:
    assert printed(domain.ClearChargingProfile(7))[1] == {"chargingProfileId": 7}
    assert printed(domain.ClearChargingProfile(None, 1, P.TX_PROFILE, 2))[1] == {
        "chargingProfileCriteria": {"evseId": 1, "chargingProfilePurpose": "TxProfile", "stackLevel": 2}
    }
    assert printed(domain.GetChargingProfiles(5, 1, P.TX_PROFILE, 2, (7,), ("CSO",))) == (
        "GetChargingProfiles",
        {
            "requestId": 5,
            "evseId": 1,
            "chargingProfile": {
                "chargingProfilePurpose": "TxProfile",
                "stackLevel": 2,
                "chargingProfileId": [7],
                "chargingLimitSource": ["CSO"],
            },
        },
    )
    assert printed(domain.GetChargingProfiles(5))[1] == {"requestId": 5, "chargingProfile": {}}
    command = domain.GetCompositeSchedule(1, 600, ChargingRateUnit.AMPERE)
    assert printed(command)[1] == {"evseId": 1, "duration": 600, "chargingRateUnit": "A"}
    schedule = {
        "evseId": 1,
        "duration": 600,
        "scheduleStart": "2026-05-04T12:00:00Z",
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}],
    }
    answer = DIALECT.outcome(command, json.dumps({"status": "Accepted", "schedule": schedule}).encode())
    assert isinstance(answer.result, domain.CompositeScheduleResult)
    assert answer.result.schedule.charging_schedule_period == a_schedule().charging_schedule_period


@pytest.mark.feature("F-OCPP-4")
def test_limits_of_others() -> None:
    limit = {"chargingLimitSource": "EMS", "isGridCritical": True}
    fact = taken("NotifyChargingLimit", evseId=1, chargingLimit=limit, chargingSchedule=[SCHEDULE])
    assert fact == domain.ChargingLimitTold("EMS", 1, True, None, (a_schedule(),))
    assert taken("ClearedChargingLimit", chargingLimitSource="SO") == domain.ChargingLimitCleared("SO")
    with pytest.raises(Fault) as caught:
        taken("ClearedChargingLimit", chargingLimitSource="SO", evseId=-1)
    assert caught.value.code is ErrorCode.PROPERTY_CONSTRAINT_VIOLATION
    assert replied("NotifyChargingLimit", facts.ACK) == {}


@pytest.mark.feature("F-OCPP-4")
def test_report_of_profiles() -> None:
    profile = {
        "id": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [SCHEDULE],
    }
    fact = taken(
        "ReportChargingProfiles",
        requestId=5,
        chargingLimitSource="CSO",
        chargingProfile=[profile],
        evseId=1,
        tbc=True,
    )
    assert fact == domain.ChargingProfilesReported(5, "CSO", 1, (a_profile(),), more=True)


@pytest.mark.feature("F-OCPP-4")
def test_vehicle_s_needs_and_schedule() -> None:
    parameters = {"energyAmount": 5000, "evMinCurrent": 6, "evMaxCurrent": 32, "evMaxVoltage": 400}
    fact = taken(
        "NotifyEVChargingNeeds",
        evseId=1,
        maxScheduleTuples=12,
        chargingNeeds={
            "requestedEnergyTransfer": "AC_three_phase",
            "acChargingParameters": parameters,
            "departureTime": "2026-05-04T18:00:00+02:00",
        },
    )
    assert fact.max_schedule_tuples == 12
    assert fact.needs.ac_charging_parameters.ev_max_current == 32.0
    assert fact.needs.departure_time == START + timedelta(hours=4)
    assert replied("NotifyEVChargingNeeds", domain.ChargingNeedsReply("Accepted")) == {"status": "Accepted"}
    assert replied("NotifyEVChargingNeeds", domain.ChargingNeedsReply("NoChargingProfile")) == {"status": "Rejected"}
    fact = taken("NotifyEVChargingSchedule", evseId=1, timeBase="2026-05-04T12:00:00Z", chargingSchedule=SCHEDULE)
    assert fact == domain.EvScheduleTold(1, START, a_schedule())
    assert replied("NotifyEVChargingSchedule", domain.EvScheduleReply("Accepted")) == {"status": "Accepted"}


def test_2_1_s_messages_are_not_known() -> None:
    with pytest.raises(NotSupported, match=r"OCPP 2\.0\.1 knows no UsePriorityCharging"):
        printed(domain.UsePriorityCharging("7", True))
