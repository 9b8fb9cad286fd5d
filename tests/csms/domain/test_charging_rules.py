"""Profiles that a station would only reject are refused with the reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from csms.domain.charging_profile import (
    ChargingProfileKind,
    ChargingProfilePurpose,
    ChargingSchedulePeriod,
    HeldProfile,
    LimitAtSoc,
    OperationMode,
    RecurrencyKind,
    V2xFreqWattPoint,
)
from csms.domain.charging_rules import check_beside, check_profile
from csms.domain.errors import InvalidArgument
from tests.kit.profiles import START, a_profile, a_schedule

P, K = ChargingProfilePurpose, ChargingProfileKind
HOUR = timedelta(hours=1)
TX = {"charging_profile_purpose": P.TX_PROFILE, "transaction_id": "7"}


def with_period(**fields: Any) -> dict[str, Any]:
    return {"schedule": {"charging_schedule_period": (ChargingSchedulePeriod(0, **fields),)}}


@pytest.mark.feature("F-OCPP-4")
@pytest.mark.parametrize(
    ("evse_id", "changes"),
    [
        (0, {}),
        (1, {}),
        (1, TX),
        (0, {"charging_profile_purpose": P.CHARGING_STATION_MAX_PROFILE}),
        (1, {"charging_profile_kind": K.RELATIVE, "schedule": {"start_schedule": None}}),
        (1, {"charging_profile_kind": K.RECURRING, "recurrency_kind": RecurrencyKind.DAILY}),
        (1, {"charging_profile_kind": K.DYNAMIC, "dyn_update_interval": 60}),
        (1, TX | {"charging_schedule": (a_schedule(), a_schedule(id=2), a_schedule(id=3))}),
        (1, with_period(limit=16.0, number_phases=1, phase_to_use=2)),
        (1, with_period(setpoint=-5.0, operation_mode=OperationMode.CENTRAL_SETPOINT)),
        (
            1,
            with_period(
                operation_mode=OperationMode.LOCAL_FREQUENCY, v2x_freq_watt_curve=(V2xFreqWattPoint(50.0, 0.0),)
            ),
        ),
    ],
)
def test_profiles_that_make_sense(evse_id: int, changes: dict[str, Any]) -> None:
    check_profile(a_profile(**changes), evse_id)


@pytest.mark.feature("F-OCPP-4")
@pytest.mark.parametrize(
    ("said", "evse_id", "changes"),
    [
        ("number from 0 to", 1, {"id": -1}),
        ("Stack levels count from 0", 1, {"stack_level": -1}),
        ("EVSEs count from 1", -1, {}),
        ("told by the station", 0, {"charging_profile_purpose": P.CHARGING_STATION_EXTERNAL_CONSTRAINTS}),
        ("set it on EVSE 0", 1, {"charging_profile_purpose": P.CHARGING_STATION_MAX_PROFILE}),
        (
            "cannot be Relative",
            0,
            {
                "charging_profile_purpose": P.CHARGING_STATION_MAX_PROFILE,
                "charging_profile_kind": K.RELATIVE,
                "schedule": {"start_schedule": None},
            },
        ),
        ("say which, from 1", 0, TX),
        ("give its transaction id", 1, {"charging_profile_purpose": P.TX_PROFILE}),
        ("leave the transaction id out", 1, {"transaction_id": "7"}),
        (
            "a ChargingStationMaxProfile has one",
            0,
            {
                "charging_profile_purpose": P.CHARGING_STATION_MAX_PROFILE,
                "charging_schedule": (a_schedule(), a_schedule(id=2)),
            },
        ),
        ("says how it recurs", 1, {"charging_profile_kind": K.RECURRING}),
        ("says how it recurs", 1, {"recurrency_kind": RecurrencyKind.DAILY}),
        ("say when they start", 1, {"schedule": {"start_schedule": None}}),
        ("start with the transaction", 1, {"charging_profile_kind": K.RELATIVE}),
        (
            "one period, whose",
            1,
            {"charging_profile_kind": K.DYNAMIC, "charging_schedule": (a_schedule((0, 1), (5, 2)),)},
        ),
        ("Only a Dynamic profile", 1, {"dyn_update_interval": 5}),
        ("never valid", 1, {"valid_from": START, "valid_to": START}),
        ("1 to 3 schedules; this one has 0", 1, {"charging_schedule": ()}),
        ("its own id", 1, TX | {"charging_schedule": (a_schedule(), a_schedule())}),
        ("more than 0 seconds", 1, {"schedule": {"duration": 0}}),
        ("least charging rate", 1, {"schedule": {"min_charging_rate": -1.0}}),
        ("random delay", 1, {"schedule": {"randomized_delay": -1}}),
        ("0 to 100 per cent", 1, {"schedule": {"limit_at_soc": LimitAtSoc(101, 5.0)}}),
        ("limit at a state of charge", 1, {"schedule": {"limit_at_soc": LimitAtSoc(80, -5.0)}}),
        ("1 to 1024 periods", 1, {"schedule": {"charging_schedule_period": ()}}),
        ("starts at 0, not 5", 1, {"charging_schedule": (a_schedule((5, 16.0)),)}),
        ("in the order of their starts", 1, {"charging_schedule": (a_schedule((0, 1.0), (9, 2.0), (9, 3.0)),)}),
        ("when the schedule is over", 1, {"charging_schedule": (a_schedule((0, 1.0), (60, 2.0), duration=60),)}),
        ("limit below 0", 1, with_period(limit=-1.0)),
        ("limit below 0", 1, with_period(limit=float("nan"))),
        ("discharge limit above 0", 1, with_period(discharge_limit=1.0, operation_mode=OperationMode.EXTERNAL_LIMITS)),
        ("that is no number", 1, with_period(setpoint=float("inf"), operation_mode=OperationMode.CENTRAL_SETPOINT)),
        ("none for L1", 1, with_period(limit_l2=1.0)),
        ("has no limit", 1, with_period()),
        ("only charges", 1, with_period(limit=1.0, setpoint=1.0)),
        ("which CentralSetpoint needs", 1, with_period(operation_mode=OperationMode.CENTRAL_SETPOINT)),
        ("which LocalFrequency needs", 1, with_period(operation_mode=OperationMode.LOCAL_FREQUENCY)),
        ("uses 1 to 3 phases", 1, with_period(limit=1.0, number_phases=4)),
        ("charging on one phase", 1, with_period(limit=1.0, phase_to_use=1)),
        ("not 1, 2 or 3", 1, with_period(limit=1.0, number_phases=1, phase_to_use=4)),
    ],
)
def test_profiles_that_make_no_sense(said: str, evse_id: int, changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match=said) as caught:
        check_profile(a_profile(**changes), evse_id)
    assert caught.value.reason == "INVALID_CHARGING_PROFILE"


def test_profile_of_a_remote_start_has_no_transaction_yet() -> None:
    check_profile(a_profile(charging_profile_purpose=P.TX_PROFILE), 0, with_start=True)
    with pytest.raises(InvalidArgument, match="no transaction id yet"):
        check_profile(a_profile(**TX), 1, with_start=True)
    with pytest.raises(InvalidArgument, match="is a TxProfile"):
        check_profile(a_profile(), 1, with_start=True)


@pytest.mark.parametrize(
    ("changes", "clashes"),
    [
        ({}, True),
        ({"id": 1}, False),
        ({"stack_level": 1}, False),
        ({"charging_profile_purpose": P.TX_PROFILE}, False),
        ({"valid_to": START}, False),
        ({"valid_from": START - HOUR, "valid_to": START + HOUR}, True),
    ],
)
def test_two_profiles_of_one_level_at_one_time(changes: dict[str, Any], clashes: bool) -> None:
    new = a_profile(valid_from=START)
    held = [HeldProfile(1, "csms", a_profile(**{"id": 2, **changes}))]
    check_beside(new, 2, held)
    if not clashes:
        check_beside(new, 1, held)
        return
    with pytest.raises(InvalidArgument, match="Charging profile 2 has the same purpose") as caught:
        check_beside(new, 1, held)
    assert caught.value.details == {"charging_profile_id": "2"}
