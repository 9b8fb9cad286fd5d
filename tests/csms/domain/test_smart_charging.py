"""What stations tell of smart charging is kept, whatever is answered."""

from __future__ import annotations

import json
from typing import Any

import pytest

from csms.domain import smart_charging as domain
from csms.domain.applying import Applied, Context
from csms.domain.charging_profile import ChargingProfilePurpose, ChargingScheduleUpdate, HeldProfile
from csms.domain.ev_charging_needs import ChargingNeeds
from csms.domain.facts import ACK, AuthorizationStatus, Fact, IdTokenInfo, RegistrationStatus, Reply
from csms.domain.records import EventRecord, ItemRecord, JobKind, JobRecord, JobState
from csms.domain.station import StationState
from tests.kit.profiles import START, a_profile, a_schedule

P = ChargingProfilePurpose


def taken(fact: Fact, consulted: Reply | None = None) -> tuple[Applied, list[Any]]:
    state = StationState(1, "CP-1", RegistrationStatus.ACCEPTED)
    info = IdTokenInfo(AuthorizationStatus.ACCEPTED)
    applied = state.apply(fact, Context(START, lambda _tag, _starting: info, lambda: 1, consulted=consulted))
    assert applied.wait
    return applied, list(applied.records)


@pytest.mark.feature("F-OCPP-4")
def test_limit_comes_and_goes() -> None:
    applied, (event, item) = taken(domain.ChargingLimitTold("EMS", 1, True, schedules=(a_schedule(),)))
    assert applied.reply is ACK
    assert isinstance(event, EventRecord)
    assert (event.kind, event.evse_id) == ("NotifyChargingLimit", 1)
    assert event.summary == "EMS limits the charging of EVSE 1, and the grid depends on it."
    assert (item.kind, item.key) == ("charging_limit", "EMS/1")
    assert json.loads(item.body)["schedules"][0]["chargingRateUnit"] == "A"
    _, (event, item) = taken(domain.ChargingLimitCleared("EMS", 1))
    assert event.kind == "ClearedChargingLimit"
    assert (item.kind, item.key, item.body) == ("charging_limit", "EMS/1", None)
    _, (event, item) = taken(domain.ChargingLimitTold("SO"))
    assert (event.summary, item.key) == ("SO limits the charging of the station.", "SO/0")


@pytest.mark.feature("F-OCPP-4")
@pytest.mark.parametrize(("more", "state"), [(True, JobState.RUNNING), (False, JobState.SUCCEEDED)])
def test_report_of_profiles(more: bool, state: JobState) -> None:
    profiles = (a_profile(), a_profile(id=2))
    _, (event, one, two, job) = taken(domain.ChargingProfilesReported(5, "CSO", 1, profiles, more))
    assert event.summary == "The charging profiles of CSO at EVSE 1 are 1, 2."
    assert [(item.kind, item.key) for item in (one, two)] == [("charging_profile", "1"), ("charging_profile", "2")]
    assert job == JobRecord(1, JobKind.CHARGING_PROFILES, START, 5, state=state)


@pytest.mark.feature("F-OCPP-4")
def test_needs_without_anybody_who_proposes() -> None:
    fact = domain.ChargingNeedsTold(1, ChargingNeeds("DC", departure_time=START), 3, START)
    applied, (event, item) = taken(fact)
    assert applied.reply == domain.ChargingNeedsReply("NoChargingProfile")
    assert event.summary == "The vehicle at EVSE 1 wants DC until 2026-05-04 12:00 UTC."
    assert isinstance(item, ItemRecord)
    assert (item.kind, item.key) == ("ev_charging_needs", "1")
    applied, _ = taken(fact, domain.ChargingNeedsReply("Accepted"))
    assert applied.reply == domain.ChargingNeedsReply("Accepted")


@pytest.mark.feature("F-OCPP-4")
def test_vehicle_s_schedule() -> None:
    applied, (event, item) = taken(domain.EvScheduleTold(1, START, a_schedule(), selected_schedule_id=2))
    assert applied.reply == domain.EvScheduleReply("Accepted")
    assert event.summary == "The vehicle at EVSE 1 told how it is going to charge. It chose schedule 2."
    assert (item.kind, item.key) == ("ev_charging_schedule", "1")


@pytest.mark.feature("F-OCPP-5")
def test_priority_and_pulls() -> None:
    _, (event, item) = taken(domain.PriorityChargingTold("abc", True))
    assert (event.summary, item.key, item.body is None) == ("Transaction abc has priority.", "abc", False)
    _, (event, item) = taken(domain.PriorityChargingTold("abc", False))
    assert (event.summary, item.body) == ("Transaction abc no longer has priority.", None)
    applied, (event,) = taken(domain.ScheduleUpdatePulled(7))
    assert applied.reply == domain.ScheduleUpdateReply(None)
    assert event.summary.endswith("none is known.")
    update = domain.ScheduleUpdateReply(ChargingScheduleUpdate(limit=5.0))
    applied, (event,) = taken(domain.ScheduleUpdatePulled(7), update)
    assert applied.reply is update
    assert event.summary.endswith("it was told.")


@pytest.mark.parametrize(
    ("command", "gone"),
    [
        (domain.ClearChargingProfile(), True),
        (domain.ClearChargingProfile(1), True),
        (domain.ClearChargingProfile(2), False),
        (domain.ClearChargingProfile(None, 1), True),
        (domain.ClearChargingProfile(None, 2), False),
        (domain.ClearChargingProfile(None, None, P.TX_DEFAULT_PROFILE, 0), True),
        (domain.ClearChargingProfile(None, None, P.TX_PROFILE), False),
        (domain.ClearChargingProfile(None, None, None, 1), False),
    ],
)
def test_what_is_cleared(command: domain.ClearChargingProfile, gone: bool) -> None:
    assert domain.clears(command, HeldProfile(1, "csms", a_profile())) is gone
    external = a_profile(charging_profile_purpose=P.CHARGING_STATION_EXTERNAL_CONSTRAINTS)
    assert not domain.clears(command, HeldProfile(1, "EMS", external))
