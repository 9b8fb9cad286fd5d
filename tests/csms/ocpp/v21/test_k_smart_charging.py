"""Smart charging, bidirectional charging and DER control in the words of 2.1."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from csms.domain import der, facts
from csms.domain import smart_charging as domain
from csms.domain.charging_profile import (
    ChargingProfileKind,
    ChargingProfilePurpose,
    ChargingSchedulePeriod,
    ChargingScheduleUpdate,
    LimitAtSoc,
    OperationMode,
)
from csms.domain.errors import InvalidArgument
from csms.ocpp.faults import LocalProtocolError
from csms.ocpp.frame import Call
from csms.ocpp.v21.routes import Dialect21
from tests.kit.profiles import START, a_profile

DIALECT = Dialect21()
P, K = ChargingProfilePurpose, ChargingProfileKind
POINTS = [{"x": 94.0, "y": 30.0}, {"x": 106.0, "y": -30.0}]
CURVE = {"curveData": POINTS, "priority": 1, "yUnit": "PctMaxVar"}


def printed(command: Any) -> tuple[str, Any]:
    action, payload = DIALECT.encode(command)
    return action, json.loads(payload)


def taken(action: str, **payload: object) -> Any:
    return DIALECT.decode(Call("1", action, msgspec.Raw(json.dumps(payload).encode())))


def replied(action: str, reply: facts.Reply) -> Any:
    return json.loads(DIALECT.reply(Call("1", action, msgspec.Raw(b"{}")), reply))


@pytest.mark.feature("F-OCPP-5")
def test_profile_with_all_that_2_1_adds() -> None:
    period = ChargingSchedulePeriod(
        0, 16.0, 15.0, 14.0, discharge_limit=-10.0, setpoint=-5.0, operation_mode=OperationMode.CENTRAL_SETPOINT
    )
    profile = a_profile(
        charging_profile_purpose=P.PRIORITY_CHARGING,
        charging_profile_kind=K.DYNAMIC,
        dyn_update_interval=60,
        dyn_update_time=START,
        max_offline_duration=600,
        invalid_after_offline_duration=True,
        schedule={
            "charging_schedule_period": (period,),
            "limit_at_soc": LimitAtSoc(80, 6.0),
            "use_local_time": False,
            "randomized_delay": 30,
        },
    )
    _, payload = printed(domain.SetChargingProfile(0, profile))
    assert payload["chargingProfile"]["dynUpdateTime"] == "2026-05-04T12:00:00Z"
    assert payload["chargingProfile"]["invalidAfterOfflineDuration"] is True
    schedule = payload["chargingProfile"]["chargingSchedule"][0]
    assert schedule["limitAtSoC"] == {"soc": 80, "limit": 6.0}
    assert schedule["useLocalTime"] is False
    assert schedule["chargingSchedulePeriod"] == [
        {
            "startPeriod": 0,
            "limit": 16.0,
            "limit_L2": 15.0,
            "limit_L3": 14.0,
            "dischargeLimit": -10.0,
            "setpoint": -5.0,
            "operationMode": "CentralSetpoint",
        }
    ]


@pytest.mark.feature("F-OCPP-5")
def test_commands_of_its_own() -> None:
    update = ChargingScheduleUpdate(limit=10.0, setpoint_l2=-1.0)
    assert printed(domain.UpdateDynamicSchedule(7, update)) == (
        "UpdateDynamicSchedule",
        {"chargingProfileId": 7, "scheduleUpdate": {"limit": 10.0, "setpoint_L2": -1.0}},
    )
    assert printed(domain.UsePriorityCharging("abc", True)) == (
        "UsePriorityCharging",
        {"transactionId": "abc", "activate": True},
    )
    assert printed(domain.SendAfrrSignal(START, -3)) == (
        "AFRRSignal",
        {"timestamp": "2026-05-04T12:00:00Z", "signal": -3},
    )
    allowed = domain.NotifyAllowedEnergyTransfer("abc", ("DC", "DC_BPT"))
    assert printed(allowed) == (
        "NotifyAllowedEnergyTransfer",
        {"transactionId": "abc", "allowedEnergyTransfer": ["DC", "DC_BPT"]},
    )
    with pytest.raises(InvalidArgument, match="must be one of"):
        printed(domain.NotifyAllowedEnergyTransfer("abc", ("Diesel",)))


@pytest.mark.feature("F-OCPP-5")
def test_what_2_1_stations_tell() -> None:
    told = taken("NotifyPriorityCharging", transactionId="abc", activated=True)
    assert told == domain.PriorityChargingTold("abc", True)
    assert taken("PullDynamicScheduleUpdate", chargingProfileId=7) == domain.ScheduleUpdatePulled(7)
    assert replied("PullDynamicScheduleUpdate", domain.ScheduleUpdateReply(ChargingScheduleUpdate(limit=9.0))) == {
        "status": "Accepted",
        "scheduleUpdate": {"limit": 9.0},
    }
    refused = replied("PullDynamicScheduleUpdate", domain.ScheduleUpdateReply(None))
    assert refused == {"status": "Rejected", "statusInfo": {"reasonCode": "UnknownProfile"}}
    none = replied("NotifyEVChargingNeeds", domain.ChargingNeedsReply("NoChargingProfile"))
    assert none == {"status": "NoChargingProfile"}
    with pytest.raises(LocalProtocolError):
        replied("PullDynamicScheduleUpdate", facts.ACK)


@pytest.mark.feature("F-OCPP-5")
def test_der_controls() -> None:
    curve = msgspec.convert(CURVE, der.DerCurve)
    command = der.SetDerControl("c1", "VoltVar", True, der.DerSetting(curve=curve))
    assert printed(command) == (
        "SetDERControl",
        {"isDefault": True, "controlId": "c1", "controlType": "VoltVar", "curve": CURVE},
    )
    answer = DIALECT.outcome(command, b'{"status":"Accepted","supersededIds":["c0"]}')
    assert answer.result == der.SupersededControls(("c0",))
    assert DIALECT.outcome(command, b'{"status":"NotSupported"}').result is None
    assert printed(der.GetDerControl(3))[1] == {"requestId": 3}
    assert printed(der.GetDerControl(3, "c1", "VoltVar", True))[1] == {"requestId": 3, "controlId": "c1"}
    assert printed(der.GetDerControl(3, None, "VoltVar", False))[1] == {
        "requestId": 3,
        "controlType": "VoltVar",
        "isDefault": False,
    }
    assert printed(der.ClearDerControl(True, "c1"))[1] == {"isDefault": True, "controlId": "c1"}


@pytest.mark.feature("F-OCPP-5")
def test_what_stations_tell_of_der() -> None:
    moment = "2026-05-04T12:00:00Z"
    alarm = taken("NotifyDERAlarm", controlType="HVMustTrip", timestamp=moment, gridEventFault="OverVoltage")
    assert alarm == der.DerAlarmTold("HVMustTrip", START, "OverVoltage")
    begun = taken("NotifyDERStartStop", controlId="c1", started=True, timestamp=moment, supersededIds=["c0"])
    assert begun == der.DerStartStopTold("c1", True, START, ("c0",))
    named = {"id": "x", "isDefault": False, "isSuperseded": True}
    fixed = {"priority": 1, "displacement": 0.9, "excitation": True}
    report = taken(
        "ReportDERControl",
        requestId=3,
        tbc=True,
        curve=[{**named, "curve": CURVE, "curveType": "VoltVar"}],
        enterService=[
            {
                "id": "x",
                "enterService": {"priority": 1, "highVoltage": 110, "lowVoltage": 90, "highFreq": 51, "lowFreq": 49},
            }
        ],
        fixedPFAbsorb=[{**named, "fixedPF": fixed}],
        fixedPFInject=[{**named, "fixedPF": fixed}],
        fixedVar=[{**named, "fixedVar": {"priority": 1, "setpoint": 5, "unit": "PctMaxVar"}}],
        freqDroop=[
            {
                **named,
                "freqDroop": {
                    "priority": 1,
                    "overFreq": 50.2,
                    "underFreq": 49.8,
                    "overDroop": 5,
                    "underDroop": 5,
                    "responseTime": 2,
                },
            }
        ],
        gradient=[{"id": "x", "gradient": {"priority": 1, "gradient": 10, "softGradient": 2}}],
        limitMaxDischarge=[{**named, "limitMaxDischarge": {"priority": 1, "pctMaxDischargePower": 50}}],
    )
    assert (report.request_id, report.more) == (3, True)
    assert [control.control_type for control in report.controls] == [
        *("VoltVar", "EnterService", "FixedPFAbsorb", "FixedPFInject", "FixedVar", "FreqDroop", "Gradients"),
        "LimitMaxDischarge",
    ]
    for control in report.controls:
        needed = der.setting_name(control.control_type)
        given = [name for name in der.DerSetting.__struct_fields__ if getattr(control.setting, name) is not None]
        assert given == [needed]
        default = control.control_type in ("EnterService", "Gradients")
        assert (control.is_default, control.is_superseded) == (default, not default)
